"""One swap over a pair's two bin arrays, by the kernel that `dlmm.swap` runs, with everything that it tells.

`dlmm.swap.apply` gives a failing swap's code alone; the program has by then paid, and told some of its events.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.liquidity import PoolTokens
from dlmm.price import price_table
from dlmm.records import Record
from dlmm.saros.layout import BIN_ARRAY, BINS_PER_ARRAY, MIDDLE_BIN_ID, PAIR
from dlmm.saros.walk import EXTENDED_X, EXTENDED_Y, MIXED_PROGRAMS, RESULT, STEP, walk

_FIRST = np.zeros(1, np.int64)
_WINDOW_BINS = 2 * BINS_PER_ARRAY


class SwapOrder(Record, frozen=True):
    """What `swap` asks for, in raw units as the user sees them.

    :arg amount: What goes in, or what shall come out.

    :arg threshold: Least amount out for exact in, most amount in for exact out.

    """

    amount: int
    threshold: int
    swap_for_y: bool
    exact_in: bool


class Book(Record, frozen=True):
    """The accounts that a swap reads and writes.

    :arg lower_index: Index of the lower bin array; the upper one is its neighbour.

    :arg extended_x: Whether mint X has Token-2022 extensions, which cost the program heap.

    """

    pair: bytes
    lower: bytes
    upper: bytes
    lower_index: int
    tokens: PoolTokens
    extended_x: bool
    extended_y: bool


class Walk(Record, frozen=True):
    """What a swap does.

    :arg error: 0, the program's code, or a negative number as in `dlmm.records.QUOTE`.

    :arg amount_in: What leaves the user's account; of a failing swap, what had left it by then.

    :arg reserve_out: What leaves the pair's vault.

    :arg steps: One `STEP` for each bin in walking order, of a failing swap too.

    :arg pair: The accounts afterwards, where nothing failed.

    """

    error: int
    amount_in: int
    reserve_out: int
    steps: NDArray[np.void]
    pair: bytes
    lower: bytes
    upper: bytes


def swap_over(book: Book, order: SwapOrder, timestamp: int) -> Walk:
    """Swap over a pair's two bin arrays.

    :arg timestamp: Unix time of the Clock sysvar.

    """
    pair = np.frombuffer(bytearray(book.pair), PAIR)
    arrays = np.frombuffer(bytearray(book.lower + book.upper), BIN_ARRAY)
    tokens = book.tokens
    mint_in, mint_out = (tokens.mint_x, tokens.mint_y) if order.swap_for_y else (tokens.mint_y, tokens.mint_x)
    limits = (order.threshold, *mint_in.fee_terms(tokens.epoch), *mint_out.fee_terms(tokens.epoch))
    first_priced = (int(pair["active_id"][0]) // BINS_PER_ARRAY - 1) * BINS_PER_ARRAY
    mixed = tokens.mint_x.program != tokens.mint_y.program
    results, steps = np.zeros(1, RESULT), np.zeros(_WINDOW_BINS, STEP)
    walk(
        pair,
        arrays,
        price_table(first_priced - MIDDLE_BIN_ID, 3 * BINS_PER_ARRAY, int(pair["bin_step"][0])),
        (book.lower_index, book.lower_index + 1),
        EXTENDED_X * book.extended_x + EXTENDED_Y * book.extended_y + MIXED_PROGRAMS * mixed,
        order.exact_in,
        order.swap_for_y,
        timestamp,
        np.array(limits, np.uint64),
        np.array((order.amount,), np.uint64),
        _FIRST,
        results,
        steps,
        True,
    )
    done = results[0]
    lower, upper = (array.tobytes() for array in arrays)
    return Walk(
        error=int(done["error"]),
        amount_in=int(done["amount_in"]),
        reserve_out=int(done["reserve_out"]),
        steps=steps[: int(done["bins"])],
        pair=pair.tobytes(),
        lower=lower,
        upper=upper,
    )
