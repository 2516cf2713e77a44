"""What each strategy came to: its accounts in all pools taken together."""

import math

import numpy as np

from dlmm.records import Record
from operators.blocks import Rows
from operators.books.kelly import kelly_now


class StrategyTotals(Record, frozen=True):
    """One strategy over a run; money in the portfolio's quote currency.

    :arg fees: Swap fees paid.

    :arg fees_earned: By its bin positions; they are already in the profit.

    :arg realised: Profit of what it sold, against what it had paid itself.

    :arg pnl: What its accounts are worth at the end, its bin positions included, less what they began with and less its
        transaction costs.

    :arg win_rate: Share of the sells with a profit among those with a profit or loss; `None` where there were none.

    :arg kelly_fraction: Of equity, that an order without a size would ask for now; the average over its pools.

    """

    fills: int
    volume: float
    fees: float
    fees_earned: float
    transaction_costs: float
    realised: float
    pnl: float
    win_rate: float | None
    kelly_fraction: float


def strategy_totals(accounts: Rows, books: Rows, policies: Rows) -> tuple[StrategyTotals, ...]:
    """Take each strategy's accounts together, in the order of the strategies.

    :arg accounts: `ACCOUNT` array (strategies + 1, pools).

    :arg books: `BOOK` array, whose prices count.

    :arg policies: `POLICY` array, one record a strategy.

    """
    return tuple([_total(account, books, policy) for account, policy in zip(accounts, policies, strict=False)])


def _total(account: Rows, books: Rows, policy: np.void) -> StrategyTotals:
    base = (account["base"].astype(float) + account["position_x"]) * books["unit_x"] * books["price"]
    quote = (account["quote"].astype(float) + account["position_y"]) * books["unit_y"]
    costs = float(account["transaction_costs"].sum())
    won, lost = int(account["trades_won"].sum()), int(account["trades_lost"].sum())
    there = np.flatnonzero(account["share"] > 0.0).tolist()
    kelly = math.fsum(max(kelly_now(account[pool], policy), 0.0) for pool in there) / max(len(there), 1)
    return StrategyTotals(
        fills=int(account["fills"].sum()),
        volume=float(account["volume"].sum()),
        fees=float(account["fees"].sum()),
        fees_earned=float(account["fees_earned"].sum()),
        transaction_costs=costs,
        realised=float(account["realised"].sum()),
        pnl=float((base + quote - account["start"]).sum()) - costs,
        win_rate=won / (won + lost) if won + lost else None,
        kelly_fraction=float(policy["kelly_fraction"]) * kelly,
    )
