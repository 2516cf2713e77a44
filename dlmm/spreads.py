"""How a deposit is spread over the parts of a position: by its shape over the whole range, and exact in sum.

What each part takes follows from the command and from where its parts stand, not from where the price has gone since:
the transactions of one order add up to its amounts in whatever states they are built.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from dlmm.errors import DlmmError
from dlmm.meteora.instructions.liquidity import Strategy
from dlmm.meteora.layout import POSITION_BINS as METEORA_BINS
from dlmm.price import SCALE_BITS, price_x64
from dlmm.records import Record, Venue
from dlmm.shapes import Shape, apportion, weights

SAROS_BINS = 22
"""Most bins of a position that we open on Saros.

The program allows 64, but a withdrawal names 16 bytes for every bin of the position: from 28 bins on it fits no
transaction, and a tip or the making of a token account shall fit beside it.
"""

RAMPS = {Shape.CURVE: Strategy.CURVE_IMBALANCED, Shape.BID_ASK: Strategy.BID_ASK_IMBALANCED}
"""Strategies of Meteora's program whose weights rise or fall by one from bin to bin."""


class SpreadError(DlmmError):
    """Refuse a deposit that no bin takes.

    :arg kind: `wrong_side` or `bad_amount`.

    """

    def __init__(self, kind: str, reason: str) -> None:
        """Keep both."""
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class BinRange(Protocol):
    """Bins next to each other, both ends included."""

    @property
    def lower(self) -> int:
        """First bin."""
        ...

    @property
    def upper(self) -> int:
        """Last bin."""
        ...


class Deposit(BinRange, Protocol):
    """Amounts for a range of bins: as the command names them, the bin at which the price then was, and a shape."""

    @property
    def amount_x(self) -> int:
        """Raw units of X."""
        ...

    @property
    def amount_y(self) -> int:
        """Raw units of Y."""
        ...

    @property
    def active_id(self) -> int:
        """Active bin at the decision."""
        ...

    @property
    def shape(self) -> Shape:
        """How the amounts are spread."""
        ...


class StrategyPart(Record, frozen=True):
    """Amounts that the Meteora program itself spreads over the bins of one part.

    :arg amount_x: Raw units of X, transfer fee included.

    """

    strategy: Strategy
    amount_x: int
    amount_y: int


class PartDeposit(Record, frozen=True):
    """What one part takes on Meteora: one strategy, or two whose sum is the shape of the whole range there."""

    index: int
    strategies: tuple[StrategyPart, ...]


class BinAmounts(Record, frozen=True):
    """What one bin takes, raw units."""

    bin_id: int
    x: int
    y: int


class BinSpan(Record, frozen=True):
    """A range of bins."""

    lower: int
    upper: int


def part_count(venue: Venue, lower: int, upper: int) -> int:
    """Return how many positions on chain a range takes at least."""
    return -(-(upper - lower + 1) // (SAROS_BINS if venue is Venue.SAROS else METEORA_BINS))


def cut(venue: Venue, lower: int, upper: int) -> list[BinSpan]:
    """Cut a range into positions on chain, as few as the venue allows and as even as can be.

    >>> cut(Venue.METEORA, -70, 69)
    [BinSpan(lower=-70, upper=-1), BinSpan(lower=0, upper=69)]

    """
    width, count = upper - lower + 1, part_count(venue, lower, upper)
    starts = [lower + width * index // count for index in range(count + 1)]
    return [BinSpan(starts[index], starts[index + 1] - 1) for index in range(count)]


def favors_x(command: Deposit) -> bool:
    """Tell whether the active bin takes X on Meteora: where nothing else comes; otherwise it takes Y."""
    return command.amount_y == 0


def strategy_deposits(command: Deposit, standing: Sequence[BinRange], bin_step: int) -> list[PartDeposit]:
    """Spread a deposit over Meteora positions; parts that take nothing are left out.

    Over a part of the range a curve or a bid-ask is a flat deposit and a ramp on top of it, both of which the program
    knows, with the active bin's slippage enforced.

    :raises SpreadError: `wrong_side`, or `bad_amount`.

    """
    first_ask = command.active_id if favors_x(command) else command.active_id + 1
    lowest, highest = standing[0].lower, standing[-1].upper
    bids, asks = range(min(first_ask - 1, highest), lowest - 1, -1), range(max(first_ask, lowest), highest + 1)
    _check(command, bool(asks), bool(bids))
    x = _flats_and_ramps(command.shape, asks, standing, lambda bin_id: price_x64(bin_id - command.active_id, bin_step))
    y = _flats_and_ramps(command.shape, bids, standing, lambda _: 1 << SCALE_BITS)
    amounts_x, amounts_y = _amounts(command.amount_x, x), _amounts(command.amount_y, y)
    deposits = []
    for index in range(len(standing)):
        both = (
            StrategyPart(Strategy.SPOT_IMBALANCED, amounts_x[2 * index], amounts_y[2 * index]),
            StrategyPart(
                RAMPS.get(command.shape, Strategy.SPOT_IMBALANCED), amounts_x[2 * index + 1], amounts_y[2 * index + 1]
            ),
        )
        used = tuple(one for one in both if one.amount_x or one.amount_y)
        if used:
            deposits.append(PartDeposit(index, used))
    return deposits


def bin_deposits(command: Deposit, standing: Sequence[BinRange], bin_step: int, active_id: int) -> list[BinAmounts]:
    """Spread a deposit over the bins of Saros positions, ascending; a bin of two positions counts once.

    :arg active_id: Where the price is taken to be; that bin takes both tokens.

    :raises SpreadError: `wrong_side`, or `bad_amount`.

    """
    bins = sorted({bin_id for one in standing for bin_id in range(one.lower, one.upper + 1)})
    above = [bin_id for bin_id in bins if bin_id >= active_id]
    below = [bin_id for bin_id in reversed(bins) if bin_id <= active_id]
    _check(command, bool(above), bool(below))
    values = dict(zip(above, weights(command.shape, len(above)), strict=True))
    units = [(value << 2 * SCALE_BITS) // price_x64(bin_id - active_id, bin_step) for bin_id, value in values.items()]
    x = dict(zip(above, _amounts(command.amount_x, units), strict=True))
    y = dict(zip(below, _amounts(command.amount_y, weights(command.shape, len(below))), strict=True))
    return [BinAmounts(bin_id, x.get(bin_id, 0), y.get(bin_id, 0)) for bin_id in bins]


def _check(command: Deposit, takes_x: bool, takes_y: bool) -> None:
    if min(command.amount_x, command.amount_y) < 0 or not (command.amount_x or command.amount_y):
        raise SpreadError("bad_amount", f"{command.amount_x} of X and {command.amount_y} of Y")
    for amount, takes, token in ((command.amount_x, takes_x, "X"), (command.amount_y, takes_y, "Y")):
        if amount and not takes:
            raise SpreadError(
                "wrong_side",
                f"no bin of {command.lower} to {command.upper} takes {token} with active bin {command.active_id}",
            )


def _amounts(total: int, parts: Sequence[int]) -> list[int]:
    return apportion(total, parts) if total else [0] * len(parts)


def _flats_and_ramps(shape: Shape, side: range, standing: Sequence[BinRange], price: Callable[[int], int]) -> list[int]:
    """Return for each part its weight as a flat deposit, and as a ramp on top of that.

    :arg side: Bins of one token, from the active bin outwards.

    :arg price: Of a bin, by which its weight is divided.

    """
    found = []
    for one in standing:
        near = [distance for distance, bin_id in enumerate(side) if one.lower <= bin_id <= one.upper]
        values = [(1 << 3 * SCALE_BITS) // price(side[distance]) for distance in near]
        flat, ramp = flat_and_ramp(shape, len(side), near)
        found += [flat * sum(values), sum(step * value for step, value in zip(ramp, values, strict=True))]
    return found


def flat_and_ramp(shape: Shape, count: int, near: Sequence[int]) -> tuple[int, list[int]]:
    """Split the weights of neighbouring bins into one that all of them have, and what each has beyond.

    :arg count: Bins of the whole side.

    :arg near: How far the bins are from the side's inner end, ascending.

    """
    match shape:
        case Shape.SPOT:
            return 1, [0] * len(near)
        case Shape.CURVE:
            return (count - 1 - near[-1] if near else 0), list(range(len(near), 0, -1))
        case Shape.BID_ASK:
            return (near[0] if near else 0), list(range(1, len(near) + 1))
