"""An arbitrage as an order says it, as it is sent, and as it is booked when it really happened."""

import msgspec
import numpy as np
import pytest

from dlmm.struct_arrays import join
from operators.blocks import REPORT, AccountWrite, Block, Rows
from operators.orders.commands import Approved, Swap, SwapRoute
from operators.orders.dispatch import approved_of
from operators.orders.execution_reports import (
    REPORT_OWNER,
    ExecutionReport,
    PoolFlow,
    Report,
    TokenChange,
    WalletReport,
    encode_report,
)
from operators.orders.records import BUY, FILLED, IMMEDIATE, ORDER, ROUTE, TURNED
from operators.portfolio import Portfolio
from operators.portfolio_records import Report as Told
from operators.routes.booking import LEG_FILL
from operators.routes.legs import RouteLeg, left_over, legs_of
from tests.operators.markets import market, no_signals
from tests.operators.routes.test_routing import BETWEEN, HERE, M_SOL, THERE, TRIANGLE, params, triangle
from tests.operators.routes.test_routing import POOLS as NAMED

USDC, WRAPPED, STAKED = "USDC's mint", "So11111111111111111111111111111111111111112", "MSOL's mint"
MINTS = {"USDC": USDC, "SOL": WRAPPED, "MSOL": STAKED}
POOLS = tuple(msgspec.structs.replace(info, mint_x=MINTS[info.base], mint_y=MINTS[info.quote]) for info in NAMED)
TRADED = frozenset({HERE, THERE, M_SOL})
OPENING = {USDC: 30_000_000_000_000, WRAPPED: 90_000_000_000_000, STAKED: 50_000_000_000_000}
FEE = 5_000


def order_of(**fields: int) -> np.void:
    order: np.void = np.zeros(1, ORDER)[0]
    order["action"], order["side"], order["kind"], order["third_pool"] = ROUTE, BUY, IMMEDIATE, -1
    for name, value in fields.items():
        order[name] = value
    return order


def test_the_first_of_two_swaps_may_buy_exactly_what_the_second_sells() -> None:
    fields = {"pool": 2, "other_pool": 1, "directions": 0b10, "amount_in": 70, "min_out": 30}
    amounts = {"other_in": 30, "other_min_out": 75}
    second = RouteLeg(1, True, True, 30, 75)
    assert legs_of(order_of(**fields, **amounts)) == (RouteLeg(2, False, True, 70, 30), second)
    assert legs_of(order_of(**fields, **amounts, is_exact_out=1)) == (RouteLeg(2, False, False, 30, 70), second)


def test_an_order_is_sent_with_all_of_its_swaps() -> None:
    order = order_of(
        pool=HERE,
        other_pool=BETWEEN,
        third_pool=M_SOL,
        directions=0b100,
        amount_in=70,
        min_out=30,
        other_in=30,
        other_min_out=20,
        third_in=20,
        third_min_out=75,
        attempts=1,
        compute_units=200_000,
    )
    sent = approved_of(order, POOLS, ("arbitrage",), "main", 0).command
    assert sent == SwapRoute(
        (
            Swap("sol", True, False, 70, 30, 66_667),
            Swap("staked", True, False, 30, 20, 66_667),
            Swap("msol", True, True, 20, 75, 66_667),
        )
    )


def test_a_turned_order_makes_its_own_pools_swap_last() -> None:
    figures = {"pool": HERE, "other_pool": M_SOL, "directions": 0b11, "amount_in": 70, "min_out": 30}
    straight = legs_of(order_of(**figures, other_in=30, other_min_out=71, third_pool=-1))
    figures["directions"] |= TURNED
    turned = legs_of(order_of(**figures, other_in=30, other_min_out=71, third_pool=-1))
    assert [leg.pool for leg in straight] == [HERE, M_SOL]
    assert [leg.pool for leg in turned] == [M_SOL, HERE]
    assert [(leg.amount, leg.threshold, leg.swap_for_y) for leg in turned] == [(70, 30, True), (30, 71, True)]


def test_what_swaps_leave_over_is_told_by_token() -> None:
    fills = np.zeros(3, LEG_FILL)
    fills["pool"], fills["swap_for_y"] = (HERE, BETWEEN, M_SOL), (False, False, True)
    fills["amount_in"], fills["amount_out"] = (70, 29, 20), (30, 20, 75)
    assert left_over(fills, POOLS) == {USDC: 5, WRAPPED: 1, STAKED: 0}


class Signed:
    """A portfolio that really trades, whose chain the test plays."""

    def __init__(self) -> None:
        self.portfolio = Portfolio(params(pools=POOLS))
        self.reports: list[Told] = []
        self.tell(WalletReport("opening", "wallet", 1_000, 10**9, _tokens(OPENING), (), 1))

    def row(self, row: Rows, wishes: Rows | None = None) -> list[Approved]:
        row = row.copy()
        row["seq"] = len(self.reports) + 1
        wanted = join([no_signals(), *([] if wishes is None else [wishes.copy()])])
        wanted["seq"] = row["seq"][0]
        return self._take(row, wanted, ())

    def tell(self, report: Report) -> list[Approved]:
        seq = len(self.reports) + 1
        row = market([(0, 0, 0, 0)], first_seq=seq)
        row["kind"] = REPORT
        return self._take(row, no_signals(), (AccountWrite(seq, "report", REPORT_OWNER, encode_report(report)),))

    def _take(self, row: Rows, wishes: Rows, writes: tuple[AccountWrite, ...]) -> list[Approved]:
        block = Block(int(row["pool"][0]), len(self.reports), 1, False, row, writes, signals=wishes)
        made = self.portfolio.take(block)
        self.reports += made
        return [each for report in made for each in report.approved]

    def held(self) -> dict[str, int]:
        """What the books of the traded pools say the wallet holds."""
        held = dict.fromkeys(OPENING, 0)
        for pool in TRADED:
            book = self.portfolio._tables.books[pool]
            held[POOLS[pool].mint_x] += int(book["base"])
            held[POOLS[pool].mint_y] += int(book["quote"])
        return held


def _tokens(amounts: dict[str, int]) -> tuple[TokenChange, ...]:
    return tuple(TokenChange(mint, amount) for mint, amount in amounts.items())


def sent() -> tuple[Signed, Approved, SwapRoute]:
    made = Signed()
    for index in range(2):
        made.row(TRIANGLE[index : index + 1])
    (approved,) = made.row(TRIANGLE[2:3], triangle()[2])
    assert isinstance(approved.command, SwapRoute)
    return made, approved, approved.command


def landing(approved: Approved, route: SwapRoute, *, extra: int = 0) -> ExecutionReport:
    """Carry out all swaps at exactly their limits, the first with so much more."""
    first, second, third = route.legs
    assert not first.exact_in
    assert second.exact_in
    assert third.exact_in
    paid, bought = first.threshold, first.amount
    flows = (
        PoolFlow(first.pool, bought + extra, -paid, paid // 5_000, False),
        PoolFlow(second.pool, second.threshold, -second.amount, second.amount // 5_000, False),
        PoolFlow(third.pool, -third.amount, third.threshold, third.amount // 5_000, True),
    )
    changes = _tokens({USDC: third.threshold - paid, WRAPPED: extra})
    return ExecutionReport(
        approved.order,
        approved.attempt,
        "landed",
        True,
        1_001,
        changes=tuple(change for change in changes if change.amount),
        flows=flows,
        network_fee=FEE,
    )


@pytest.mark.parametrize("extra", [0, 77])
def test_a_round_that_landed_is_booked_as_it_would_be_on_paper(extra: int) -> None:
    made, approved, route = sent()
    profit = route.legs[2].threshold - route.legs[0].threshold
    fees = made.portfolio._tables.books["fees"].copy()
    made.tell(landing(approved, route, extra=extra))
    fills = made.reports[-1].fills
    assert fills["pool"].tolist() == [HERE, BETWEEN, M_SOL]
    assert fills["side"].tolist() == [1, 1, -1]
    assert fills["slot"].tolist() == [1_001] * 3
    assert fills["amount_in"].tolist() == [route.legs[0].threshold, *(leg.amount for leg in route.legs[1:])]
    assert fills["realised"].tolist() == pytest.approx([0.0, 0.0, profit * 1e-6])
    assert fills["fee"].tolist() == pytest.approx([float(fills["fee"][0])] * 3, rel=0.1)
    assert made.portfolio._tables.books["fees"] - fees == pytest.approx(
        [float(fills["fee"][0]), 0.0, float(fills["fee"][2]), float(fills["fee"][1])]
    )
    assert made.held() == {**OPENING, USDC: OPENING[USDC] + profit, WRAPPED: OPENING[WRAPPED] + extra}
    between = made.portfolio._tables.books[BETWEEN]
    assert (between["base"], between["quote"]) == (0, 0)
    (order,) = made.reports[-1].orders
    assert order["status"] == FILLED
    ledger = made.reports[-1].ledger[0]
    assert (ledger["wins"], ledger["fills"], ledger["network_fees"]) == (1, 3, FEE)
    assert made.portfolio._tables.books[HERE]["reserved_quote"] == 0


def test_a_round_that_a_fork_took_back_leaves_the_wallet_as_it_was() -> None:
    made, approved, route = sent()
    landed = landing(approved, route)
    made.tell(landed)
    made.tell(
        msgspec.structs.replace(
            landed,
            status="undone",
            number=1,
            changes=tuple(TokenChange(each.mint, -each.amount) for each in landed.changes),
            flows=tuple(msgspec.structs.replace(flow, x=-flow.x, y=-flow.y) for flow in landed.flows),
        )
    )
    assert made.held() == OPENING
    between = made.portfolio._tables.books[BETWEEN]
    assert (between["base"], between["quote"]) == (0, 0)
    assert made.portfolio._tables.books["fees"] == pytest.approx(0.0, abs=1e-6)


def test_a_round_whose_swaps_the_chain_does_not_tell_of_still_moves_what_the_wallet_lost_and_gained() -> None:
    made, approved, route = sent()
    landed = landing(approved, route)
    made.tell(msgspec.structs.replace(landed, flows=landed.flows[:1]))
    profit = route.legs[2].threshold - route.legs[0].threshold
    assert made.held() == {**OPENING, USDC: OPENING[USDC] + profit}


def test_while_a_round_is_on_its_way_no_other_goes_through_its_pools() -> None:
    made, approved, route = sent()
    (_, wished), *_ = triangle().items()
    assert made.row(TRIANGLE[3:4], wished) == []
    assert sum(len(report.orders) for report in made.reports) == 0
    made.tell(landing(approved, route))
    assert len(made.reports[-1].orders) == 1
    (again,) = made.row(TRIANGLE[4:5], wished)
    assert again.order == approved.order + 1
