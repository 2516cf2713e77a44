"""Over a thousand transactions as nodes told them, each read and held against balances and states read naively."""

import gzip
import json
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.wire.error_names import named_error
from connectors.wire.lamport_moves import TIP_ACCOUNTS
from connectors.wire.landed import Landed, landed_of
from connectors.wire.refusal import Refusal
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.programs import SYSTEM_PROGRAM, WRAPPED_SOL
from dlmm.saros.layout import PROGRAM_IDS as SAROS
from sandbox.ledger.tokens import holding
from sandbox.pools.plans import PoolFacts
from sandbox.real import RealEngine
from sandbox.rpc import base58
from tests.connectors.wire.sandbox_transactions import TIP, Sample, States, samples
from tests.sandbox.true_programs import programs
from tests.shared import need_shared

SANDBOX_COUNT, BLOCK_COUNT = 520, 557
SOL = str(WRAPPED_SOL)
GIVING = {"lamport transfer", "token transfer", "close token account"}
"""Kinds that move something of the wallet to another one, or to an account that another one closes."""

AGGREGATOR_FEES = {"carbon_cpi_tx": 80_350_075_000, "carbon_nested_cpi_tx": 0}
METEORA_SWAP, SAROS_BIN_SWAP = "e445a52e51cb9a1d516ce3becdd00ac4", "e445a52e51cb9a1d372ac0c2e6f30948"


def read(result: dict[str, Any], pools: dict[str, tuple[str, str]] | None = None) -> Landed:
    """Read a result as its fee payer sees it."""
    signature, wallet = result["transaction"]["signatures"][0], result["transaction"]["message"]["accountKeys"][0]
    landed = landed_of(json.dumps(result).encode(), signature, wallet, pools or {})
    assert isinstance(landed, Landed), landed
    return landed


def keys_of(result: dict[str, Any]) -> list[str]:
    loaded = result["meta"].get("loadedAddresses") or {"writable": [], "readonly": []}
    keys: list[str] = result["transaction"]["message"]["accountKeys"] + loaded["writable"] + loaded["readonly"]
    return keys


def amounts_told(result: dict[str, Any], wallet: str) -> dict[str, int]:
    """What a wallet's tokens changed by, mint by mint, as the balances in an answer say."""
    total: Counter[str] = Counter()
    for name, sign in (("preTokenBalances", -1), ("postTokenBalances", 1)):
        for one in result["meta"].get(name) or []:
            if one.get("owner") == wallet:
                total[one["mint"]] += sign * int(one["uiTokenAmount"]["amount"])
    return {mint: amount for mint, amount in total.items() if amount}


def events_told(result: dict[str, Any]) -> tuple[int, int]:
    """How many swaps of Meteora, and how many bins of Saros's swaps, the inner instructions tell."""
    keys, meteora, saros = keys_of(result), 0, 0
    for group in result["meta"].get("innerInstructions") or []:
        for one in group["instructions"]:
            data = base58.decode(one["data"]).hex() if len(one["data"]) < 1000 else ""
            meteora += keys[one["programIdIndex"]] == METEORA and data.startswith(METEORA_SWAP)
            saros += keys[one["programIdIndex"]] in SAROS and data.startswith(SAROS_BIN_SWAP)
    return meteora, saros


def check(result: dict[str, Any], landed: Landed) -> str:
    """Hold what was read against the answer itself; return what kind of transaction it is."""
    wallet, meta = keys_of(result)[0], result["meta"]
    assert {change.mint: change.amount for change in landed.changes} == amounts_told(result, wallet)
    assert len({change.mint for change in landed.changes}) == len(landed.changes)
    assert landed.fee == meta["fee"]
    assert landed.lamports - landed.fee - landed.tip - landed.rent == meta["postBalances"][0] - meta["preBalances"][0]
    assert (landed.slot, landed.block_time) == (result["slot"], result.get("blockTime"))
    assert landed.logs == tuple(meta["logMessages"] or ())
    assert landed.compute_units == meta["computeUnitsConsumed"]
    if meta["err"] is not None:
        assert landed.error is not None
        assert named_error(landed.error)
        assert (landed.swaps, landed.flows, landed.changes, landed.unexplained) == ((), (), (), ())
        assert (landed.tip, landed.rent, landed.lamports) == (0, 0, 0)
        return "failed"
    assert landed.error is None
    swaps = [event for _, event in landed.swaps]
    meteora, saros_bins = events_told(result)
    assert sum(event.bins is None for event in swaps) == meteora
    assert sum(event.bins or 0 for event in swaps) == saros_bins
    return "swap" if swaps else "other"


def block() -> list[dict[str, Any]]:
    whole = json.loads(gzip.decompress((need_shared("data/tx/mainnet") / "slot_285000037.json.gz").read_bytes()))
    return [{**one, "slot": 285000037, "blockTime": whole["blockTime"]} for one in whole["transactions"]]


def results_in(path: Path) -> list[dict[str, Any]]:
    """Return the results in a file, whichever way it was captured."""
    told = json.loads(path.read_bytes())
    return told if isinstance(told, list) else [told["result"]]


def rent_of_token_accounts(result: dict[str, Any]) -> int:
    """What the wallet's token accounts hold beyond wrapped SOL now, less what they held before."""
    meta, total = result["meta"], 0
    for name, lamports, sign in (("preTokenBalances", "preBalances", -1), ("postTokenBalances", "postBalances", 1)):
        for one in meta[name]:
            if one["owner"] == keys_of(result)[0]:
                wrapped = int(one["uiTokenAmount"]["amount"]) if one["mint"] == SOL else 0
                total += sign * (meta[lamports][one["accountIndex"]] - wrapped)
    return total


def test_every_transaction_of_a_block_of_mainnet_is_read() -> None:
    kinds: Counter[str] = Counter()
    for result in block():
        landed = read(result)
        kind = check(result, landed)
        kinds[kind] += 1
        if kind == "failed":
            continue
        paid = [
            after - before
            for key, before, after in zip(
                keys_of(result), result["meta"]["preBalances"], result["meta"]["postBalances"], strict=True
            )
            if key in TIP_ACCOUNTS
        ]
        assert landed.tip == sum(paid)
        kinds["tip"] += landed.tip > 0
        kinds["rent"] += landed.rent != 0
        made_of_tokens = rent_of_token_accounts(result)
        if landed.rent != made_of_tokens:
            kinds["rent of other accounts"] += 1
            assert landed.rent > made_of_tokens  # something beside token accounts was made
    assert kinds["failed"] + kinds["swap"] + kinds["other"] == BLOCK_COUNT
    assert (kinds["failed"], kinds["swap"], kinds["tip"], kinds["rent"]) == (99, 2, 49, 6)
    assert kinds["rent of other accounts"] == 2


def test_each_answer_in_a_file_is_read() -> None:
    kinds: Counter[str] = Counter()
    folder = need_shared("data/tx")
    paths = [p for p in folder.glob("mainnet/*.json") if p.name != "index.json" and not p.name.startswith("carbon")]
    for path in [*paths, *folder.glob("localnet/getTransaction*_json.json")]:
        for result in results_in(path):
            kind = check(result, read(result))
            kinds[kind] += 1
            assert ("_err_" in path.name) == (kind == "failed")
    assert kinds == {"failed": 10, "swap": 11, "other": 6}


@pytest.mark.parametrize("name", sorted(AGGREGATOR_FEES))
def test_a_meta_alone_is_read_under_a_message_made_up_for_it(name: str) -> None:
    meta = json.loads((need_shared("data/tx/mainnet") / f"{name}.json").read_bytes())
    inner = meta["innerInstructions"]
    swap = next(one for group in inner for one in group["instructions"] if len(one["accounts"]) > 14)
    user, token_in = swap["accounts"][10], swap["accounts"][4]
    wallet = next(one["owner"] for one in meta["preTokenBalances"] if one["accountIndex"] == token_in)
    keys = [f"Unknown{place:025}" for place in range(len(meta["preBalances"]))]
    keys[swap["programIdIndex"]], keys[user] = METEORA, wallet
    top = [{"programIdIndex": 0, "accounts": [], "data": ""}] * (max(group["index"] for group in inner) + 1)
    message = {"accountKeys": keys, "instructions": top}
    del meta["loadedAddresses"]
    result = {"slot": 1, "meta": meta, "transaction": {"signatures": ["made up"], "message": message}}
    landed = landed_of(json.dumps(result).encode(), "made up", wallet)
    assert isinstance(landed, Landed)
    assert {change.mint: change.amount for change in landed.changes} == amounts_told(result, wallet)
    ((_, ran),) = landed.swaps
    spent, received = (ran.amount_x, ran.amount_y) if ran.swap_for_y else (ran.amount_y, ran.amount_x)
    moved = sorted(change.amount for change in landed.changes)
    assert moved[1] == received
    assert -moved[0] == spent + AGGREGATOR_FEES[name]


def test_answers_in_the_parsed_encoding_are_refused_and_say_the_same_as_their_twins() -> None:
    for path in sorted(need_shared("data/tx/localnet").glob("getTransaction*_jsonParsed.json")):
        (parsed,) = results_in(path)
        refused = landed_of(json.dumps(parsed).encode(), parsed["transaction"]["signatures"][0], "w" * 32)
        assert isinstance(refused, Refusal)
        assert refused.cause == "answer_shape"
        (plain,) = results_in(path.with_name(path.name.replace("jsonParsed", "json")))
        wallet = keys_of(plain)[0]
        landed = read(plain, market_pools())
        told: Counter[str] = Counter()
        accounts = {keys_of(plain)[one["accountIndex"]]: one for one in plain["meta"]["postTokenBalances"]}
        for group in parsed["meta"]["innerInstructions"]:
            for one in group["instructions"]:
                if one.get("parsed", {}).get("type") == "transferChecked":
                    info = one["parsed"]["info"]
                    for end, sign in (("source", -1), ("destination", 1)):
                        if accounts[info[end]]["owner"] == wallet:
                            told[info["mint"]] += sign * int(info["tokenAmount"]["amount"])
        (flow,) = landed.flows
        mint_x, mint_y = market_pools()[flow.pool]
        assert told == {mint_x: flow.x, mint_y: flow.y}
        assert landed.unexplained == ()


def market_pools() -> dict[str, tuple[str, str]]:
    pools = json.loads((need_shared("data/tx/localnet") / "pools.json").read_bytes())
    return {pool["address"]: (pool["mintX"], pool["mintY"]) for pool in pools}


def held_by(states: States, wallet: str) -> Counter[str]:
    """Sum what token accounts of a wallet hold, by mint, from their own bytes."""
    total: Counter[str] = Counter()
    for account in states.values():
        held = holding(account)
        if held is not None and str(held.owner) == wallet:
            total[str(held.mint)] += held.amount
    return total


def locked_in(states: States) -> int:
    """Sum the lamports of what programs own, less wrapped SOL."""
    total = 0
    for account in states.values():
        if account is not None and account.owner != SYSTEM_PROGRAM:
            held = holding(account)
            total += account.lamports - (held.amount if held is not None and str(held.mint) == SOL else 0)
    return total


def rent_of(sample: Sample) -> int:
    """What is locked in accounts now, less what was before; a position may give its rent to another wallet."""
    rent = locked_in(sample.after) - locked_in(sample.before)
    if rent >= 0:
        return rent
    gained = 0
    for address, account in sample.after.items():
        was = sample.before[address]
        if address not in {sample.wallet, str(TIP)} and account is not None and account.owner == SYSTEM_PROGRAM:
            gained += account.lamports - (was.lamports if was is not None else 0)
    return min(rent + gained, 0)  # wrapped SOL goes with it


def moved_in(states_before: States, states_after: States) -> dict[str, int]:
    """Return the change of each token account, by address."""
    amounts: Counter[str] = Counter()
    for states, sign in ((states_before, -1), (states_after, 1)):
        for address, account in states.items():
            held = holding(account)
            if held is not None:
                amounts[address] += sign * held.amount
    return amounts


def belongs(sample: Sample, address: str) -> bool:
    held = holding(sample.before[address]) or holding(sample.after[address])
    return held is not None and str(held.owner) == sample.wallet


def swaps_told(result: dict[str, Any]) -> dict[str, list[int]]:
    """What swaps gave in X and Y, their fees, and the host's part of them, by pool, from the bytes of the events."""
    keys = keys_of(result)
    told: dict[str, list[int]] = {}
    for group in result["meta"]["innerInstructions"]:
        for one in group["instructions"]:
            data = base58.decode(one["data"])
            if data.hex().startswith(METEORA_SWAP):
                (host,) = struct.unpack_from("<Q", data, 137)
                paid, bought, for_y, fee = struct.unpack_from("<QQ?Q", data, 16 + 32 + 32 + 4 + 4)
            elif data.hex().startswith(SAROS_BIN_SWAP):
                for_y, _, _, paid, bought, _, fee = struct.unpack_from("<?QIQQIQ", data, 16 + 32)
                host = 0
            else:
                continue
            assert keys[one["programIdIndex"]] in {METEORA, *SAROS}
            figures = told.setdefault(base58.encode(data[16:48]), [0, 0, 0, 0])
            figures[0] += -paid if for_y else bought
            figures[1] += bought if for_y else -paid
            figures[2] += fee
            figures[3] += host
    return told


def check_flows(sample: Sample, landed: Landed, facts: list[PoolFacts]) -> None:
    """Hold flows against what the vaults gave and took, and against the events."""
    given: Counter[tuple[str, int]] = Counter()
    fees: Counter[str] = Counter()
    for flow in landed.flows:
        given[flow.pool, 0] += flow.x
        given[flow.pool, 1] += flow.y
        fees[flow.pool] += flow.fee
    told = swaps_told(sample.result)
    assert {pool: fee for pool, fee in fees.items() if fee} == {pool: one[2] for pool, one in told.items() if one[2]}
    changes = moved_in(sample.before, sample.after)
    vaults = {str(one.address): (str(one.vault_x), str(one.vault_y)) for one in facts}
    known = {vault for both in vaults.values() for vault in both}
    if any(change and address not in known and not belongs(sample, address) for address, change in changes.items()):
        return  # a host took its part of the fee
    for pool, both in vaults.items():
        assert [given[pool, 0], given[pool, 1]] == [-changes[vault] for vault in both], sample.kind
        if pool in told and not told[pool][3]:  # else the wallet is its own host
            assert [given[pool, 0], given[pool, 1]] == told[pool][:2], sample.kind


def check_samples(facts: list[PoolFacts], landing: Iterator[Sample]) -> Counter[str]:
    """Hold each transaction of a sandbox against the accounts before and after it; count them by kind."""
    pools = {str(one.address): (str(one.mint_x), str(one.mint_y)) for one in facts}
    kinds: Counter[str] = Counter()
    for sample in landing:
        landed = read(sample.result, pools)
        kind = check(sample.result, landed)
        kinds[kind] += 1
        moved = held_by(sample.after, sample.wallet)
        moved.subtract(held_by(sample.before, sample.wallet))
        assert {change.mint: change.amount for change in landed.changes} == {m: a for m, a in moved.items() if a}
        if kind == "failed":
            continue
        kinds["pairs of swaps"] += sample.kind == "pair"
        kinds["flows"] += len(landed.flows)
        assert landed.tip == sample.tip
        assert landed.rent == rent_of(sample), sample.kind
        check_flows(sample, landed, facts)
        if sample.kind not in GIVING and not sample.is_spoiled:
            assert landed.unexplained == (), sample.kind
    return kinds


def test_a_sandboxs_own_transactions_are_read_as_its_accounts_say() -> None:
    kinds = check_samples(*samples(SANDBOX_COUNT, seed=7))
    assert kinds["failed"] + kinds["swap"] + kinds["other"] == SANDBOX_COUNT
    assert BLOCK_COUNT + SANDBOX_COUNT > 1_000
    assert min(kinds["failed"], kinds["swap"], kinds["other"], kinds["flows"]) > 100
    assert kinds["pairs of swaps"] > 20


def test_what_the_true_programs_do_is_read_as_the_accounts_say() -> None:
    kinds = check_samples(*samples(150, seed=8, engine=RealEngine(programs())))
    assert min(kinds["failed"], kinds["swap"], kinds["other"]) > 20
