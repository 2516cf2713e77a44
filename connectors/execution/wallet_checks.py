"""Looks at the wallet while nothing is in flight, so that the books can be held against it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from connectors.execution.links import Links
from connectors.execution.order_journal import OrderJournal
from connectors.execution.positions_held import PositionsHeld
from connectors.execution.reading import AccountReader, Fresh
from connectors.execution.reporting import token_amounts
from connectors.feeds.reactor import Timer
from connectors.wire.refusal import Refusal
from connectors.wire.wallet_holdings import Holdings
from dlmm.records import Record
from operators.orders.execution_reports import WalletReport
from operators.pools import PoolInfo

AGAIN_S = 0.1
"""After a look that came to nothing: something was in flight, or nobody answered."""

Occasion = Literal["opening", "check", "closing"]


class Activity(Record, frozen=True):
    """What there is to know of the orders before a look at the wallet.

    :arg is_idle: Whether nothing is in flight.

    :arg count: Goes up with each order and each report.

    :arg last_slot: The latest slot that anything of ours landed in.

    """

    is_idle: bool
    count: int
    last_slot: int


def wallet_report(
    occasion: Occasion,
    wallet: str,
    holdings: Holdings,
    positions: PositionsHeld,
    fresh: Fresh,
    mints: Iterable[str],
    next_order: int,
) -> WalletReport:
    """Put together what the wallet holds.

    :arg fresh: The accounts of its positions.

    :arg mints: Those that are told even if nothing is held of them.

    """
    return WalletReport(
        occasion=occasion,
        wallet=wallet,
        slot=holdings.slot,
        lamports=holdings.lamports,
        tokens=token_amounts(((token.mint, token.amount) for token in holdings.tokens), mints),
        positions=positions.states(fresh.accounts),
        next_order=next_order,
    )


def mints_of(pools: Iterable[PoolInfo]) -> tuple[str, ...]:
    """Return the mints of some pools, each once."""
    return tuple(dict.fromkeys(mint for info in pools for mint in (info.mint_x, info.mint_y)))


class WalletChecks:
    """Look at the wallet every so often, and for a last time when the run ends.

    A look counts only if nothing was in flight from before the question until after the answer, and the answer is as of
    a slot that no landing of ours comes after.

    :arg activity: Tells what the orders are doing.

    :arg tell: Takes the reports.

    """

    def __init__(
        self,
        links: Links,
        journal: OrderJournal,
        wallet: str,
        pools: Sequence[PoolInfo],
        positions: PositionsHeld,
        activity: Callable[[], Activity],
        tell: Callable[[WalletReport], None],
    ) -> None:
        self._links = links
        self._journal = journal
        self._wallet = wallet
        self._mints = mints_of(pools)
        self._positions = positions
        self._activity = activity
        self._tell = tell
        self._reader = AccountReader(links.reactor, links.chain)
        self._every_s = 0.0
        self._is_closing = self._is_asking = False
        self._timer: Timer | None = None
        self.is_closed = False
        """Whether the last report was told."""

    def start(self, every_s: float) -> None:
        """Look every so many seconds from now on."""
        self._every_s = every_s
        self._again(every_s)

    def close(self) -> None:
        """Look for the last time, as soon as nothing is in flight."""
        if not self._is_closing:
            self._is_closing = True
            if not self._is_asking:
                self._again(0.0)

    def stop(self) -> None:
        """Look no more."""
        self._reader.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _again(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._links.reactor.call_in(delay_s, self._look)

    def _look(self) -> None:
        before = self._activity()
        if not before.is_idle:
            self._again(AGAIN_S)
            return
        self._is_asking = True

        def held(holdings: Holdings | Refusal) -> None:
            if isinstance(holdings, Refusal) or holdings.slot < before.last_slot:
                self._missed()
                return
            self._reader.read(self._positions.addresses, before.last_slot, lambda fresh: known(holdings, fresh))

        def known(holdings: Holdings, fresh: Fresh) -> None:
            if self._activity() != before:
                self._missed()
                return
            self._is_asking = False
            occasion: Occasion = "closing" if self._is_closing else "check"
            self._tell(
                wallet_report(
                    occasion,
                    self._wallet,
                    holdings,
                    self._positions,
                    fresh,
                    self._mints,
                    self._journal.next_order,
                )
            )
            if self._is_closing:
                self.is_closed = True
            else:
                self._again(self._every_s)

        self._links.chain.ask_holdings(held)

    def _missed(self) -> None:
        self._is_asking = False
        self._again(AGAIN_S)
