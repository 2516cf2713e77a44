"""Say in plain sentences why an order came about, why it was so large, what the gate said and what became of it."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connectors.execution.orders_report import describe
from connectors.results.decision_log import Decision
from connectors.results.order_contents import (
    Tokens,
    contents,
    has_ladder,
    is_exchange,
    label,
    sides,
    symbol,
    whole,
    worth,
)
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
"""What each of `operators.orders.records.RULES` means by figure and bound: what they are counted in, and a sentence."""

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
"""What each of `operators.orders.records.SIZED_BY` means."""

LADDER_SIZE_SENTENCES = {
    "budget": "Into the ladder goes all that the strategy's account has free in this pool",
    "max_position_size": "It was cut to the largest order allowed (trading.max_position_size)",
    "exposure": "Its bids were cut to what the exposure limits left",
}
"""What those of `operators.orders.records.SIZED_BY` mean of a ladder that can be had by one."""

END_SENTENCES = {
    "open": "It was still open when the run ended.",
    "filled": "It {filled} in slot {slot}, {after} after the decision.",
    "cancelled": "It was taken back in slot {slot}, {after} after the decision, before it {filled}.",
    "expired": "It expired in slot {slot}, {after} after the decision, before it {filled}.",
    "failed": "It failed in slot {slot}, {after} after the decision: it came to its pool and could not be done"
    " within its limits.",
    "refused": "So the gate refused it, and nothing was sent.",
    "withheld": "So it was withheld, and nothing was sent.",
    "sent": "Its transaction was still on the way when the run ended.",
    "simulated": "It was simulated in slot {slot}, in a dry run, and nothing was sent.",
}
"""What each of `operators.orders.records.STATUSES` means at the end."""


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
    yield from contents(order, decision.tokens)
    if order["action"] == "rebalance" and has_ladder(order):
        yield _ladder_size(decision)
    elif order["action"] == "route" and order["sized_by"] == "strategy" and not order["amount_in"]:
        yield "It came to no size."
    elif order["action"] in {"swap", "route", "add_liquidity"}:
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
    if order["action"] == "route" and decision.fills:
        realised = sum(fill["realised"] for fill in decision.fills)
        against = ", against the average cost of what it sold" if is_exchange(order) else ""
        yield f"It realised {realised:+,.6g} {quote}{against}, before the transaction's cost."


def rule_sentence(order: dict[str, Any], quote: str) -> str:
    """Say what objected to an order, with its figures, under its rule's name."""
    counted_in, text = RULE_SENTENCES[order["rule"]]
    figure, bound = (_counted(order[name], counted_in, quote) for name in ("figure", "bound"))
    said = text.format(figure=figure, bound=bound)
    return said if order["rule"] == "none" else f"{order['rule']}: {said}"


def list_orders(orders: Sequence[dict[str, Any]], title: str, quote: str, tokens: Tokens) -> Table:
    """Lay out a run's orders for a terminal of 120 columns; what has no room goes on below in its own column.

    :arg tokens: Those of each pool, for its name.

    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("order", "decided (UTC)", "strategy", "pool", "what", quote, "came to", "reason"):
        is_number = name in {"order", quote}
        is_whole = is_number or name in {"decided (UTC)", "strategy", "pool"}
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_whole)
    for order in orders:
        moved = worth(order, tokens)
        value = f"{moved:,.2f}" if _is_said(moved) else ""
        decided, pool = _time(order["ts_event_ns"])[len("2026-") :], label(order["pool"], tokens)
        came_to = order["status"] if order["rule"] == "none" else f"{order['status']}: {order['rule']}"
        what = _listed(order, tokens)
        table.add_row(str(order["order"]), decided, order["strategy"], pool, what, value, came_to, order["said"] or "")
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


def _listed(order: dict[str, Any], tokens: Tokens) -> str:
    if order["action"] == "swap":
        return str(order["side"] if order["kind"] == "immediate" else _what(order))
    if order["action"] != "route":
        return _what(order)
    others = [label(each, tokens) for each in (order["other_pool"], order["third_pool"]) if each]
    return f"route with {' and '.join(others)}"


def _why(decision: Decision) -> Iterator[str]:
    order, signal = decision.order, decision.signal
    if order["strategy"] == UNWINDER:
        yield "The emergency stop made it, to take risk off; no strategy asked for it."
        return
    if signal is None:
        yield f"{order['strategy']} said nothing at that row: the portfolio made it from what it had asked for before."
    else:
        yield from _asked(order, signal, decision.quote)
    if decision.retried is not None:
        number, status = decision.retried["order"], decision.retried["status"]
        yield f"Order {number}, which was to do it, {status}: this one tries again, around the price of by then."
    elif signal is None and order["action"] == "rebalance":
        yield _moved_by_inventory(decision)


def _asked(order: dict[str, Any], signal: dict[str, Any], quote: str) -> Iterator[str]:
    reason = signal.get("reason")
    yield f"{order['strategy']} asked for it ({signal['kind']}){f': {reason}.' if reason else ', and gives no reason.'}"
    yield f"Confidence {signal.get('confidence', 0.0):.1%}, urgency {URGENCIES[signal.get('urgency', 0)]},"
    profit = signal.get("expected_profit")
    if profit is None or math.isnan(profit):
        yield "no profit claimed."
    elif signal["kind"] == "rebalance":
        yield f"expected fees {_money(profit, quote)} for each {quote} in it."
    else:
        yield f"expected profit {_money(profit, quote)}."


def _moved_by_inventory(decision: Decision) -> str:
    """Say how inventory moved a ladder: beyond its band that side alone is quoted which brings it back.

    Where the wish itself has one side only, or the limits of exposure left no bids, the sides do not tell.
    """
    order, wish = decision.order, decision.wish
    bids, asks = sides(order) if has_ladder(order) else (False, False)
    if bids and asks:
        return "The inventory was back in its band, so that both sides are quoted again."
    is_told = wish is not None and all(sides(wish)) and (bids or (asks and order["sized_by"] != "exposure"))
    if not is_told:
        return "The inventory had left its band, or was back in it."
    much, side = ("little", "bids") if bids else ("much", "asks")
    base = symbol(order["pool"], decision.tokens, is_x=True)
    return f"The inventory had left its band: there was too {much} {base}, so that only {side} are placed."


def _ladder_size(decision: Decision) -> str:
    """Say what is in a ladder; its order's value is no more than what is at risk only since."""
    order, quote = decision.order, decision.quote
    value, put_at_risk = worth(order, decision.tokens), order["value"]
    all_of_it = f" It is worth {_money(value, quote)}." if value is not None else ""
    x, y = (symbol(order["pool"], decision.tokens, is_x=is_x) for is_x in (True, False))
    newly = f"{_money(put_at_risk, quote)}" if put_at_risk > 0.0 else f"no {y}"
    before = f"its {x}, and what stood in bins, was at risk before"
    return f"{LADDER_SIZE_SENTENCES[order['sized_by']]}.{all_of_it} It puts {newly} newly at risk: {before}."


def _end(order: dict[str, Any]) -> str:
    after = order["end_slot"] - order["slot"]
    later = f"{after:,} slot{'' if after == 1 else 's'}"
    filled = "filled" if order["action"] == "swap" else "landed"
    return END_SENTENCES[order["status"]].format(slot=f"{order['end_slot']:,}", after=later, filled=filled)


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
            *_amounts(fill, decision.tokens),
        )
    return table


def _amounts(fill: dict[str, Any], tokens: Tokens) -> tuple[str, str]:
    """Write what a fill gave and got."""
    pool, gives_x = fill["pool"], fill["side"] != "buy"
    given = whole(fill["amount_in"], pool, tokens, is_x=gives_x)
    return given, whole(fill["amount_out"], pool, tokens, is_x=not gives_x)


def _attempts(decision: Decision) -> Table | None:
    if not decision.attempts:
        return None
    table = Table(title="attempts, by the order journal", title_justify="left")
    for name in ("attempt", "what", "phase", "arrived (UTC)", "step", "signature"):
        table.add_column(name, overflow="fold")
    for order in decision.attempts:
        what = "(lost)" if order.approved is None else describe(order.approved, partial(whole, tokens=decision.tokens))
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
