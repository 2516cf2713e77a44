"""Exchanges that are signed: X of one pool for X of another, booked when they landed, and nothing by halves."""

import math

import numpy as np
import pytest

from operators.blocks import ARBITRAGE, Rows
from operators.orders.commands import Approved, SwapRoute
from operators.orders.records import EXPIRED, FAILED, FILLED, NO_POOL
from operators.routes.chains import SELL_THEN_BUY
from tests.operators.markets import ORIGINS, bin_price, no_signals
from tests.operators.signed_market import FEE, OPENING, POOLS, SignedMarket

SOLD, BOUGHT = 0, 1
SLIPPAGE = 0.005


def wish(sold: int = SOLD, bought: int = BOUGHT, *, fraction: float = math.nan, strategy: int = 0) -> Rows:
    made = np.zeros(1, no_signals().dtype)
    for field in ("bid_size", "ask_size", "expected_profit"):
        made[field] = math.nan
    made["kind"], made["directions"], made["strategy"], made["fraction"] = ARBITRAGE, SELL_THEN_BUY, strategy, fraction
    made["pool"], made["other_pool"], made["third_pool"] = sold, bought, NO_POOL
    made["ask"], made["bid"] = (bin_price(pool, ORIGINS[pool]) for pool in (sold, bought))
    return made


@pytest.fixture(params=[False, True], ids=["unbroken", "restarted"])
def made(request: pytest.FixtureRequest) -> SignedMarket:
    market = SignedMarket(restarts=request.param)
    market.row(SOLD)
    market.row(BOUGHT)
    return market


def only(approved: list[Approved]) -> tuple[Approved, SwapRoute]:
    (one,) = approved
    assert isinstance(one.command, SwapRoute)
    return one, one.command


def reserved(made: SignedMarket) -> list[tuple[float, float]]:
    return [(made.book(pool, "reserved_base"), made.book(pool, "reserved_quote")) for pool in (SOLD, BOUGHT)]


def test_it_is_sent_as_two_swaps_of_which_the_second_takes_what_the_first_brings_at_least(made: SignedMarket) -> None:
    _, route = only(made.row(SOLD, 0, wish()))
    sale, purchase = route.legs
    assert (sale.pool, sale.swap_for_y, sale.exact_in) == (POOLS[SOLD].pool, True, True)
    assert (purchase.pool, purchase.swap_for_y, purchase.exact_in) == (POOLS[BOUGHT].pool, False, True)
    assert purchase.amount == sale.threshold
    sold = sale.amount * 1e-9 * bin_price(SOLD, ORIGINS[SOLD]) * 1e6
    assert sale.threshold == pytest.approx(sold * (1.0 - SLIPPAGE), rel=1e-9)
    bought = purchase.amount * 1e-6 / bin_price(BOUGHT, ORIGINS[BOUGHT]) * 1e6
    assert purchase.threshold == pytest.approx(bought / (1.0 + SLIPPAGE), rel=1e-6)


def test_one_that_landed_moves_both_pools_accounts_and_comes_back_whole(made: SignedMarket) -> None:
    sent, route = only(made.row(SOLD, 0, wish()))
    made.tell(made.land(sent))
    sale, purchase = route.legs
    assert made.agrees()
    assert made.held()[POOLS[SOLD].mint_x] == OPENING[POOLS[SOLD].mint_x] - sale.amount
    assert made.held()[POOLS[BOUGHT].mint_x] == OPENING[POOLS[BOUGHT].mint_x] + purchase.threshold
    assert [(fill["pool"], fill["side"]) for fill in made.reports[-1].fills] == [(SOLD, -1), (BOUGHT, 1)]
    assert made.ended() == [(1, FILLED)]
    assert reserved(made) == [(0, 0), (0, 0)]
    back, way = only(made.row(BOUGHT, 0, wish(BOUGHT, SOLD, fraction=1.0)))
    # The wallet that was opened was not quite at its inventory target, to which this brings it.
    assert way.legs[0].amount == pytest.approx(purchase.threshold, rel=0.05)
    made.tell(made.land(back))
    assert made.agrees()
    assert made.row(BOUGHT, 0, wish(BOUGHT, SOLD, fraction=1.0)) == []
    assert made.ended() == [(1, FILLED), (2, FILLED)]


@pytest.mark.parametrize("status", ["failed", "expired", "refused"])
def test_of_one_that_failed_nothing_moves_but_the_fee(made: SignedMarket, status: str) -> None:
    sent, _ = only(made.row(SOLD, 0, wish()))
    made.tell(made.fail(sent, status))
    assert made.agrees()
    assert made.held() == OPENING
    assert made.ledger["network_fees"] == (FEE if status == "failed" else 0)
    assert made.ended()[0][1] in (FAILED, EXPIRED)
    assert reserved(made) == [(0, 0), (0, 0)]
    assert sum(len(report.fills) for report in made.reports) == 0
    assert only(made.row(SOLD, 0, wish()))[1].legs  # and the wish may come again


def test_while_one_is_on_its_way_its_strategy_sends_no_other_through_its_pools(made: SignedMarket) -> None:
    sent, _ = only(made.row(SOLD, 0, wish()))
    for slots, pools in enumerate([(SOLD, BOUGHT), (BOUGHT, SOLD)] * 3):
        assert made.row(pools[0], 0, wish(*pools), slots=slots) == []
    other, _ = only(made.row(SOLD, 0, wish(strategy=1)))
    assert other.order == sent.order + 1
    made.tell(made.land(other))
    assert made.row(SOLD, 0, wish()) == []
    made.tell(made.fail(sent))
    assert only(made.row(SOLD, 0, wish()))[0].order == other.order + 1
    assert made.agrees()
    assert made.ended() == [(2, FILLED), (1, FAILED)]
