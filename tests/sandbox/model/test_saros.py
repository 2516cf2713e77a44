"""The model's liquidity_book is the real program's equal, transaction by transaction."""

from collections import defaultdict

import numpy as np
import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.programs import SYSTEM_PROGRAM
from dlmm.saros import instructions
from dlmm.saros.layout import PAIR
from dlmm.saros.pdas import PROGRAM, bin_array_address, position_address
from sandbox.engine import Execution
from sandbox.model.engine import ModelEngine
from sandbox.model.saros.program import liquidity_book
from tests.sandbox.model.saros_actions import draw, follow, opening, spoil
from tests.sandbox.model.saros_world import (
    PLAIN,
    TOKEN_2022,
    WITH_EXTENSION,
    WITH_FEE,
    Pair,
    World,
    differences,
)
from tests.sandbox.model.twins import compiled
from tests.sandbox.true_programs import programs

PLAIN_POOLS = [(PLAIN, PLAIN)] * 3
MIXED_POOLS = [(PLAIN, TOKEN_2022), (WITH_FEE, PLAIN), (WITH_FEE, WITH_FEE), (TOKEN_2022, WITH_EXTENSION)]
MOST_UNITS_OFF = 0.15
"""By how much of the true figure the units of one transaction that succeeds may be off."""

TYPICAL_UNITS_OFF = 0.02
STEPS = 250


def new_world(seed: int, kinds: list[tuple[int, int]]) -> World:
    return World(seed, programs()[PROGRAM], kinds=kinds)


def run_opening(world: World) -> None:
    for name, instruction in opening(world):
        assert world.run(instruction).real.error is None
        follow(world, name, instruction)


def outcome(execution: Execution) -> str:
    if execution.error is None:
        return "ok"
    assert isinstance(execution.error, dict)
    return str(execution.error["InstructionError"][1])


@pytest.mark.parametrize(
    ("seed", "kinds", "spoiled"),
    [(1, PLAIN_POOLS, 0.0), (2, MIXED_POOLS, 0.0), (3, PLAIN_POOLS, 0.8), (4, MIXED_POOLS, 0.8)],
    ids=["plain mints", "all mints", "plain mints, spoiled accounts", "all mints, spoiled accounts"],
)
def test_random_transactions_end_alike(seed: int, kinds: list[tuple[int, int]], spoiled: float) -> None:
    world = new_world(seed, kinds)
    run_opening(world)
    off: dict[str, list[float]] = defaultdict(list)
    for step in range(STEPS):
        world.pass_time(int(world.rng.choice([0, 1, 5, 40, 700])))
        name, instruction = draw(world)
        if world.rng.random() < spoiled:
            instruction = spoil(world, instruction)
        pair = world.run(instruction)
        assert differences(world, pair) == [], (step, name, pair.real.logs, pair.model.logs)
        off[f"{name} {outcome(pair.real)}"].append(abs(pair.model.units / pair.real.units - 1))
        if pair.real.error is None:
            follow(world, name, instruction)
    fine = [share for kind, shares in off.items() if kind.endswith(" ok") for share in shares]
    assert max(fine) < MOST_UNITS_OFF
    assert np.median(fine) < TYPICAL_UNITS_OFF
    assert len(off) > (25 if spoiled else 15)  # kinds of outcome


def test_a_clock_before_the_last_swap_ends_alike() -> None:
    world = new_world(5, PLAIN_POOLS)
    run_opening(world)
    swap = draw_kind(world, "swap", "ok")
    world.run(swap)
    world.pass_time(-10)
    pair = world.run(swap)
    assert outcome(pair.real) == "ProgramFailedToComplete"
    assert differences(world, pair) == []


@pytest.mark.parametrize("units", [1_000, 5_000, 9_000, 16_000, 30_000])
def test_a_transaction_short_of_compute_units_fails_and_consumes_them_all(units: int) -> None:
    world = new_world(6, PLAIN_POOLS)
    run_opening(world)
    pair = world.run(draw_kind(world, "swap", "ok"), units=units)
    names = {"ProgramFailedToComplete", "ComputationalBudgetExceeded"}  # which one, only the program's code tells
    assert {outcome(pair.real), outcome(pair.model)} <= names
    assert pair.real.units == pair.model.units == units


@pytest.mark.parametrize("lamports", [1, 5_000, 3_000_000])
def test_addresses_that_hold_lamports_already_are_topped_up_alike(lamports: int) -> None:
    world = new_world(7, PLAIN_POOLS[:1])
    pool, user, mint = world.pools[0], world.wallets[0], world.address()
    array = bin_array_address(pool.keys.pair, 7)
    for key in (array, position_address(mint), mint):
        world.twins.put(key, Account(lamports, b"", SYSTEM_PROGRAM))
    made = instructions.initialize_bin_array(keys=pool.keys, index=7, user=user)
    opened = instructions.create_position(
        keys=pool.keys, position_mint=mint, relative_bin_id_left=-3, relative_bin_id_right=3, user=user
    )
    for instruction in (made, opened):
        pair = world.run(instruction)
        assert pair.real.error is None
        assert differences(world, pair) == []


def test_an_nft_that_was_sent_away_changes_no_position() -> None:
    world = new_world(8, PLAIN_POOLS[:1])
    run_opening(world)
    deposit = draw_kind(world, "increase_position", "ok")
    holder = deposit.accounts[3].pubkey
    held = world.twins.real.get(holder)
    assert held is not None
    emptied = held.data[:64] + bytes(8) + held.data[72:]
    world.twins.put(holder, Account(held.lamports, emptied, held.owner))
    pair = world.run(deposit)
    assert outcome(pair.real) == "{'Custom': 6010}"
    assert differences(world, pair) == []


def draw_kind(world: World, wanted: str, ending: str) -> Instruction:
    """Draw until an instruction of that kind would end so; what is drawn before runs."""
    for _ in range(500):
        world.pass_time(1)
        name, instruction = draw(world)
        if name == wanted and outcome(probed(world, instruction).real) == ending:
            return instruction
        if world.run(instruction).real.error is None:
            follow(world, name, instruction)
    raise AssertionError(f"no {wanted} that ends {ending}")


def probed(world: World, instruction: Instruction) -> Pair:
    tx, keys = compiled([instruction], world.payer)
    return Pair(keys, world.twins.real.simulate(tx, keys), world.twins.model.simulate(tx, keys))


def alone(pair_data: bytes) -> tuple[ModelEngine, Pubkey, Pubkey]:
    engine = ModelEngine({PROGRAM: liquidity_book})
    pair, payer = Pubkey.from_bytes(bytes([7]) * 32), Pubkey.from_bytes(bytes([8]) * 32)
    engine.set(pair, Account(10**9, pair_data, PROGRAM))
    engine.set(payer, Account(10**12, b"", SYSTEM_PROGRAM))
    return engine, pair, payer


def test_an_instruction_that_the_model_does_not_run_says_so() -> None:
    engine, _, payer = alone(bytes(PAIR.itemsize))
    foreign = Instruction(PROGRAM, bytes.fromhex("d07f1501c2bec446") + bytes(32), [])  # initialize_config
    execution = engine.execute(*compiled([foreign], payer))
    assert execution.error == {"InstructionError": [0, "GenericError"]}
    assert "the model engine does not run InitializeConfig; use the real one" in "\n".join(execution.logs)


def test_data_that_names_no_instruction_is_refused() -> None:
    engine, _, payer = alone(bytes(PAIR.itemsize))
    execution = engine.execute(*compiled([Instruction(PROGRAM, b"garbage!", [])], payer))
    assert execution.error == {"InstructionError": [0, {"Custom": 101}]}
