"""The ledger: token amounts, cost and profit of each pool's budget, and of the portfolio as a whole.

Token amounts are raw integers and exact. Prices, profit and exposure are floats in the portfolio's quote currency,
always summed over the pools in their order, so that no rounding depends on how rows were cut into blocks.
"""

import math

import numpy as np

from dlmm.jit import kernel
from dlmm.price import BASIS_POINTS
from dlmm.records import Venue
from operators.blocks import Fields, Rows
from operators.books.accounts import average_cost, buy, sell
from operators.orders.records import BUY
from operators.pools import PoolInfo

BOOK = np.dtype(
    [
        ("seq", "i8"),  # of the pool's last row; 0 before the first
        ("price", "f8"),
        ("bin_price", "f8"),  # price of the active bin, in whole tokens
        ("liquidity", "f8"),
        ("active_id", "i8"),
        ("is_open", "i8"),  # whether the budget was laid out, which happens at the first row
        ("base", "i8"),  # raw X held
        ("quote", "i8"),  # raw Y held
        ("reserved_base", "i8"),  # raw X promised to open sells
        ("reserved_quote", "i8"),
        ("cost", "f8"),  # average quote currency paid per X held
        ("realised", "f8"),
        ("fees", "f8"),  # paid
        ("fees_earned", "f8"),  # by bin positions, at the price of the time; already in what they hold
        ("budget", "f8"),  # quote currency laid out at the start
        ("inventory_target", "f8"),
        ("unit_x", "f8"),  # whole X in one raw unit
        ("unit_y", "f8"),
        ("fee_rate", "f8"),  # base fee, as a fraction
        ("log_step", "f8"),  # log price between neighbouring bins
        ("zero_bin", "i8"),  # bin whose raw price is 1
        ("buy_below", "f8"),  # a bin price at or below this may fill an open buy ..
        ("sell_above", "f8"),  # .. and one at or above this an open sell
        ("contact_slot", "i8"),  # in which the pool's feed was last known to be alive
        ("position_x", "i8"),  # raw X in bin positions, fees earned included
        ("position_y", "i8"),
        ("has_positions", "i8"),  # whether rows of this pool change what they are worth
    ]
)

LEDGER = np.dtype(
    [
        ("slot", "i8"),
        ("ts_event_ns", "i8"),
        ("next_order", "i8"),
        ("open_orders", "i8"),
        ("next_sample_ns", "i8"),
        ("stopped", "i8"),  # 1 once the emergency stop is on
        ("closing", "i8"),  # 1 once the run is to end: nothing new is sent
        ("equity", "f8"),
        ("peak", "f8"),
        ("drawdown", "f8"),  # fraction below the peak
        ("max_drawdown", "f8"),
        ("updates", "i8"),
        ("signals", "i8"),
        ("orders", "i8"),
        ("fills", "i8"),
        ("volume", "f8"),
        ("wins", "i8"),
        ("losses", "i8"),
        ("gross_profit", "f8"),
        ("gross_loss", "f8"),
        ("transaction_cost", "f8"),  # quote currency that a transaction costs on paper ..
        ("transaction_costs", "f8"),  # .. and what all of them came to
        ("is_signed", "i8"),  # 1 where orders are real transactions, whose reports alone move the books
        ("lamports", "i8"),  # native SOL of the wallet
        (
            "sol_pool",
            "i8",
        ),  # pool whose X is wrapped SOL, by whose price lamports count; -1: none
        ("start", "f8"),  # equity that the run began with
        ("network_fees", "i8"),  # lamports paid to the cluster and in tips
        ("rent", "i8"),  # lamports locked in accounts that were made
        ("in_flight", "i8"),  # orders that are on their way
        ("rate_slot", "i8"),  # slot in which `rate_orders` were sent
        ("rate_orders", "i8"),
    ]
)

EQUITY = np.dtype(
    [
        ("ts_event_ns", "i8"),
        ("slot", "i8"),
        ("equity", "f8"),
        ("cash", "f8"),
        ("inventory", "f8"),
        ("realised", "f8"),
        ("fees", "f8"),
        ("drawdown", "f8"),
    ]
)

MAX_BASE = 2.0**62
QUOTE_IS_SOL = -2
"""In `ledger.sol_pool`: the portfolio is measured in SOL itself."""
METEORA_MAX_FEE = 0.1
SAROS_MAX_FEE = 1.0 - 1e-9
"""Saros has no cap; from a fee of everything on its swaps fail, and no price in reach of a limit must say otherwise."""


def open_books(pools: tuple[PoolInfo, ...], traded: dict[int, float], capital: float) -> Rows:
    """Make the books of all pools.

    :arg traded: Share of the budget to be held in X, for each pool that is traded, by index; the capital is split
        evenly over them.

    :arg capital: Quote currency.

    :returns: `BOOK` array, one record a pool.

    """
    books = np.zeros(len(pools), BOOK)
    books["contact_slot"] = -1
    for index, (book, info) in enumerate(zip(books, pools, strict=True)):
        book["unit_x"] = 10.0**-info.decimals_x
        book["unit_y"] = 10.0**-info.decimals_y
        book["fee_rate"] = min(info.base_fee, SAROS_MAX_FEE if info.venue is Venue.SAROS else METEORA_MAX_FEE)
        book["log_step"] = math.log1p(info.bin_step / BASIS_POINTS)
        book["zero_bin"] = info.zero_bin
        book["sell_above"] = math.inf
        if index in traded:
            book["budget"] = capital / len(traded)
            book["inventory_target"] = traded[index]
    return books


@kernel
def _lay_out(book: Fields, accounts: Rows, pool: int) -> None:
    """Give each account its share of the pool's budget, a part of which buys X at the price there is."""
    for place in range(accounts.shape[0]):
        account = accounts[place, pool]
        account.cost = book.price
        account.start = book.budget * account.share
        in_base = account.start * account.inventory_target
        # A price of almost nothing buys more than 64 bits can count; what it cannot buy stays in quote currency.
        account.base = math.floor(min(in_base / book.price / book.unit_x, MAX_BASE * account.share))
        account.quote = math.floor((account.start - account.base * book.unit_x * book.price) / book.unit_y)
        book.base += account.base
        book.quote += account.quote


@kernel
def _appraise(book: Fields, accounts: Rows, pool: int) -> None:
    """Write down what each account begins with, at the price there is."""
    for place in range(accounts.shape[0]):
        account = accounts[place, pool]
        account.cost = book.price
        in_base = (account.base + account.position_x) * book.unit_x * book.price
        account.start += (account.quote + account.position_y) * book.unit_y + in_base


@kernel
def open_book(ledger: Fields, book: Fields, accounts: Rows, pool: int) -> None:
    """Lay out a pool's budget at the price of its first row.

    On paper the budget is a sum of money of which a part buys X there and then. With signed execution it is what the
    wallet has brought, at that price.
    """
    book.is_open = 1
    book.cost = book.price
    if ledger.is_signed == 0:
        _lay_out(book, accounts, pool)
        return
    cash, inventory = pool_value(book)
    book.budget = cash + inventory
    _appraise(book, accounts, pool)
    ledger.start += book.budget
    if ledger.sol_pool == pool:
        ledger.start += ledger.lamports * 1e-9 * book.price


@kernel
def mark_row(book: Fields, row: Fields) -> None:
    """Take over a row's price."""
    if book.seq == 0 or row.active_id != book.active_id:
        book.active_id = row.active_id
        raw = math.exp((row.active_id - book.zero_bin) * book.log_step)
        book.bin_price = raw * book.unit_y / book.unit_x
    book.seq = row.seq
    book.price = row.price
    book.liquidity = row.liquidity


@kernel
def pool_value(book: Fields) -> tuple[float, float]:
    """Return the quote currency in cash and in inventory of one pool's budget, bin positions included."""
    if book.is_open == 0:
        return book.budget, 0.0
    return (book.quote + book.position_y) * book.unit_y, (book.base + book.position_x) * book.unit_x * book.price


@kernel
def sol_value(ledger: Fields, books: Rows) -> float:
    """Return the quote currency that the wallet's native SOL is worth, 0 where no pool tells its price."""
    if ledger.sol_pool == QUOTE_IS_SOL:
        return float(ledger.lamports * 1e-9)
    if ledger.sol_pool < 0 or books[ledger.sol_pool].is_open == 0:
        return 0.0
    return float(ledger.lamports * 1e-9 * books[ledger.sol_pool].price)


@kernel
def mark(ledger: Fields, books: Rows) -> None:
    """Value the portfolio, and measure how far below its peak it is."""
    equity = 0.0
    for index in range(books.shape[0]):
        cash, inventory = pool_value(books[index])
        equity += cash + inventory
    if ledger.is_signed != 0:
        equity += sol_value(ledger, books)
    equity -= ledger.transaction_costs
    ledger.equity = equity
    ledger.peak = max(ledger.peak, equity)
    ledger.drawdown = 1.0 - equity / ledger.peak if ledger.peak > 0.0 else 0.0
    ledger.max_drawdown = max(ledger.max_drawdown, ledger.drawdown)


@kernel
def sample(ledger: Fields, books: Rows, ts_event_ns: int, out: Fields) -> None:
    """Write one record of the equity curve."""
    mark(ledger, books)
    cash = 0.0
    inventory = 0.0
    realised = 0.0
    fees = 0.0
    for index in range(books.shape[0]):
        in_cash, in_base = pool_value(books[index])
        cash += in_cash
        inventory += in_base
        realised += books[index].realised
        fees += books[index].fees
    if ledger.is_signed != 0:
        cash += sol_value(ledger, books)
    cash -= ledger.transaction_costs
    out.ts_event_ns = ts_event_ns
    out.slot = ledger.slot
    out.equity = ledger.equity
    out.cash = cash
    out.inventory = inventory
    out.realised = realised
    out.fees = fees
    out.drawdown = ledger.drawdown


@kernel
def book_fill(ledger: Fields, book: Fields, accounts: Rows, order: Fields, result: Fields, fill: Fields) -> None:
    """Book what a swap moved in its pool's book and its strategy's account, and write it down as a fill.

    What a sell realises counts against the average cost of the account, and the book's cost is the accounts' average.

    :arg result: `ANSWER` record of the swap: raw amounts, fee and the token it was taken in.

    """
    is_buy = order.side == BUY
    fee_in_x = (result.fee_on_input != 0) != is_buy
    fee = result.fee * book.unit_x * book.price if fee_in_x else result.fee * book.unit_y
    realised = 0.0
    if is_buy:
        paid = result.amount_in * book.unit_y
        bought = result.amount_out * book.unit_x
        buy(accounts[order.strategy, order.pool], book, result.amount_in, result.amount_out, fee)
        book.quote -= result.amount_in
        book.base += result.amount_out
        price = paid / bought
        ledger.volume += paid
    else:
        received = result.amount_out * book.unit_y
        sold = result.amount_in * book.unit_x
        realised = sell(accounts, order.strategy, order.pool, book, result.amount_in, result.amount_out, fee)
        book.base -= result.amount_in
        book.quote += result.amount_out
        price = received / sold
        ledger.volume += received
        if realised > 0.0:
            ledger.wins += 1
            ledger.gross_profit += realised
        elif realised < 0.0:
            ledger.losses += 1
            ledger.gross_loss -= realised
    book.cost = average_cost(accounts, order.pool, book.cost)
    book.realised += realised
    book.fees += fee
    ledger.fills += 1
    fill.order = order.order
    fill.seq = book.seq
    fill.slot = ledger.slot
    fill.ts_event_ns = ledger.ts_event_ns
    fill.amount_in = result.amount_in
    fill.amount_out = result.amount_out
    fill.price = price
    fill.fair = book.price
    fill.fee = fee
    fill.price_impact = result.price_impact
    fill.realised = realised
    fill.strategy = order.strategy
    fill.pool = order.pool
    fill.side = order.side
    fill.bins = min(result.bins, 127)
