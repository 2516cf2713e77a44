"""Read an order journal that may be in use, and show it to a person."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from rich.console import Group
from rich.table import Table

from connectors.execution.known_orders import KnownOrders
from connectors.execution.order_journal_format import NAME, read_order_journal
from connectors.execution.order_phases import Order
from dlmm.records import Record
from operators.orders.commands import (
    AddLiquidity,
    Approved,
    ClaimFees,
    ClosePosition,
    CreatePosition,
    Rebalance,
    RemoveLiquidity,
    Swap,
    SwapRoute,
)


class OrdersReport(Record, frozen=True):
    """What an order journal holds.

    :arg orders: All of them, in the order of their arrival.

    :arg fees: Lamports that they paid, network fees and tips.

    :arg next_order: The least order id that is above all of theirs.

    :arg notes: What could not be read, a line each.

    """

    path: str
    wallet: str
    orders: tuple[Order, ...]
    fees: int
    next_order: int
    notes: tuple[str, ...]


class AmountWriter(Protocol):
    """How an amount of one of a pool's tokens is written."""

    def __call__(self, amount: int, pool: str, *, is_x: bool) -> str:
        """Write an amount of token X or Y, in raw units."""


def raw_amount(amount: int, pool: str, *, is_x: bool) -> str:
    """Write an amount as it is."""
    del pool
    return f"{amount:,} {'X' if is_x else 'Y'}"


def report_orders(folder: Path | str) -> OrdersReport:
    """Read a folder's order journal and leave it as it is, whoever writes to it.

    :raises DlmmError: There is none, or it cannot be read.

    """
    path = Path(folder) / NAME
    contents = read_order_journal(path)
    orders, contradictions = KnownOrders.of(contents.entries)
    return OrdersReport(
        path=str(path),
        wallet=contents.wallet,
        orders=tuple(orders.all()),
        fees=orders.fees_since(0),
        next_order=orders.next_order,
        notes=(*(cut.named for cut in contents.cuts), *contradictions),
    )


def render_orders(report: OrdersReport, *, only_open: bool = False) -> Group:
    """Lay a report out for a terminal.

    :arg only_open: Leave out what has ended.

    """
    table = Table(title=f"{report.path}: orders of wallet {report.wallet}", title_justify="left")
    for name in ("order", "what", "phase", "arrived (UTC)", "last heard of", "slot", "step", "signature"):
        is_text = name in {"what", "phase", "signature"}
        table.add_column(name, justify="left" if is_text else "right", overflow="fold", no_wrap=name == "arrived (UTC)")
    still_open = 0
    for order in report.orders:
        still_open += order.is_open
        if order.is_open or not only_open:
            _add_order(table, order)
    count = f"{len(report.orders):,} orders, {still_open:,} open; the next is {report.next_order}"
    notes = [f"Not as it should be: {note}" for note in report.notes]
    return Group(table, f"{count}; network fees and tips {report.fees:,} lamports", *notes)


def describe(approved: Approved, written: AmountWriter = raw_amount) -> str:
    """Say in a few words what was approved."""
    command = approved.command
    match command:
        case Swap():
            return _swap(command, written)
        case SwapRoute(legs):
            return ", then ".join(_swap(leg, written) for leg in legs)
        case CreatePosition():
            what = "create"
        case AddLiquidity(pool=pool, amount_x=x, amount_y=y):
            what = f"add {written(x, pool, is_x=True)} and {written(y, pool, is_x=False)} to"
        case RemoveLiquidity(bps=bps):
            what = f"remove {bps / 100:g} % of"
        case ClaimFees():
            what = "claim the fees of"
        case ClosePosition():
            what = "close"
        case Rebalance():
            what = _ladder(command, written)
    bins = f"bins {command.lower} to {command.upper}"
    return f"{what} position {command.position} ({bins}) in {command.pool}"


def _ladder(command: Rebalance, written: AmountWriter) -> str:
    bids = f"{written(command.amount_y, command.pool, is_x=False)} in bins to {command.bid_upper}"
    asks = f"{written(command.amount_x, command.pool, is_x=True)} in bins from {command.ask_lower}"
    placed = " and ".join(side for side, amount in ((bids, command.amount_y), (asks, command.amount_x)) if amount)
    closed = f"close position {command.old_position} and " if command.old_position else ""
    return f"{closed}place {placed} as"


def _swap(swap: Swap, written: AmountWriter) -> str:
    given, taken = (swap.amount, swap.threshold) if swap.exact_in else (swap.threshold, swap.amount)
    gives = written(given, swap.pool, is_x=swap.swap_for_y)
    takes = written(taken, swap.pool, is_x=not swap.swap_for_y)
    bounded = f"{gives} for at least {takes}" if swap.exact_in else f"at most {gives} for {takes}"
    return f"swap {bounded} in {swap.pool}"


def _add_order(table: Table, order: Order) -> None:
    what = "(lost)" if order.approved is None else describe(order.approved)
    phase = f"{order.phase}: {order.reason}" if order.reason else str(order.phase)
    times = (_time(order.first_ns), f"{(order.ts_ns - order.first_ns) / 1e9:+.3f} s")
    steps = [(str(one.step), f"{one.signature} {one.phase}") for one in order.transactions]
    table.add_row(order.key, what, phase, *times, f"{order.slot:,}", *(steps[0] if steps else ("", "")))
    for step in steps[1:]:
        table.add_row("", "", "", "", "", "", *step)


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")
