"""An exchange from wish to chain: a portfolio drafts it, an executor signs it, a sandbox carries it out or nothing."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from connectors.execution.building.pool_accounts import PoolAccounts
from dlmm.price import price_x64
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Venue
from operators.blocks import ARBITRAGE, NO_SIGNALS, REPORT, ROW, SIGNAL, AccountWrite, Block, Rows
from operators.orders.commands import Approved, SwapRoute
from operators.orders.execution_reports import REPORT_OWNER, Report, TokenChange, WalletReport, encode_report
from operators.orders.records import FAILED, FILLED, NO_POOL
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, RiskLimits
from operators.portfolio_records import Report as Told
from operators.routes.chains import SELL_THEN_BUY
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.connectors.execution.rig import Market, Rig, changes, rig_on, without_zeros
from tests.processes import SandboxNode, sandbox


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50", "--market", "off") as node:
        yield node


@pytest.fixture
def rig(node: SandboxNode, tmp_path: Path) -> Iterator[Rig]:
    with rig_on(node, Market(node), tmp_path) as rig:
        yield rig


def price_of(info: PoolInfo, active_id: int) -> float:
    raw = price_x64(active_id - info.zero_bin, info.bin_step) / 2**64
    return float(raw * 10.0 ** (info.decimals_x - info.decimals_y))


class Trader:
    """A portfolio over the sandbox's pools, whose wallet is the rig's."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.pools = tuple(pool.info for pool in rig.market.pools.values())
        every = frozenset(range(len(self.pools)))
        self.portfolio = Portfolio(
            PortfolioParams(
                pools=self.pools,
                strategies=(PlannedStrategy(SwapQuotes(), every, Policy(max_liquidity_share=1.0)),),
                limits=RiskLimits(500.0, 1e12, 1e12, 1.0, 1.0, 1_000),
                capital=1.0,
                latency_slots=1,
                slippage_bps=50.0,
                equity_interval_s=10.0,
                depth_bins=30,
            )
        )
        self.told: list[Told] = []
        held = rig.balances()
        tokens = tuple(TokenChange(mint, amount) for mint, amount in held.items() if mint)
        self.tell(WalletReport("opening", str(rig.wallet.address), 1, held[""], tokens, (), 1))

    def place(self, venue: Venue, *, is_sol: bool) -> int:
        """Return the index of a venue's pool of SOL, or of the other token."""
        return next(
            place
            for place, info in enumerate(self.pools)
            if info.venue is venue and (info.mint_x == str(WRAPPED_SOL)) is is_sol
        )

    def read(self, place: int) -> PoolAccounts:
        return self.rig.market.accounts_of(self.pools[place].pool)

    def row(self, place: int, bins: int = 0, wish: Rows = NO_SIGNALS) -> list[Approved]:
        """Show a pool as the chain has it, or so many bins away from there."""
        read = self.read(place)
        row = self._row(place, read.slot)
        row["active_id"] = read.active_id + bins
        row["price"], row["liquidity"] = price_of(read.info, read.active_id + bins), 1e7
        return self._take(row, wish, ())

    def tell(self, report: Report) -> list[Approved]:
        row = self._row(0, 1)
        row["kind"], row["price"] = REPORT, math.nan
        seq = int(row["seq"][0])
        return self._take(row, NO_SIGNALS, (AccountWrite(seq, "report", REPORT_OWNER, encode_report(report)),))

    def wish(self, sold: int, bought: int, prices: tuple[float, float]) -> Rows:
        made = np.zeros(1, SIGNAL)
        for field in ("bid_size", "ask_size", "expected_profit", "fraction"):
            made[field] = math.nan
        made["seq"], made["kind"], made["directions"] = len(self.told) + 1, ARBITRAGE, SELL_THEN_BUY
        made["pool"], made["other_pool"], made["third_pool"] = sold, bought, NO_POOL
        made["ask"], made["bid"] = prices
        return made

    def _row(self, place: int, slot: int) -> Rows:
        row = np.zeros(1, ROW)
        row["seq"], row["slot"], row["pool"], row["volume"] = len(self.told) + 1, slot, place, math.nan
        row["ts_event_ns"] = len(self.told) + 1
        return row

    def _take(self, row: Rows, wish: Rows, writes: tuple[AccountWrite, ...]) -> list[Approved]:
        block = Block(int(row["pool"][0]), len(self.told), 1, False, row, writes, signals=wish)
        (report,) = self.portfolio.take(block)
        self.told.append(report)
        return list(report.approved)

    def held(self) -> dict[str, int]:
        """What the books say the wallet holds."""
        held: dict[str, int] = {}
        for info, book in zip(self.pools, self.portfolio._tables.books, strict=True):
            for mint, field in ((info.mint_x, "base"), (info.mint_y, "quote")):
                held[mint] = held.get(mint, 0) + int(book[field])
        return held


VENUES = [(Venue.METEORA, Venue.SAROS), (Venue.SAROS, Venue.METEORA)]


def exchanged(rig: Rig, venues: tuple[Venue, Venue], bins: int) -> tuple[Trader, Approved, Told]:
    """Exchange SOL of one venue for the other token of the other one.

    :arg bins: By which the pool that is bought in is shown below the price that it has on chain.

    """
    trader = Trader(rig)
    sold, bought = trader.place(venues[0], is_sol=True), trader.place(venues[1], is_sol=False)
    for place in range(len(trader.pools)):
        trader.row(place, -bins if place == bought else 0)
    prices = [price_of(trader.pools[place], trader.read(place).active_id) for place in (sold, bought)]
    prices[1] *= (1.0 + trader.pools[bought].bin_step / 10_000.0) ** -bins
    (approved,) = trader.row(sold, 0, trader.wish(sold, bought, (prices[0], prices[1])))
    rig.executor.submit(approved)
    (report,) = rig.settle(approved.order)
    trader.tell(report)
    return trader, approved, trader.told[-1]


@pytest.mark.parametrize("venues", VENUES, ids=lambda venues: f"{venues[0]} to {venues[1]}")
def test_an_exchange_lands_on_both_venues_and_is_booked_as_the_chain_has_it(
    rig: Rig, venues: tuple[Venue, Venue]
) -> None:
    before = rig.balances()
    trader, approved, told = exchanged(rig, venues, 0)
    (report,) = rig.reports
    assert isinstance(approved.command, SwapRoute)
    assert report.status == "landed", report
    assert [flow.pool for flow in report.flows] == [leg.pool for leg in approved.command.legs]
    moved = changes(before, rig.balances())
    sale, purchase = approved.command.legs
    infos = {info.pool: info for info in trader.pools}
    assert moved[infos[sale.pool].mint_x] == -sale.amount
    assert moved[infos[purchase.pool].mint_x] >= purchase.threshold
    # What the sale brings above its least is left over in quote currency.
    assert moved[infos[sale.pool].mint_y] == report.flows[0].y - purchase.amount >= 0
    assert without_zeros(rig.booked()) == moved
    assert trader.held() == {mint: amount for mint, amount in rig.balances().items() if mint}
    assert told.orders["status"].tolist() == [FILLED]
    assert told.fills["side"].tolist() == [-1, 1]


@pytest.mark.parametrize("venues", VENUES, ids=lambda venues: f"{venues[0]} to {venues[1]}")
def test_where_the_second_swap_fails_nothing_moves_but_the_fee(rig: Rig, venues: tuple[Venue, Venue]) -> None:
    before = rig.balances()
    pools = {pool: rig.market.accounts_of(pool).accounts for pool in rig.market.pools}
    trader, _, told = exchanged(rig, venues, 20)
    (report,) = rig.reports
    assert report.status == "failed"
    # By the venue of the second swap: the first one would have kept its limit.
    code = "6003 ExceededAmountSlippageTolerance" if venues[1] is Venue.METEORA else "6004 InvalidAmountOut"
    assert report.reason == code
    assert report.network_fee > 0
    assert changes(before, rig.balances()) == {"": -report.network_fee}
    assert {pool: rig.market.accounts_of(pool).accounts for pool in rig.market.pools} == pools
    assert trader.held() == {mint: amount for mint, amount in before.items() if mint}
    assert told.orders["status"].tolist() == [FAILED]
    books = trader.portfolio._tables.books
    assert not books["reserved_base"].any()
    assert not books["reserved_quote"].any()
