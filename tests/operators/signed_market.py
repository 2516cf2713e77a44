"""A portfolio whose orders are real, driven row by row: the test plays market, chain and execution connector."""

import pickle
from collections import Counter

import msgspec
import numpy as np

from dlmm.struct_arrays import join
from operators.blocks import NO_SIGNALS, REPORT, AccountWrite, Block, Rows, split_by_pool
from operators.books.accounts import ACCOUNT
from operators.books.ledger import BOOK, LEDGER
from operators.orders.commands import Approved, Swap, SwapRoute
from operators.orders.execution_reports import (
    REPORT_OWNER,
    ExecutionReport,
    OperatorCommand,
    PoolFlow,
    PositionState,
    TokenChange,
    WalletReport,
    encode_report,
)
from operators.orders.execution_reports import Report as Told
from operators.portfolio import Portfolio
from operators.portfolio_records import PortfolioParams, Report, RiskLimits
from operators.strategies.interface import PlannedStrategy, Policy
from operators.strategies.swap_quotes import SwapQuotes
from tests.operators.markets import JUP, SOL, market, no_signals

WRAPPED = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
JUPITER = "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN"
POOLS = (
    msgspec.structs.replace(SOL, mint_x=WRAPPED, mint_y=USDC),
    msgspec.structs.replace(JUP, mint_x=JUPITER, mint_y=USDC),
)
STRATEGIES = (
    PlannedStrategy(SwapQuotes(), frozenset({0, 1}), Policy()),
    PlannedStrategy(SwapQuotes(name="other"), frozenset({0, 1}), Policy()),
)
OPENING = {WRAPPED: 300_000_000_001, JUPITER: 70_000_000_000, USDC: 80_000_000_001}
LAMPORTS = 2_000_000_000
FEE = 5_137


def params(limits: RiskLimits | None = None, **changes: object) -> PortfolioParams:
    made = PortfolioParams(
        pools=POOLS,
        strategies=STRATEGIES,
        limits=limits or RiskLimits(1e12, 1e12, 1e12, 1.0, 1.0, 1_000),
        capital=1.0,
        latency_slots=1,
        slippage_bps=50.0,
        equity_interval_s=10.0,
        depth_bins=30,
    )
    return msgspec.structs.replace(made, **changes)


class SignedMarket:
    """A market, a chain that holds a wallet, and the portfolio in between.

    :arg restarts: Whether the portfolio is pickled and taken up again after every slice.

    """

    def __init__(self, terms: PortfolioParams | None = None, *, restarts: bool = False, opens: bool = True) -> None:
        self.terms = terms or params()
        self.portfolio = Portfolio(self.terms)
        self.chain = dict(OPENING)
        self.lamports = LAMPORTS
        self.approved: list[Approved] = []
        self.reports: list[Report] = []
        self.tape: list[tuple[Rows, Rows, tuple[AccountWrite, ...]]] = []
        self._restarts = restarts
        self._told: Counter[str] = Counter()
        self._seq, self._slot = 0, 1_000
        if opens:
            self.tell(self.wallet("opening"))

    @property
    def ledger(self) -> np.void:
        return np.void(self.reports[-1].ledger[0]) if self.reports else np.zeros(1, LEDGER)[0]

    def row(self, pool: int = 0, bins: int = 0, *wishes: Rows, slots: int = 1) -> list[Approved]:
        """Let the market show a price, with what the strategies wish at it; return what is approved."""
        self._slot += slots
        self._seq += 1
        row = market([(pool, 0, bins, 10_000_000)], first_seq=self._seq, first_slot=self._slot)
        wanted = join([no_signals(), *wishes])
        wanted["seq"], wanted["pool"] = self._seq, pool
        return self._take(row, wanted, ())

    def tell(self, told: Told) -> list[Approved]:
        """Let the execution connector report."""
        self._seq += 1
        row = market([(0, 0, 0, 0)], first_seq=self._seq, first_slot=self._slot)
        row["kind"], row["price"] = REPORT, np.nan
        return self._take(row, NO_SIGNALS, (AccountWrite(self._seq, "report", REPORT_OWNER, encode_report(told)),))

    def wallet(self, occasion: str, **others: int) -> WalletReport:
        """What the chain holds."""
        tokens = tuple(TokenChange(mint, amount + others.get(mint, 0)) for mint, amount in self.chain.items())
        return WalletReport(occasion, "wallet", self._slot, self.lamports, tokens, (), 1)  # type: ignore[arg-type]  # one of the three

    def land(self, approved: Approved, **changes: object) -> ExecutionReport:
        """Carry out a swap, or all swaps of a route, at exactly their limits; return the report, untold."""
        command = approved.command
        assert isinstance(command, Swap | SwapRoute)
        moved: Counter[str] = Counter()
        flows = []
        for swap in command.legs if isinstance(command, SwapRoute) else (command,):
            info = next(info for info in POOLS if info.pool == swap.pool)
            paid, got = (swap.amount, swap.threshold) if swap.exact_in else (swap.threshold, swap.amount)
            x, y = (-paid, got) if swap.swap_for_y else (got, -paid)
            moved.update({info.mint_x: x, info.mint_y: y})
            flows.append(PoolFlow(swap.pool, x, y, abs(y) // 1_000, False))
        for mint, amount in moved.items():
            self.chain[mint] += amount
        self.lamports -= FEE
        made = ExecutionReport(
            order=approved.order,
            attempt=approved.attempt,
            status="landed",
            is_final=True,
            slot=self._slot,
            signature=f"signature {approved.key}",
            changes=tuple(TokenChange(mint, amount) for mint, amount in moved.items() if amount),
            flows=tuple(flows),
            network_fee=FEE,
            number=self._number(approved),
        )
        return msgspec.structs.replace(made, **changes)

    def fail(self, approved: Approved, status: str = "failed", *, is_final: bool = True) -> ExecutionReport:
        """Let a transaction fail on the chain, expire, or be refused; return the report, untold."""
        fee = FEE if status == "failed" else 0
        self.lamports -= fee
        return ExecutionReport(
            order=approved.order,
            attempt=approved.attempt,
            status=status,  # type: ignore[arg-type]  # one of them
            is_final=is_final,
            slot=self._slot,
            network_fee=fee,
            reason="6003 ExceededAmountSlippageTolerance",
            number=self._number(approved),
        )

    def move(
        self,
        approved: Approved,
        pool: int,
        x: int,
        y: int,
        *positions: PositionState,
        rent: int = 0,
        is_final: bool = True,
    ) -> ExecutionReport:
        """Let a liquidity command move tokens between the wallet and a pool; return the report, untold."""
        info = POOLS[pool]
        self.chain[info.mint_x] += x
        self.chain[info.mint_y] += y
        self.lamports -= FEE + rent
        moved = [TokenChange(mint, amount) for mint, amount in ((info.mint_x, x), (info.mint_y, y)) if amount]
        return ExecutionReport(
            order=approved.order,
            attempt=approved.attempt,
            status="landed",
            is_final=is_final,
            slot=self._slot,
            changes=tuple(moved),
            flows=(PoolFlow(info.pool, x, y),) if moved else (),
            network_fee=FEE,
            rent=rent,
            positions=positions,
            number=self._number(approved),
        )

    def _number(self, approved: Approved) -> int:
        self._told[approved.key] += 1
        return self._told[approved.key] - 1

    def command(self, kind: str) -> list[Approved]:
        return self.tell(OperatorCommand(kind, "a test"))  # type: ignore[arg-type]  # one of the three

    def held(self) -> dict[str, int]:
        """What the books say the wallet holds, by mint."""
        state = self.portfolio.snapshot()
        books = np.frombuffer(state.books, self.portfolio._tables.books.dtype)
        held = dict.fromkeys(self.chain, 0)
        for info, book in zip(POOLS, books, strict=True):
            held[info.mint_x] += int(book["base"])
            held[info.mint_y] += int(book["quote"])
        return held

    def book(self, pool: int, field: str) -> float:
        books = np.frombuffer(self.portfolio.snapshot().books, self.portfolio._tables.books.dtype)
        value: float = books[pool][field].item()
        return value

    def agrees(self) -> bool:
        """Whether the ledger is what the chain says, and the accounts add up to the books, to the unit."""
        books = np.frombuffer(self.portfolio.snapshot().books, BOOK)
        names = ("base", "quote", "reserved_base", "reserved_quote", "position_x", "position_y")
        adds_up = all(self.accounts[name].sum(axis=0).tolist() == books[name].tolist() for name in names)
        return adds_up and self.held() == self.chain and int(self.ledger["lamports"]) == self.lamports

    @property
    def accounts(self) -> Rows:
        """The strategies' accounts."""
        return np.frombuffer(self.portfolio.snapshot().accounts, ACCOUNT).reshape(len(STRATEGIES) + 1, len(POOLS))

    def ended(self) -> list[tuple[int, int]]:
        """Order and status of all that ended, in order of the ends."""
        return [(int(order["order"]), int(order["status"])) for report in self.reports for order in report.orders]

    def again(self, size: int) -> list[Report]:
        """Walk the same tape with a new portfolio, in slices of so many rows."""
        portfolio, reports = Portfolio(self.terms), []
        for number, start in enumerate(range(0, len(self.tape), size)):
            part = self.tape[start : start + size]
            rows, signals = join([row for row, _, _ in part]), join([wish for _, wish, _ in part])
            parts = split_by_pool(rows.copy(), len(POOLS))
            for pool, mine in parts:
                writes = [w for row, _, all_of in part for w in all_of if row["pool"][0] == pool]
                wished = signals[signals["pool"] == pool]
                block = Block(pool, number, len(parts), False, mine, tuple(writes), signals=wished)
                reports += portfolio.take(block)
        return reports

    def _take(self, row: Rows, wishes: Rows, writes: tuple[AccountWrite, ...]) -> list[Approved]:
        self.tape.append((row.copy(), wishes.copy(), writes))
        block = Block(int(row["pool"][0]), len(self.reports), 1, False, row, writes, signals=wishes)
        made = self.portfolio.take(block)
        self.reports += made
        if self._restarts:
            state = pickle.loads(pickle.dumps(self.portfolio.snapshot()))
            self.portfolio = Portfolio(self.terms)
            self.portfolio.restore(state)
        approved = [each for report in made for each in report.approved]
        self.approved += approved
        return approved
