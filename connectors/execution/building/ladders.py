"""What a ladder is on chain: which bins are filled together, how its amounts are spread, and what speaks against it.

A ladder is filled by rungs: bins of one position that one step fills, all or none of them. Which rungs there are
follows from the command alone, and rungs that hold shares are filled: so a plan made from any state in between goes on
where the chain stands.
"""

from collections.abc import Sequence

from connectors.execution.building.positions import PositionPart, UnbuildableCommand
from dlmm.liquidity import Amounts
from dlmm.meteora.instructions.liquidity import Strategy
from dlmm.price import SCALE_BITS, price_x64
from dlmm.records import Record
from dlmm.shapes import apportion, weights
from dlmm.spreads import RAMPS, StrategyPart, flat_and_ramp
from operators.orders.commands import Rebalance

_NO_BINS = range(0)


class Rungs(Record, frozen=True):
    """Bins of one position that are filled together.

    :arg part: Which of the ladder's positions holds them.

    :arg asks: Those that take X, ascending.

    :arg bids: Those that take Y, ascending.

    """

    part: PositionPart
    asks: range
    bids: range


def asks_of(command: Rebalance) -> range:
    """Return the bins that take X, ascending; none where there is no X for them."""
    return range(command.ask_lower, command.upper + 1) if command.amount_x else _NO_BINS


def bids_of(command: Rebalance) -> range:
    """Return the bins that take Y, ascending; none where there is no Y for them."""
    return range(command.lower, command.bid_upper + 1) if command.amount_y else _NO_BINS


def check_ladder(command: Rebalance) -> None:
    """Refuse a ladder that could never be placed.

    :raises UnbuildableCommand: `bad_amount`, `bad_range` or `wrong_side`.

    """
    x, y = command.amount_x, command.amount_y
    if min(x, y) < 0 or not (x or y):
        raise UnbuildableCommand("bad_amount", f"{x} of X and {y} of Y")
    asks, bids = asks_of(command), bids_of(command)
    named = f"bids {command.lower} to {command.bid_upper} and asks {command.ask_lower} to {command.upper}"
    if bool(x) > bool(asks) or bool(y) > bool(bids):
        raise UnbuildableCommand("bad_range", f"no bins for {x} of X and {y} of Y: {named}")
    if (asks and asks[0] < command.lower) or (bids and bids[-1] > command.upper) or (x and y and asks[0] <= bids[-1]):
        raise UnbuildableCommand("bad_range", f"{named} are no ladder")
    if command.old_position == command.position:
        raise UnbuildableCommand("bad_range", f"position {command.position} cannot take its own place")
    if _is_crossed(command.active_id, asks, bids):
        raise UnbuildableCommand("wrong_side", f"{named} with active bin {command.active_id}")


def check_active(command: Rebalance, active_id: int, rungs: Sequence[Rungs]) -> None:
    """Refuse to fill rungs that the price has left, or has come to.

    :raises UnbuildableCommand: `active_moved`.

    """
    is_far = abs(active_id - command.active_id) > command.max_active_slip
    if is_far or any(_is_crossed(active_id, one.asks, one.bids) for one in rungs):
        raise UnbuildableCommand(
            "active_moved",
            f"to {active_id} from {command.active_id}, by {command.max_active_slip} at most and not past a side",
        )


def rungs_of(command: Rebalance, cut: Sequence[PositionPart], most: int) -> list[Rungs]:
    """Cut a ladder into rungs of one side each, as few and as even as can be.

    :arg most: Bins of one.

    """
    found = []
    for part in cut:
        for side, is_asks in ((bids_of(command), False), (asks_of(command), True)):
            bins = _within(side, part.lower, part.upper)
            count = -(-len(bins) // most)
            for index in range(count):
                piece = bins[len(bins) * index // count : len(bins) * (index + 1) // count]
                found.append(Rungs(part, piece, _NO_BINS) if is_asks else Rungs(part, _NO_BINS, piece))
    return found


def rungs_by_part(command: Rebalance, cut: Sequence[PositionPart]) -> list[Rungs]:
    """Fill what each position holds of either side at once."""
    found = [
        Rungs(part, *(_within(side, part.lower, part.upper) for side in (asks_of(command), bids_of(command))))
        for part in cut
    ]
    return [one for one in found if one.asks or one.bids]


def outstanding(
    command: Rebalance, every: Sequence[Rungs], left: Sequence[Rungs], held: Amounts, bin_step: int
) -> list[Amounts]:
    """Return what each of the rungs that are left takes: its part of the command's amounts, or of what there still is.

    :arg every: All of the ladder's.

    :arg left: Those of them that hold nothing yet.

    :arg held: What the wallet has by then, raw units.

    """
    x = _parts(command.amount_x, held.x, every, left, [_weight_x(command, one.asks, bin_step) for one in every])
    y = _parts(command.amount_y, held.y, every, left, [sum(weights_y(command, one.bids)) for one in every])
    return [Amounts(*both) for both in zip(x, y, strict=True)]


def weights_x(command: Rebalance, bins: Sequence[int], bin_step: int) -> list[int]:
    """Return what each of some asks weighs in X, by the shape of the whole side."""
    side = asks_of(command)
    values = weights(command.shape, len(side))
    return [(values[bin_id - side[0]] << 2 * SCALE_BITS) // price_x64(bin_id - side[0], bin_step) for bin_id in bins]


def weights_y(command: Rebalance, bins: Sequence[int]) -> list[int]:
    """Return what each of some bids weighs in Y, by the shape of the whole side."""
    side = bids_of(command)
    values = weights(command.shape, len(side))
    return [values[side[-1] - bin_id] for bin_id in bins]


def strategies(command: Rebalance, rungs: Rungs, amounts: Amounts, bin_step: int) -> tuple[StrategyPart, ...]:
    """Spread amounts over rungs of one side by the strategies of Meteora's program.

    Over a part of a side a curve or a bid-ask is a flat deposit and a ramp on top of it.

    """
    if rungs.asks:
        side, bins, total = asks_of(command), rungs.asks, amounts.x
        values = [(1 << 2 * SCALE_BITS) // price_x64(bin_id - side[0], bin_step) for bin_id in bins]
    else:
        side, bins, total = bids_of(command)[::-1], rungs.bids[::-1], amounts.y
        values = [1] * len(bins)
    flat, ramp = flat_and_ramp(command.shape, len(side), [abs(bin_id - side[0]) for bin_id in bins])
    shares = (flat * sum(values), sum(step * value for step, value in zip(ramp, values, strict=True)))
    kinds = (Strategy.SPOT_IMBALANCED, RAMPS.get(command.shape, Strategy.SPOT_IMBALANCED))
    return tuple(
        StrategyPart(kind, amount if rungs.asks else 0, 0 if rungs.asks else amount)
        for kind, amount in zip(kinds, apportion(total, shares), strict=True)
        if amount
    )


def allowed_active(command: Rebalance, rungs: Rungs) -> tuple[int, int]:
    """Return about which bin, and how far from it, the active one may be when rungs of one side are filled.

    The program counts the same distance either way: where the price may move further on one side, that side yields.

    """
    lowest, highest = (command.active_id + way * command.max_active_slip for way in (-1, 1))
    if rungs.asks:
        highest = min(highest, asks_of(command)[0])
        reach = (highest - lowest) // 2
        return highest - reach, reach
    lowest = max(lowest, bids_of(command)[-1])
    reach = (highest - lowest) // 2
    return lowest + reach, reach


def _is_crossed(active_id: int, asks: range, bids: range) -> bool:
    """Tell whether the active bin lies past a side: X below it, or Y above it, is nothing that a bin takes."""
    return bool((asks and active_id > asks[0]) or (bids and active_id < bids[-1]))


def _within(side: range, lower: int, upper: int) -> range:
    return range(max(side.start, lower), min(side.stop, upper + 1)) if side else _NO_BINS


def _weight_x(command: Rebalance, bins: range, bin_step: int) -> int:
    return sum(weights_x(command, bins, bin_step))


def _parts(total: int, held: int, every: Sequence[Rungs], left: Sequence[Rungs], shares: Sequence[int]) -> list[int]:
    if not any(shares):
        return [0] * len(left)
    wanted = dict(zip(every, apportion(total, shares), strict=True))
    due = [wanted[one] for one in left]
    return apportion(min(held, sum(due)), due) if any(due) else due
