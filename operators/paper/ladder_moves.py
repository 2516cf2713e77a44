"""A ladder that lands where no bins are recorded: the old one closed, the new one placed, both booked, to the unit.

Where the new one cannot be placed, the old one is closed all the same: they are transactions of their own.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.price import MAX_EXPONENT
from dlmm.wide import U64, signed
from operators.blocks import Fields, Rows
from operators.books.accounts import NOBODY
from operators.orders.records import ACTIVE_MOVED, BALANCE, NO_BINS, NO_RULE, POOL_UNUSABLE
from operators.paper.ladder_spreads import Parts, spread
from operators.paper.synthetic import MOST_BINS, SYNTHETIC, worth
from operators.positions.bin_conversions import convert, free_of, leave_bins
from operators.positions.bin_positions import MOST_UNITS

LADDER_TERMS = np.dtype(
    [
        ("rate", "u8"),  # as in SYNTHETIC
        ("protocol_share", "u8"),
        ("compounds", "i8"),
        ("spread_bins", "i8"),
        ("zero_bin", "i8"),  # bin whose raw price is 1
        ("least_bins", "i8"),  # of a position of the pool's program
    ]
)

NOWHERE = -1
"""In place of a pool: the record is free for a position to come."""

FREE = np.zeros(1, SYNTHETIC)
FREE["pool"] = NOWHERE
FREE.flags.writeable = False

_MOST = U64(MOST_UNITS)
_ZERO = U64(0)
_ONE = U64(1)


@kernel
def _hold(pool: int, positions: Rows, held: NDArray[np.uint64]) -> bool:
    """Add up what the positions of each strategy in a pool hold, and tell whether books can count it.

    :arg held: Raw X and Y, (strategies + 1, 2), where the last record is `NOBODY`'s.

    """
    held[:] = _ZERO
    for place in range(positions.shape[0]):
        if positions[place].pool != pool:
            continue
        strategy, x, y = worth(positions, place)
        held[strategy, 0] += min(x, _MOST + _ONE)
        held[strategy, 1] += min(y, _MOST + _ONE)
        if held[strategy, 0] > _MOST or held[strategy, 1] > _MOST:
            return False
    return True


@kernel
def _book(pool: int, held: NDArray[np.uint64], books: Rows, accounts: Rows) -> None:
    """Take over what the positions of each strategy in a pool hold."""
    last = accounts.shape[0] - 1
    for place in range(last + 1):
        account = accounts[place, pool]
        x, y = signed(held[place, 0]) - account.position_x, signed(held[place, 1]) - account.position_y
        if x != 0 or y != 0:
            convert(books[pool], accounts, place if place < last else NOBODY, pool, x, y)


@kernel
def _copy(positions: Rows, source: int, target: int) -> None:
    """Copy one position over another, field by field: a record as a whole is too large a value for the compiler."""
    old, new = positions[source], positions[target]
    new.position, new.pool, new.strategy = old.position, old.pool, old.strategy
    new.lower, new.upper, new.active_id = old.lower, old.upper, old.active_id
    new.fee_x, new.fee_y = old.fee_x, old.fee_y
    new.rate, new.protocol_share = old.rate, old.protocol_share
    new.compounds, new.spread_bins = old.compounds, old.spread_bins
    for index in range(MOST_BINS):
        new.x[index], new.y[index] = old.x[index], old.y[index]
        new.price_low[index], new.price_high[index] = old.price_low[index], old.price_high[index]


@kernel
def _close(positions: Rows, place: int, books: Rows, accounts: Rows) -> int:
    """Take all out of a position, fees included, and book it; return where the record is that is free then.

    Those of its pool that were opened later keep their order, and come before that record.
    """
    pool = positions[place].pool
    strategy, x, y = worth(positions, place)
    leave_bins(pool, strategy, signed(x), signed(y), books, accounts)
    for later in range(place + 1, positions.shape[0]):
        if positions[later].pool == pool:
            _copy(positions, later, place)
            place = later
    positions[place].position = 0
    positions[place].pool = NOWHERE
    return place


@kernel
def _has_price(exponent: int, price: NDArray[np.uint64]) -> bool:
    return abs(exponent) <= MAX_EXPONENT and (price[0] != _ZERO or price[1] != _ZERO)


@kernel
def _open(position: Fields, order: Fields, active_id: int, terms: Fields, prices: NDArray[np.uint64]) -> None:
    """Make a free record the order's position; its tokens are there already."""
    position.position = order.order
    position.pool = order.pool
    position.strategy = order.strategy
    position.lower = order.lower
    position.upper = order.upper
    position.active_id = active_id
    position.fee_x = 0
    position.fee_y = 0
    position.rate = terms.rate
    position.protocol_share = terms.protocol_share
    position.compounds = terms.compounds
    position.spread_bins = terms.spread_bins
    count = order.upper - order.lower + 1
    for index in range(MOST_BINS):
        position.price_low[index] = prices[index, 0] if index < count else _ZERO
        position.price_high[index] = prices[index, 1] if index < count else _ZERO


@kernel
def _place(
    order: Fields,
    position: Fields,
    terms: Fields,
    prices: NDArray[np.uint64],
    parts: Parts,
    books: Rows,
    accounts: Rows,
) -> tuple[int, float, float]:
    """Place a ladder with what there is; return the rule by which that is impossible, its figure and its bound."""
    pool, strategy, book = order.pool, order.strategy, books[order.pool]
    free_x, free_y = free_of(strategy, pool, books, accounts)
    amount_x = min(order.amount_x, max(free_x + order.amount_x, 0))  # what it had set aside is its own
    amount_y = min(order.amount_y, max(free_y + order.amount_y, 0))
    if amount_x == 0 and amount_y == 0:
        needs = order.amount_x * book.unit_x
        return BALANCE, needs if needs != 0.0 else order.amount_y * book.unit_y, 0.0
    lower, upper, zero = int(order.lower), int(order.upper), terms.zero_bin
    count = upper - lower + 1
    if not terms.least_bins <= count <= MOST_BINS:
        return NO_BINS, float(book.active_id), 0.0
    if not (_has_price(lower - zero, prices[0]) and _has_price(upper - zero, prices[count - 1])):
        return NO_BINS, float(book.active_id), 0.0
    bins = (lower, int(order.bid_upper), int(order.ask_lower), upper)
    position.x[:] = _ZERO
    position.y[:] = _ZERO
    active_then = order.other_min_out
    rule = spread(bins, amount_x, amount_y, active_then, book.active_id, parts, position.x, position.y)
    if rule != NO_RULE:
        return rule, float(book.active_id), float(active_then) if rule == ACTIVE_MOVED else 0.0
    _open(position, order, book.active_id, terms, prices)
    leave_bins(pool, strategy, -amount_x, -amount_y, books, accounts)
    return NO_RULE, 0.0, 0.0


@kernel
def move_ladder(
    order: Fields,
    positions: Rows,
    old: int,
    terms: Rows,
    prices: NDArray[np.uint64],
    parts: Parts,
    books: Rows,
    accounts: Rows,
) -> tuple[bool, bool]:
    """Let an order of action `REBALANCE` land; where it fails, it names the rule.

    :arg positions: `SYNTHETIC` array of all pools.

    :arg old: Where among them the position stands that it closes; a free record where it closes none.

    :arg terms: `LADDER_TERMS` (pools,).

    :arg prices: Of the bins from the order's lowest up, `MOST_BINS` of them, as `dlmm.price.price_table` has them.

    :arg parts: Of the order's bins.

    :returns: Whether the new ladder stands, and whether books could count what the pool's positions hold. Where they
        could not before, nothing was done.

    """
    pool = order.pool
    held = np.empty((accounts.shape[0], 2), np.uint64)
    if not _hold(pool, positions, held):
        order.rule = POOL_UNUSABLE
        order.figure = 0.0
        order.bound = 0.0
        return False, False
    place = _close(positions, old, books, accounts) if positions[old].pool != NOWHERE else old
    rule, figure, bound = _place(order, positions[place], terms[pool], prices, parts, books, accounts)
    if rule != NO_RULE:
        order.rule = rule
        order.figure = figure
        order.bound = bound
    is_countable = _hold(pool, positions, held)
    if is_countable:
        _book(pool, held, books, accounts)
    return rule == NO_RULE, is_countable
