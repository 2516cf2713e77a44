"""`swap`: walk the bins, check the limit, move both tokens, tell every bin."""

from collections.abc import Iterator

from dlmm.saros.heap import DONE, HEAP_BYTES, NOT_FOUND, heap_used
from dlmm.saros.layout import BINS_PER_ARRAY
from dlmm.saros.walk import OUT_OF_MEMORY, TOO_LITTLE_OUT, TOO_MUCH_IN
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.saros import events
from sandbox.model.saros.accounts import SWAP, Accounts, read_accounts
from sandbox.model.saros.constraints import borrow_arrays, check_swap
from sandbox.model.saros.errors import anchor_error, out_of_memory, panic
from sandbox.model.saros.transfers import pay_in, pay_out, tokens_of
from sandbox.model.saros.units import FIRST_SWAP_EVENT_UNITS, SWAP_END_UNITS, SWAP_EVENT_UNITS, walk_units
from sandbox.model.saros.walk import Book, SwapOrder, Walk, swap_over

_EVENT_HEAP_BYTES = 591
_CLOCK_PLACE = "state/pair.rs:133:26"
_RATE_PLACE = "math/utils.rs:37:23"
_LAST_UPDATE = slice(131, 139)
_PLACES = {TOO_LITTLE_OUT: "instructions/swap.rs:177", TOO_MUCH_IN: "instructions/swap.rs:200"}


def run_swap(invocation: Invocation, order: SwapOrder) -> None:
    """Run `swap`.

    :raises ProgramError: The program's refusals, in its order.

    """
    accounts = read_accounts(invocation, SWAP)
    check_swap(accounts, swap_for_y=order.swap_for_y)
    indices = borrow_arrays(accounts)
    book = Book(
        pair=accounts.read("pair"),
        lower=accounts.read("bin_array_lower"),
        upper=accounts.read("bin_array_upper"),
        lower_index=indices.lower,
        tokens=tokens_of(accounts),
        extended_x=accounts.is_extended("token_mint_x"),
        extended_y=accounts.is_extended("token_mint_y"),
    )
    time = int(invocation.clock.unix_timestamp)
    walk = swap_over(book, order, time)
    invocation.consume(walk_units(book, order, walk, _walked(book, order, walk)))
    if walk.error not in (0, OUT_OF_MEMORY) or (walk.error and not walk.amount_in):
        last_update = int.from_bytes(book.pair[_LAST_UPDATE], "little")
        raise _refusal(invocation, walk.error, clock_is_behind=time < last_update)
    side_in, side_out = ("x", "y") if order.swap_for_y else ("y", "x")
    pay_in(accounts, side_in, walk.amount_in)
    pay_out(accounts, side_out, walk.reserve_out)
    accounts.write("pair", walk.pair)
    accounts.write("bin_array_lower", walk.lower)
    accounts.write("bin_array_upper", walk.upper)
    invocation.consume(FIRST_SWAP_EVENT_UNITS)
    for event in _told(accounts, book, order, walk):
        invocation.consume(SWAP_EVENT_UNITS)
        events.send(invocation, event)
    if walk.error:
        raise out_of_memory()
    invocation.consume(SWAP_END_UNITS)


def _refusal(invocation: Invocation, error: int, *, clock_is_behind: bool) -> ProgramError:
    if error == OUT_OF_MEMORY:
        return out_of_memory()
    if error < 0:
        place = _CLOCK_PLACE if clock_is_behind else _RATE_PLACE
        return panic(invocation, place, "attempt to subtract with overflow")
    return anchor_error(invocation, error, _PLACES.get(error))


def _told(accounts: Accounts, book: Book, order: SwapOrder, walk: Walk) -> Iterator[bytes]:
    """Give the events that the heap has room for."""
    pair = accounts.key("pair")
    for step in walk.steps[: _room(book, order, walk)].tolist():
        bin_id, accumulator, amount_in, amount_out, fee, protocol_fee = step
        yield events.bin_swap(
            pair,
            swap_for_y=order.swap_for_y,
            protocol_fee=protocol_fee,
            bin_id=bin_id,
            amount_in=amount_in,
            amount_out=amount_out,
            volatility_accumulator=accumulator,
            fee=fee,
        )


def _room(book: Book, order: SwapOrder, walk: Walk) -> int:
    """Return how many events the heap has room for."""
    bins = len(walk.steps)
    return bins if not walk.error else (HEAP_BYTES - _used(book, order, walk, DONE, bins)) // _EVENT_HEAP_BYTES + bins


def _walked(book: Book, order: SwapOrder, walk: Walk) -> int:
    """Return how many bins were walked before the heap was used up."""
    bins = len(walk.steps)
    if walk.error != OUT_OF_MEMORY or walk.amount_in:
        return bins
    fits = (count for count in range(1, bins + 1) if _used(book, order, walk, NOT_FOUND, count) > HEAP_BYTES)
    return next(fits, bins)


def _used(book: Book, order: SwapOrder, walk: Walk, end: int, bins: int) -> int:
    extended_in, extended_out = (
        (book.extended_x, book.extended_y) if order.swap_for_y else (book.extended_y, book.extended_x)
    )
    given, computed = (extended_in, extended_out) if order.exact_in else (extended_out, extended_in)
    mixed = book.tokens.mint_x.program != book.tokens.mint_y.program
    is_upper = walk.steps["bin_id"][:bins] // BINS_PER_ARRAY > book.lower_index
    used = heap_used(end, False, 2 * given + computed, mixed, bins, int(is_upper.sum()), bool(is_upper[0]))
    return int(used)
