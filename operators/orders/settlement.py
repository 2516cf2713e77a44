"""Book what the execution connector reports: the only thing that moves the books of a portfolio that really trades."""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from dlmm.errors import DlmmError
from dlmm.records import ANSWER, Account, Record
from operators.books.accounts import NOBODY, average_cost, move
from operators.books.ledger import book_fill
from operators.books.tables import Tables
from operators.books.wallet_books import WalletBooks, WalletTotals, bring_in
from operators.orders.execution_reports import (
    ExecutionReport,
    OperatorCommand,
    PoolFlow,
    PositionState,
    Report,
    WalletReport,
)
from operators.orders.order_table import reserve
from operators.orders.records import (
    ADD,
    BUY,
    CANCELLED,
    CLAIM,
    CLOSE,
    EXPIRED,
    FAILED,
    FILLED,
    OPEN,
    REBALANCE,
    REMOVE,
    RESTING,
    ROUTE,
    SENT,
    SIMULATED,
    SWAP,
)
from operators.pools import PoolInfo
from operators.positions.bin_conversions import count_fees, hold_in_bins
from operators.positions.bin_positions import NOTHING, BinPositions
from operators.routes.booking import LEG_FILL, book_route, keep
from operators.routes.chains import worth_of
from operators.routes.legs import left_over, legs_of, route_tokens, tokens_of

HEARD_ATTEMPTS = 512
"""Newest attempts of which is remembered what was booked; a restart tells of fewer once more."""

MAX_ATTEMPTS = 3
"""Transactions that are sent for one resting order, one after the other, before it is given up."""

ENDS = {"landed": FILLED, "failed": FAILED, "expired": EXPIRED, "refused": FAILED, "simulated": SIMULATED}

IN_BINS = frozenset({ADD, REMOVE, CLAIM, CLOSE, REBALANCE})
"""What these take from the wallet stands in bins, and what they bring stood there."""


class SettlementState(Record, frozen=True):
    """Snapshot.

    :arg found: Pools with positions that were there before the run and were not valued yet, and whose they are.

    """

    wallet: WalletTotals
    heard: dict[str, int]
    unknown: int
    closing_slots: dict[int, int]
    found: Mapping[int, tuple[int, ...]] = {}


class Settlement:
    """Take reports, one after the other, into a portfolio's tables and positions.

    :arg traded: Indices of the pools among which the wallet's tokens are divided.

    :arg strategies: Names of all, in the order that accounts count them.

    """

    def __init__(
        self,
        pools: tuple[PoolInfo, ...],
        traded: tuple[int, ...],
        strategies: tuple[str, ...],
        positions: BinPositions,
    ) -> None:
        self._pools = pools
        self._strategies = strategies
        self._positions = positions
        self._books = WalletBooks(pools, traded)
        self._tokens = route_tokens(pools, frozenset(traded))
        self.unknown = 0
        """Reports for orders that we do not know."""
        self._heard: dict[str, int] = {}
        """How many reports on an attempt were booked, by its key; the one that was last heard of stands last."""
        self._closing_slots: dict[int, int] = {}
        self._found: dict[int, tuple[int, ...]] = {}

    @property
    def wallet(self) -> WalletTotals:
        """The wallet over the run, as the chain has it."""
        return self._books.totals

    def may_close(self, position: int, slot: int, retry_slots: int) -> bool:
        """Tell whether it is time for the emergency stop to try and close a position, and note that it is done."""
        last = self._closing_slots.get(position)
        if last is not None and slot - last < retry_slots:
            return False
        self._closing_slots[position] = slot
        return True

    def snapshot(self) -> SettlementState:
        """Return all that is known."""
        return SettlementState(
            self.wallet, dict(self._heard), self.unknown, dict(self._closing_slots), dict(self._found)
        )

    def restore(self, state: SettlementState) -> None:
        """Go on from a snapshot."""
        self._books.totals, self.unknown = state.wallet, state.unknown
        self._heard, self._closing_slots = dict(state.heard), dict(state.closing_slots)
        self._found = dict(state.found)

    def book(self, report: Report, tables: Tables) -> None:
        """Book a report."""
        match report:
            case ExecutionReport():
                self._execution(report, tables)
            case WalletReport():
                self._wallet(report, tables)
            case OperatorCommand(kind="stop"):
                tables.ledger["stopped"] = 1
            case OperatorCommand(kind="clear"):
                # The peak starts anew: below the old one the stop would be on again at once.
                tables.ledger["stopped"] = 0
                tables.ledger["peak"] = tables.ledger["equity"]
                tables.ledger["drawdown"] = 0.0
            case OperatorCommand():
                tables.ledger["closing"] = 1

    def _execution(self, report: ExecutionReport, tables: Tables) -> None:
        if not tables.is_signed:
            return  # of before the wallet was opened, and in what it held then
        if report.order >= int(tables.ledger["next_order"][0]):
            self.unknown += 1
            return
        place = tables.find(report.order)
        if not self._is_news(report, is_open=place >= 0):
            return
        is_sent = place >= 0 and tables.table[place]["status"] == SENT
        if is_sent and int(tables.table[place]["attempts"]) - 1 == report.attempt:
            self._open_order(report, tables, place)
        elif report.status in ("landed", "failed", "undone"):
            self._move(report, tables, -1)  # a fork took back what had ended the attempt, or it landed after all

    def _is_news(self, report: ExecutionReport, *, is_open: bool) -> bool:
        """Tell whether a report was not booked yet: a restart tells once more what may have been missed."""
        key = f"{report.order}.{report.attempt}"
        heard = self._heard.pop(key, None)
        if heard is None and not is_open:
            return False  # of an order of before the wallet was opened, or one that ended long ago
        count = heard or 0
        self._heard[key] = max(count, report.number + 1)
        if len(self._heard) > HEARD_ATTEMPTS:
            del self._heard[next(iter(self._heard))]
        return report.number >= count

    def _open_order(self, report: ExecutionReport, tables: Tables, place: int) -> None:
        order = tables.table[place]
        action = int(order["action"])
        book_fills = {SWAP: self._fill, ROUTE: self._route}.get(action)
        if book_fills is not None and report.status == "landed" and book_fills(report, tables, order):
            self._lamports(report, tables)
        else:
            self._move(report, tables, place)
        if not report.is_final:
            return
        tables.ledger["in_flight"] -= 1
        is_quote = action == SWAP and int(order["kind"]) == RESTING
        tries_again = (
            report.status in ("failed", "expired")
            and is_quote
            and int(order["attempts"]) < MAX_ATTEMPTS
            and not tables.ledger["stopped"][0]
            and not tables.ledger["closing"][0]
        )
        slot = int(tables.ledger["slot"][0])
        if tries_again and slot < min(int(order["cancel_slot"]), int(order["expiry_slot"])):
            order["status"] = OPEN
            order["tried_slot"] = slot
            order["tried_bin"] = tables.books[int(order["pool"])]["active_id"]
            return
        end = ENDS[report.status]
        if is_quote and end != FILLED and end != SIMULATED and slot >= int(order["cancel_slot"]):
            end = CANCELLED
        tables.finish(place, end)

    def _fill(self, report: ExecutionReport, tables: Tables, order: np.void) -> bool:
        """Book a swap that landed as a fill, unless what the wallet gained and lost is no swap of this order's."""
        pool = int(order["pool"])
        info = self._pools[pool]
        moved = {change.mint: change.amount for change in report.changes}
        x, y = moved.get(info.mint_x, 0), moved.get(info.mint_y, 0)
        is_buy = int(order["side"]) == BUY
        paid, got = (-y, x) if is_buy else (-x, y)
        if paid <= 0 or got <= 0 or len(moved) != 2:
            return False
        flow = next((flow for flow in report.flows if flow.pool == info.pool), PoolFlow(info.pool, x, y))
        result = np.zeros(1, ANSWER)
        result[0] = (1, paid, got, flow.fee, int(flow.fee_in_x != is_buy), 0, np.nan, 0)
        filled = int(tables.cursor["fills"][0])
        book_fill(tables.ledger[0], tables.books[pool], tables.accounts, order, result[0], tables.fills[filled])
        tables.fills[filled]["slot"] = report.slot
        tables.cursor["fills"] += 1
        return True

    def _route(self, report: ExecutionReport, tables: Tables, order: np.void) -> bool:
        """Book an arbitrage that landed, a fill for each swap, unless the pools' own words do not tell of all."""
        flows = {flow.pool: flow for flow in report.flows}
        legs = legs_of(order)
        fills = np.zeros(len(legs), LEG_FILL)
        for fill, leg in zip(fills, legs, strict=True):
            flow = flows.get(self._pools[leg.pool].pool)
            if flow is None:
                return False
            paid, got = (-flow.x, flow.y) if leg.swap_for_y else (-flow.y, flow.x)
            if paid <= 0 or got <= 0:
                return False
            fill["pool"], fill["swap_for_y"], fill["amount_in"], fill["amount_out"] = (
                leg.pool,
                leg.swap_for_y,
                paid,
                got,
            )
            fill["fee"], fill["fee_in_x"], fill["price_impact"] = flow.fee, flow.fee_in_x, np.nan
        held = tables.books, tables.accounts, self._tokens
        book_route(order, fills, report.slot, tables.ledger[0], *held, tables.fills, tables.cursor[0])
        left = left_over(fills, self._pools)
        for change in report.changes:
            owner = self._books.owner_of(change.mint, int(order["pool"]))
            amount = change.amount - left.get(change.mint, 0)
            if amount and owner >= 0:
                field = "x" if change.mint == tokens_of(self._pools[owner])[0] else "y"
                keep(owner, self._tokens[field][owner], amount, int(order["strategy"]), *held)
        return True

    def _move(self, report: ExecutionReport, tables: Tables, place: int) -> None:
        """Book what a transaction moved that is no simple fill."""
        order = tables.table[place] if place >= 0 else None
        flows = self._flows(report, int(order["pool"]) if order is not None else -1)
        strategy = self._owner(order) if order is not None else NOBODY
        for pool, flow in flows:
            book, account = tables.books[pool], tables.accounts[strategy, pool]
            book["base"] += flow.x
            book["quote"] += flow.y
            move(tables.accounts, strategy, pool, flow.x, flow.y)
            fee = float(worth_of(pool, flow.fee, flow.fee_in_x, tables.books, self._tokens))
            for holder in (book, account):
                if order is not None and int(order["action"]) in IN_BINS:
                    holder["position_x"] -= flow.x
                    holder["position_y"] -= flow.y
                holder["fees"] += -fee if report.status == "undone" else fee
            book["cost"] = average_cost(tables.accounts, pool, float(book["cost"]))
        if order is not None and (order["amount_x"] or order["amount_y"]):
            book = tables.books[int(order["pool"])]
            reserve(book, tables.accounts, order, -1)
            for pool, flow in flows:
                if pool == int(order["pool"]):
                    order["amount_x"] = max(int(order["amount_x"]) + min(flow.x, 0), 0)
                    order["amount_y"] = max(int(order["amount_y"]) + min(flow.y, 0), 0)
            reserve(book, tables.accounts, order, 1)
        if order is not None and int(order["action"]) == ROUTE and report.status == "landed":
            tables.ledger["fills"] += len(flows)
        self._take_positions(report.positions, int(order["strategy"]) if order is not None else -1, tables)
        self._lamports(report, tables)

    def _owner(self, order: np.void) -> int:
        """Return the strategy whose tokens an order moves: the emergency stop closes what others opened."""
        strategy = int(order["strategy"])
        if strategy == NOBODY and order["position"]:
            return self._positions.owner_of(int(order["pool"]), int(order["position"]))
        return strategy

    def _take_positions(self, states: tuple[PositionState, ...], strategy: int, tables: Tables) -> None:
        self._positions.take(states, strategy)
        self._note_positions(tables)

    def _take_over(self, states: tuple[PositionState, ...], tables: Tables) -> None:
        """Take over what stood in bins before the run.

        What a strategy of this name opened last in a pool is its own again, if it still trades there: the position that
        it means where it names none. All others are nobody's.
        """
        newest: dict[tuple[str, str], int] = {}
        for state in states:
            mine = state.pool, state.strategy
            newest[mine] = max(newest.get(mine, 0), state.position)
        owners = tuple(
            self._trader(state, tables) if state.position == newest[state.pool, state.strategy] else NOBODY
            for state in states
        )
        self._positions.take_over(states, owners)
        self._note_positions(tables)
        of_pools = {pool: self._positions.in_pool(pool) for pool in self._positions.pools}
        self._found = {pool: tuple(sorted({held.strategy for held in of_pool})) for pool, of_pool in of_pools.items()}

    def _trader(self, state: PositionState, tables: Tables) -> int:
        """Return the strategy that opened a position in an earlier run, -1 where it does not trade there now."""
        pool = next((pool for pool, info in enumerate(self._pools) if info.pool == state.pool), -1)
        if pool < 0 or state.strategy not in self._strategies:
            return NOBODY
        strategy = self._strategies.index(state.strategy)
        return strategy if tables.accounts["share"][strategy, pool] > 0.0 else NOBODY

    def _note_positions(self, tables: Tables) -> None:
        for pool, book in enumerate(tables.books):
            had = bool(book["has_positions"])
            book["has_positions"] = bool(self._positions.in_pool(pool))
            if had and not book["has_positions"]:
                hold_in_bins(pool, {}, tables)

    def _flows(self, report: ExecutionReport, pool: int) -> list[tuple[int, PoolFlow]]:
        """Divide what the wallet gained and lost among the pools: by what they gave; the rest to the order's own.

        What several pools gave and took went from one to the other: only what all of it came to is divided.
        """
        index = {info.pool: number for number, info in enumerate(self._pools)}
        left = {change.mint: change.amount for change in report.changes}
        found: list[tuple[int, PoolFlow]] = []
        is_route = len({flow.pool for flow in report.flows}) > 1
        for flow in report.flows:
            if flow.pool in index and is_route:
                found.append((index[flow.pool], replace(flow, x=0, y=0)))
            elif flow.pool in index:
                info = self._pools[index[flow.pool]]
                found.append((index[flow.pool], flow))
                left[info.mint_x] = left.get(info.mint_x, 0) - flow.x
                left[info.mint_y] = left.get(info.mint_y, 0) - flow.y
        for mint, amount in left.items():
            owner = self._books.owner_of(mint, pool)
            if amount and owner >= 0:
                info = self._pools[owner]
                found.append((owner, PoolFlow(info.pool, *((amount, 0) if mint == info.mint_x else (0, amount)))))
        return found

    def _lamports(self, report: ExecutionReport, tables: Tables) -> None:
        ledger = tables.ledger
        sign = -1 if report.status == "undone" else 1
        ledger["lamports"] += report.lamports - sign * (report.network_fee + report.tip + report.rent)
        ledger["network_fees"] += sign * (report.network_fee + report.tip)
        ledger["rent"] += sign * report.rent

    def _wallet(self, report: WalletReport, tables: Tables) -> None:
        ledger = tables.ledger
        if not tables.is_signed:
            self._books.open(report, tables)
            self._take_over(report.positions, tables)
        elif report.occasion == "opening":
            self._go_on(report, tables)
        elif not ledger["in_flight"][0]:
            self._books.compare(report, tables)
        if report.occasion == "closing":
            self._books.totals = replace(self.wallet, closing=report)

    def _go_on(self, report: WalletReport, tables: Tables) -> None:
        """Take up a portfolio whose run ended or died.

        Nothing was in flight on chain when the wallet was read, and what came of all orders was told before: an order
        that is still on its way was never signed. It is handed over once more; who knows of it will say so.
        """
        ledger = tables.ledger
        self._books.totals = replace(self.wallet, closing=None)
        ledger["closing"] = 0
        ledger["next_order"] = max(int(ledger["next_order"][0]), report.next_order)
        self._books.compare(report, tables)
        for order in tables.open_orders:
            if order["status"] == SENT:
                tables.hand_over(order)

    def revalue(self, pool: int, accounts: Mapping[str, Account], tables: Tables) -> str:
        """Value the positions in one pool anew; return why that was impossible, if it was.

        Where X turned into Y inside of them that is a sale at the rate of the two, the other way a purchase. What was
        there before the run waits until all of it is seen: what came later would be told as income.
        """
        try:
            if pool in self._found and self._positions.lacks_accounts(pool, accounts):
                return ""
            now, earned = self._positions.follow(pool, accounts)
        except DlmmError as error:
            return str(error)
        if pool in self._found:
            for owner in self._found.pop(pool):
                bring_in(pool, owner, now.get(owner, NOTHING), tables)
        hold_in_bins(pool, now, tables)
        count_fees(pool, earned, tables)
        return ""
