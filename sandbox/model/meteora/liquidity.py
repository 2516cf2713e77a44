"""Liquidity added and removed, and fees claimed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.liquidity import (
    NOTHING,
    Amounts,
    LiquidityChange,
    LiquidityFailure,
    LiquidityState,
    PoolTokens,
)
from dlmm.meteora import liquidity
from dlmm.meteora.instructions.liquidity import BinShare, Strategy, StrategyDeposit
from dlmm.meteora.layout import LB_PAIR, POSITION
from dlmm.meteora.pdas import bin_array_index
from dlmm.meteora.terms import ENABLED
from dlmm.programs import associated_token_account
from sandbox.model.invocation import Invocation, Program, ProgramError
from sandbox.model.meteora import errors, events, units
from sandbox.model.meteora.accounts import Accounts, Constraint, Field, Kind
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.arrays import array_places, passed_arrays, refuse
from sandbox.model.meteora.errors import anchor_error, math_error, panic, runtime_error
from sandbox.model.meteora.position import check_sender, owner_of
from sandbox.model.meteora.tokens import Side, mint_at, pay_in, pay_out, sides

_HOOK_KINDS = 2
_POOL_RELATIONS = ("reserve_x", "reserve_y", "token_x_mint", "token_y_mint")
_BASIS_POINTS = 10_000
_ONE_SIDED = (Strategy.SPOT_ONE_SIDE, Strategy.CURVE_ONE_SIDE, Strategy.BID_ASK_ONE_SIDE)
_BEFORE_ARRAYS = (6004, 6054, errors.INVALID_INPUT)
"""Failures for which a deposit is refused before any bin array is looked at."""

_EVENTS = (Field("event_authority", Kind.EVENT_AUTHORITY), Field("program", Kind.UNCHECKED))
_POSITION = Field("position", Kind.POSITION, is_mut=True, relations=("lb_pair",))
_PAIR = Field("lb_pair", Kind.PAIR, is_mut=True, relations=_POOL_RELATIONS)
_USERS = (Field("user_token_x", Kind.TOKEN, is_mut=True), Field("user_token_y", Kind.TOKEN, is_mut=True))
_VAULTS = (Field("reserve_x", Kind.TOKEN, is_mut=True), Field("reserve_y", Kind.TOKEN, is_mut=True))
_MINTS = (Field("token_x_mint", Kind.MINT), Field("token_y_mint", Kind.MINT))
_TWO_ARRAYS = tuple(
    Field(name, Kind.BIN_ARRAY, is_mut=True, relations=("lb_pair",)) for name in ("bin_array_lower", "bin_array_upper")
)
_SENDER = Field("sender", Kind.SIGNER)
_MEMO = Field("memo_program", Kind.MEMO_PROGRAM)


def _programs(kind: Kind, *names: str) -> tuple[Field, ...]:
    return tuple(Field(name, kind) for name in names)


def _liquidity_fields(*, newer: bool, memo: bool = False) -> tuple[Field, ...]:
    program = Kind.ANY_TOKEN_PROGRAM if newer else Kind.TOKEN_PROGRAM
    extension = Field(
        "bin_array_bitmap_extension", Kind.EXTENSION, is_mut=True, is_optional=True, relations=("lb_pair",)
    )
    return (
        _POSITION,
        _PAIR,
        extension,
        *_USERS,
        *_VAULTS,
        *_MINTS,
        *(() if newer else _TWO_ARRAYS),
        _SENDER,
        *_programs(program, "token_x_program", "token_y_program"),
        *((_MEMO,) if memo else ()),
        *_EVENTS,
    )


_DEPOSIT, _DEPOSIT_2 = _liquidity_fields(newer=False), _liquidity_fields(newer=True)
_WITHDRAWAL, _WITHDRAWAL_2 = _DEPOSIT, _liquidity_fields(newer=True, memo=True)
_CLAIM = (
    _PAIR,
    _POSITION,
    *_TWO_ARRAYS,
    _SENDER,
    *_VAULTS,
    *_USERS,
    *_MINTS,
    Field("token_program", Kind.TOKEN_PROGRAM),
    *_EVENTS,
)
_CLAIM_2 = (
    _PAIR,
    _POSITION,
    _SENDER,
    *_VAULTS,
    *_USERS,
    *_MINTS,
    *_programs(Kind.ANY_TOKEN_PROGRAM, "token_program_x", "token_program_y"),
    _MEMO,
    *_EVENTS,
)
_X_AND_Y = (("token_x_program", "token_y_program"), ("token_program_x", "token_program_y"), ("token_program",) * 2)


class _Change:
    """A position's liquidity while an instruction changes it: accounts, arrays, and the state that `dlmm` works on."""

    def __init__(
        self, invocation: Invocation, fields: tuple[Field, ...], slices: list[tuple[int, int]], *, mints: bool
    ) -> None:
        self.invocation = invocation
        self.accounts = accounts = Accounts(invocation, fields)
        also: dict[str, Constraint] = {"position": check_sender(invocation)}
        if mints:
            also |= {"user_token_x": _holds("token_x_mint"), "user_token_y": _holds("token_y_mint")}
        accounts.constrain(**also)
        self.newer = "bin_array_lower" not in accounts.places
        self.pair = np.frombuffer(accounts.data("lb_pair"), LB_PAIR)[0]
        head = np.frombuffer(accounts.data("position"), POSITION, count=1)[0]
        self.lower, self.upper = int(head["lower_bin_id"]), int(head["upper_bin_id"])
        self.operated = accounts.key("sender") != owner_of(accounts.data("position"))
        mint_x, mint_y = (mint_at(invocation, accounts.places[name]) for name in ("token_x_mint", "token_y_mint"))
        self.tokens = PoolTokens(mint_x, mint_y, invocation.clock.epoch)
        names = next(names for names in _X_AND_Y if names[0] in accounts.places)
        self.sides = sides(accounts, (mint_x, mint_y), programs=(names[0], names[1]), checked=self.newer)
        pair = accounts.key("lb_pair")
        self.in_use = [pair, accounts.key("position")]
        if self.newer:
            places = array_places(invocation, slices, accounts.remaining.start, kinds=_HOOK_KINDS)
        else:
            places = range(accounts.places["bin_array_lower"], accounts.places["bin_array_upper"] + 1)
        self.arrays, self.refused = passed_arrays(invocation, places, pair=pair)

    @property
    def time(self) -> int:
        return self.invocation.clock.unix_timestamp

    def state(self) -> LiquidityState:
        """Return the accounts' bytes for `dlmm`."""
        accounts = self.accounts
        extension = "bin_array_bitmap_extension"
        return LiquidityState(
            pair=accounts.data("lb_pair"),
            position=accounts.data("position"),
            bin_arrays={array.index: self.invocation.read(array.place) for array in reversed(self.arrays)},
            bitmap_extension=accounts.data(extension) if accounts.has(extension) else None,
        )

    def write(self, after: LiquidityState) -> None:
        """Write the accounts that changed."""
        invocation, places = self.invocation, self.accounts.places
        invocation.write(places["lb_pair"], after.pair)
        invocation.write(places["position"], after.position)
        if after.bitmap_extension is not None:
            invocation.write(places["bin_array_bitmap_extension"], after.bitmap_extension)
        written: set[int] = set()
        for array in self.arrays:
            if array.index not in written:
                invocation.write(array.place, after.bin_arrays[array.index])
            written.add(array.index)

    def fault(self, bins: Iterable[int]) -> ProgramError | None:
        """Return how the program ends for the arrays that it was given, or `None` when it has those of all bins.

        :arg bins: Ascending; each array is taken when the first of its bins comes.

        """
        needed = sorted({bin_array_index(bin_id) for bin_id in bins})
        if not self.newer:
            return self._fault_of_two(needed)
        for count, index in enumerate(needed):
            if count >= len(self.arrays):
                return refuse(self.invocation, self.refused, borrowed=self.in_use)
            if self.arrays[count].index != index:
                return anchor_error(errors.INVALID_INPUT, "state/bin.rs:54")
        return None

    def _fault_of_two(self, needed: list[int]) -> ProgramError | None:
        if len(self.arrays) < 2:
            return refuse(self.invocation, self.refused, borrowed=self.in_use)
        lower, upper = self.arrays
        if lower.place != upper.place and self.accounts.key("bin_array_lower") == self.accounts.key("bin_array_upper"):
            return runtime_error("AccountBorrowFailed")
        if lower.index != needed[0] or upper.index != lower.index + 1:
            return anchor_error(errors.INVALID_INPUT, "state/bin.rs:54")
        return None

    def owner(self) -> Pubkey:
        """Return whose position it is."""
        return owner_of(self.accounts.data("position"))

    def check_receivers(self, owner: Pubkey, place: str) -> None:
        """Refuse to pay anybody but the owner when somebody else has asked.

        :arg place: File and line of the program's source.

        """
        for name, side in zip(("user_token_x", "user_token_y"), self.sides, strict=True):
            if self.accounts.key(name) != associated_token_account(owner, side.mint_key, side.program):
                raise anchor_error(errors.WRONG_TOKEN_ACCOUNT, place)

    def pay_in(self, amounts: Amounts) -> None:
        """Take both tokens from the sender."""
        for name, side, amount in self._legs(amounts):
            self.invocation.consume(units.before_transfer(is_token_2022=side.mint.is_token_2022, newer=self.newer))
            pay_in(self.invocation, side, self.accounts.key(name), self.accounts.key("sender"), amount)

    def pay_out(self, amounts: Amounts, *, skip_zero: bool) -> None:
        """Pay both tokens to the receiver.

        :arg skip_zero: Whether a transfer of nothing is left out.

        """
        for name, side, amount in self._legs(amounts):
            if amount or not skip_zero:
                self.invocation.consume(units.before_transfer(is_token_2022=side.mint.is_token_2022, newer=self.newer))
                pay_out(self.invocation, side, self.accounts.key(name), self.accounts.key("lb_pair"), amount)

    def _legs(self, amounts: Amounts) -> Iterable[tuple[str, Side, int]]:
        return zip(("user_token_x", "user_token_y"), self.sides, (amounts.x, amounts.y), strict=True)


def _holds(mint: str) -> Constraint:
    """Return the check that a user's account holds a mint's tokens."""
    name = mint.replace("token_", "user_token_").removesuffix("_mint")

    def check(accounts: Accounts) -> None:
        if Pubkey.from_bytes(accounts.data(name)[:32]) != accounts.key(mint):
            raise anchor_error(errors.TOKEN_MINT)

    return check


def add_liquidity2(invocation: Invocation) -> None:
    """Run `add_liquidity2`."""
    arguments = Arguments(invocation.data)
    amount_x, amount_y = arguments.take("QQ")
    shares = [BinShare(*row) for row in arguments.rows("iHH")]
    slices = arguments.slices()
    change = _Change(invocation, _DEPOSIT_2, slices, mints=True)
    place = "instructions/deposit/add_liquidity.rs"
    if not shares:
        raise anchor_error(errors.INVALID_INPUT, f"{place}:58")

    def deposit() -> LiquidityChange | LiquidityFailure:
        return liquidity.add_liquidity(
            change.state(), amount_x=amount_x, amount_y=amount_y, shares=shares, tokens=change.tokens, time=change.time
        )

    ascending = all(second.bin_id > first.bin_id for first, second in pairwise(shares))
    sums = (sum(share.share_x_bps for share in shares), sum(share.share_y_bps for share in shares))
    line = 73 if not ascending else 81 if sums[0] != _BASIS_POINTS else 86
    places = {errors.INVALID_INPUT: f"{place}:{line}", 6005: f"{place}:515"}
    _deposit(change, [share.bin_id for share in shares], deposit, places)


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
        change = _Change(invocation, _DEPOSIT_2 if newer else _DEPOSIT, slices, mints=True)

        def deposit() -> LiquidityChange | LiquidityFailure:
            return liquidity.add_liquidity_by_strategy(change.state(), wanted, tokens=change.tokens, time=change.time)

        places = {6004: "instructions/deposit/add_liquidity_by_strategy.rs:41"}
        if abs(int(change.pair["active_id"]) - active_id) <= slippage:
            if strategy in _ONE_SIDED:
                raise anchor_error(6054)
            if first > last:
                raise panic(invocation, "math/weight_to_amounts.rs:129:28", "attempt to subtract with overflow")
        _deposit(change, range(first, last + 1), deposit, places)

    return run


def _deposit(
    change: _Change,
    bins: Sequence[int],
    deposit: Callable[[], LiquidityChange | LiquidityFailure],
    places: Mapping[int, str],
) -> None:
    """Deposit, or end as the program would.

    :arg bins: Bins that take part, ascending.

    :arg deposit: What `dlmm` makes of it.

    :arg places: Lines of the program's source where it refuses a deposit, by code.

    """
    invocation, accounts = change.invocation, change.accounts
    try:
        done = deposit()
    except AccountError:  # an array or the extension was not given
        done = LiquidityFailure("BitmapExtensionAccountIsNotProvided", errors.EXTENSION_NOT_PROVIDED)
    if isinstance(done, LiquidityFailure) and done.code in _BEFORE_ARRAYS:
        raise anchor_error(done.code, places.get(done.code))
    fault = change.fault(bins)
    if fault is not None:
        raise fault
    if change.pair["status"] != ENABLED:
        place = "instructions/v2/add_liquidity2.rs:116" if change.newer else "instructions/deposit/add_liquidity.rs:229"
        raise anchor_error(errors.POOL_DISABLED, place)
    if bins[0] < change.lower:
        raise panic(
            invocation,
            "state/dynamic_position.rs:756:13",
            f"index out of bounds: the len is 70 but the index is {(bins[0] - change.lower) % (1 << 64)}",
        )
    if isinstance(done, LiquidityFailure):
        if done.code == errors.MATH_OVERFLOW:
            invocation.log(math_error("instructions/deposit/add_liquidity.rs:402"))
        if done.code is None:
            raise anchor_error(errors.INVALID_POSITION, "state/dynamic_position.rs:328")
        raise anchor_error(done.code, places.get(done.code))
    invocation.consume(units.deposited(bins, done))
    change.write(done.after)
    sender, position, pair = (accounts.key(name) for name in ("sender", "position", "lb_pair"))
    active_id = int(change.pair["active_id"])
    if done.composition_fee != NOTHING:
        events.emit(invocation, events.composition_fee(sender, active_id, done.composition_fee, done.protocol_fee))
    paid = NOTHING - done.user
    change.pay_in(paid)
    invocation.consume(units.BEFORE_LIQUIDITY_EVENT)
    events.emit(invocation, events.add_liquidity(pair, sender, position, paid, active_id))
    invocation.consume(units.END)


def remove_by_range(*, newer: bool) -> Program:
    """Return the program of `remove_liquidity_by_range`, or of its newer form."""

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        first, last, bps = arguments.take("iiH")
        slices = arguments.slices() if newer else []
        change = _Change(invocation, _WITHDRAWAL_2 if newer else _WITHDRAWAL, slices, mints=True)
        if change.operated:
            place = (
                "instructions/v2/remove_liquidity2.rs:91" if newer else "instructions/withdraw/remove_liquidity.rs:26"
            )
            change.check_receivers(change.owner(), place)
        source = "instructions/v2/remove_liquidity_by_range2.rs"
        if not change.lower <= first <= last <= change.upper:
            raise anchor_error(errors.INVALID_POSITION, f"{source}:16")
        if bps > _BASIS_POINTS:
            raise anchor_error(errors.INVALID_BPS, f"{source}:23")
        fault = change.fault(range(first, last + 1))
        if fault is not None:
            raise fault
        try:
            done = liquidity.remove_liquidity(
                change.state(), from_bin_id=first, to_bin_id=last, bps=bps, tokens=change.tokens, time=change.time
            )
        except AccountError as error:
            raise anchor_error(errors.EXTENSION_NOT_PROVIDED) from error
        assert isinstance(done, LiquidityChange)
        taken = NOTHING - done.vault
        invocation.consume(units.withdrawn(last - first + 1, done))
        if not newer and taken == NOTHING:
            raise anchor_error(errors.INVALID_INPUT, "instructions/withdraw/remove_liquidity.rs:127")
        change.write(done.after)
        change.pay_out(taken, skip_zero=not newer)
        accounts = change.accounts
        sender, position, pair = (accounts.key(name) for name in ("sender", "position", "lb_pair"))
        invocation.consume(units.BEFORE_LIQUIDITY_EVENT)
        events.emit(invocation, events.remove_liquidity(pair, sender, position, taken, int(change.pair["active_id"])))
        invocation.consume(units.END)

    return run


def claim(*, newer: bool) -> Program:
    """Return the program of `claim_fee`, or of its newer form."""

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        bounds = arguments.take("ii") if newer else ()
        slices = arguments.slices() if newer else []
        change = _Change(invocation, _CLAIM_2 if newer else _CLAIM, slices, mints=False)
        first, last = bounds or (change.lower, change.upper)
        receiver = _fee_owner(change)
        if receiver is not None:
            place = "instructions/v2/claim_fee2.rs:71" if newer else "instructions/claim_fee.rs:70"
            change.check_receivers(receiver, place)
        if first > last:
            raise anchor_error(errors.INVALID_INPUT, "instructions/v2/claim_fee2.rs:96")
        inside = range(max(first, change.lower), min(last, change.upper) + 1)
        reached = range(first, (inside.stop if first >= change.lower else first) + (last > change.upper))
        fault = change.fault(reached or range(first, first + 1))
        if fault is not None:
            raise fault
        if first < change.lower or last > change.upper:
            raise anchor_error(errors.INVALID_POSITION, "state/dynamic_position.rs:444")
        done = liquidity.claim_fees(
            change.state(), min_bin_id=first, max_bin_id=last, tokens=change.tokens, time=change.time
        )
        invocation.consume(units.claimed(last - first + 1))
        change.write(done.after)
        fees = NOTHING - done.vault
        change.pay_out(fees, skip_zero=True)
        accounts = change.accounts
        keys = (accounts.key("lb_pair"), accounts.key("position"), change.owner())
        invocation.consume(units.BEFORE_LIQUIDITY_EVENT)
        events.emit(invocation, events.claim_fee(*keys, fees))
        invocation.consume(units.BETWEEN_CLAIM_EVENTS)
        events.emit(invocation, events.claim_fee2(*keys, fees, int(change.pair["active_id"])))
        invocation.consume(units.END)

    return run


def _fee_owner(change: _Change) -> Pubkey | None:
    """Return whom the fees must go to, where it is not for the sender to say."""
    head = np.frombuffer(change.accounts.data("position"), POSITION, count=1)[0]
    named = Pubkey.from_bytes(head["fee_owner"].tobytes())
    if named != Pubkey.default():
        return named
    return change.owner() if change.operated else None
