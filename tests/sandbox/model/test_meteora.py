"""The model's Meteora program does what the true one did, and what it does beside it.

The golden vectors need no program: they say what it did to every account. With the program at hand, both engines run
the same random instructions about the same pools, good ones and spoilt ones, and have to agree on all but the units.
"""

import hashlib
import struct
from functools import cache
from itertools import product

import numpy as np
import pytest
from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.conformance.meteora_instructions import pool_keys
from dlmm.conformance.swaps import FUNDS, fails_for_accounts
from dlmm.conformance.vectors import State, Vector
from dlmm.meteora.instructions import liquidity, position, swap
from dlmm.meteora.instructions.liquidity import BinShare, PositionAccounts, Strategy, StrategyDeposit
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_index
from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import MAX_U64, Venue
from sandbox.engine import Execution
from sandbox.model.engine import ModelEngine
from sandbox.model.meteora.oracle import observed
from sandbox.model.meteora.program import PROGRAMS
from tests.golden_pools import vectors
from tests.sandbox.model.meteora_actions import any_instruction, spoiled
from tests.sandbox.model.meteora_world import World, token_account
from tests.sandbox.model.twins import address_of, compiled
from tests.sandbox.true_programs import programs

PAYER, USER, HOST = address_of(1), address_of(2), address_of(3)
SWAP_EVENT = bytes.fromhex("e445a52e51cb9a1d2e7452d7941b544d")
EVENT_FIELDS = ("amount_in", "amount_left", "amount_out", "mm_fee", "protocol_fee", "limit_order_fee", "host_fee")


@cache
def meteora_vectors() -> list[Vector]:
    return [vector for vector in vectors() if vector.venue is Venue.METEORA]


def rows(name: str) -> list[Vector]:
    """Return the golden rows of an instruction, but for those whose wrong accounts are not recorded."""
    return [
        vector
        for vector in meteora_vectors()
        if name in (vector.row.get("what"), vector.row.get("ix"))
        and (vector.row.get("ix_full") or not (vector.row["kind"] == "swap" and fails_for_accounts(vector)))
    ]


def instruction_of(vector: Vector) -> Instruction:
    row = vector.row
    if row.get("ix_full"):
        metas = [
            AccountMeta(Pubkey.from_string(key), bool(signs), bool(writes))
            for key, signs, writes in row["ix_full"]["accounts"]
        ]
        return Instruction(PROGRAM_ID, bytes.fromhex(row["ix_full"]["data"]), metas)
    pool = pool_keys(vector.state)
    host = (pool.user_token_x(HOST) if row["swap_for_y"] else pool.user_token_y(HOST)) if row["host"] else None
    accounts = swap.SwapAccounts(pool, USER, row["swap_for_y"], tuple(row["bin_arrays"]), host_fee_in=host)
    amount, threshold = row["amount"], row["threshold"]
    match row["ix"]:
        case "swap":
            return swap.swap(accounts, amount_in=amount, min_amount_out=threshold)
        case "swap2":
            return swap.swap2(accounts, amount_in=amount, min_amount_out=threshold)
        case "swap_exact_out":
            return swap.swap_exact_out(accounts, amount_out=amount, max_amount_in=threshold)
        case _:
            return swap.swap_exact_out2(accounts, amount_out=amount, max_amount_in=threshold)


class Scene:
    """A vector's accounts on the model engine, with a payer and the wallets that its instruction names."""

    def __init__(self, vector: Vector) -> None:
        self.engine = ModelEngine(PROGRAMS)
        self.vector, self.instruction = vector, instruction_of(vector)
        for held in vector.state.values():
            account = Account(held.lamports, held.data, Pubkey.from_string(held.owner))
            self.engine.set(Pubkey.from_string(held.pubkey), account)
        slot, time, epoch = vector.row["clock"]
        self.engine.set_clock(Clock(slot, 0, epoch, epoch, time))
        self.pool = pool_keys(vector.state)
        self.engine.set(PAYER, Account(10**12, b"", SYSTEM_PROGRAM))
        metas = list(self.instruction.accounts)
        fresh = {"initialize_position": 1, "initialize_position2": 1, "place_limit_order": 4}.get(self.name)
        for place, meta in enumerate(metas):
            if meta.is_signer and place != fresh:
                self.fund(meta.pubkey, FUNDS)
        self.fund(HOST, 0)
        if vector.row.get("ix_full") and vector.row.get("host"):
            self.host_account(metas[9].pubkey)

    @property
    def name(self) -> str:
        return str(self.vector.row.get("what") or self.vector.row["ix"])

    def fund(self, owner: Pubkey, amount: int) -> None:
        self.engine.set(owner, Account(10**12, b"", SYSTEM_PROGRAM))
        for mint, key in (
            (self.pool.mint_x, self.pool.user_token_x(owner)),
            (self.pool.mint_y, self.pool.user_token_y(owner)),
        ):
            self.engine.set(key, token_account(self.engine, owner, mint, amount))

    def host_account(self, key: Pubkey) -> None:
        """Put the host's account where the row has it, for the token that pays the fee."""
        fee_in_y = not self.vector.row["swap_for_y"] or self.vector.state["lb_pair"].data[36] == 1
        mint = self.pool.mint_y if fee_in_y else self.pool.mint_x
        self.engine.set(key, token_account(self.engine, HOST, mint, 0))

    def run(self) -> Execution:
        tx, keys = compiled([set_compute_unit_limit(1_400_000), self.instruction], PAYER)
        return self.engine.execute(tx, keys)

    def balance(self, key: Pubkey) -> int:
        account = self.engine.get(key)
        return 0 if account is None else int.from_bytes(account.data[64:72], "little")


def short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def assert_accounts(scene: Scene) -> None:
    """Every account of the state is as the row left it: changed to the byte, gone, or as before."""
    row, state = scene.vector.row, scene.vector.state
    for role, held in state.items():
        if role in ("oracle", "reserve_x", "reserve_y"):  # the rows do not say what became of them
            continue
        account = scene.engine.get(Pubkey.from_string(held.pubkey))
        change = row["post"].get(role)
        if change is not None and change.get("closed"):
            assert account is None, (row["id"], role)
            continue
        assert account is not None, (row["id"], role)
        wanted = short(held.data) if change is None else change.get("sha16") or change["full"]
        assert short(account.data) == wanted, (row["id"], role)
    made = {short(account.data) for _, account in scene.engine.owned_by(PROGRAM_ID)}
    for role, change in row["post"].items():
        assert role in state or change["full"] in made, (row["id"], role)


def vault_changes(scene: Scene, state: State) -> tuple[int, int]:
    before = [int.from_bytes(state[role].data[64:72], "little") for role in ("reserve_x", "reserve_y")]
    after = [scene.balance(scene.pool.reserve_x), scene.balance(scene.pool.reserve_y)]
    return after[0] - before[0], after[1] - before[1]


def assert_failure(scene: Scene, done: Execution) -> None:
    row = scene.vector.row
    assert done.error == {"InstructionError": [1, {"Custom": row["err"]["custom"]}]}, (row["id"], done.logs)
    assert set(done.accounts) == {PAYER}


@pytest.mark.parametrize("name", ["swap", "swap2", "swap_exact_out", "swap_exact_out2"])
def test_a_golden_swap_leaves_every_account_as_the_program_did(name: str) -> None:
    for vector in rows(name):
        scene = Scene(vector)
        done, row = scene.run(), vector.row
        if not row["ok"]:
            assert_failure(scene, done)
            continue
        assert done.error is None, (row["id"], done.logs)
        assert_accounts(scene)
        x, y = vault_changes(scene, vector.state)
        into, out_of = (x, -y) if row["swap_for_y"] else (y, -x)
        assert (into, out_of) == (row["reserve_in_delta"], row["reserve_out_delta"]), row["id"]
        assert abs(done.units - row["cu"]) < 0.15 * row["cu"], (row["id"], done.units, row["cu"])


def test_a_golden_swaps_events_carry_the_figures_that_the_program_sent() -> None:
    seen = 0
    for vector in (*rows("swap2"), *rows("swap_exact_out")):
        wanted = vector.row.get("event2")
        if wanted is None:
            continue
        sent = [call.data for group in Scene(vector).run().inner for call in group]
        (event,) = [data for data in sent if data[:16] == SWAP_EVENT]
        figures = struct.unpack_from("<7Q??", event, 16 + 64 + 9 + 16)
        names = (*EVENT_FIELDS, "fees_on_input", "fees_on_token_x")
        assert dict(zip(names, figures, strict=True)) == wanted, vector.row["id"]
        seen += 1
    assert seen > 100


LIFE = sorted({str(vector.row["what"]) for vector in meteora_vectors() if vector.row["kind"] == "life"})


@pytest.mark.parametrize("name", LIFE)
def test_a_golden_step_of_a_position_or_an_order_leaves_every_account_as_the_program_did(name: str) -> None:
    for vector in rows(name):
        scene = Scene(vector)
        done, row = scene.run(), vector.row
        if not row["ok"]:
            assert_failure(scene, done)
            continue
        assert done.error is None, (row["id"], done.logs)
        assert_accounts(scene)
        delta = row["delta"]
        assert vault_changes(scene, vector.state) == (delta["reserve_x"], delta["reserve_y"]), row["id"]
        room = 0.5 if "strategy" in name else 0.3  # what spreading costs depends on the figures
        assert abs(done.units - row["cu"]) < room * row["cu"], (row["id"], done.units, row["cu"])


def swap_scene() -> Scene:
    return Scene(next(vector for vector in rows("swap2") if vector.row["ok"] and not vector.row["host"]))


@pytest.mark.parametrize(
    ("place", "change", "code"),
    [
        (0, "absent", 3007),
        (2, "absent", 3012),
        (8, "pair", 3002),
        (10, "unsigned", 3010),
        (0, "read-only", 2000),
        (14, "absent", 2006),
        (13, "absent", 3008),
        (16, "cut", 3005),
    ],
)
def test_a_swap_with_a_wrong_account_ends_as_anchor_checks_it(place: int, change: str, code: int) -> None:
    scene = swap_scene()
    metas = list(scene.instruction.accounts)
    meta = metas[place]
    match change:
        case "absent":
            metas[place] = AccountMeta(address_of(99), meta.is_signer, meta.is_writable)
        case "pair":
            metas[place] = AccountMeta(scene.pool.lb_pair, meta.is_signer, meta.is_writable)
        case "unsigned":
            metas[place] = AccountMeta(meta.pubkey, False, meta.is_writable)
        case "read-only":
            metas[place] = AccountMeta(meta.pubkey, meta.is_signer, False)
        case "cut":
            metas = metas[:place]
    scene.instruction = Instruction(PROGRAM_ID, bytes(scene.instruction.data), metas)
    done = scene.run()
    assert done.error == {"InstructionError": [1, {"Custom": code}]}
    assert any(f"Error Number: {code}." in line for line in done.logs)


def test_a_swap_whose_budget_runs_out_changes_nothing_but_the_fee() -> None:
    scene = swap_scene()
    before = scene.engine.get(scene.pool.lb_pair)
    tx, keys = compiled([set_compute_unit_limit(20_000), scene.instruction], PAYER)
    done = scene.engine.execute(tx, keys)
    assert done.error == {"InstructionError": [1, "ProgramFailedToComplete"]}
    assert done.units == 20_000
    assert scene.engine.get(scene.pool.lb_pair) == before


def observation(oracle: bytes, place: int) -> tuple[int, int, int]:
    total = int.from_bytes(oracle[32 + 32 * place : 48 + 32 * place], "little", signed=True)
    return total, *struct.unpack_from("<qq", oracle, 48 + 32 * place)


def test_the_oracle_sums_the_active_bin_over_time_and_begins_anew_every_two_minutes() -> None:
    oracle = bytes(8) + struct.pack("<QQQ", 0, 0, 2) + bytes(64)
    for time, active_id in ((1000, -7), (1010, -7), (1119, 5), (1120, 6)):
        oracle = observed(oracle, active_id=active_id, time=time)
    assert struct.unpack_from("<QQQ", oracle, 8) == (1, 2, 2)
    assert observation(oracle, 0) == (-7 - 70 + 5 * 109, 1000, 1119)
    assert observation(oracle, 1) == (468 + 6, 1120, 1120)
    assert struct.unpack_from("<QQ", observed(oracle, active_id=0, time=1240), 8) == (0, 2)


@pytest.mark.parametrize("seed", range(20))
def test_random_instructions_do_the_same_as_in_the_true_program(seed: int) -> None:
    executable = programs()[PROGRAM_ID]
    states = {str(vector.row["state"]): vector for vector in meteora_vectors()}
    names = sorted(states)
    rng = np.random.default_rng(seed)
    vector = states[names[int(rng.integers(len(names)))]]
    world = World(seed, executable, vector.state, tuple(vector.row["clock"]))
    errors: list[float] = []
    for _ in range(50):
        world.pass_time(int(world.rng.choice([0, 1, 5, 60, 130, 700])))
        instruction = any_instruction(world)
        if world.rng.random() < 0.2:
            instruction = spoiled(world, instruction)
        pair = world.run(instruction)
        assert world.differences(pair) == [], (pair.real.logs, pair.model.logs)
        if pair.real.error is None:
            errors.append(abs(pair.model.units - pair.real.units) / pair.real.units)
    assert not errors or float(np.median(errors)) < 0.1


SPANS = ((0, 0), (0, 3), (-2, 0), (8, 3), (-80, 0), (0, 80), (6, 70))
"""By how many bins a deposit begins above the position's lowest one, and ends above its highest."""


def prepared(world: World, *, lower: int, width: int) -> PositionAccounts:
    """Open a position, and make the arrays around it."""
    for index in range(bin_array_index(lower) - 2, bin_array_index(lower + width) + 3):
        world.run(position.initialize_bin_array(lb_pair=world.pool.lb_pair, index=index, funder=world.payer))
    key, owner = world.address(), world.wallets[0]
    span = {"lower_bin_id": lower, "width": width}
    world.run(
        position.initialize_position2(lb_pair=world.pool.lb_pair, position=key, owner=owner, payer=world.payer, **span)
    )
    return PositionAccounts(world.pool, key, owner)


def deposits(held: PositionAccounts, wanted: StrategyDeposit, *, lower: int, width: int) -> list[Instruction]:
    """Build the same deposit as a strategy, in both forms, and by shares."""
    first, last = wanted.min_bin_id, wanted.max_bin_id
    bins = sorted({first, last, *range(max(first, lower), min(last, lower + width - 1) + 1)})
    shares = [BinShare(bin_id, 10_000 * (bin_id == last), 10_000 * (bin_id == first)) for bin_id in bins]
    return [
        liquidity.add_liquidity_by_strategy(held, wanted, lower_bin_id=lower),
        liquidity.add_liquidity_by_strategy2(held, wanted),
        liquidity.add_liquidity2(held, amount_x=wanted.amount_x, amount_y=wanted.amount_y, shares=shares),
    ]


@pytest.mark.parametrize("away", [-3, 5, -20])
def test_a_deposit_past_the_ends_of_its_position_does_the_same_as_in_the_true_program(away: int) -> None:
    executable = programs()[PROGRAM_ID]
    vector = next(vector for vector in meteora_vectors() if vector.row["kind"] == "life")
    world = World(1, executable, vector.state, tuple(vector.row["clock"]))
    active, width = int(world.pair["active_id"]), 6
    lower = active + away
    held = prepared(world, lower=lower, width=width)
    for (below, above), x, y, strategy in product(SPANS, (0, 10**6), (0, 10**6), (3, 8)):
        first, last = lower + below, lower + width - 1 + above
        wanted = StrategyDeposit(x, y, active, 5, first, last, Strategy(strategy))
        for instruction in deposits(held, wanted, lower=lower, width=width):
            pair = world.run(instruction)
            assert world.differences(pair) == [], (wanted, pair.real.logs, pair.model.logs)
    for side in (position.Side.UPPER, position.Side.LOWER):  # what was noted past the last bin stays there
        common = {"lb_pair": world.pool.lb_pair, "position": held.position, "owner": held.sender}
        wider = position.increase_position_length(length_to_add=4, side=side, funder=world.payer, **common)
        pair = world.run(wider)
        assert pair.real.error is None
        assert world.differences(pair) == []


@pytest.mark.parametrize("mode", [0, 1])
def test_a_deposit_of_more_than_a_bin_holds_fails_as_in_the_true_program(mode: int) -> None:
    executable = programs()[PROGRAM_ID]
    vector = next(vector for vector in meteora_vectors() if vector.row["kind"] == "life")
    world = World(1, executable, vector.state, tuple(vector.row["clock"]))
    account = world.twins.real.get(world.pool.lb_pair)
    assert account is not None
    data = account.data[:36] + bytes([mode]) + account.data[37:]
    world.twins.put(world.pool.lb_pair, Account(account.lamports, data, account.owner))
    active = int(world.pair["active_id"])
    held = prepared(world, lower=active - 2, width=5)
    for x, y in product((0, 1, 10**15, 1 << 63, MAX_U64), repeat=2):
        wanted = StrategyDeposit(x, y, active, 5, active, active, Strategy.SPOT_BALANCED)
        for instruction in deposits(held, wanted, lower=active, width=1):
            pair = world.run(instruction)
            assert world.differences(pair) == [], (x, y, pair.real.logs, pair.model.logs)


def test_what_exists_already_must_be_writable_to_be_made_again() -> None:
    executable = programs()[PROGRAM_ID]
    vector = next(vector for vector in meteora_vectors() if vector.row["kind"] == "life")
    world = World(1, executable, vector.state, tuple(vector.row["clock"]))
    index = bin_array_index(int(world.pair["active_id"]))
    for made in (
        position.initialize_bin_array(lb_pair=world.pool.lb_pair, index=index, funder=world.payer),
        position.initialize_bitmap_extension(lb_pair=world.pool.lb_pair, funder=world.payer),
    ):
        assert world.run(made).real.error is None
        metas = [
            AccountMeta(meta.pubkey, meta.is_signer, meta.is_writable and meta.is_signer) for meta in made.accounts
        ]
        again = world.run(Instruction(made.program_id, bytes(made.data), metas))
        assert again.real.error == {"InstructionError": [1, {"Custom": 2000}]}
        assert world.differences(again) == []
