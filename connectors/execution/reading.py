"""Accounts read fresh from the chain, as often as it takes."""

from collections.abc import Callable, Mapping, Sequence

from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.chain_state import ChainState
from connectors.feeds.reactor import Reactor, Timer
from connectors.wire.account_data import decode
from connectors.wire.accounts import MOST_ACCOUNTS, AccountsAnswer
from connectors.wire.events import AccountUpdate
from connectors.wire.refusal import Refusal, WireError
from dlmm.records import Account

LARGEST_ACCOUNT = 1 << 18
"""Bytes; the longest position on Meteora has 160,000."""

AGAIN_S = 0.2
"""Pause before a question whose answer was none, or too old, is asked anew."""


class Fresh:
    """Accounts as they were just read.

    :ivar slot: Of the newest of them.

    :ivar accounts: By address; `None` for those that do not exist.

    """

    def __init__(self) -> None:
        self.slot = 0
        self.accounts: dict[str, Account | None] = {}

    def take(self, answer: AccountsAnswer) -> bool:
        """Keep an answer's accounts; False where one of them cannot be decoded."""
        try:
            found = {update.address: account_of(update) for update in answer.accounts}
        except WireError:
            return False
        self.accounts.update(found)
        self.slot = max(self.slot, answer.slot)
        return True

    def over(self, pool: PoolAccounts) -> PoolAccounts:
        """Return a pool with these accounts in the place of those it had."""
        both: Mapping[str, Account | None] = {**pool.accounts, **self.accounts}
        accounts = {address: account for address, account in both.items() if account is not None}
        return PoolAccounts(pool.info, accounts, max(pool.slot, self.slot), pool.unix_timestamp)


class AccountReader:
    """Read accounts, and ask anew where the answer was none, too old or malformed, until it is stopped."""

    def __init__(self, reactor: Reactor, chain: ChainState) -> None:
        self._reactor = reactor
        self._chain = chain
        self._timers: set[Timer] = set()

    def stop(self) -> None:
        """Make no further call."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def read(self, wanted: Sequence[str], slot: int, then: Callable[[Fresh], None]) -> None:
        """Read accounts; `then` is called once, in a later round, unless `stop` comes first.

        :arg slot: They must be as of this slot at least.

        """
        batches = [wanted[i : i + MOST_ACCOUNTS] for i in range(0, len(wanted), MOST_ACCOUNTS)]
        found = Fresh()

        def ask() -> None:
            if batches:
                self._chain.ask_accounts(batches[0], take)
            else:
                then(found)

        def take(answer: AccountsAnswer | Refusal) -> None:
            if isinstance(answer, Refusal) or answer.slot < slot or not found.take(answer):
                self._later(ask)
                return
            batches.pop(0)
            ask()

        if batches:
            ask()
        else:
            self._reactor.call_soon(ask)

    def _later(self, call: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            call()

        timer = self._reactor.call_in(AGAIN_S, due)
        self._timers.add(timer)


def account_of(update: AccountUpdate) -> Account | None:
    """Decode an account; `None` where it does not exist.

    :raises WireError: Its bytes are not what they are said to be.

    """
    data = decode(update.data, update.encoding, LARGEST_ACCOUNT)
    return Account(update.owner, data) if data else None
