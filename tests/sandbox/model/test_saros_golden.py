"""The model leaves behind what the golden vectors say that the real program left, and refuses what it refused."""

from pathlib import Path
from typing import Any

import pytest
from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.conformance.saros_instructions import pair_keys
from dlmm.conformance.vectors import Vector, VectorFolder, short_hash
from dlmm.events import swaps_of
from dlmm.programs import SYSTEM_PROGRAM, TOKEN_2022_PROGRAM
from dlmm.records import Venue
from dlmm.saros.instructions import SwapAccounts, swap_exact_in, swap_exact_out
from dlmm.saros.layout import PROGRAM_ID
from dlmm.saros.pdas import PROGRAM
from sandbox.engine import Execution
from sandbox.model.engine import ModelEngine
from sandbox.model.saros.program import liquidity_book
from sandbox.wallets import fund
from tests.sandbox.model.twins import compiled

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
VECTORS = [vector for vector in VectorFolder.load(GOLDEN).vectors() if vector.venue is Venue.SAROS]
OTHER_ACCOUNTS = ("wrong_vaults", "wrong_mints", "wrong_pair", "same_user_vault", "wrong_token_program")
"""Tags of rows whose instruction names accounts that only the row itself could tell."""
FUNDS = 10**18
UNITS_OFF = 0.08
USER_PLACE = {"swap": 9, "create_position": 4}
PAYER, USER = (Pubkey.from_bytes(bytes([number]) * 32) for number in (9, 10))


def instruction_of(vector: Vector) -> Instruction:
    """The row's own instruction, or the same swap by a wallet of ours where the row does not carry it."""
    row = vector.row
    if "ix_full" in row:
        full = row["ix_full"]
        metas = [
            AccountMeta(Pubkey.from_string(key), bool(signs), bool(writes)) for key, signs, writes in full["accounts"]
        ]
        return Instruction(Pubkey.from_string(full["program"]), bytes.fromhex(full["data"]), metas)
    accounts = SwapAccounts(pair_keys(vector.state), USER, row["swap_for_y"], tuple(row["bin_arrays"]))
    if row["mode"] == "exact_in":
        return swap_exact_in(accounts, amount_in=row["amount"], min_amount_out=row["threshold"])
    return swap_exact_out(accounts, amount_out=row["amount"], max_amount_in=row["threshold"])


def is_rebuilt_whole(vector: Vector) -> bool:
    return "ix_full" in vector.row or not any(tag in OTHER_ACCOUNTS for tag in vector.row["tags"])


def what(vector: Vector) -> str:
    return str(vector.row.get("what") or vector.row["ix"])


HOOKLESS = [vector for vector in VECTORS if not vector.row["hook"] and is_rebuilt_whole(vector)]
HOOKED = [vector for vector in VECTORS if vector.row["hook"] and vector.row["ok"]]


def planted(vector: Vector, instruction: Instruction) -> ModelEngine:
    """An engine with the row's accounts, a rich user, and the NFT where a position is concerned."""
    engine = ModelEngine({PROGRAM: liquidity_book})
    slot, time, epoch = vector.row["clock"]
    engine.set_clock(Clock(slot, 0, epoch, epoch, time))
    for account in vector.state.values():
        owner = Pubkey.from_string(account.owner)
        engine.set(Pubkey.from_string(account.pubkey), Account(account.lamports, account.data, owner))
    user = instruction.accounts[USER_PLACE.get(what(vector), 12)].pubkey
    for wallet in (user, PAYER):
        engine.set(wallet, Account(10**12, b"", SYSTEM_PROGRAM))
    for mint in ("mint_x", "mint_y"):
        fund(engine, user, Pubkey.from_string(vector.state[mint].pubkey), FUNDS)
    if "position" in vector.state and "not_owner" not in vector.row["tags"]:
        nft = Pubkey.from_bytes(vector.state["position"].data[40:72])
        mint_data = bytes(36) + (1).to_bytes(8, "little") + b"\0\1" + bytes(36)
        engine.set(nft, Account(10**9, mint_data, TOKEN_2022_PROGRAM))
        fund(engine, user, nft, 1)
    return engine


def run(vector: Vector) -> tuple[ModelEngine, Execution, Instruction]:
    instruction = instruction_of(vector)
    engine = planted(vector, instruction)
    around = [set_compute_unit_limit(1_400_000), set_compute_unit_price(0)]
    return engine, engine.execute(*compiled([*around, instruction], PAYER)), instruction


@pytest.mark.parametrize("vector", [v for v in HOOKLESS if v.row["ok"]], ids=lambda vector: str(vector.row["id"]))
def test_what_succeeded_leaves_the_same_accounts(vector: Vector) -> None:
    engine, execution, _ = run(vector)
    row = vector.row
    assert execution.error is None, execution.logs
    for role, post in row["post"].items():
        if role == "position" and what(vector) == "create_position":
            address = instruction_of(vector).accounts[1].pubkey
        else:
            address = Pubkey.from_string(vector.state[role].pubkey)
        account = engine.get(address)
        if "closed" in post:
            assert account is None
        else:
            assert account is not None
            assert short_hash(account.data) == post.get("sha16", post.get("full")), role
    assert execution.units == pytest.approx(row["cu"], rel=UNITS_OFF)


@pytest.mark.parametrize(
    "vector", [v for v in HOOKLESS if v.row["ok"] and what(v) == "swap"], ids=lambda vector: str(vector.row["id"])
)
def test_a_swap_moves_the_tokens_and_tells_the_bins(vector: Vector) -> None:
    engine, execution, instruction = run(vector)
    row = vector.row
    user = instruction.accounts[9].pubkey
    balances = []
    for place in (7, 8):
        account = engine.get(instruction.accounts[place].pubkey)
        assert account is not None
        assert account.data[32:64] == bytes(user)
        balances.append(int.from_bytes(account.data[64:72], "little") - FUNDS)
    moved = [-row["amount_in"], row["amount_out"]]
    assert balances == (moved if row["swap_for_y"] else moved[::-1])
    events = [inner.data for inner in execution.inner[2]]
    told = swaps_of(PROGRAM_ID, events)
    assert sum(swap.fee for swap in told) == row["fee"]
    assert sum(swap.bins or 0 for swap in told) == len(row["bins"])


def expected_error(err: dict[str, Any]) -> object:
    inside = {"Custom": err["custom"]} if "custom" in err else err["other"].rpartition(".")[2]
    return {"InstructionError": [err["ix"], inside]}


@pytest.mark.parametrize("vector", [v for v in HOOKLESS if not v.row["ok"]], ids=lambda vector: str(vector.row["id"]))
def test_what_was_refused_is_refused_alike(vector: Vector) -> None:
    engine, execution, _ = run(vector)
    err = vector.row["err"]
    assert execution.error == expected_error(err)
    if err.get("log"):
        assert err["log"] in execution.logs
    for account in vector.state.values():
        after = engine.get(Pubkey.from_string(account.pubkey))
        assert after is not None
        assert after.data == account.data


def test_pairs_with_a_hook_are_refused_by_name() -> None:
    for vector in HOOKED[:20]:
        _, execution, _ = run(vector)
        assert execution.error == {"InstructionError": [2, "GenericError"]}
        assert any("does not run pairs with a hook" in line for line in execution.logs)
