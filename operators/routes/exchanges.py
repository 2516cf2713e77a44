"""Exchanges: X of one pool is sold and X of another bought for the proceeds, in one transaction or not at all.

So a strategy moves what it holds from a token to one that moves with it. Each swap is booked in its own pool: the pool
that is sold in gains quote currency, the one that is bought in spends its own, as two orders would have it.

An entry is sized by Kelly's fraction of what the policy takes for granted. The account's own record does not count: a
sale realises what the market did to a token since it was bought, not what the exchange was for. A way back is sized by
what there is to bring back: what the account in the pool that is sold in holds above its inventory target, at most what
the other lacks of its own. A market that moved both tokens leaves nothing of that kind, and so does an entry that never
landed: no order is made then.
"""

import math

import numpy as np

from operators.blocks import Rows
from operators.books.kelly import kelly
from operators.books.sizing import POLICY, RAW_AMOUNTS, policy_record
from operators.books.tables import Tables
from operators.orders.liquidity_orders import blank_order
from operators.orders.records import (
    IMPOSSIBLE_AMOUNT,
    NO_EDGE,
    NO_POOL,
    NO_RULE,
    ROUTE,
    SELL,
    SIZED_BY_BUDGET,
    SIZED_BY_HOLDINGS,
    SIZED_BY_KELLY,
    SIZED_BY_LIMIT,
    SIZED_BY_LIQUIDITY,
    TOO_SMALL,
)
from operators.routes.chains import SELL_THEN_BUY
from operators.strategies.interface import PlannedStrategy

DUST_SHARE = 0.01
"""A way back of less than this part of the account's worth is not made: prices alone leave as much."""

Objection = tuple[int, float, float]


class Exchanges:
    """Draft exchanges.

    :arg limits: `LIMITS` (1,).

    :arg slippage: How much worse than its wished price each of the two swaps may come out, as a fraction.

    """

    def __init__(self, strategies: tuple[PlannedStrategy, ...], limits: Rows, slippage: float) -> None:
        self._policies = np.array([policy_record(planned.policy) for planned in strategies], POLICY)
        self._limits = limits
        self._slippage = slippage

    def draft(self, signal: np.void, tables: Tables) -> tuple[np.void, int, float, float] | None:
        """Turn a wish into an order.

        :arg signal: A sale in one pool and a purchase in another that are an exchange. `ask` is the price to sell at,
            in `pool`, `bid` that to buy at, in `other_pool`; `fraction` is the part of what there is to bring back, NaN
            for an entry.

        :returns: The order, and what speaks against it as it stands: a rule, its figure and its bound. Nothing where
            nothing is to be brought back.

        """
        sold, bought, strategy = (int(signal[name]) for name in ("pool", "other_pool", "strategy"))
        is_possible = float(signal["ask"]) > 0.0 and float(signal["bid"]) > 0.0
        value, sized_by, size_fraction = 0.0, SIZED_BY_HOLDINGS, math.nan
        if is_possible and math.isnan(signal["fraction"]):
            value, sized_by, size_fraction = self._entry(sold, bought, strategy, float(signal["ask"]), tables)
        elif is_possible:
            value = self._way_back(sold, bought, strategy, float(signal["fraction"]), tables)
            if not value:
                return None
        order = blank_order(tables, sold, strategy, int(signal["seq"]))
        order["action"], order["side"], order["directions"] = ROUTE, SELL, SELL_THEN_BUY
        order["other_pool"], order["third_pool"] = bought, NO_POOL
        order["urgency"], order["sized_by"], order["size_fraction"] = signal["urgency"], sized_by, size_fraction
        if not is_possible:
            return order, IMPOSSIBLE_AMOUNT, 0.0, 0.0
        if not math.isnan(signal["fraction"]):
            order["fraction_bps"] = max(round(min(float(signal["fraction"]), 1.0) * 10_000), 1)
        elif not size_fraction > 0.0:
            return order, NO_EDGE, size_fraction, 0.0
        return (order, *self._write(order, signal, value, tables))

    def _entry(self, sold: int, bought: int, strategy: int, ask: float, tables: Tables) -> tuple[float, int, float]:
        """Return value, what it was sized by, and the part of equity that was asked for."""
        policy, accounts, books = self._policies[strategy], tables.accounts[strategy], tables.books
        prior = kelly(policy["win_rate"], policy["average_win"], policy["average_loss"])
        size_fraction = float(policy["kelly_fraction"]) * float(prior)
        liquidity = min(float(books[sold]["liquidity"]), float(books[bought]["liquidity"]))
        held = int(accounts[sold]["base"]) - int(accounts[sold]["reserved_base"])
        quote = int(accounts[bought]["quote"]) - int(accounts[bought]["reserved_quote"])
        caps = (
            (max(size_fraction, 0.0) * float(tables.ledger["equity"][0]), SIZED_BY_KELLY),
            (float(policy["max_liquidity_share"]) * liquidity, SIZED_BY_LIQUIDITY),
            (float(self._limits["max_position_size"][0]), SIZED_BY_LIMIT),
            (max(held, 0) * float(books[sold]["unit_x"]) * ask, SIZED_BY_HOLDINGS),
            (max(quote, 0) * float(books[bought]["unit_y"]), SIZED_BY_BUDGET),
        )
        value, sized_by = min(caps)
        return value, sized_by, size_fraction

    def _way_back(self, sold: int, bought: int, strategy: int, fraction: float, tables: Tables) -> float:
        """Return the value to be brought back, 0 where there is none."""
        worth, above = self._above_target(sold, strategy, tables)
        _, too_much = self._above_target(bought, strategy, tables)
        value = min(above, -too_much) * max(min(fraction, 1.0), 0.0)
        return value if value > DUST_SHARE * worth else 0.0

    def _above_target(self, pool: int, strategy: int, tables: Tables) -> tuple[float, float]:
        """Return the worth of an account, and the value in X that it holds above its target."""
        account, book = tables.accounts[strategy, pool], tables.books[pool]
        held = int(account["base"]) * float(book["unit_x"]) * float(book["price"])
        worth = held + int(account["quote"]) * float(book["unit_y"])
        return worth, held - float(account["inventory_target"]) * worth

    def _write(self, order: np.void, signal: np.void, value: float, tables: Tables) -> Objection:
        """Write amounts and limits: what the first swap brings at the least is what the second one takes."""
        sold, bought = tables.books[int(order["pool"])], tables.books[int(order["other_pool"])]
        least = float(signal["ask"]) * (1.0 - self._slippage)
        most = float(signal["bid"]) * (1.0 + self._slippage)
        raw_in = value / (float(signal["ask"]) * float(sold["unit_x"]))
        raw_quote = raw_in * float(sold["unit_x"]) * least / float(sold["unit_y"])
        raw_out = raw_quote * float(bought["unit_y"]) / (most * float(bought["unit_x"]))
        order["limit"], order["value"] = least, value
        if not max(raw_in, raw_quote, raw_out) < RAW_AMOUNTS:
            return IMPOSSIBLE_AMOUNT, value, RAW_AMOUNTS * float(sold["unit_x"])
        order["amount_in"] = math.floor(raw_in)
        order["min_out"] = order["other_in"] = math.floor(raw_quote)
        order["other_min_out"] = math.ceil(raw_out)
        if not min(order["amount_in"], order["other_in"], order["other_min_out"]) > 0:
            return TOO_SMALL, value, 0.0
        return NO_RULE, 0.0, 0.0
