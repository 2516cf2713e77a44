"""Measure a run: profit, Sharpe ratio, drawdown, win rate and profit factor from its equity curve and totals.

A figure that the run does not support is `None`, never zero: no trades have no win rate, a flat curve no Sharpe ratio.
"""

import math

import numpy as np

from dlmm.records import Record
from operators.blocks import Rows

SECONDS_PER_YEAR = 365.0 * 86_400.0


class Performance(Record, frozen=True):
    """Figures of one run; money in the portfolio's quote currency.

    :arg profit: Equity at the end less equity at the start, inventory at market price.

    :arg realised: Profit of what was sold, against its average cost.

    :arg unrealised: Market value of the inventory held at the end less its cost.

    :arg fees: Swap fees paid; they are already in the profit.

    :arg fees_earned: By bin positions, at the price of the time; they are already in the profit, too.

    :arg sharpe: Mean over standard deviation of the returns between equity samples, a year's worth, no riskless rate.

    :arg max_drawdown: Largest fall below the peak of equity, as a fraction.

    :arg win_rate: Share of the sells with a profit among those with a profit or loss.

    :arg profit_factor: Profits of those sells over their losses.

    """

    start_equity: float
    end_equity: float
    profit: float
    realised: float
    unrealised: float
    fees: float
    fees_earned: float
    sharpe: float | None
    max_drawdown: float
    win_rate: float | None
    profit_factor: float | None


def sharpe_ratio(equity: Rows, interval_s: float) -> float | None:
    """Return the yearly Sharpe ratio of an equity curve.

    :arg equity: `EQUITY` array; where the market was silent for several intervals, equity stood still.

    :returns: `None` for fewer than two returns, or for returns that do not vary.

    """
    if not len(equity):
        return None
    step = round(interval_s * 1e9)
    index = equity["ts_event_ns"] // step
    last_of_interval = np.append(index[1:] != index[:-1], True)
    index, value = index[last_of_interval], equity["equity"][last_of_interval]
    if len(value) < 2 or not (value > 0.0).all():
        return None
    moves = np.log(value[1:] / value[:-1])
    intervals = int(index[-1] - index[0])
    mean = float(moves.sum()) / intervals
    variance = float((moves * moves).sum()) / intervals - mean * mean
    if intervals < 2 or variance <= 1e-24:
        return None
    return mean / math.sqrt(variance) * math.sqrt(SECONDS_PER_YEAR / interval_s)


def measure(
    equity: Rows, ledger: dict[str, float], books: tuple[dict[str, float], ...], capital: float, interval_s: float
) -> Performance:
    """Measure a run that has ended.

    :arg equity: Its samples, the last one at the end.

    :arg ledger: Fields of its `LEDGER` record.

    :arg books: Fields of its `BOOK` records.

    :arg capital: What it started with; with signed execution the worth of what the wallet held.

    :arg interval_s: Seconds between samples.

    """
    realised = math.fsum(book["realised"] for book in books)
    unrealised = math.fsum(
        (book["base"] + book["position_x"]) * book["unit_x"] * (book["price"] - book["cost"]) for book in books
    )
    decided = ledger["wins"] + ledger["losses"]
    return Performance(
        start_equity=capital,
        end_equity=ledger["equity"],
        profit=ledger["equity"] - capital,
        realised=realised,
        unrealised=unrealised,
        fees=math.fsum(book["fees"] for book in books),
        fees_earned=math.fsum(book["fees_earned"] for book in books),
        sharpe=sharpe_ratio(equity, interval_s),
        max_drawdown=ledger["max_drawdown"],
        win_rate=ledger["wins"] / decided if decided else None,
        profit_factor=ledger["gross_profit"] / ledger["gross_loss"] if ledger["gross_loss"] > 0.0 else None,
    )
