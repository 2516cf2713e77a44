"""Compute units of the Meteora program, fitted to what it used in process.

What the calls of a program cost, the runtime and the called program say themselves; here stands the program's own.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from dlmm.meteora import failures
from dlmm.meteora.bitmap import swap_path
from dlmm.meteora.layout import BINS_PER_ARRAY
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.terms import supports_orders
from dlmm.records import Record, SwapQuote, SwapRequest

ENTRY, EACH_ACCOUNT = 970, 240
"""From the start of an instruction to the first check of an account: at least, and more for each account given."""

_TOKEN_ACCOUNT, _MINT, _OWN, _OTHER = 1_340, 684, 95, 40
READING: Mapping[str, int] = {
    "TOKEN": _TOKEN_ACCOUNT,
    "MINT": _MINT,
    **dict.fromkeys(("PAIR", "EXTENSION", "ORACLE", "POSITION", "BIN_ARRAY", "LIMIT_ORDER"), _OWN),
    **dict.fromkeys(("SIGNER", "ANY_TOKEN_PROGRAM", "TOKEN_PROGRAM", "MEMO_PROGRAM", "SYSTEM_PROGRAM"), _OTHER),
    **dict.fromkeys(("EVENT_AUTHORITY", "UNCHECKED", "NEW"), _OTHER),
}
"""What reading one account costs, by the name of its kind."""

CONSTRAINTS = 1_600
"""Looking at the constraints, most of it for the event authority's address."""

FAILURE = 1_600
"""Wording an error and logging it."""


class SwapUnits(Record, frozen=True):
    """What the older and the newer swaps use beside the walk.

    :arg exact_in: Before the walk and after it, until the first call.

    :arg exact_out: The same for an exact out.

    :arg before_first: Before the first transfer.

    :arg before_next: Before each further one.

    :arg before_swap: Before the event `Swap`, where that comes after the transfers; else part of the walk.

    :arg before_swap2: Before the event `Swap2Evt`.

    """

    exact_in: int
    exact_out: int
    before_first: int
    before_next: int
    before_swap: int
    before_swap2: int


OLDER = SwapUnits(16_919, 18_199, before_first=0, before_next=1_705, before_swap=2_295, before_swap2=2_146)
NEWER = SwapUnits(18_060, 19_623, before_first=1_554, before_next=1_740, before_swap=0, before_swap2=2_219)
SWAP_END = 895
TOKEN_2022_FIRST, TOKEN_2022_NEXT = 920, 1_285
"""More for a transfer of a Token-2022 mint: the first of a swap, and the others."""

_FOR_Y, _EXTENSION, _HOST, _TOKEN_2022 = 444, 615, 1_404, 581
_TRANSFER_FEE, _TRANSFER_FEE_EXACT_OUT = 581, 1_847
_ARRAY, _PASSED_ARRAY, _EMPTY_BIN, _FURTHER_BINS = 2_214, 105, 246, 196
_BIN_EXACT_IN, _BIN_EXACT_OUT, _BIN_FOR_Y, _BIN_HOST = 4_064, 5_176, -215, 686
_BIN_VARIABLE_FEE, _BIN_OF_BOTH = 1_400, 1_244

_FAILED_EARLY: Mapping[int, int] = {
    failures.INVALID_INPUT: 0,
    failures.POOL_DISABLED: -300,
    failures.MATH_OVERFLOW: 600,
}
_FAILED_IN_A_BIN: Mapping[int, int] = {
    failures.NO_AMOUNT_OUT: 10_000,
    failures.TYPE_CAST_FAILED: 10_000,
    failures.INSUFFICIENT_IN_AMOUNT: 5_000,
    failures.UNDETERMINED: 11_000,
}


def swap_units(
    frame: SwapUnits, pool: MeteoraPool, request: SwapRequest, quote: SwapQuote, passed: Sequence[int]
) -> int:
    """Estimate what a swap uses up to its first call.

    :arg pool: The pool before.

    :arg passed: Indices of the bin arrays that the instruction was given.

    """
    return _before_walk(frame, pool, request, len(passed)) + _walk(pool, request, quote.start_bin, quote.end_bin)


def failed_swap_units(
    code: int, frame: SwapUnits, pool: MeteoraPool, request: SwapRequest, passed: Sequence[int]
) -> int:
    """Estimate what a swap that fails without a call uses, but for the wording of its error.

    :arg code: The program's code for the failure.

    """
    base = frame.exact_in - 2_000
    if code in _FAILED_EARLY:
        return base + _FAILED_EARLY[code]
    if code in _FAILED_IN_A_BIN:
        return base + _FAILED_IN_A_BIN[code]
    # the walk ends before the first array that it needs and does not find among those that are left
    rest, reached = iter(passed), None
    for index in swap_path(pool.pair, pool.extension, swap_for_y=request.swap_for_y, count=len(passed)):
        if index not in rest:
            break
        reached = index
    if reached is None:
        return base + 2_000
    last = reached * BINS_PER_ARRAY if request.swap_for_y else (reached + 1) * BINS_PER_ARRAY - 1
    return base + 2_000 + _walk(pool, request, pool.active_id, last)


def _before_walk(frame: SwapUnits, pool: MeteoraPool, request: SwapRequest, passed: int) -> int:
    mints = (pool.mint_x, pool.mint_y)
    mint_in, mint_out = mints if request.swap_for_y else mints[::-1]
    fees = (mint_in.older_fee is not None) + (mint_out.older_fee is not None)
    return (
        (frame.exact_in if request.exact_in else frame.exact_out)
        + _FOR_Y * request.swap_for_y
        + _EXTENSION * len(pool.extension)
        + _HOST * request.host
        + _TOKEN_2022 * (mint_in.is_token_2022 + mint_out.is_token_2022)
        + (_TRANSFER_FEE if request.exact_in else _TRANSFER_FEE + _TRANSFER_FEE_EXACT_OUT) * fees
        + _PASSED_ARRAY * passed
    )


def _walk(pool: MeteoraPool, request: SwapRequest, start: int, end: int) -> int:
    """Estimate a walk between two bins, both included, by the bins of its arrays that hold something."""
    with_orders = bool(supports_orders(pool.pair))
    lowest, highest = min(start, end), max(start, end)
    arrays = bins = liquid = of_both = 0
    for array in pool.arrays:
        first = int(array["index"]) * BINS_PER_ARRAY
        rows = array["bins"][max(lowest - first, 0) : max(highest - first + 1, 0)]
        if not len(rows):
            continue
        own = rows["amount_y" if request.swap_for_y else "amount_x"] != 0
        orders = (rows["open_order"] | rows["processed_remaining"]) != 0
        orders &= with_orders & (rows["is_ask"] != request.swap_for_y)
        arrays, bins = arrays + 1, bins + len(rows)
        liquid += int(np.count_nonzero(own | orders))
        of_both += int(np.count_nonzero(own & orders))
    one = (_BIN_EXACT_IN if request.exact_in else _BIN_EXACT_OUT) + _BIN_FOR_Y * request.swap_for_y
    one += _BIN_HOST * request.host + _BIN_VARIABLE_FEE * bool(pool.pair["variable_fee_control"][0])
    walk = _ARRAY * arrays + _EMPTY_BIN * (bins - liquid) + one * liquid + _BIN_OF_BOTH * of_both
    return walk + _FURTHER_BINS * (liquid > 1)
