"""A portfolio on paper, driven row by row, with or without the bins of its pools in the recording."""

import pickle
from collections.abc import Mapping

import msgspec
import numpy as np

from dlmm.records import Account
from dlmm.struct_arrays import join
from operators.blocks import AccountWrite, Block, Rows
from operators.books.ledger import LEDGER
from operators.pools import PoolInfo
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, PortfolioState, Report, RiskLimits
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import POOLS, market, no_signals, signal

UNLIMITED = RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000)


def paper_params(pools: tuple[PoolInfo, ...] = POOLS, number: int = 1, **changes: object) -> PortfolioParams:
    names = [f"strategy {index}" for index in range(number)]
    made = PortfolioParams(
        pools=pools,
        strategies=tuple(
            PlannedStrategy(SwapQuotes(name=name), frozenset(range(len(pools))), Policy()) for name in names
        ),
        limits=UNLIMITED,
        capital=200_000.0,
        latency_slots=1,
        slippage_bps=50.0,
        equity_interval_s=10.0,
        depth_bins=30,
    )
    return msgspec.structs.replace(made, **changes)


def wish(kind: int, /, **fields: float) -> Rows:
    """A signal whose row the market fills in."""
    blank = np.zeros(1, [("seq", "i8"), ("pool", "i2"), ("price", "f8")])
    made = signal(blank[0], kind)
    for name, value in fields.items():
        made[name] = value
    return made


class PaperMarket:
    """A market that the portfolio follows on paper.

    :arg restarts: Whether the portfolio is pickled and taken up again after every slice.

    """

    def __init__(self, terms: PortfolioParams | None = None, *, restarts: bool = False) -> None:
        self.terms = terms or paper_params()
        self.portfolio = Portfolio(self.terms)
        self.reports: list[Report] = []
        self.tape: list[tuple[Rows, Rows, tuple[AccountWrite, ...]]] = []
        self._restarts = restarts
        self._seq, self._slot = 0, 1_000

    def row(
        self,
        pool: int,
        bins: int,
        *wishes: Rows,
        slots: int = 1,
        volume: float = 0.0,
        liquidity: float = 10_000_000.0,
        accounts: Mapping[str, Account] | None = None,
    ) -> None:
        """Let a pool show its active bin, counted from its origin."""
        self._seq += 1
        self._slot += slots
        row = market([(pool, 0, bins, 1)], first_seq=self._seq, first_slot=self._slot)
        row["volume"], row["liquidity"] = volume, liquidity
        wanted = join([no_signals(), *wishes])
        wanted["seq"], wanted["pool"] = self._seq, pool
        told = (accounts or {}).items()
        writes = tuple(AccountWrite(self._seq, address, account.owner, account.data) for address, account in told)
        self.tape.append((row.copy(), wanted.copy(), writes))
        self.reports += self.portfolio.take(Block(pool, len(self.reports), 1, False, row, writes, signals=wanted))
        if self._restarts:
            state = pickle.loads(pickle.dumps(self.portfolio.snapshot()))
            self.portfolio = Portfolio(self.terms)
            self.portfolio.restore(state)

    @property
    def state(self) -> PortfolioState:
        return self.portfolio.snapshot()

    def book(self, pool: int) -> np.void:
        return np.void(np.frombuffer(self.state.books, self.portfolio._tables.books.dtype)[pool])

    def account(self, strategy: int, pool: int) -> np.void:
        accounts = self.portfolio._tables.accounts
        return np.void(np.frombuffer(self.state.accounts, accounts.dtype).reshape(accounts.shape)[strategy, pool])

    @property
    def ledger(self) -> np.void:
        return np.void(np.frombuffer(self.state.ledger, LEDGER)[0])

    @property
    def synthetic(self) -> Rows:
        return self.portfolio._paper_positions.synthetic

    @property
    def troubles(self) -> tuple[str, ...]:
        return self.portfolio._pools.troubles

    def adds_up(self) -> bool:
        """Whether the accounts of every pool are its book, to the unit."""
        accounts, books = self.portfolio._tables.accounts, self.portfolio._tables.books
        fields = ("base", "quote", "reserved_base", "reserved_quote", "position_x", "position_y")
        return all((accounts[field].sum(axis=0) == books[field]).all() for field in fields)

    def orders(self) -> Rows:
        """All that ended."""
        return join([report.orders for report in self.reports])

    def again(self, size: int) -> list[Report]:
        """Walk the same tape with a new portfolio, in slices of so many rows."""
        portfolio, reports = Portfolio(self.terms), []
        for number, start in enumerate(range(0, len(self.tape), size)):
            part = self.tape[start : start + size]
            rows, signals = join([row for row, _, _ in part]), join([wanted for _, wanted, _ in part])
            pools = sorted(set(rows["pool"].tolist()))
            for pool in pools:
                writes = tuple(write for row, _, all_of in part for write in all_of if row["pool"][0] == pool)
                mine, wanted = rows[rows["pool"] == pool].copy(), signals[signals["pool"] == pool].copy()
                reports += portfolio.take(Block(pool, number, len(pools), False, mine, writes, signals=wanted))
        return reports


def outcome(reports: list[Report]) -> tuple[bytes, bytes, bytes]:
    """All that came of a walk, whichever way it was cut."""
    return (
        join([report.orders for report in reports]).tobytes(),
        join([report.equity for report in reports]).tobytes(),
        reports[-1].ledger.tobytes(),
    )
