import numpy as np
import pytest
from click.testing import CliRunner
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.cluster import MODEL_PROGRAMS
from sandbox.comparison.__main__ import main
from sandbox.comparison.arena import Arena
from sandbox.comparison.campaign import KINDS, compare, table_of
from sandbox.comparison.spoil import spoiled
from sandbox.comparison.world import Command, World
from sandbox.engine import Execution, Keys
from sandbox.model.engine import ModelEngine
from sandbox.real import RealEngine
from tests.sandbox.true_programs import programs

PAYER = Keypair.from_seed(bytes([3]) * 32)
OTHER = Keypair.from_seed(bytes([4]) * 32).pubkey()


def funded(engine: RealEngine) -> RealEngine:
    engine.set(PAYER.pubkey(), Account(10**12, b"", SYSTEM_PROGRAM, False, 0))
    return engine


def payment(lamports: int = 10**9) -> Command:
    sent = transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=OTHER, lamports=lamports))
    return Command("payment", [sent], [PAYER])


class Generous(RealEngine):
    """An engine that gives whoever is paid one lamport more."""

    def execute(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        done = super().execute(tx, keys)
        paid = self.get(OTHER)
        if paid is not None:
            self.set(OTHER, Account(paid.lamports + 1, paid.data, paid.owner, False, 0))
        return done


def test_equal_engines_do_not_differ() -> None:
    arena = Arena(funded(RealEngine()), funded(RealEngine()))
    outcome = arena.run(payment())
    assert outcome.error is None
    assert outcome.differences == ()
    assert outcome.logs_equal
    assert outcome.units[0] == outcome.units[1] > 0


def test_one_lamport_is_a_difference_and_is_put_right() -> None:
    reference, other = funded(RealEngine()), funded(Generous())
    outcome = Arena(reference, other).run(payment())
    assert len(outcome.differences) == 1
    assert "lamports: 1000000000 there, 1000000001 here" in outcome.differences[0]
    assert other.get(OTHER) == reference.get(OTHER)


def test_another_error_is_a_difference() -> None:
    outcome = Arena(funded(RealEngine()), RealEngine()).run(payment())
    assert any(line.startswith("error: None there, AccountNotFound here") for line in outcome.differences)


class Breaking(RealEngine):
    """An engine that cannot divide."""

    def execute(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        raise ZeroDivisionError(f"{len(keys.all)} keys")


def test_an_engine_that_breaks_differs() -> None:
    arena = Arena(funded(RealEngine()), funded(Breaking()))
    assert any("broke: ZeroDivisionError" in line for line in arena.run(payment()).differences)
    assert any("broke" in line for line in arena.run(payment()).differences)


def test_an_account_that_one_engine_lacks_is_a_difference() -> None:
    reference, other = funded(RealEngine()), funded(RealEngine())
    reference.set(OTHER, Account(10**9, bytes(3), SYSTEM_PROGRAM, False, 0))
    outcome = Arena(reference, other).run(payment(10**14))
    assert any("there, but gone here" in line for line in outcome.differences)


def drawn(seed: int, count: int = 3) -> list[Command]:
    world = World([RealEngine()], seed)
    return [draw(world) for draw in KINDS for _ in range(count)]


def test_a_seed_decides_the_transactions() -> None:
    once, again = ([command.instructions for command in drawn(5)] for _ in range(2))
    assert once == again
    assert [command.instructions for command in drawn(6)] != once


def test_whoever_must_sign_signs() -> None:
    for command in drawn(7, count=10):
        needed = {meta.pubkey for one in command.instructions for meta in one.accounts if meta.is_signer}
        assert needed <= {signer.pubkey() for signer in command.signers}, command.kind


def test_what_is_spoiled_keeps_its_program() -> None:
    world = World([RealEngine()], 1)
    instructions = next(iter(KINDS))(world).instructions
    names = set()
    for _ in range(200):
        name, changed = spoiled(world, instructions)
        names.add(name)
        assert [one.program_id for one in changed] == [one.program_id for one in instructions]
    assert len(names) == 6


def test_the_poor_wallet_is_chosen_now_and_then() -> None:
    world = World([RealEngine()], 1)
    chosen = np.bincount([world.wallet() for _ in range(1000)])
    assert 0 < chosen[0] < 100


def test_the_true_programs_equal_themselves_and_mostly_succeed() -> None:
    tallies = compare(RealEngine(programs()), RealEngine(programs()), transactions=400, seed=2)
    assert all(tally.equal == tally.count for tally in tallies.values())
    total = sum(tally.count for tally in tallies.values())
    assert total == 400
    assert sum(tally.succeeded for tally in tallies.values()) > 0.6 * total
    assert table_of(tallies).row_count == len(tallies) + 1


def test_the_model_equals_the_true_programs() -> None:
    tallies = compare(RealEngine(programs()), ModelEngine(MODEL_PROGRAMS), transactions=500, seed=21)
    differing = {kind: outcome.differences for kind, tally in tallies.items() for outcome in tally.differing}
    assert differing == {}


def test_a_file_that_is_no_program_ends_in_one_line() -> None:
    result = CliRunner().invoke(main, ["--program", f"{Pubkey.default()}=/nowhere"])
    assert result.exit_code == 1
    assert "cannot be read" in result.output


@pytest.mark.parametrize("options", [[], ["--program", "x=y", "--transactions", "0"]])
def test_options_that_ask_for_nothing_are_refused(options: list[str]) -> None:
    assert CliRunner().invoke(main, options).exit_code == 2
