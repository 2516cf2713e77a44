"""Liquidity commands carried out step by step on a floor, each step within its own limits of bytes and units."""

from collections.abc import Sequence
from itertools import count

from connectors.execution.building.messages import PACKET_BYTES, fits_packet, step_message, wire_length
from connectors.execution.building.planning import needs, step
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import Placed, parts, placed
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import Step
from connectors.execution.building.swaps import swap_step
from dlmm.records import Record, Venue
from operators.orders.commands import LiquidityCommand, Swap
from sandbox.engine import Execution
from tests.connectors.execution.building.exchange_floor import (
    BLOCKHASH,
    METEORA_SOL,
    SAROS_SOL,
    WALLET,
    Floor,
    floor_on,
)

PLACES = {Venue.METEORA: METEORA_SOL, Venue.SAROS: SAROS_SOL}
_MOST_STEPS = 80


def fits(wanted: Step) -> bool:
    """Tell whether a step goes into one packet with nothing beside it."""
    return fits_packet(wanted, WALLET.address)


class Sent(Record, frozen=True):
    """A step that was sent, how long it was, and what came of it."""

    step: Step
    length: int
    done: Execution


class LiquidityFloor:
    """One pool of a floor."""

    def __init__(self, engine: str, venue: Venue) -> None:
        self.floor: Floor = floor_on(engine)
        self.venue = venue
        self.place = PLACES[venue]
        self.pool = str(self.floor.facts[self.place].address)

    @property
    def active_id(self) -> int:
        return self.floor.read(self.place).active_id

    def state(self, command: LiquidityCommand) -> PoolAccounts:
        """Read what the command needs."""
        seen = self.floor.read(self.place)
        named = self.named(command)
        accounts = {key: found for key in named if (found := self.floor.account(key)) is not None}
        return PoolAccounts(seen.info, accounts, seen.slot, seen.unix_timestamp)

    def named(self, command: LiquidityCommand) -> tuple[str, ...]:
        return needs(command, self.floor.read(self.place), WALLET)

    def next(self, command: LiquidityCommand, index: int, *, is_apart: bool = False) -> Step | None:
        return step(command, index, {command.pool: self.state(command)}, WALLET, fits, is_apart=is_apart)

    def send(self, wanted: Step) -> Sent:
        message = step_message(wanted, WALLET.address, BLOCKHASH, 1_000)
        _, wire = sign(WALLET, message, wanted.extra)
        done = self.floor.run(wire)
        return Sent(wanted, wire_length(message), done)

    def carry_out(self, command: LiquidityCommand) -> list[Sent]:
        """Send step after step until none is left; each of them must land."""
        sent: list[Sent] = []
        for index in count():
            wanted = self.next(command, index)
            if wanted is None:
                return sent
            assert index < _MOST_STEPS
            sent.append(self.send(wanted))
            assert sent[-1].done.error is None, sent[-1].done.logs
            assert sent[-1].length <= PACKET_BYTES
        raise AssertionError

    def standing(self, command: LiquidityCommand) -> Sequence[Placed]:
        """Return the command's positions that exist."""
        state = self.state(command)
        cut = parts(self.venue, command.position, command.lower, command.upper)
        return [one for part in cut if (one := placed(state, part, WALLET)) is not None]

    def holdings(self) -> tuple[int, int]:
        """Return the wallet's raw units of both tokens."""
        info = self.floor.read(self.place).info
        return self.floor.balance(info.mint_x), self.floor.balance(info.mint_y)

    def swap(self, amount: int, *, swap_for_y: bool) -> None:
        """Move the price."""
        wanted = Swap(
            pool=self.pool, exact_in=True, swap_for_y=swap_for_y, amount=amount, threshold=0, compute_units=1_000_000
        )
        assert self.send(swap_step(wanted, {self.pool: self.floor.read(self.place)}, WALLET.address)).done.error is None
