"""What became of the signatures that were sent: seen, expired, undone or final."""

from collections.abc import Callable, Sequence

from connectors.execution.outcomes import Outcome, Reversal
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.landed import Landed
from connectors.wire.refusal import Refusal


class Confirmations:
    """Follow signatures until their fate is known, by notifications and by asking.

    What it guarantees:

    * Each `follow` is answered by one call, whatever is lost, doubled or late; it works without a websocket too.
    * `Expired` is never told by time: the block height at `confirmed` at least is past the last valid one, and
      statuses asked for after that, history included, at every endpoint that answers, are none, one of them at least
      from a bank as new as that height.
    * `Undone` is told only when no endpoint that answers knows the transaction, and one of them at least is past its
      slot.
    * What landed is fetched until it is known.

    :arg ws_url: The PubSub of one node, `ws://` or `wss://`.

    :arg urls: JSON-RPC endpoints, asked in turn.

    :arg commitment: At which a transaction counts as seen: `processed`, `confirmed` or `finalized`.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    :arg wallet_address: Whose changes are read off the transactions that are fetched.

    :arg poll_s: Time between two questions for those that are `silent_s` old or older; for all of them while there is
        no websocket.

    :arg finality_s: Time between two questions for those whose finality is watched.

    """

    def __init__(
        self,
        reactor: Reactor,
        ws_url: str,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        commitment: str,
        genesis_hash: str | None,
        wallet_address: str,
        poll_s: float = 0.4,
        silent_s: float = 1.0,
        finality_s: float = 1.0,
        timeout_s: float = 2.0,
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Connect, and begin to ask."""
        raise NotImplementedError

    def stop(self) -> None:
        """Close every connection; no call is made from here on."""
        raise NotImplementedError

    def follow(self, signature: str, last_valid_block_height: int, on_outcome: Callable[[Outcome], None]) -> None:
        """Follow a signature until it is seen at the commitment, or has expired; best from before it is sent.

        One that is followed already gets the new `on_outcome` and height.

        :arg on_outcome: Called once, in a later round; the signature is followed no more from then on.

        """
        raise NotImplementedError

    def forget(self, signature: str) -> None:
        """Follow, watch and fetch it no more, without a call; unknown ones are ignored."""
        raise NotImplementedError

    def watch_finality(
        self,
        signature: str,
        slot: int,
        error_json: str | None,
        on_undone: Callable[[Reversal], None],
        on_final: Callable[[], None],
    ) -> None:
        """Watch a landed transaction until it is finalized or taken back; one of the two calls ends the watch.

        :arg slot: It landed in, as `Landed.slot` has it.

        :arg error_json: Whether it failed, as `Seen` has it: a failure that becomes a success has turned too.

        """
        raise NotImplementedError

    def fetch(self, signature: str, then: Callable[[Landed | Refusal], None]) -> None:
        """Fetch a transaction that landed, at `confirmed` at least, as often as it takes.

        :arg then: Called once it is known, unless `forget` or `stop` comes first; with a refusal only where the
            endpoints know the transaction and none gives it in a form that can be read.

        """
        raise NotImplementedError
