"""Liquidity added: by a share for every bin, or as the program spreads it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise, takewhile

from dlmm.errors import AccountError
from dlmm.liquidity import MAX_U64, NOTHING, Amounts, LiquidityChange, LiquidityFailure, LiquidityState, part_of
from dlmm.meteora import liquidity
from dlmm.meteora.instructions.liquidity import BinShare, Strategy, StrategyDeposit
from dlmm.meteora.pdas import bin_array_indices
from dlmm.meteora.terms import ENABLED
from sandbox.model.invocation import Invocation, Program, ProgramError
from sandbox.model.meteora import errors, events, life_units
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.errors import anchor_error, math_error, panic
from sandbox.model.meteora.life_units import DepositUnits
from sandbox.model.meteora.liquidity_change import Change
from sandbox.model.meteora.liquidity_fields import DEPOSIT, DEPOSIT_2

_BASIS_POINTS = 10_000
_ONE_SIDED = (Strategy.SPOT_ONE_SIDE, Strategy.CURVE_ONE_SIDE, Strategy.BID_ASK_ONE_SIDE)
_IMBALANCED = (Strategy.SPOT_IMBALANCED, Strategy.CURVE_IMBALANCED, Strategy.BID_ASK_IMBALANCED)
_BALANCED = (Strategy.SPOT_BALANCED, Strategy.CURVE_BALANCED, Strategy.BID_ASK_BALANCED)
_MOST_ASKS = 129
"""So many bins above the active one are too many for the program's heap, where the deposit has bids too."""

_BEFORE_ARRAYS = (errors.BIN_SLIPPAGE, errors.STRATEGY)
"""Failures for which a deposit is refused before any bin array is looked at."""


def add_liquidity2(invocation: Invocation) -> None:
    """Run `add_liquidity2`."""
    arguments = Arguments(invocation.data)
    amount_x, amount_y = arguments.take("QQ")
    shares = [BinShare(*row) for row in arguments.rows("iHH")]
    slices = arguments.slices()
    change = Change(invocation, DEPOSIT_2, slices, mints=True)
    source = "instructions/deposit/add_liquidity.rs"

    line = _refusal(shares, change.width)
    if line is not None:
        raise anchor_error(errors.INVALID_INPUT, f"{source}:{line}")
    given = change.tokens.arrives(Amounts(amount_x, amount_y))
    wanted = [
        (row.bin_id, Amounts(part_of(given.x, row.share_x_bps), part_of(given.y, row.share_y_bps))) for row in shares
    ]
    active_id = int(change.pair["active_id"])
    crossed = [
        (bin_id, line)
        for bin_id, part in wanted
        for line, is_crossed in ((515, part.x and bin_id < active_id), (519, part.y and bin_id > active_id))
        if is_crossed
    ]

    def deposit(before: LiquidityState) -> LiquidityChange | LiquidityFailure:
        if crossed:
            return LiquidityFailure("CompositionFactorFlawed", errors.FLAWED, f"bin {crossed[0][0]} takes one token")
        reached = takewhile(lambda part: not change.lacks([part[0]]), wanted)
        return liquidity.deposit(before, list(reached), tokens=change.tokens, time=change.time)

    places = {errors.FLAWED: f"{source}:{crossed[0][1]}"} if crossed else {}
    last = crossed[0][0] if crossed else MAX_U64
    _deposit(change, [share.bin_id for share in shares], deposit, places, life_units.SHARES, last=last)


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


def _emit_fee(change: Change, done: LiquidityChange | LiquidityFailure, is_due: bool) -> None:
    """Send the event of a composition fee, which comes before the bins above the active one."""
    if not is_due or isinstance(done, LiquidityFailure) or done.composition_fee == NOTHING:
        return
    sender, active_id = change.accounts.key("sender"), int(change.pair["active_id"])
    events.emit(change.invocation, events.composition_fee(sender, active_id, done.composition_fee, done.protocol_fee))


def by_strategy(*, newer: bool) -> Program:
    """Return the program of `add_liquidity_by_strategy`, or of its newer form."""

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        amount_x, amount_y, active_id, slippage, first, last, kind = arguments.take("QQiiiiB")
        if kind not in tuple(Strategy):
            raise anchor_error(errors.NOT_DESERIALIZED)
        favor_x, *_ = arguments.take("64B")
        slices = arguments.slices() if newer else []
        strategy = Strategy(kind)
        wanted = StrategyDeposit(amount_x, amount_y, active_id, slippage, first, last, strategy, bool(favor_x))
        change = Change(invocation, DEPOSIT_2 if newer else DEPOSIT, slices, mints=True)

        def deposit(before: LiquidityState) -> LiquidityChange | LiquidityFailure:
            return liquidity.add_liquidity_by_strategy(before, wanted, tokens=change.tokens, time=change.time)

        places = {errors.BIN_SLIPPAGE: "instructions/deposit/add_liquidity_by_strategy.rs:41"}
        at = int(change.pair["active_id"])
        if newer and strategy in _BALANCED and first <= at <= last:  # the program reads what the active bin holds
            fault = change.fault([at])
            if fault is not None:
                raise fault
        if abs(at - active_id) <= slippage:
            if strategy in _ONE_SIDED:
                raise anchor_error(errors.STRATEGY)
            if first <= at <= last - _MOST_ASKS and strategy in _IMBALANCED:
                invocation.log("Error: memory allocation failed, out of memory")
                raise ProgramError("ProgramFailedToComplete", text="SBF program panicked")
            if first > last:
                raise panic(invocation, "math/weight_to_amounts.rs:129:28", "attempt to subtract with overflow")
        frame = life_units.STRATEGY_2 if newer else life_units.STRATEGY
        balanced = strategy in _BALANCED and first <= at <= last
        _deposit(change, range(first, last + 1), deposit, places, frame, balanced=balanced)

    return run


def _deposit(
    change: Change,
    bins: Sequence[int],
    deposit: Callable[[LiquidityState], LiquidityChange | LiquidityFailure],
    places: Mapping[int, str],
    frame: DepositUnits,
    *,
    last: int = MAX_U64,
    balanced: bool = False,
) -> None:
    """Deposit, or end as the program would.

    :arg bins: Bins that take part, ascending.

    :arg frame: What it uses.

    :arg balanced: Whether the spread follows the active bin's mix.

    :arg last: Bin that the program comes to at last, where it fails there.

    :arg deposit: What `dlmm` makes of it.

    :arg places: Lines of the program's source where it refuses a deposit, by code.

    """
    invocation, accounts = change.invocation, change.accounts
    before = change.state()
    try:
        done = deposit(before if change.newer else change.settled(before))
    except AccountError:  # the active bin's array was not given
        done = LiquidityFailure("InvalidPosition", errors.INVALID_POSITION)
    except OverflowError:  # more in all than 64 bits hold, and a transfer fee to reckon on it
        done = LiquidityFailure("MathOverflow", errors.MATH_OVERFLOW)
    if isinstance(done, LiquidityFailure) and done.code in _BEFORE_ARRAYS:
        raise anchor_error(done.code, places.get(done.code))
    reached = bins[:1] if bins[0] < change.lower else [bin_id for bin_id in bins if bin_id <= last]
    fault = change.fault(reached[:1])
    if fault is not None:
        raise fault
    if change.pair["status"] != ENABLED:
        place = "instructions/v2/add_liquidity2.rs:116" if change.newer else "instructions/deposit/add_liquidity.rs:229"
        raise anchor_error(errors.POOL_DISABLED, place)
    if bins[0] < change.lower and not change.newer:
        raise anchor_error(errors.INVALID_POSITION, "state/dynamic_position.rs:328")
    if bins[0] < change.lower:
        raise panic(
            invocation,
            "state/dynamic_position.rs:756:13",
            f"index out of bounds: the len is 70 but the index is {(bins[0] - change.lower) % (1 << 64)}",
        )
    _emit_fee(change, done, change.newer and change.lacks(reached))
    fault = change.fault(reached)
    if fault is not None:
        raise fault
    paid = NOTHING if isinstance(done, LiquidityFailure) else NOTHING - done.user
    if max(paid.x, paid.y) > MAX_U64:
        done = LiquidityFailure("MathOverflow", errors.MATH_OVERFLOW, f"{paid.x} and {paid.y} in all")
    if isinstance(done, LiquidityFailure):
        if done.code == errors.MATH_OVERFLOW:
            invocation.log(math_error("instructions/deposit/add_liquidity.rs:402"))
        if done.code is None:
            raise anchor_error(errors.INVALID_POSITION, "state/dynamic_position.rs:328")
        raise anchor_error(done.code, places.get(done.code))
    active_id = int(change.pair["active_id"])
    has_fee = done.composition_fee != NOTHING
    total = life_units.deposited(
        frame,
        bins=len(bins),
        asks=sum(1 for bin_id in bins if bin_id > active_id),
        balanced=balanced,
        changed=len(done.bins),
        changed_x=sum(1 for change in done.bins if change.amounts.x),
        active=2 if has_fee else int(bins[0] <= active_id <= bins[-1]),
        arrays=len(bin_array_indices(bins[0], bins[-1])),
        extension=change.has_extension,
        token_2022=change.token_2022,
        width=change.width,
    )
    later = (frame.changed + frame.bin) * sum(1 for change in done.bins if change.bin_id > active_id)
    accounts.use(total - later if has_fee else total)
    change.write(before, done.after)
    sender, position, pair = (accounts.key(name) for name in ("sender", "position", "lb_pair"))
    _emit_fee(change, done, has_fee)
    accounts.use(total)
    change.pay_in(paid, frame.ends)
    invocation.consume(frame.ends.event)
    events.emit(invocation, events.add_liquidity(pair, sender, position, paid, active_id))
    invocation.consume(frame.ends.end)
