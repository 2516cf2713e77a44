"""Say in plain sentences why an order came about, why it was so large, what the gate said and what became of it."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connectors.execution.orders_report import describe
from connectors.results.decision_log import Decision, PoolTokens
from connectors.results.result_frames import UNWINDER

URGENCIES = ("low", "medium", "high", "critical")

RULE_SENTENCES = {
    "none": ("", "Nothing objected to it."),
    "emergency_stop": (
        "part",
        "The emergency stop was on, and refuses whatever adds risk; equity was {figure} below"
        " its peak, and the stop comes on above {bound}.",
    ),
    "max_drawdown": ("part", "Equity was {figure} below its peak, and beyond {bound} nothing may add risk."),
    "max_position_size": ("money", "It was worth {figure}, and one order may be worth {bound}."),
    "max_pool_exposure": ("money", "With it {figure} would have been at risk in its pool, and {bound} may be."),
    "max_total_exposure": ("money", "With it {figure} would have been at risk in all pools, and {bound} may be."),
    "max_value_at_risk": (
        "money",
        "With it the loss that 95 % of outcomes stay within would have been {figure}, and {bound} is allowed.",
    ),
    "correlation_limit": (
        "money",
        "With it {figure} would have been at risk in its pool and those that move with it,"
        " and together they may have {bound}.",
    ),
    "stale_feed": ("count", "Its pool had not been heard of for {figure} slots, and {bound} are allowed."),
    "order_rate": ("count", "It would have been order {figure} that adds risk in its slot, and {bound} are allowed."),
    "max_open_orders": ("count", "{figure} orders of its pool were open, and {bound} may be."),
    "balance": ("number", "It takes {figure} tokens, and {bound} were there and not promised to other orders."),
    "fee_balance": ("count", "The wallet had {figure} lamports for fees, and {bound} are kept."),
    "inventory_band": (
        "part",
        "The base token's share of what the strategy has in the pool was {figure}, and its band ends at {bound}.",
    ),
    "too_small": ("number", "What it asked for comes to less than one unit of a token (it was worth {figure})."),
    "impossible_amount": ("number", "Its amount is none that a token can have: {figure}, where {bound} is the most."),
    "no_position": ("count", "The strategy has no bin position in this pool that it could mean."),
    "needs_signed_execution": (
        "count",
        "It would be {figure} bins wide, and a position on paper has {bound} at most.",
    ),
    "no_edge": (
        "number",
        "By what the strategy has won and lost in this pool there is no edge to bet on: Kelly's fraction was {figure}.",
    ),
    "strategy_budget": ("number", "It takes {figure}, and of the strategy's own budget in this pool {bound} was free."),
    "cost_above_profit": (
        "money",
        "It was expected to bring {figure}, and its transactions with the least profit asked come to {bound}.",
    ),
    "active_moved": (
        "count",
        "The active bin was {bound} when it was decided, and {figure} when it landed: too far to fill the bins that"
        " it names.",
    ),
    "no_bins": (
        "count",
        "With {figure} as the active bin its bins could not take it: none lies on the side of the token that it"
        " brings, they have no price, or they are no position.",
    ),
    "program_refused": ("count", "The venue's program would have refused it when it landed, with error {figure}."),
    "pool_unusable": ("", "What was recorded of its pool could not be used; the summary's troubles say why."),
}
"""What each of `operators.orders.RULES` means by its figure and its bound: what they are counted in, and a sentence."""

SIZE_SENTENCES = {
    "strategy": "The strategy named its size",
    "kelly": "Its size is what Kelly's fraction asks for",
    "liquidity": "It was cut to a part of the liquidity near the pool's price (max_liquidity_share)",
    "budget": "It was cut to what the strategy's own budget in this pool had free",
    "max_position_size": "It was cut to the largest order allowed (trading.max_position_size)",
    "holdings": "It is as large as what the strategy had free in this pool allows",
    "profit": "Its size is where one more unit would bring nothing more, by the bins of its pools",
    "exposure": "It was cut to what the exposure limits left",
}
"""What each of `operators.orders.SIZED_BY` means."""

END_SENTENCES = {
    "open": "It was still open when the run ended.",
    "filled": "It filled in slot {slot}, {after} after the decision.",
    "cancelled": "It was taken back in slot {slot}, {after} after the decision, before it filled.",
    "expired": "It expired in slot {slot}, {after} after the decision, without a fill.",
    "failed": "It failed in slot {slot}, {after} after the decision: it came to its pool and could not be done"
    " within its limits.",
    "refused": "So the gate refused it, and nothing was sent.",
    "withheld": "So it was withheld, and nothing was sent.",
    "sent": "Its transaction was still on the way when the run ended.",
    "simulated": "It was simulated in slot {slot}, in a dry run, and nothing was sent.",
}
"""What each of `operators.orders.STATUSES` means at the end."""


def explain(decision: Decision) -> Group:
    """Lay out for a terminal what is known of an order."""
    parts: list[RenderableType] = [Text(_headline(decision), style="bold")]
    parts += [Text(sentence) for sentence in sentences(decision)]
    parts += [table for table in (_figures(decision), _fills(decision), _attempts(decision)) if table is not None]
    return Group(*parts)


def sentences(decision: Decision) -> Iterator[str]:
    """Say why, how large, at which limit, what the gate said, and what became of it."""
    order, quote = decision.order, decision.quote
    yield " ".join(_why(decision))
    if order["action"] in {"swap", "route", "rebalance"}:
        part = order["size_fraction"]
        asked = f"; Kelly's fraction came to {part:.3%} of equity" if _is_said(part) else ""
        worth = f". It is worth {_money(order['value'], quote)}." if _is_said(order["value"]) else "."
        yield SIZE_SENTENCES[order["sized_by"]] + asked + worth
    if order["action"] == "swap" and order["limit"] > 0.0 and order["fair"] > 0.0:
        apart = (order["limit"] / order["fair"] - 1.0) * 1e4
        yield (
            f"Its limit was {order['limit']:,.8g} {quote}, fees included, {abs(apart):.1f} basis points"
            f" {'above' if apart >= 0.0 else 'below'} the pool's price of {order['fair']:,.8g} {quote}."
        )
    yield f"{rule_sentence(order, quote)} {_end(order)}"


def rule_sentence(order: dict[str, Any], quote: str) -> str:
    """Say what objected to an order, with its figures, under its rule's name."""
    counted_in, text = RULE_SENTENCES[order["rule"]]
    figure, bound = (_counted(order[name], counted_in, quote) for name in ("figure", "bound"))
    said = text.format(figure=figure, bound=bound)
    return said if order["rule"] == "none" else f"{order['rule']}: {said}"


def list_orders(orders: Sequence[dict[str, Any]], title: str, quote: str) -> Table:
    """Lay out a run's orders for a terminal, a line each."""
    table = Table(title=title, title_justify="left")
    for name in ("order", "decided (UTC)", "slot", "strategy", "pool", "what", quote, "status", "rule", "reason"):
        is_number = name in {"order", "slot", quote}
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
    for order in orders:
        value = f"{order['value']:,.2f}" if _is_said(order["value"]) else ""
        cells = (_time(order["ts_event_ns"]), f"{order['slot']:,}", order["strategy"], order["pool"], _what(order))
        rule = "" if order["rule"] == "none" else order["rule"]
        table.add_row(str(order["order"]), *cells, value, order["status"], rule, order["said"] or "")
    return table


def _headline(decision: Decision) -> str:
    order = decision.order
    return (
        f"Order {order['order']}: {_what(order)} in {order['pool']}, decided in slot {order['slot']:,}"
        f" ({_time(order['ts_event_ns'])} UTC): {order['status']}"
    )


def _what(order: dict[str, Any]) -> str:
    if order["action"] == "route":
        others = [each for each in (order["other_pool"], order["third_pool"]) if each]
        return f"route through {' and '.join(others)} too,"
    if order["action"] == "swap":
        return f"{order['side']}, {order['kind']}"
    return str(order["action"]).replace("_", " ")


def _why(decision: Decision) -> Iterator[str]:
    order, signal = decision.order, decision.signal
    if order["strategy"] == UNWINDER:
        yield "The emergency stop made it, to take risk off; no strategy asked for it."
        return
    if signal is None:
        yield f"{order['strategy']} said nothing at that row: the portfolio made it from what it had asked for before."
        return
    reason = signal.get("reason")
    yield f"{order['strategy']} asked for it ({signal['kind']}){f': {reason}.' if reason else ', and gives no reason.'}"
    yield f"Confidence {signal.get('confidence', 0.0):.1%}, urgency {URGENCIES[signal.get('urgency', 0)]},"
    profit = signal.get("expected_profit")
    yield (
        "no profit claimed."
        if profit is None or math.isnan(profit)
        else (f"expected profit {_money(profit, decision.quote)}.")
    )


def _end(order: dict[str, Any]) -> str:
    after = order["end_slot"] - order["slot"]
    later = f"{after:,} slot{'' if after == 1 else 's'}"
    return END_SENTENCES[order["status"]].format(slot=f"{order['end_slot']:,}", after=later)


def _figures(decision: Decision) -> Table | None:
    signal = decision.signal or {}
    names = [*decision.figures, *(f"figure {number}" for number in range(len(decision.figures) + 1, 5))]
    values = [signal.get(f"figure_{number}") for number in range(1, 5)]
    known = [(name, value) for name, value in zip(names, values, strict=True) if _is_said(value)]
    if not known:
        return None
    table = Table(title="what decided", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in known:
        table.add_row(name, f"{value:,.6g}")
    return table


def _fills(decision: Decision) -> Table | None:
    if not decision.fills:
        return None
    table = Table(title=f"fills (prices and amounts of money in {decision.quote})", title_justify="left")
    for name in ("slot", "time (UTC)", "pool", "price", "pool's price", "fee", "realised", "in", "out"):
        table.add_column(name, justify="left" if name == "pool" else "right", overflow="fold")
    for fill in decision.fills:
        table.add_row(
            f"{fill['slot']:,}",
            _time(fill["ts_event_ns"]),
            fill["pool"],
            f"{fill['price']:,.8g}",
            f"{fill['fair']:,.8g}",
            f"{fill['fee']:,.6g}",
            f"{fill['realised']:+,.6g}",
            *_amounts(fill, decision.tokens.get(fill["pool"])),
        )
    return table


def _amounts(fill: dict[str, Any], tokens: PoolTokens | None) -> tuple[str, str]:
    """Write what a fill gave and got in whole tokens, to the last unit; in raw ones where the results do not know."""
    if tokens is None:
        return f"{fill['amount_in']:,} raw", f"{fill['amount_out']:,} raw"
    base, quote = (tokens.base_symbol, tokens.base_decimals), (tokens.quote_symbol, tokens.quote_decimals)
    given, got = (quote, base) if fill["side"] == "buy" else (base, quote)
    return _whole(fill["amount_in"], *given), _whole(fill["amount_out"], *got)


def _whole(amount: int, symbol: str, decimals: int) -> str:
    return f"{Decimal(amount).scaleb(-decimals).normalize():,f} {symbol}"


def _attempts(decision: Decision) -> Table | None:
    if not decision.attempts:
        return None
    table = Table(title="attempts, by the order journal", title_justify="left")
    for name in ("attempt", "what", "phase", "arrived (UTC)", "step", "signature"):
        table.add_column(name, overflow="fold")
    for order in decision.attempts:
        what = describe(order.approved) if order.approved is not None else "(lost)"
        phase = f"{order.phase}: {order.reason}" if order.reason else str(order.phase)
        steps = [(str(one.step), f"{one.signature} {one.phase}") for one in order.transactions] or [("", "")]
        table.add_row(order.key, what, phase, _time(order.first_ns), *steps[0])
        for step in steps[1:]:
            table.add_row("", "", "", "", *step)
    return table


def _counted(value: float, counted_in: str, quote: str) -> str:
    if not _is_said(value):
        return "no number"
    if counted_in == "money":
        return _money(value, quote)
    if counted_in == "part":
        return f"{value:.2%}"
    return f"{value:,.0f}" if counted_in == "count" else f"{value:,.6g}"


def _money(value: float, quote: str) -> str:
    return f"{value:,.4g} {quote}" if abs(value) < 1.0 else f"{value:,.2f} {quote}"


def _is_said(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
