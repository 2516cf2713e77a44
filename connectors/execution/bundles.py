"""Transactions as bundles to a Jito block engine: all of a bundle lands, in order, or none, and for a tip."""

from collections.abc import Callable, Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.refusal import Refusal
from dlmm.records import Record


class BundleOutcome(Record, frozen=True):
    """What a block engine says of a bundle; whether its transactions landed is for `Confirmations` to say.

    :arg status: `landed`, `failed` (no region took it), `invalid` (unknown, or older than five minutes).

    :arg slot: Where it landed, else 0.

    """

    bundle_id: str
    status: str
    slot: int = 0


class Bundles:
    """Send bundles to one block engine, a question at a time, and ask what became of them.

    Nothing is sent twice: a bundle that the auction did not take is told as failed, and its owner signs nothing anew
    before its blockhash has expired.

    :arg url: The engine's bundles path, such as `https://mainnet.block-engine.jito.wtf/api/v1/bundles`; a key goes into
        its query (`?uuid=`).

    :arg poll_s: Time between two questions for the open bundles; engines answer one a second.

    :arg patience_s: How long a bundle is asked after.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        outlet: Outlet,
        *,
        poll_s: float = 2.0,
        patience_s: float = 90.0,
        refresh_s: float = 300.0,
        timeout_s: float = 5.0,
    ) -> None:
        raise NotImplementedError

    @property
    def is_ready(self) -> bool:
        """Whether the tip accounts are known."""
        raise NotImplementedError

    def start(self) -> None:
        """Ask for the tip accounts, and refresh them from then on."""
        raise NotImplementedError

    def stop(self) -> None:
        """Close the connection; no call is made from here on."""
        raise NotImplementedError

    def tip(self, payer: Pubkey, lamports: int) -> Instruction | None:
        """Return the instruction that pays a tip, to each of the tip accounts in turn; `None` before they are known.

        It belongs at the end of the bundle's last transaction.

        """
        raise NotImplementedError

    def send(
        self,
        transactions: Sequence[bytes],
        on_taken: Callable[[str | Refusal], None],
        on_outcome: Callable[[BundleOutcome], None],
    ) -> None:
        """Send signed transactions, at most five, as one bundle.

        :arg on_taken: Called once with the bundle's id, or with why the engine did not take it.

        :arg on_outcome: Called once the engine knows what became of it, and not at all where it never does.

        """
        raise NotImplementedError
