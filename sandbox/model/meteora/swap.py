"""The program's four swaps, host fee included."""

from collections.abc import Mapping

import msgspec
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.fees import fee_on_net
from dlmm.meteora import failures
from dlmm.meteora import swap as arithmetic
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.terms import FEE_ALWAYS_IN_Y
from dlmm.records import MAX_U64, Account, Clock, Record, SwapFailure, SwapQuote, SwapRequest
from dlmm.wide import U64
from sandbox.model.invocation import Invocation, Program, ProgramError
from sandbox.model.meteora import errors, events, units
from sandbox.model.meteora.accounts import Accounts, Field, Kind
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.arrays import PassedArray, array_places, passed_arrays, refuse
from sandbox.model.meteora.errors import account_error, anchor_error, math_error, runtime_error
from sandbox.model.meteora.oracle import observed
from sandbox.model.meteora.tokens import Side, pay_in, pay_out, sides

_HOOK_KINDS = 2
_AMOUNTS = "QQ"
_NOWHERE = 1 << 62
_PLACES: Mapping[int, str] = {
    failures.INVALID_INPUT: "instructions/v2/swap2.rs:598",
    failures.NO_AMOUNT_OUT: "instructions/v2/swap2.rs:785",
    failures.INSUFFICIENT_IN_AMOUNT: "state/bin.rs:400",
    failures.UNDETERMINED: "state/bin.rs:417",
}
"""Where the program's log says that it gave up, for the failures that it gives a place."""


class SwapKind(Record, frozen=True):
    """Which of the four swaps an instruction is.

    :arg exact_in: Whether the first argument is what goes in, the second the least that comes out; else the most that
        goes in and what comes out.

    :arg newer: Whether tokens of both token programs are taken, and the first event comes before the transfers.

    :arg places: Where the program gives up: on a pool that is disabled, when the threshold is missed, and on an exact
        out that the highest amount in does not buy.

    """

    name: str
    exact_in: bool
    newer: bool
    places: tuple[str, str, str]


_OLDER_DISABLED, _NEWER_DISABLED = "instructions/swap.rs:275", "instructions/v2/swap2.rs:318"
KINDS = (
    SwapKind("swap", exact_in=True, newer=False, places=(_OLDER_DISABLED, "instructions/swap.rs:219", "")),
    SwapKind("swap2", exact_in=True, newer=True, places=(_NEWER_DISABLED, "instructions/v2/swap2.rs:261", "")),
    SwapKind(
        "swap_exact_out",
        exact_in=False,
        newer=False,
        places=(_OLDER_DISABLED, "instructions/swap.rs:219", "instructions/swap.rs:194"),
    ),
    SwapKind(
        "swap_exact_out2",
        exact_in=False,
        newer=True,
        places=(_NEWER_DISABLED, "instructions/v2/swap2.rs:261", "instructions/v2/swap2.rs:235"),
    ),
)


def _fields(*, newer: bool) -> tuple[Field, ...]:
    program = Kind.ANY_TOKEN_PROGRAM if newer else Kind.TOKEN_PROGRAM
    return (
        Field(
            "lb_pair",
            Kind.PAIR,
            is_mut=True,
            relations=("reserve_x", "reserve_y", "token_x_mint", "token_y_mint", "oracle"),
        ),
        Field("bin_array_bitmap_extension", Kind.EXTENSION, is_mut=True, is_optional=True, relations=("lb_pair",)),
        Field("reserve_x", Kind.TOKEN, is_mut=True),
        Field("reserve_y", Kind.TOKEN, is_mut=True),
        Field("user_token_in", Kind.TOKEN, is_mut=True),
        Field("user_token_out", Kind.TOKEN, is_mut=True),
        Field("token_x_mint", Kind.MINT),
        Field("token_y_mint", Kind.MINT),
        Field("oracle", Kind.ORACLE, is_mut=True),
        Field("host_fee_in", Kind.TOKEN, is_mut=True, is_optional=True),
        Field("user", Kind.SIGNER),
        Field("token_x_program", program),
        Field("token_y_program", program),
        *((Field("memo_program", Kind.MEMO_PROGRAM),) if newer else ()),
        Field("event_authority", Kind.EVENT_AUTHORITY),
        Field("program", Kind.UNCHECKED),
    )


_OLDER_FIELDS, _NEWER_FIELDS = _fields(newer=False), _fields(newer=True)


class _Swap:
    """One swap while it runs: its accounts, and the pool as they make it."""

    def __init__(self, invocation: Invocation, kind: SwapKind) -> None:
        arguments = Arguments(invocation.data)
        first, second = arguments.take(_AMOUNTS)
        slices = arguments.slices() if kind.newer else []
        self.invocation, self.kind = invocation, kind
        self.frame = units.NEWER if kind.newer else units.OLDER
        self.accounts = accounts = Accounts(invocation, _NEWER_FIELDS if kind.newer else _OLDER_FIELDS)
        accounts.constrain(user_token_in=self._check_in, user_token_out=self._check_out)
        self.swap_for_y = _mint_of(accounts, "user_token_in") == accounts.key("token_x_mint")
        self.in_use = [accounts.key("lb_pair"), accounts.key("oracle")]
        places = array_places(invocation, slices, accounts.remaining.start, kinds=_HOOK_KINDS)
        pair = accounts.key("lb_pair")
        self.arrays, self.refused = passed_arrays(invocation, places, pair=pair)
        self.request = SwapRequest(
            exact_in=kind.exact_in,
            amount=first if kind.exact_in else second,
            swap_for_y=self.swap_for_y,
            # what comes out is compared after the transfers, as the program does
            threshold=0 if kind.exact_in else first,
            host=accounts.has("host_fee_in"),
            arrays=self._walked(self.arrays, self.refused),
        )
        self.threshold = second if kind.exact_in else first
        clock = invocation.clock
        self.clock = Clock(clock.slot, clock.unix_timestamp, clock.epoch)

    def _check_in(self, accounts: Accounts) -> None:
        mints = (accounts.key("token_x_mint"), accounts.key("token_y_mint"))
        given = _mint_of(accounts, "user_token_in")
        if given not in mints or given == _mint_of(accounts, "user_token_out"):
            raise account_error(self.invocation, errors.INVALID_TOKEN_MINT, "user_token_in")

    def _check_out(self, accounts: Accounts) -> None:
        if _mint_of(accounts, "user_token_out") not in (accounts.key("token_x_mint"), accounts.key("token_y_mint")):
            raise account_error(self.invocation, errors.INVALID_TOKEN_MINT, "user_token_out")

    @staticmethod
    def _walked(arrays: list[PassedArray], refused: int | None) -> tuple[int, ...]:
        """Name the arrays as the walk shall meet them; one that the program refuses is one that does not exist."""
        indices = [array.index for array in arrays]
        return (*indices, _NOWHERE) if refused is not None else tuple(indices)

    def pool(self) -> MeteoraPool:
        """Read the pool; its vaults' balances are the token program's to check."""
        invocation, accounts = self.invocation, self.accounts
        places = [
            accounts.places[name]
            for name in ("lb_pair", "bin_array_bitmap_extension", "token_x_mint", "token_y_mint")
            if accounts.has(name)
        ]
        places += {array.index: array.place for array in reversed(self.arrays)}.values()
        held = {
            str(invocation.key(place)): Account(str(invocation.owner(place)), invocation.read(place))
            for place in places
        }
        try:
            return MeteoraPool.from_accounts(str(accounts.key("lb_pair")), held)
        except AccountError as error:
            raise runtime_error("InvalidAccountData") from error

    def run(self) -> None:
        """Swap, or end as the program would."""
        pool, frame = self.pool(), self.frame
        done = arithmetic.apply(pool, self.request, self.clock)
        if isinstance(done, SwapFailure) and done.code == failures.SLIPPAGE:
            # an exact out that costs too much is refused after it is paid
            done = arithmetic.apply(pool, msgspec.structs.replace(self.request, threshold=MAX_U64), self.clock)
        if isinstance(done, SwapFailure):
            raise self._failed(done, pool)
        quote, after = done
        self.accounts.use(units.swap_units(frame, pool, self.request, quote, [array.index for array in self.arrays]))
        self._write(pool, after)
        self._pay(pool, quote)
        missed = quote.amount_out < self.threshold if self.request.exact_in else quote.amount_in > self.threshold
        if missed:
            raise anchor_error(errors.SLIPPAGE, self.kind.places[1])

    def _write(self, before: MeteoraPool, after: MeteoraPool) -> None:
        invocation = self.invocation
        accounts = after.to_accounts()
        places = [self.accounts.places["lb_pair"], *(array.place for array in self.arrays)]
        if self.accounts.has("bin_array_bitmap_extension"):
            places.append(self.accounts.places["bin_array_bitmap_extension"])
        for place in places:
            changed = accounts.get(str(invocation.key(place)))
            if changed is not None:
                invocation.write(place, changed.data)
        oracle = self.accounts.places["oracle"]
        time = self.clock.unix_timestamp
        invocation.write(oracle, observed(invocation.read(oracle), active_id=before.active_id, time=time))

    def _pay(self, pool: MeteoraPool, quote: SwapQuote) -> None:
        """Move the tokens and send the events, in the order of the instruction."""
        invocation, accounts = self.invocation, self.accounts
        pair, user = accounts.key("lb_pair"), accounts.key("user")
        event = events.swap(pair, user, self.request, quote)
        frame, more = self.frame, units.TOKEN_2022_NEXT
        if self.kind.newer:
            events.emit(invocation, event)
        entering, leaving = self._sides(pool)
        invocation.consume(frame.before_first + units.TOKEN_2022_FIRST * entering.mint.is_token_2022)
        source, target = accounts.key("user_token_in"), accounts.key("user_token_out")
        pay_in(invocation, entering, source, user, quote.amount_in)
        if quote.host_fee:
            side = entering if quote.fee_on_input else leaving
            invocation.consume(frame.before_next + more * side.mint.is_token_2022)
            host = accounts.key("host_fee_in")
            pay_out(invocation, side, host, pair, quote.host_fee)
        invocation.consume(frame.before_next + more * leaving.mint.is_token_2022)
        pay_out(invocation, leaving, target, pair, events.sent_out(quote))
        if not self.kind.newer:
            invocation.consume(frame.before_swap)
            events.emit(invocation, event)
        invocation.consume(frame.before_swap2)
        events.emit(invocation, events.swap2(pair, user, self.request, quote, self._left(pool, quote)))
        invocation.consume(units.SWAP_END)

    def _sides(self, pool: MeteoraPool) -> tuple[Side, Side]:
        x, y = sides(self.accounts, (pool.mint_x, pool.mint_y))
        return (x, y) if self.swap_for_y else (y, x)

    def _left(self, pool: MeteoraPool, quote: SwapQuote) -> int:
        """Return what of the highest amount in was not needed, as it would arrive in the vault."""
        if self.request.exact_in:
            return 0
        mint = pool.mint_x if self.swap_for_y else pool.mint_y
        needed = quote.reserve_in + (quote.host_fee if quote.fee_on_input else 0)
        return max(mint.excluded(self.request.threshold, self.clock.epoch) - needed, 0)

    def _failed(self, failure: SwapFailure, pool: MeteoraPool) -> ProgramError:
        invocation, code = self.invocation, failure.code
        if code is None:  # the walk is longer than any transaction's budget
            invocation.consume(invocation.remaining + 1)
        assert code is not None
        if code == failures.NOT_EXACT_AMOUNT_OUT:
            self._spend_all(pool)
            return anchor_error(code, self.kind.places[2])
        passed = [array.index for array in self.arrays]
        self.accounts.use(units.failed_swap_units(code, self.frame, pool, self.request, passed))
        match code:
            case failures.ARRAY_NOT_INITIALISED:
                return refuse(invocation, self.refused, borrowed=self.in_use)
            case failures.NOT_ENOUGH_ARRAYS:
                return refuse(invocation, None, borrowed=self.in_use)
            case failures.POOL_DISABLED:
                return anchor_error(code, self.kind.places[0])
            case failures.MATH_OVERFLOW:
                self._explain_overflow(pool)
            case failures.TYPE_CAST_FAILED if self._is_too_much(pool):
                invocation.log(math_error("math/utils_math.rs:43"))
        return anchor_error(code, _PLACES.get(code))

    def _spend_all(self, pool: MeteoraPool) -> None:
        """Swap what the highest amount in buys, which is not the amount out that was asked for."""
        spent = SwapRequest(
            exact_in=True,
            amount=self.threshold,
            swap_for_y=self.swap_for_y,
            threshold=0,
            host=self.request.host,
            arrays=self.request.arrays,
        )
        done = arithmetic.apply(pool, spent, self.clock)
        if not isinstance(done, SwapFailure):
            passed = [array.index for array in self.arrays]
            self.accounts.use(units.swap_units(self.frame, pool, self.request, done[0], passed))
            self._pay(pool, done[0])

    def _explain_overflow(self, pool: MeteoraPool) -> None:
        """Log the place where the program logs one: the fading of the volatility, which fails whatever the amount."""
        least = SwapRequest(exact_in=True, amount=1, swap_for_y=self.swap_for_y, threshold=0)
        alone = arithmetic.quote(pool, least, self.clock)
        if isinstance(alone, SwapFailure) and alone.code == failures.MATH_OVERFLOW:
            self.invocation.log(math_error("state/parameters.rs:160"))

    def _is_too_much(self, pool: MeteoraPool) -> bool:
        """Tell whether the amount out that is asked for fits no 64 bits with its fee, which fails with a place."""
        if self.request.exact_in or not self.swap_for_y or pool.pair["collect_fee_mode"][0] != FEE_ALWAYS_IN_Y:
            return False
        fee, fits = fee_on_net(U64(self.request.amount), U64(pool.fee_rate))
        return not fits or self.request.amount + int(fee) > MAX_U64


def swapper(kind: SwapKind) -> Program:
    """Return the program that runs one of the four swaps."""

    def run(invocation: Invocation) -> None:
        _Swap(invocation, kind).run()

    return run


def _mint_of(accounts: Accounts, name: str) -> Pubkey:
    return Pubkey.from_bytes(accounts.data(name)[:32])
