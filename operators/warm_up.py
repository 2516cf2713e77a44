"""Compile or load every kernel before the first row that counts, so that no row waits for it."""

import msgspec
import numpy as np

from dlmm.shapes import Shape
from dlmm.struct_arrays import copied
from dlmm.wide import U64
from operators.blocks import OPEN, REBALANCE, REPORT, ROW, SIGNAL, TAKE, AccountWrite, Block, Rows, split_by_pool
from operators.books.accounts import move, open_accounts
from operators.books.ledger import LEDGER, open_books
from operators.books.sizing import VENUE
from operators.desk import Desk, DeskParams
from operators.orders.blank_orders import BLANK, number_first
from operators.orders.command_gate import value
from operators.orders.execution_reports import (
    REPORT_OWNER,
    ExecutionReport,
    OperatorCommand,
    TokenChange,
    WalletReport,
    encode_report,
)
from operators.orders.execution_reports import Report as Told
from operators.orders.order_table import CURSOR
from operators.orders.records import ORDER
from operators.orders.walk import send_route
from operators.paper.conversion import passed
from operators.paper.pools import PaperPools
from operators.paper.pools_at_hand import missing_among
from operators.paper.spreading import PaperLadder, spread_ladder
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams
from operators.positions.bin_conversions import convert, earn, free_of, leave_bins
from operators.routes.legs import route_tokens
from operators.routes.route_orders import pools_through
from operators.strategies.interface import GroupStrategy, KernelStrategy, PlannedStrategy, Policy
from operators.strategies.ladder_making import LadderMaking
from operators.strategies.runner import KernelRunner, run
from operators.strategies.swap_quotes import SwapQuotes

_loaded: set[tuple[frozenset[object], ...]] = set()
"""What kernels this process has: those of which strategies, for pools of which venues and which estimator."""


def warm_up(desk: DeskParams, portfolio: PortfolioParams) -> None:
    """Take a made-up row of each pool through a desk and a portfolio that are then thrown away.

    Strategies without a kernel have nothing to compile and are left out. What a process has loaded it keeps: a sweep's
    worker warms up for the first of its runs alone.
    """
    strategies = frozenset(type(planned.strategy) for planned in desk.strategies)
    wanted = (strategies, frozenset(info.venue for info in desk.pools), frozenset([desk.volatility.estimator]))
    if wanted in _loaded:
        return
    kernels = tuple(
        planned for planned in desk.strategies if isinstance(planned.strategy, KernelStrategy | GroupStrategy)
    )
    desk = msgspec.structs.replace(desk, strategies=kernels)
    book = Portfolio(msgspec.structs.replace(portfolio, strategies=kernels))
    for pool, info in enumerate(desk.pools):
        ((_, rows),) = split_by_pool(_rows(pool, info), len(desk.pools))
        block = Block(pool=pool, slice_no=0, slice_blocks=len(desk.pools), is_last=True, rows=rows)
        book.take(Desk(pool, desk).walk(block))
    _hold_once(desk.pools, portfolio)
    _turn_once(desk.pools, portfolio.strategies)
    _lay_once(portfolio)
    _loaded.add(wanted)


def warm_up_settlement(portfolio: PortfolioParams) -> None:
    """Take a made-up wallet, a swap that lands and is taken back, one that fails and a stop through such a portfolio.

    What a report sets in motion is compiled apart from what a row does.

    """
    pools = tuple(
        msgspec.structs.replace(info, mint_x=info.mint_x or f"x{index}", mint_y=info.mint_y or "y")
        for index, info in enumerate(portfolio.pools)
    )
    quoting = PlannedStrategy(SwapQuotes(), frozenset(range(len(pools))), Policy())
    book = Portfolio(msgspec.structs.replace(portfolio, pools=pools, strategies=(quoting,), follows_reports=True))
    info = pools[0]
    tokens = (TokenChange(info.mint_x, 1_000_000_000), TokenChange(info.mint_y, 1_000_000_000))
    wallet = WalletReport("opening", "", 1, 1_000_000_000, tokens, (), 1)
    bought = TokenChange(info.mint_x, 900), TokenChange(info.mint_y, -1_000)
    undone = tuple([TokenChange(change.mint, -change.amount) for change in bought])
    told: dict[int, Told] = {
        0: wallet,
        3: ExecutionReport(1, 0, "landed", True, 2, changes=bought),
        4: ExecutionReport(1, 0, "undone", False, 2, changes=undone, number=1),
        5: ExecutionReport(2, 0, "failed", True, 3),
        6: OperatorCommand("stop", ""),
    }
    bid = 2.0 * 10.0 ** (info.decimals_x - info.decimals_y)  # twice the price of the bin in which raw units are equal
    wished = {1: TAKE, 2: TAKE, 3: OPEN}
    for number in range(7):
        rows = _rows(0, info)
        rows["seq"], rows["slot"] = (2 * number + 1, 2 * number + 2), number + 1
        rows["liquidity"] = 1e6
        writes: tuple[AccountWrite, ...] = ()
        if number in told:
            rows["kind"][0], rows["price"][0] = REPORT, np.nan
            writes = (AccountWrite(2 * number + 1, "", REPORT_OWNER, encode_report(told[number])),)
        wishes = np.zeros(1 if number in wished else 0, SIGNAL)
        wishes["seq"], wishes["kind"] = 2 * number + 2, wished.get(number, 0)
        wishes["bid"], wishes["ask"], wishes["upper"] = bid, np.nan, 1
        wishes["bid_size"] = 1_000_000 * 10.0**-info.decimals_y / bid
        book.take(Block(0, number, 1, number == 6, rows, writes, signals=wishes))
    book.restore(book.snapshot())


def _rows(pool: int, info: PoolInfo) -> Rows:
    rows = np.zeros(2, ROW)
    rows["seq"] = 2 * pool + 1, 2 * pool + 2
    rows["slot"] = rows["write_order"] = 1, 2
    rows["ts_event_ns"] = 1_000_000_000, 2_000_000_000
    rows["price"] = rows["liquidity"] = 1.0
    rows["pool"] = pool
    rows["active_id"] = info.zero_bin
    return rows


def _turn_once(pools: tuple[PoolInfo, ...], strategies: tuple[PlannedStrategy, ...]) -> None:
    """Turn a token in a bin, and book it; ask for what a ladder in recorded bins, and every command, asks for."""
    books, accounts = open_books(pools, {}, 1.0), open_accounts(strategies, pools)
    passed(U64(1), U64(1), U64(0), True, U64(0), U64(0))  # a kernel takes no keywords
    move(accounts, 0, 0, 1, 1)
    convert(books[0], accounts, 0, 0, 1, 1)
    earn(books[0], accounts, 0, 0, 1.0, 1.0)
    leave_bins(0, 0, 1, 1, books, accounts)
    free_of(0, 0, books, accounts)
    run([(0, KernelRunner(SwapQuotes(), pools[0]))], _rows(0, pools[0]), 0)  # which has something to say at once
    number_first(copied(BLANK), np.zeros(1, LEDGER), books, 0, 0, 1)
    spread_ladder(PaperLadder(-1, -1, 1, 1, 1, 1, 0, Shape.SPOT), 0, pools[0].bin_step)


def _lay_once(portfolio: PortfolioParams) -> None:
    """Place a ladder on paper, let it land, and take the price through it; ask for what precedes a route."""
    ledger = np.zeros(1, LEDGER)
    value(ledger, open_books(portfolio.pools, {}, 1.0))
    making = PlannedStrategy(LadderMaking(), frozenset({0}), Policy(max_inventory_deviation=0.1))
    book, info = Portfolio(msgspec.structs.replace(portfolio, strategies=(making,))), portfolio.pools[0]
    wishes = np.zeros(1, SIGNAL)
    wishes["kind"], wishes["seq"], wishes["expected_profit"] = REBALANCE, 2, np.nan
    for field, away in (("lower", -3), ("bid_upper", -1), ("ask_lower", 1), ("upper", 3)):
        wishes[field] = info.zero_bin + away
    for number, moved in enumerate((0, 0, 10)):
        rows = _rows(0, info)
        rows["seq"] += 2 * number
        rows["slot"] += number * (portfolio.latency_slots + 2)
        rows["active_id"] += moved
        book.take(Block(0, number, 1, number == 2, rows, signals=wishes[: 1 if number == 0 else 0]))


def _hold_once(pools: tuple[PoolInfo, ...], params: PortfolioParams) -> None:
    """Put a stand-in for one pool of each venue at hand, and ask for what precedes a route that is sent."""
    books, ledger = open_books(pools, {}, 1.0), np.zeros(1, LEDGER)
    tokens, accounts = route_tokens(pools, frozenset({0})), open_accounts((), pools)
    states = PaperPools(pools, params.depth_bins)
    for pool in {info.venue: index for index, info in enumerate(pools)}.values():
        books[pool]["active_id"] = books[pool]["zero_bin"]
        books[pool]["liquidity"] = 1_000.0
        states.hold(pool, books, 0)
    missing_among(pools_through(copied(BLANK)[0]), 0, books, states.standing, states.ways)
    table, sent, ended = np.zeros(1, ORDER), np.zeros(1, ORDER), np.zeros(1, ORDER)
    where = tokens, states.standing, states.ways
    send_route(ledger, books, accounts, table, np.zeros(1, VENUE), *where, sent, ended, np.zeros(1, CURSOR))
