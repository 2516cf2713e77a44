"""The feed of a third party's prices, over its websocket."""

from collections.abc import Callable, Mapping

from connectors.feeds.feed import Feed
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.websocket_link import WebsocketLimits, WebsocketLink
from connectors.wire.prices import PriceSubscriptions
from connectors.wire.refusal import Refusal

RETRY_S = 5.0


class PriceFeed(Feed):
    """Pass on what a third party says of the followed pools' prices.

    What it guarantees: each price is finite, positive and of a pool that is followed; all pools are subscribed to anew
    on each connection, and those that nothing was heard of again 5 s after the peer told of an error. What it cannot:
    tell a late price from a fresh one, since the messages carry no slot.

    :arg url: `ws://` or `wss://`.

    :arg silent_s: A connection that brought no message for so long is made anew.

    """

    def __init__(self, name: str, url: str, *, silent_s: float = 30.0) -> None:
        self.name = name
        self._url = url
        self._silent_s = silent_s
        self._subscriptions = PriceSubscriptions()
        self._link: WebsocketLink | None = None
        self._retry: Timer | None = None

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        self._send(self._subscriptions.want(pools))

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._link = WebsocketLink(
            reactor,
            self._url,
            outlet,
            on_connected=self._connected,
            on_text=self._receive,
            on_disconnected=self._disconnected,
            limits=WebsocketLimits(silent_s=self._silent_s),
        )
        self._link.start()

    def stop(self) -> None:
        if self._link is not None:
            self._link.stop()
        if self._retry is not None:
            self._retry.cancel()

    def _send(self, frames: list[bytes]) -> None:
        if self._link is not None:
            for frame in frames:
                self._link.send(frame)

    def _connected(self, send: Callable[[str | bytes], bool]) -> None:
        del send  # the link's own
        self._send(self._subscriptions.connected())

    def _disconnected(self, failure: LinkFailure) -> None:
        del failure  # the link counts and logs it
        self._subscriptions.disconnected()

    def _receive(self, data: bytes | bytearray) -> None:
        heard = self._subscriptions.receive(data)
        if isinstance(heard, Refusal):
            self._outlet.refuse(heard.cause, heard.detail)
            if heard.cause == "price_error" and (self._retry is None or not self._retry.is_pending):
                self._retry = self._reactor.call_in(RETRY_S, lambda: self._send(self._subscriptions.retry()))
        elif heard is not None:
            self._outlet.put(heard)
