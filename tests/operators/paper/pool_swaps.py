"""Swap on the pools of a paper venue as the walk does: put at hand what is missing, then ask the kernel."""

import numpy as np

from dlmm.records import ANSWER, Clock, SwapRequest
from operators.blocks import Rows
from operators.books.ledger import LEDGER
from operators.paper.pools import PaperPools
from operators.paper.pools_at_hand import is_at_hand, swap


def swap_on(pools: PaperPools, pool: int, request: SwapRequest, books: Rows, clock: Clock) -> np.void:
    """Swap on the pool as the books' last row of it left it, and return an `ANSWER` record."""
    answer, ledger = np.zeros(1, ANSWER), np.zeros(1, LEDGER)
    ledger["slot"], ledger["ts_event_ns"] = clock.slot, clock.unix_timestamp * 10**9
    at_hand = pools.standing, pools.ways
    if not is_at_hand(pool, clock.slot, books, *at_hand):
        pools.hold(pool, books, clock.slot)
        assert is_at_hand(pool, clock.slot, books, *at_hand), "what was put at hand is there"
    amounts = np.uint64(request.amount), np.uint64(request.threshold)
    swap(pool, request.swap_for_y, request.exact_in, *amounts, ledger[0], *at_hand, answer)
    told: np.void = answer[0]
    return told
