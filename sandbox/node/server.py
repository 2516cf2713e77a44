"""A node on loopback: one chain, its sockets, and the clock that makes its slots."""

import asyncio
import ipaddress
import socket
from collections import Counter
from typing import Protocol

from aiohttp import web

from dlmm.errors import DlmmError
from dlmm.records import Record
from sandbox.chain import Chain
from sandbox.node.http import HttpPart
from sandbox.node.price_feed import PriceFeed
from sandbox.node.pubsub import PubSub
from sandbox.node.slot_clock import SlotClock
from sandbox.prices import PriceBoard
from sandbox.rpc.dispatch import Dispatcher
from sandbox.rpc.view import View

PRICES_PATH = "/prices"
_MAX_BODY_BYTES = 1 << 20
_BACKLOG = 128
_GONE = 499
_SHUTDOWN_S = 0.1


class ListenError(DlmmError):
    """Refuse an address to listen on.

    :arg place: Host, or host and port.

    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"cannot listen on {place}: {reason}")
        self.place = place
        self.reason = reason


class Trader(Protocol):
    """Who trades on the chain by itself; the sandbox's market is one."""

    counts: Counter[str]

    def step(self) -> None:
        """Send what is to be sent before the next slot freezes."""


class Addresses(Record, frozen=True):
    """Where a node is reached."""

    rpc_url: str
    ws_url: str
    prices_url: str


def _listener(host: str, port: int) -> socket.socket:
    """Open a socket on loopback, any free port where `port` is 0.

    :raises ListenError: The host is not loopback, or the port is taken.

    """
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        raise ListenError(host, "the sandbox listens on loopback only")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ListenError(f"{host}:{port}", str(error)) from None
    return listener


class Node:
    """Serves a chain over JSON-RPC, subscriptions and the price feed, on one port or two.

    :arg board: What the price feed serves.

    :arg slot_s: Length of a slot in seconds.

    """

    def __init__(self, chain: Chain, board: PriceBoard, slot_s: float) -> None:
        self.chain = chain
        self.board = board
        self.market: Trader | None = None
        self.is_trading = True
        self.view = View(chain)
        self.dispatcher = Dispatcher(self.view)
        self.pubsub = PubSub(self.view)
        self.prices = PriceFeed(chain, board)
        self.clock = SlotClock(slot_s, self.step, chain.faults)
        self._http = HttpPart(self.dispatcher, chain.faults)
        self._runners: list[web.AppRunner] = []

    def step(self) -> None:
        """Let the market trade, and produce a slot."""
        if self.market is not None and self.is_trading:
            self.market.step()
        self.chain.advance()

    def drop_connections(self) -> int:
        """Cut every websocket.

        :returns: How many there were.

        """
        return self.pubsub.connections.drop_all() + self.prices.connections.drop_all()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._served(request)
        except ConnectionError:  # the client is gone: nobody reads this
            return web.Response(status=_GONE)

    async def _served(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._http.handle(request)
        if request.path == PRICES_PATH:
            return await self.prices.handle(request)
        return await self.pubsub.handle(request)

    async def listen(self, host: str = "127.0.0.1", port: int = 0, ws_port: int | None = None) -> Addresses:
        """Open the sockets; everything is served on both ports where there are two.

        :arg port: 0 takes a free one.

        :raises ListenError: The host is not loopback, or a port is taken.

        """
        listeners = [_listener(host, port)]
        if ws_port is not None and ws_port != port:
            try:
                listeners.append(_listener(host, ws_port))
            except ListenError:
                listeners[0].close()
                raise
        for listener in listeners:
            app = web.Application(client_max_size=_MAX_BODY_BYTES)
            app.router.add_route("*", "/{tail:.*}", self._handle)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
            await runner.setup()
            self._runners.append(runner)
            await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        ports = [listener.getsockname()[1] for listener in listeners]
        name = f"[{host}]" if ":" in host else host
        return Addresses(
            rpc_url=f"http://{name}:{ports[0]}",
            ws_url=f"ws://{name}:{ports[-1]}",
            prices_url=f"ws://{name}:{ports[0]}{PRICES_PATH}",
        )

    async def run(self) -> None:
        """Produce slots until the task is cancelled."""
        await self.clock.run()

    async def close(self) -> None:
        """Cut every connection, and listen no more."""
        self.drop_connections()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        self._runners.clear()
