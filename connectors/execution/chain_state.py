"""What an order needs to know of the chain, known before it is needed."""

from collections.abc import Callable, Mapping, Sequence

from connectors.execution.priority_fees import FeeTerms
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.accounts import AccountsAnswer
from connectors.wire.refusal import Refusal
from dlmm.records import Record


class FreshBlockhash(Record, frozen=True):
    """A blockhash to sign with.

    :arg last_valid_block_height: Of the last block that a transaction with it can be in.

    :arg slot: Of the bank that it was read from.

    :arg read_s: When its answer came, in the reactor's seconds.

    """

    blockhash: str
    last_valid_block_height: int
    slot: int
    read_s: float


class ChainState:
    """Keep a blockhash, block heights, the slot and recent priority fees at hand, refreshed in the background.

    Reading an attribute costs nothing and asks nobody. Each answer that is older than one before it is left out, so
    that slots and heights never go back, whichever endpoint tells them; only when nothing newer came for 30 s, as after
    the restart of a cluster, what was known is forgotten.

    :arg urls: JSON-RPC endpoints, the preferred one first; the next one is asked when one fails.

    :arg commitment: Of slot, holdings and accounts. Blockhash and block height are read at `confirmed` at least: what
        a fork takes back is neither a blockhash to sign with nor a reason to give an order up.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    :arg wallet_address: Whose holdings are asked for.

    :arg refresh_s: Time between two refreshes of blockhash, heights and slot.

    :arg fees_s: Time between two refreshes of the fees of one group of accounts.

    :arg max_age_s: Until when a blockhash that was not refreshed is still signed with.

    """

    def __init__(
        self,
        reactor: Reactor,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        commitment: str,
        genesis_hash: str | None,
        wallet_address: str,
        fee_terms: FeeTerms,
        refresh_s: float = 1.0,
        fees_s: float = 5.0,
        max_age_s: float = 10.0,
        timeout_s: float = 2.0,
    ) -> None:
        raise NotImplementedError

    block_height: int
    """Newest block height at the commitment, `confirmed` at least; 0 before the first answer."""

    finalized_block_height: int
    """Newest block height at `finalized`; 0 before the first answer."""

    slot: int
    """Newest slot at the commitment; 0 before the first answer."""

    @property
    def blockhash(self) -> FreshBlockhash | None:
        """The newest blockhash; `None` where it is older than `max_age_s`, or there is none yet."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin to refresh."""
        raise NotImplementedError

    def stop(self) -> None:
        """Close every connection; no call is made from here on."""
        raise NotImplementedError

    def follow_fees(self, groups: Mapping[str, Sequence[str]]) -> None:
        """Say for which accounts recent fees are kept.

        :arg groups: By a name, such as the pool's address, the writable accounts that transactions for it contend for.

        """
        raise NotImplementedError

    def recent_fees(self, name: str) -> tuple[int, ...]:
        """Prices that were paid of late for a group of accounts, micro-lamports, one a slot; empty where unknown."""
        raise NotImplementedError

    def price(self, name: str, *, urgency: int, compute_units: int, spent_today: int) -> int | Refusal:
        """Choose the price of a compute unit, micro-lamports, from the recent fees of a group; see `price_of`."""
        raise NotImplementedError

    def ask_holdings(self, then: Callable[["Holdings | Refusal"], None]) -> None:
        """Ask for the wallet's lamports and token accounts, all as of one slot.

        :arg then: Called once, in a later round, unless `stop` comes first. A refusal where no endpoint gave a whole
            answer, or none of one slot (`mixed_slots`), in several tries.

        """
        raise NotImplementedError

    def ask_accounts(self, addresses: Sequence[str], then: Callable[[AccountsAnswer | Refusal], None]) -> None:
        """Ask for the bytes of a few accounts, at most `MOST_ACCOUNTS`, as of `slot` at least.

        :arg then: Called once, in a later round, unless `stop` comes first.

        """
        raise NotImplementedError


class Holdings(Record, frozen=True):
    """What the wallet holds as of one slot. Its token accounts are those of both token programs."""

    slot: int
    lamports: int
