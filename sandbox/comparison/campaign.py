"""A run of random transactions on two engines, and the table of what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.table import Table

from sandbox.comparison import meteora_commands, saros_commands, swaps, wallet_commands
from sandbox.comparison.arena import Arena, Outcome
from sandbox.comparison.spoil import spoiled
from sandbox.comparison.world import Command, World
from sandbox.engine import Engine

SPOILED = 0.08
"""Part of the transactions whose last instruction is spoiled on purpose."""

SHOWN = 3
"""Differences shown of each kind."""

_DAYS = (0, 1, 2, 5, 29, 30, 31, 200, 599, 601)

KINDS: Mapping[Callable[[World], Command], float] = {
    swaps.meteora_command: 20.0,
    swaps.saros_command: 18.0,
    meteora_commands.open_position: 5.0,
    meteora_commands.make_array: 1.5,
    meteora_commands.widen: 2.0,
    meteora_commands.add: 7.0,
    meteora_commands.remove: 4.0,
    meteora_commands.claim: 4.0,
    meteora_commands.close: 3.5,
    meteora_commands.order: 3.0,
    saros_commands.open_position: 4.0,
    saros_commands.make_array: 1.0,
    saros_commands.add: 7.0,
    saros_commands.remove: 4.0,
    saros_commands.close: 3.0,
    wallet_commands.pay: 2.0,
    wallet_commands.transfer_tokens: 3.0,
    wallet_commands.associated: 2.0,
    wallet_commands.wrap: 2.0,
    wallet_commands.close_token_account: 1.0,
    wallet_commands.memo: 1.0,
    wallet_commands.whole_swap: 4.0,
}
"""What is drawn, and how often relative to the others."""


@dataclass
class Tally:
    """What came of one kind of transaction."""

    count: int = 0
    succeeded: int = 0
    equal: int = 0
    logs_equal: int = 0
    units_off: float = 0.0
    """Sum over those that succeeded of how far the compute units are from the reference's, relative."""

    differing: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.count += 1
        self.succeeded += outcome.error is None
        self.equal += not outcome.differences
        self.logs_equal += outcome.logs_equal
        if outcome.error is None:
            self.units_off += abs(outcome.units[1] - outcome.units[0]) / max(outcome.units[0], 1)
        if outcome.differences:
            self.differing.append(outcome)


def compare(reference: Engine, other: Engine, *, transactions: int, seed: int) -> dict[str, Tally]:
    """Run random transactions on both engines.

    :arg reference: The engine that is right.

    :arg other: The engine that is checked.

    :returns: A tally for each kind of transaction, in the order of their names.

    """
    world, arena = World([reference, other], seed), Arena(reference, other)
    draws, weights = list(KINDS), list(KINDS.values())
    chances = [weight / sum(weights) for weight in weights]
    tallies: dict[str, Tally] = {}
    for _ in range(transactions):
        arena.pass_time(world.pick(_DAYS) if world.happens(0.5) else 1)
        world.clock = arena.clock
        command = draws[int(world.chance.choice(len(draws), p=chances))](world)
        if world.happens(SPOILED):
            way, instructions = spoiled(world, command.instructions)
            command = Command(command.kind, instructions, command.signers, command.units, spoiled=way)
        outcome = arena.run(command)
        if outcome.error is None and command.landed is not None:
            command.landed()
        tallies.setdefault(command.kind, Tally()).add(outcome)
    return dict(sorted(tallies.items()))


def table_of(tallies: Mapping[str, Tally]) -> Table:
    """Lay the tallies out, one kind a row and all together last."""
    table = Table("kind", *(["count", "ok", "failed", "equal", "differ", "same logs", "units off"]))
    for column in table.columns[1:]:
        column.justify = "right"
    whole = Tally()
    for kind, tally in tallies.items():
        _row(table, kind, tally)
        for name in ("count", "succeeded", "equal", "logs_equal", "units_off"):
            setattr(whole, name, getattr(whole, name) + getattr(tally, name))
    table.add_section()
    _row(table, "all", whole)
    return table


def _row(table: Table, kind: str, tally: Tally) -> None:
    off = 100.0 * tally.units_off / max(tally.succeeded, 1)
    numbers = (
        tally.count,
        tally.succeeded,
        tally.count - tally.succeeded,
        tally.equal,
        tally.count - tally.equal,
        tally.logs_equal,
    )
    table.add_row(kind, *map(str, numbers), f"{off:.1f} %")
