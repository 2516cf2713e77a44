"""The gate for what is no plain swap: hold a drafted order against all rules, and send it or take it to its end."""

from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.books.accounts import lacks
from operators.books.ledger import mark
from operators.orders.order_table import open_in_pool, reserve, send
from operators.orders.records import (
    ADD,
    CREATE,
    NO_RULE,
    REBALANCE,
    REFUSED,
    ROUTE,
    SELL,
    STRATEGY_BUDGET,
    WITHHELD,
    end,
)
from operators.risk.gate import adds_risk, count_approval, objection
from operators.risk.market_risk import Risk, bring_up_to_date


@kernel
def _objection(
    order: Fields,
    ledger: Fields,
    books: Rows,
    accounts: Rows,
    table: Rows,
    limits: Rows,
    risk: Risk,
) -> tuple[int, float, float]:
    """Return what speaks against an order: a rule, its figure and its bound. An approval is counted."""
    is_exchange = order.action == ROUTE and order.side == SELL
    # What an exchange adds it adds where it buys; on its way back it adds nothing.
    is_adding = adds_risk(order) and not (is_exchange and order.fraction_bps != 0)
    need_x, need_y = order.amount_x, order.amount_y
    if is_exchange:
        order.pool, order.other_pool = order.other_pool, order.pool
        need_y = order.other_in
    elif order.action == ROUTE:
        need_y += order.amount_in
    elif order.action == REBALANCE:  # what the old ladder holds is there before the new one is placed
        account = accounts[order.strategy, order.pool]
        need_x, need_y = max(need_x - account.position_x, 0), max(need_y - account.position_y, 0)
    bring_up_to_date(books, risk)
    header, _, tails, correlation = risk
    waiting = open_in_pool(ledger, table, order.pool)
    rule, figure, bound = objection(
        order, is_adding, need_x, need_y, ledger, books, limits, header, tails, correlation, waiting
    )
    if is_exchange:
        order.pool, order.other_pool = order.other_pool, order.pool
    if rule == NO_RULE and (order.action == CREATE or order.action == ADD):
        is_lacking, missing, free = lacks(accounts[order.strategy, order.pool], books[order.pool], need_x, need_y)
        if is_lacking:
            return STRATEGY_BUDGET, missing, free
    if rule == NO_RULE and is_adding:
        count_approval(ledger)
    return rule, figure, bound


@kernel
def value(ledger_: Rows, books: Rows) -> None:
    """Mark the portfolio at the present prices; arrays are handed over faster than records."""
    mark(ledger_[0], books)


@kernel
def admit(ledger_: Rows, books: Rows, accounts: Rows, table: Rows, venue_: Rows, sent: Rows, cursor_: Rows) -> None:
    """Put the order behind the open ones among them, and with signed execution have it carried out."""
    ledger = ledger_[0]
    order = table[ledger.open_orders]
    order.land_slot += venue_[0].latency_slots
    ledger.open_orders += 1
    reserve(books[order.pool], accounts, order, 1)
    if ledger.is_signed != 0:
        send(order, ledger, sent, cursor_[0])


@kernel
def refuse(
    status: int,
    rule: int,
    figure: float,
    bound: float,
    ledger_: Rows,
    books: Rows,
    table: Rows,
    ended: Rows,
    cursor_: Rows,
) -> None:
    """Take the order behind the open ones to its end."""
    ledger, cursor = ledger_[0], cursor_[0]
    order = table[ledger.open_orders]
    order.rule = rule
    order.figure = figure
    order.bound = bound
    cursor.ended = end(order, status, books[order.pool].seq, ledger.slot, ended, cursor.ended)


@kernel
def passes(
    rule: int,
    figure: float,
    bound: float,
    ledger_: Rows,
    books: Rows,
    accounts: Rows,
    table: Rows,
    limits: Rows,
    risk: Risk,
    ended: Rows,
    cursor_: Rows,
) -> bool:
    """Hold the order behind the open ones against the gate; where a rule objects, that is its end.

    :arg rule: What spoke against it when it was drafted, with its figure and its bound; `NO_RULE` where nothing did.

    """
    ledger = ledger_[0]
    mark(ledger, books)
    status = WITHHELD
    if rule == NO_RULE:
        rule, figure, bound = _objection(table[ledger.open_orders], ledger, books, accounts, table, limits, risk)
        status = WITHHELD if rule == STRATEGY_BUDGET else REFUSED
    if rule != NO_RULE:
        refuse(status, rule, figure, bound, ledger_, books, table, ended, cursor_)
    return rule == NO_RULE


@kernel
def decide(
    rule: int,
    figure: float,
    bound: float,
    ledger_: Rows,
    books: Rows,
    accounts: Rows,
    table: Rows,
    limits: Rows,
    risk: Risk,
    venue_: Rows,
    sent: Rows,
    ended: Rows,
    cursor_: Rows,
) -> bool:
    """Hold the order behind the open ones against the gate as `passes` does, and `admit` what passes.

    :returns: Whether the caller is to decide: a route that passes and is to be sent now may be hopeless.

    """
    ledger = ledger_[0]
    if not passes(rule, figure, bound, ledger_, books, accounts, table, limits, risk, ended, cursor_):
        return False
    if ledger.is_signed != 0 and table[ledger.open_orders].action == ROUTE:
        return True
    admit(ledger_, books, accounts, table, venue_, sent, cursor_)
    return False
