"""Signed transactions on their way to the cluster: to every endpoint at once, again and again until told to stop."""

from collections.abc import Callable, Sequence

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.refusal import Refusal
from connectors.wire.submissions import SendRefusal, Simulated


class Sender:
    """Send signed transactions over connections that stand before they are needed.

    `send` writes to the sockets before it returns. Where an endpoint has no free connection, or rests after a failure,
    the transaction goes out as soon as it has. An endpoint that fails (429, 5xx, timeouts, cuts) rests as `RpcNode`
    does; the others go on.

    :arg urls: JSON-RPC endpoints; all are written to.

    :arg commitment: Of the bank that preflight runs on.

    :arg rebroadcast_s: Time between two writes of a transaction to each endpoint.

    :arg skip_preflight: Whether endpoints pass transactions on without a simulation. Once an endpoint took a
        transaction, it gets it without preflight from then on.

    :arg genesis_hash: Of the cluster that the endpoints must belong to; one whose answer is still due gets nothing.
        None: any.

    :arg connections: To each endpoint.

    """

    def __init__(
        self,
        reactor: Reactor,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        commitment: str = "confirmed",
        rebroadcast_s: float = 2.0,
        skip_preflight: bool = True,
        genesis_hash: str | None = None,
        connections: int = 2,
        timeout_s: float = 5.0,
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Connect to every endpoint, and stay connected."""
        raise NotImplementedError

    def stop(self) -> None:
        """Forget every transaction and close every connection; no call is made from here on."""
        raise NotImplementedError

    def send(
        self,
        signature: str,
        wire_bytes: bytes,
        on_written: Callable[[], None],
        on_refused: Callable[[str, SendRefusal], None],
    ) -> None:
        """Send a transaction to every endpoint, now, and anew every `rebroadcast_s` until it is forgotten.

        One that is under way already changes nothing.

        :arg on_written: Called once, in a later round, when the first socket has taken it.

        :arg on_refused: Called with the endpoint's host and port when it refuses the transaction, once for each
            endpoint and kind of refusal. The sending goes on. That it was processed already is no refusal.

        """
        raise NotImplementedError

    def forget(self, signature: str) -> None:
        """Send it no more, and make no further call for it; unknown ones are ignored."""
        raise NotImplementedError

    def simulate(self, wire_bytes: bytes, then: Callable[[Simulated | Refusal], None]) -> None:
        """Run a signed transaction without sending it, at the first endpoint that is well.

        :arg then: Called once, in a later round, unless `stop` comes first.

        """
        raise NotImplementedError
