"""What the same money would have come to without a strategy: held, rebalanced to halves, or left in bins.

Each is computed for every traded pool's budget from the rows that the run itself sees, in one pass beside it, and is
measured as the run is: in quote currency, inventory at market price, costs taken off. `docs/research.md` says what is
approximated. Amounts are floats here: nobody trades on them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from dlmm.records import Record
from operators.blocks import MARKET, Fields, Rows
from operators.pools import PoolInfo

NAMES = ("hold", "rebalanced", "passive_lp")

REBALANCE_BAND = 0.01
"""How far the share of the base token may stray from one half before it is brought back."""

LP_BINS = 31
"""Bins on either side of the first price: 63 in all, which fits one position of either program."""

_SHARE = np.dtype(
    [
        ("is_open", "i8"),
        ("is_traded", "i8"),
        ("budget", "f8"),  # what the pool begins with, in quote currency ..
        ("inventory_target", "f8"),  # .. of which so much is laid out in the base token
        ("start_base", "f8"),  # what a wallet brought instead, in whole tokens; NaN on paper
        ("start_quote", "f8"),
        ("fee_rate", "f8"),
        ("kept", "f8"),  # part of a fee that the protocol leaves to those whose liquidity it was
        ("earns", "f8"),  # what is left of the fee on a net amount of 1
        ("log_step", "f8"),
        ("zero_bin", "i8"),
        ("unit", "f8"),  # price in whole tokens of the bin whose raw price is 1
        ("price", "f8"),
        ("active_id", "i8"),
        ("held_base", "f8"),
        ("held_quote", "f8"),
        ("even_base", "f8"),
        ("even_quote", "f8"),
        ("even_below", "f8"),  # prices at which the halves are restored
        ("even_above", "f8"),
        ("bins_base", "f8"),
        ("bins_quote", "f8"),
        ("lower", "i8"),  # first bin of the passive position
        ("bin_value", "f8"),  # what each of them is worth at its own price
        ("turned", "f8"),  # part of the active bin that is quote currency
        ("per_value", "f8", (2 * LP_BINS + 2,)),  # base token that a value of 1 is in all bins below one, from `lower`
    ]
)

_FIGURES = np.dtype(
    [("start", "f8"), ("equity", "f8"), ("peak", "f8"), ("max_drawdown", "f8"), ("fees", "f8"), ("trades", "i8")]
)

_CLOCK = np.dtype([("slot", "i8"), ("after_seq", "i8")])


class Baseline(Record, frozen=True):
    """How one of them did; money in the portfolio's quote currency.

    :arg name: One of `NAMES`.

    :arg profit: Equity at the end less equity at the start.

    :arg max_drawdown: Largest fall below the peak of equity, as a fraction.

    :arg fees: Swap fees: earned by `passive_lp`, paid by `rebalanced`. They are in the profit already.

    :arg trades: Transactions, each at the cost of one.

    """

    name: str
    profit: float
    max_drawdown: float
    fees: float
    trades: int


@kernel
def _halve(share: Fields, value: float) -> None:
    """Hold half of a value in each token, and note the prices at which that has to be done again."""
    share.even_base = 0.5 * value / share.price
    share.even_quote = 0.5 * value
    share.even_below = share.price * (0.5 - REBALANCE_BAND) / (0.5 + REBALANCE_BAND)
    share.even_above = share.price * (0.5 + REBALANCE_BAND) / (0.5 - REBALANCE_BAND)


@kernel
def _open(share: Fields, row: Fields, figures: Rows, cost: float) -> None:
    """Lay a pool's money out at its first price."""
    share.is_open = 1
    share.price = row.price
    share.active_id = row.active_id
    if math.isnan(share.start_base):
        share.held_base = share.budget * share.inventory_target / row.price
        share.held_quote = share.budget - share.held_base * row.price
    else:
        share.held_base = share.start_base
        share.held_quote = share.start_quote
        share.budget = share.held_quote + share.held_base * row.price
        for index in range(figures.shape[0]):
            figures[index].start += share.budget
    _halve(share, share.budget)
    if share.budget <= 0.0:
        return
    share.lower = row.active_id - LP_BINS
    share.turned = 0.5
    share.per_value[0] = 0.0
    for place in range(2 * LP_BINS + 1):
        price = math.exp((share.lower + place - share.zero_bin) * share.log_step) * share.unit
        share.per_value[place + 1] = share.per_value[place] + 1.0 / price
    base = share.per_value[2 * LP_BINS + 1] - 0.5 * (share.per_value[LP_BINS] + share.per_value[LP_BINS + 1])
    quote = LP_BINS + 0.5
    share.bin_value = max(share.budget - cost, 0.0) / (quote + base * row.price)
    share.bins_base = base * share.bin_value
    share.bins_quote = quote * share.bin_value
    figures[2].trades += 1


@kernel
def _restore_halves(share: Fields, figures: Fields, cost: float) -> None:
    """Trade back to halves at the price, for the fee on what is traded and the cost of a transaction."""
    base, quote = share.even_base * share.price, share.even_quote
    traded = 0.5 * abs(base - quote)
    fee = traded * share.fee_rate
    value = base + quote - fee - cost
    if value <= 0.0:
        return
    figures.fees += fee
    figures.trades += 1
    _halve(share, value)


@kernel
def _cross(share: Fields, active_id: int, figures: Fields) -> None:
    """Convert the bins that the price passed, and take the fee of the swaps that did it.

    A bin is entered whole: as base token from below, as quote currency from above. Where the price leaves it by the
    side that it came from, nothing was converted.
    """
    before = share.active_id
    up = 1.0 if active_id > before else 0.0  # computed with, not branched on: which way it goes nobody can predict
    turned = share.turned
    share.active_id = active_id
    share.turned = 1.0 - up
    # Bins from `first` up to and without `end`, counted from the lowest: what the price left, not where it came to.
    first = max(min(before, active_id + 1) - share.lower, 0)
    end = min(max(before, active_id - 1) + 1 - share.lower, 2 * LP_BINS + 1)
    if first >= end:
        return
    count = float(end - first)
    base = share.per_value[end] - share.per_value[first]
    place = before - share.lower
    if first <= place < end:
        kept = up * turned + (1.0 - up) * (1.0 - turned)  # a part of the bin that was begun is there already
        count -= kept
        base -= kept * (share.per_value[place + 1] - share.per_value[place])
    value = count * share.bin_value
    fee = value * share.earns
    share.bins_quote += (2.0 * up - 1.0) * value + fee
    share.bins_base -= (2.0 * up - 1.0) * base * share.bin_value
    figures.fees += fee


@kernel
def _earn(share: Fields, row: Fields, figures: Fields, near_bins: int) -> None:
    """Take the active bin's part in the fees of a volume that stayed inside it."""
    if 0 <= share.active_id - share.lower <= 2 * LP_BINS and share.bin_value > 0.0:
        others = max(row.liquidity, 0.0) / near_bins
        fee = row.volume * share.fee_rate * share.kept * share.bin_value / (share.bin_value + others)
        share.bins_quote += fee
        figures.fees += fee


@kernel
def _value(shares: Rows, figures: Rows) -> None:
    """Value all three, and measure how far below their peaks they are."""
    for index in range(figures.shape[0]):
        figures[index].equity = 0.0
    for index in range(shares.shape[0]):
        share = shares[index]
        if share.is_traded != 0 and share.is_open == 0:
            for which in range(figures.shape[0]):
                figures[which].equity += share.budget
        elif share.is_traded != 0:
            figures[0].equity += share.held_quote + share.held_base * share.price
            figures[1].equity += share.even_quote + share.even_base * share.price
            figures[2].equity += share.bins_quote + share.bins_base * share.price
    for index in range(figures.shape[0]):
        figure = figures[index]
        figure.peak = max(figure.peak, figure.equity)
        if figure.peak > 0.0:
            figure.max_drawdown = max(figure.max_drawdown, 1.0 - figure.equity / figure.peak)


@kernel
def _walk(
    rows: Rows, order_of_rows: NDArray[np.int64], shares: Rows, figures: Rows, clock_: Rows, cost: float, near_bins: int
) -> None:
    """Take rows in order of `seq` through all three. Equity is measured once a slot, before its first row."""
    clock = clock_[0]
    for index in range(order_of_rows.shape[0]):
        row = rows[order_of_rows[index]]
        if row.kind != MARKET or row.seq <= clock.after_seq or not row.price > 0.0:
            continue
        if row.slot > clock.slot:
            _value(shares, figures)
            clock.slot = row.slot
        share = shares[row.pool]
        if share.is_traded == 0:
            continue
        if share.is_open == 0:
            _open(share, row, figures, cost)
        share.price = row.price
        if row.price <= share.even_below or row.price >= share.even_above:
            _restore_halves(share, figures[1], cost)
        if row.active_id != share.active_id:
            _cross(share, row.active_id, figures[2])
        elif row.volume > 0.0:
            _earn(share, row, figures[2], near_bins)


class Baselines:
    """Keep all three beside a portfolio.

    :arg books: `BOOK` array as a portfolio begins with it: budgets, targets, units, fees and bins of each pool. Those
        with a budget are traded.

    :arg cost: Quote currency that one transaction costs.

    :arg near_bins: Bins that a row's liquidity stands in.

    """

    def __init__(self, pools: tuple[PoolInfo, ...], books: Rows, *, cost: float, near_bins: int) -> None:
        """Begin with nothing laid out."""
        self._cost = cost
        self._near_bins = near_bins
        self._shares = np.zeros(len(pools), _SHARE)
        self._figures = np.zeros(len(NAMES), _FIGURES)
        self._clock = np.zeros(1, _CLOCK)
        self._clock[0] = (-1, -1)
        for name in ("budget", "inventory_target", "fee_rate", "log_step", "zero_bin"):
            self._shares[name] = books[name]
        self._shares["unit"] = books["unit_y"] / books["unit_x"]
        self._shares["kept"] = [1.0 - info.protocol_share / 10_000.0 for info in pools]
        self._shares["earns"] = self._shares["kept"] * books["fee_rate"] / (1.0 - books["fee_rate"])
        self._shares["start_base"] = np.nan
        self._shares["is_traded"] = books["budget"] > 0.0
        self._figures["start"] = float(books["budget"].sum())

    def walk(self, rows: Rows, order_of_rows: NDArray[np.int64]) -> None:
        """Take up a slice's rows."""
        _walk(rows, order_of_rows, self._shares, self._figures, self._clock, self._cost, self._near_bins)

    def begin_with(self, books: Rows, seq: int) -> None:
        """Begin anew with what a wallet brought into the books, at the first row of each pool behind a row."""
        for name in ("is_open", "budget", "bins_base", "bins_quote", "bin_value"):
            self._shares[name] = 0
        self._shares["start_base"] = books["base"] * books["unit_x"]
        self._shares["start_quote"] = books["quote"] * books["unit_y"]
        self._figures[:] = np.zeros(1, _FIGURES)
        self._clock["after_seq"] = seq

    def results(self) -> tuple[Baseline, ...]:
        """Return how they did up to now."""
        _value(self._shares, self._figures)
        return tuple(
            Baseline(
                name,
                float(figures["equity"] - figures["start"]),
                float(figures["max_drawdown"]),
                float(figures["fees"]),
                int(figures["trades"]),
            )
            for name, figures in zip(NAMES, self._figures, strict=True)
        )

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return self._shares.tobytes() + self._figures.tobytes() + self._clock.tobytes()

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot of the same pools."""
        start = 0
        for part in (self._shares, self._figures, self._clock):
            part[...] = np.frombuffer(state[start : start + part.nbytes], part.dtype)
            start += part.nbytes
