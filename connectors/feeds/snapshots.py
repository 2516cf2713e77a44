"""Closing gaps: of accounts that are subscribed to, the states that were written before anybody listened."""

from collections.abc import Callable, Iterable

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.rpc_node import RpcNode
from connectors.feeds.slot_guard import SlotGuard
from connectors.wire.accounts import MOST_ACCOUNTS, AccountsAnswer, get_multiple_accounts, read_multiple_accounts
from connectors.wire.events import AccountUpdate
from connectors.wire.refusal import Refusal, refusal

GATHER_S = 0.01
"""Wait for more accounts before asking: subscriptions are answered one after the other."""

AGAIN_S = 0.2
LONGEST_AGAIN_S = 3.2


class Snapshots:
    """Ask for the states of accounts until each gap is provably closed.

    A subscription tells what is written from its beginning on. A snapshot closes the gap before it only if it is not
    older than that beginning, and the node that answers may be behind the one that notifies, or answer at a commitment
    that lags. So a state is told at once, but asked for again until it is as of a slot that began after the gap was
    opened: the first one that the websocket tells of from then on.

    Each time that the last open gap is closed counts as the note `resnapshots`.

    :arg tell: Takes each state.

    """

    def __init__(
        self,
        reactor: Reactor,
        node: RpcNode,
        outlet: Outlet,
        guard: SlotGuard,
        commitment: str,
        tell: Callable[[AccountUpdate], None],
    ) -> None:
        self._reactor = reactor
        self._node = node
        self._outlet = outlet
        self._guard = guard
        self._commitment = commitment
        self._tell = tell
        self._open: dict[str, int | None] = {}
        self._turn: dict[str, None] = {}
        self._asked: frozenset[str] = frozenset()
        self._is_asking = False
        self._slot = 0
        self._timer: Timer | None = None
        self._due_s = 0.0
        self._again_s = AGAIN_S

    @property
    def open(self) -> frozenset[str]:
        """Accounts whose gap is not closed yet."""
        return frozenset(self._open)

    def need(self, addresses: Iterable[str]) -> None:
        """Open a gap for accounts: what was written until now may have been missed."""
        needed = dict.fromkeys(addresses)
        self._open.update(needed)
        self._again_s = AGAIN_S
        self.look(needed)

    def look(self, addresses: Iterable[str]) -> None:
        """Ask for the states of accounts once, whatever slot the answer is as of."""
        self._turn.update(dict.fromkeys(addresses))
        if self._turn:
            self._ask_in(GATHER_S)

    def keep(self, addresses: Iterable[str]) -> None:
        """Forget all other accounts."""
        kept = frozenset(addresses)
        self._open = {address: slot for address, slot in self._open.items() if address in kept}
        self._turn = {address: None for address in self._turn if address in kept}
        self._asked &= kept

    def notified(self, slot: int) -> None:
        """Take the slot of a notification: states of older ones are of no use."""
        self._slot = max(self._slot, slot)

    def slot_began(self, slot: int) -> None:
        """Take a slot that the websocket tells of; gaps opened before are closed by a state as of it."""
        for address, needed in self._open.items():
            if needed is None:
                self._open[address] = slot

    def forget(self) -> None:
        """Forget all gaps: the connection is over, and the next one opens them anew."""
        self.keep(())
        self._slot = 0

    def stop(self) -> None:
        """Ask no more."""
        self.forget()
        if self._timer is not None:
            self._timer.cancel()
        self._node.close()

    def _ask_in(self, delay_s: float) -> None:
        due_s = self._reactor.now() + delay_s
        if self._timer is not None and self._timer.is_pending:
            if self._due_s <= due_s:
                return
            self._timer.cancel()
        self._due_s = due_s
        self._timer = self._reactor.call_in(delay_s, self._ask)

    def _ask(self) -> None:
        # All of them have their turn before any is asked for a second time.
        turn = tuple(self._turn or self._open)
        if not turn or self._is_asking:
            return
        if not self._node.is_ready:
            self._ask_in(self._node.ready_in_s)
            return
        addresses = turn[:MOST_ACCOUNTS]
        self._turn = dict.fromkeys(turn[MOST_ACCOUNTS:])
        self._asked = frozenset(addresses)
        self._is_asking = True
        self._node.ask(
            lambda number: get_multiple_accounts(number, addresses, self._commitment, self._slot or None),
            lambda status, body, number: read_multiple_accounts(status, body, number, addresses),
            self._take,
        )

    def _take(self, answer: AccountsAnswer | Refusal) -> None:
        self._is_asking = False
        if isinstance(answer, AccountsAnswer):
            if self._guard.believes(answer.slot):
                self._take_states(answer)
            else:
                self._node.fail(refusal("slot_leap", f"slot {answer.slot} after {self._guard.newest}"))
        if self._turn:
            self._ask_in(GATHER_S)
        elif self._open:
            self._ask_in(self._again_s)
            self._again_s = min(self._again_s * 2.0, LONGEST_AGAIN_S)

    def _take_states(self, answer: AccountsAnswer) -> None:
        # At `processed` the block is still being made: the state is at least that of the one before.
        is_later = self._commitment == "processed" and answer.slot > 0
        slot = answer.slot - is_later
        was_open = bool(self._open)
        for update in answer.accounts:
            if update.address not in self._asked:
                continue  # not wanted any more
            needed = self._open.get(update.address)
            if needed is not None and answer.slot >= needed:
                del self._open[update.address]
            self._tell(AccountUpdate(slot, update.address, update.owner, update.data, update.encoding, is_later))
        if was_open and not self._open:
            self._outlet.note("resnapshots")
