"""What one pool puts at risk: X that is held, and Y that may still turn into X."""

from dlmm.jit import kernel
from operators.blocks import Fields, Rows


@kernel
def held(book: Fields) -> float:
    """Return the quote currency that X is worth at the market's price, in the wallet and in bin positions."""
    if book.is_open == 0:
        return 0.0
    # The sum of two 64-bit amounts may not fit into 64 bits, and a wrapped one would pass every limit.
    return float((float(book.base) + float(book.position_x)) * book.unit_x * book.price)


@kernel
def promised(book: Fields) -> float:
    """Return the quote currency that may turn into X: open buys, and Y in bins, which stands there as bids."""
    return float((float(book.reserved_quote) + float(book.position_y)) * book.unit_y)


@kernel
def exposure(book: Fields) -> float:
    """Return the quote currency at risk in one pool."""
    return float(held(book) + promised(book))


@kernel
def room(limits: Rows, books: Rows, pool: int) -> float:
    """Return the quote currency that may be put at risk beside what is, in a pool and altogether; at least nothing.

    :arg limits: `LIMITS` (1,).

    """
    total = 0.0
    for index in range(books.shape[0]):
        total += exposure(books[index])
    limit = limits[0]
    return float(max(min(limit.max_pool_exposure - exposure(books[pool]), limit.max_total_exposure - total), 0.0))
