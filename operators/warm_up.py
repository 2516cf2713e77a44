"""Compile or load every kernel before the first row that counts, so that no row waits for it."""

import msgspec
import numpy as np

from dlmm.records import SwapRequest
from operators.blocks import ROW, Block, Rows, split_by_pool
from operators.desk import Desk, DeskParams
from operators.ledger import open_books
from operators.paper_pools import PaperPools, clock_of
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams
from operators.strategies.interface import KernelStrategy


def warm_up(desk: DeskParams, portfolio: PortfolioParams) -> None:
    """Take a made-up row of each pool through a desk and a portfolio that are then thrown away.

    Strategies without a kernel have nothing to compile and are left out.
    """
    kernels = tuple(planned for planned in desk.strategies if isinstance(planned.strategy, KernelStrategy))
    desk = msgspec.structs.replace(desk, strategies=kernels)
    book = Portfolio(msgspec.structs.replace(portfolio, strategies=kernels))
    for pool, info in enumerate(desk.pools):
        ((_, rows),) = split_by_pool(_rows(pool, info), len(desk.pools))
        block = Block(pool=pool, slice_no=0, slice_blocks=len(desk.pools), is_last=True, rows=rows)
        book.take(Desk(pool, desk).walk(block))
    _swap_once(desk.pools, portfolio)


def _rows(pool: int, info: PoolInfo) -> Rows:
    rows = np.zeros(2, ROW)
    rows["seq"] = 2 * pool + 1, 2 * pool + 2
    rows["slot"] = rows["write_order"] = 1, 2
    rows["ts_event_ns"] = 1_000_000_000, 2_000_000_000
    rows["price"] = rows["liquidity"] = 1.0
    rows["pool"] = pool
    rows["active_id"] = info.zero_bin
    return rows


def _swap_once(pools: tuple[PoolInfo, ...], params: PortfolioParams) -> None:
    """Swap on a stand-in for one pool of each venue."""
    books = open_books(pools, {}, 1.0)
    stand_ins = PaperPools(pools, params.depth_bins)
    for pool in {info.venue: index for index, info in enumerate(pools)}.values():
        books[pool]["active_id"] = books[pool]["zero_bin"]
        books[pool]["liquidity"] = 1_000.0
        request = SwapRequest(exact_in=True, amount=1_000, swap_for_y=True, threshold=0)
        stand_ins.swap(pool, request, books[pool], clock_of(1, 1_000_000_000))
