"""Liquidity added: by a share for every bin, or as the program spreads it."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from dlmm.liquidity import NOTHING, Amounts, LiquidityChange, LiquidityFailure, LiquidityState, part_of
from dlmm.meteora import liquidity
from dlmm.meteora.book import Book
from dlmm.meteora.instructions.liquidity import BinShare, Strategy, StrategyDeposit
from dlmm.meteora.layout import POSITION_BINS
from dlmm.meteora.pdas import bin_array_index
from dlmm.meteora.terms import ENABLED
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation, Program, ProgramError
from sandbox.model.meteora import deposit_units, errors, events
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.deposit_units import DepositUnits, work_of
from sandbox.model.meteora.errors import anchor_error, math_error, panic
from sandbox.model.meteora.liquidity_change import Change
from sandbox.model.meteora.liquidity_fields import DEPOSIT, DEPOSIT_2

_BASIS_POINTS = 10_000
_ONE_SIDED = (Strategy.SPOT_ONE_SIDE, Strategy.CURVE_ONE_SIDE, Strategy.BID_ASK_ONE_SIDE)
_BALANCED = (Strategy.SPOT_BALANCED, Strategy.CURVE_BALANCED, Strategy.BID_ASK_BALANCED)
_MOST_BINS, _MOST_ASKS, _FURTHER_ASKS, _MOST_ASKS_WEIGHED = 256, 128, 64, 145
"""What the program's heap holds, by trying: bins in all, asks beside bids, asks after more bids than that, and asks up
to the first look at the arrays."""

_LEAST_CAPACITY = 4

Parts = Sequence[tuple[int, Amounts]]
"""What bins are to receive, ascending."""


def add_liquidity2(invocation: Invocation) -> None:
    """Run `add_liquidity2`."""
    arguments = Arguments(invocation.data)
    amount_x, amount_y = arguments.take("QQ")
    shares = [BinShare(*row) for row in arguments.rows("iHH")]
    slices = arguments.slices()
    change = Change(invocation, DEPOSIT_2, slices, mints=True)
    line = _refusal(shares, change.width)
    if line is not None:
        raise anchor_error(errors.INVALID_INPUT, f"instructions/deposit/add_liquidity.rs:{line}")
    given = change.tokens.arrives(Amounts(amount_x, amount_y))
    parts = [
        (row.bin_id, Amounts(part_of(given.x, row.share_x_bps), part_of(given.y, row.share_y_bps))) for row in shares
    ]
    _begin(change, shares[0].bin_id)
    _deposit(change, parts, deposit_units.SHARES)


def _refusal(shares: Sequence[BinShare], width: int) -> int | None:
    """Return the line of the program's source that refuses a deposit's shares, or `None`.

    :arg width: Bins of the position.

    """
    if not shares:
        return 58
    if len(shares) > width:
        return 60
    if any(second.bin_id <= first.bin_id for first, second in pairwise(shares)):
        return 73
    if sum(share.share_x_bps for share in shares) != _BASIS_POINTS:
        return 81
    return None if sum(share.share_y_bps for share in shares) == _BASIS_POINTS else 86


def by_strategy(*, newer: bool) -> Program:
    """Return the program of `add_liquidity_by_strategy`, or of its newer form."""

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        amount_x, amount_y, active_id, slippage, first, last, kind = arguments.take("QQiiiiB")
        if kind not in tuple(Strategy):
            raise anchor_error(anchor.NOT_DESERIALIZED)
        favor_x, *_ = arguments.take("64B")
        slices = arguments.slices() if newer else []
        strategy = Strategy(kind)
        wanted = StrategyDeposit(amount_x, amount_y, active_id, slippage, first, last, strategy, bool(favor_x))
        change = Change(invocation, DEPOSIT_2 if newer else DEPOSIT, slices, mints=True)

        at = int(change.pair["active_id"])
        balanced = strategy in _BALANCED and first <= at <= last
        if newer and balanced:  # the program reads what the active bin holds
            fault = change.fault([at])
            if fault is not None:
                raise fault
        if abs(at - active_id) > slippage:
            raise anchor_error(errors.BIN_SLIPPAGE, "instructions/deposit/add_liquidity_by_strategy.rs:41")
        if strategy in _ONE_SIDED:
            raise anchor_error(errors.STRATEGY)
        if first > last:
            raise panic(invocation, "math/weight_to_amounts.rs:129:28", "attempt to subtract with overflow")
        bids = at - first + (not favor_x)
        asks = last - first + 1 - bids
        is_split = strategy not in _BALANCED and min(bids, asks) > 0
        if bids + asks > _MOST_BINS or (is_split and asks > _most_asks(bids)):
            raise _out_of_memory(invocation)
        _begin(change, first)
        if is_split and asks > _MOST_ASKS and (amount_x or amount_y or not newer):  # the walk needs memory too
            raise _out_of_memory(invocation)
        frame = deposit_units.STRATEGY_2 if newer else deposit_units.STRATEGY
        _deposit(change, _spread(change, wanted), frame, balanced)

    return run


def _most_asks(bids: int) -> int:
    """Return how many asks the program can weigh after so many bids: its lists grow by doubling, and free nothing."""
    if bids > _MOST_ASKS:
        return _FURTHER_ASKS
    grown, capacity = _LEAST_CAPACITY, _LEAST_CAPACITY
    while capacity < bids:
        capacity *= 2
        grown += capacity
    return max(_MOST_ASKS, _MOST_ASKS_WEIGHED - (grown - _LEAST_CAPACITY) * 3 // 4)


def _out_of_memory(invocation: Invocation) -> ProgramError:
    invocation.log("Error: memory allocation failed, out of memory")
    return ProgramError("ProgramFailedToComplete", text="SBF program panicked")


def _spread(change: Change, wanted: StrategyDeposit) -> Parts:
    """Spread a deposit, or end as the program would."""
    parts = liquidity.strategy_parts(change.state(), wanted, change.tokens)
    if isinstance(parts, LiquidityFailure):
        raise _failed(change, parts)
    return parts


def _begin(change: Change, first: int) -> None:
    """Refuse a deposit where the pool is disabled, or lacks the first bin's array."""
    if change.pair["status"] != ENABLED:
        place = "instructions/v2/add_liquidity2.rs:116" if change.newer else "instructions/deposit/add_liquidity.rs:229"
        raise anchor_error(errors.POOL_DISABLED, place)
    fault = change.fault([first])
    if fault is not None:
        raise fault


def _deposit(change: Change, parts: Parts, frame: DepositUnits, balanced: bool = False) -> None:
    """Deposit, or end as the program would: it takes one bin after the other, and an array when it comes to it.

    :arg parts: What each bin is to receive, ascending.

    :arg frame: What it uses.

    :arg balanced: Whether the spread follows the active bin's mix.

    """
    invocation, accounts = change.invocation, change.accounts
    bins = [bin_id for bin_id, _ in parts]
    before = change.state()
    reached = parts
    if change.newer:
        reached = parts[: bisect_left(range(1, len(parts) + 1), 1, key=lambda count: change.lacks(bins[:count]))]
    else:  # what takes nothing is passed over
        reached = [part for part in parts if part[1] != NOTHING]
    done = _put(change, before, reached)
    if isinstance(done, LiquidityFailure):
        failed = bisect_left(range(1, len(reached)), 1, key=lambda count: _fails(change, before, reached[:count]))
        _emit_fee(change, _put(change, before, reached[:failed]))
        if done.code is None:
            raise _no_slot(change, reached[failed][0])
        raise _failed(change, done)
    has_fee = done.composition_fee != NOTHING
    fault = change.fault(bins)
    if fault is not None:
        _emit_fee(change, done)
        raise fault
    paid = NOTHING - done.user
    active_id = int(change.pair["active_id"])
    work = work_of(
        Book(before),
        bins,
        done,
        settles_all=not change.newer,
        balanced=balanced,
        extension=change.has_extension,
        token_2022=change.token_2022,
    )
    total = deposit_units.deposited(frame, work)
    later = (frame.changed + frame.bin) * sum(1 for change in done.bins if change.bin_id > active_id)
    accounts.use(total - later if has_fee else total)
    change.write(before, done.after)
    sender, position, pair = (accounts.key(name) for name in ("sender", "position", "lb_pair"))
    _emit_fee(change, done)
    accounts.use(total)
    change.pay_in(paid, frame.ends)
    invocation.consume(frame.ends.event)
    events.emit(invocation, events.add_liquidity(pair, sender, position, paid, active_id))
    invocation.consume(frame.ends.end)


def _put(change: Change, before: LiquidityState, parts: Parts) -> LiquidityChange | LiquidityFailure:
    state = before if change.newer else change.settled(before)
    return liquidity.deposit(state, parts, tokens=change.tokens, time=change.time)


def _fails(change: Change, before: LiquidityState, parts: Parts) -> bool:
    return isinstance(_put(change, before, parts), LiquidityFailure)


def _emit_fee(change: Change, done: LiquidityChange | LiquidityFailure) -> None:
    """Send the event of a composition fee, which comes before the bins above the active one."""
    if isinstance(done, LiquidityFailure) or done.composition_fee == NOTHING:
        return
    sender, active_id = change.accounts.key("sender"), int(change.pair["active_id"])
    events.emit(change.invocation, events.composition_fee(sender, active_id, done.composition_fee, done.protocol_fee))


def _no_slot(change: Change, bin_id: int) -> ProgramError:
    """End as the program does over a bin that the position's account has no room for."""
    place = bin_id - change.lower
    if not change.newer and bin_array_index(bin_id) not in {array.index for array in change.arrays}:
        return anchor_error(errors.INVALID_BIN_ARRAY)
    if not change.newer:
        return anchor_error(errors.INVALID_POSITION, "state/dynamic_position.rs:328")
    line, length, index = (756, POSITION_BINS, place % (1 << 64))
    if place >= POSITION_BINS:
        line, length, index = (754, max(change.width - POSITION_BINS, 0), place - POSITION_BINS)
    message = f"index out of bounds: the len is {length} but the index is {index}"
    return panic(change.invocation, f"state/dynamic_position.rs:{line}:13", message)


def _failed(change: Change, failure: LiquidityFailure) -> ProgramError:
    """Word a failure; where it is one of arithmetic, the place has a line of its own."""
    assert failure.code is not None
    place = failure.place or None
    if failure.code == errors.MATH_OVERFLOW and place is not None:
        change.invocation.log(math_error(place))
        place = None
    return anchor_error(failure.code, place)
