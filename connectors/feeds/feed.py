"""What a feed is: one class between a peer and the inbox. Users add their own by writing one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor


class Feed(ABC):
    """A source of market events that runs inside the reactor.

    The inbox makes one outlet for each feed and calls, all in one thread: `follow`, `start`, then the feed's own
    sockets and timers through the reactor, `follow` again whenever other accounts are wanted, and `stop` at the end.

    Rules, which keep every other feed and every decision on time:

    * nothing blocks: no `sleep`, no blocking socket, no file, no lock; what must wait is a timer (`reactor.call_in`);
    * nothing computes for long: an account's bytes go on as they travelled, decoding comes later and only if needed;
    * bad input is `outlet.refuse(cause, detail)`, never an exception: an exception ends the whole process;
    * connections come back by themselves: `WebsocketLink` and `HttpLink` do it, with backoff, pings and deadlines;
    * after a gap the feed asks for the whole state anew: what was sent meanwhile is lost, and nobody else knows it.

    A whole feed, following prices that a peer sends as JSON lines:

    .. code-block:: python

        import msgspec

        from connectors.feeds.feed import Feed
        from connectors.feeds.websocket_link import WebsocketLink
        from connectors.wire.events import PriceUpdate


        class Tick(msgspec.Struct):
            pool_address: str
            price: float


        class TickerFeed(Feed):
            def __init__(self, name, url):
                self.name = name
                self._url = url
                self._pools = {}
                self._send = None

            def follow(self, pools):
                self._pools = dict(pools)
                if self._send is not None:
                    self._subscribe(self._send)

            def start(self, reactor, outlet):
                self._outlet = outlet
                self._link = WebsocketLink(
                    reactor,
                    self._url,
                    outlet,
                    on_connected=self._subscribe,
                    on_text=self._read,
                    on_disconnected=self._lost,
                )
                self._link.start()

            def stop(self):
                self._link.stop()

            def _subscribe(self, send):  # after each new connection: the peer remembers nothing
                self._send = send
                for pool in self._pools:
                    send(msgspec.json.encode({"subscribe": pool}))

            def _lost(self, reason):
                self._send = None

            def _read(self, data):
                try:
                    tick = msgspec.json.decode(data, type=Tick)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    self._outlet.refuse("malformed", str(error))
                    return
                if tick.pool_address not in self._pools:
                    self._outlet.refuse("foreign_pool", tick.pool_address)
                    return
                self._outlet.put(PriceUpdate(tick.pool_address, tick.price, 0.0, 0.0))

    """

    name: str
    """Names the feed in logs, metrics and refusals; unique among the feeds of a process."""

    @abstractmethod
    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        """Begin: open connections through the reactor, and put what they say into the outlet from then on.

        A peer that is down is no reason to raise: the feed keeps trying.

        """

    @abstractmethod
    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        """Take over which accounts are wanted; called once before `start`, then whenever they change.

        :arg pools: Address of each pool, and of the accounts wanted for it, the pool's own first. What it no longer
            names is no longer wanted.

        """

    @abstractmethod
    def stop(self) -> None:
        """Close every connection and cancel every timer; nothing is put into the outlet afterwards."""
