"""What the tests of the feeds talk to: tiny servers on loopback, driven by the reactor under test."""

import select
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from websockets.frames import Frame
from websockets.http11 import Request
from websockets.server import ServerProtocol

from connectors.feeds.reactor import Reactor

DEADLINE_S = 20.0


def run_until(reactor: Reactor, is_done: Callable[[], bool], wait_s: float = 0.01) -> None:
    """Turn the reactor until something holds; fail after a deadline that no working code comes near."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_done():
        assert time.monotonic() < deadline, "still not so after the deadline"
        reactor.run_once(wait_s)


class Visitor:
    """One connection that came in: what it said, and a way to answer."""

    def __init__(self, reactor: Reactor, connection: socket.socket, peer: "Peer") -> None:
        self.received = b""
        self.is_gone = False
        self.socket = connection
        self._reactor = reactor
        self._peer = peer
        connection.setblocking(False)
        reactor.watch(connection.fileno(), select.EPOLLIN, self._read)

    def _read(self, events: int) -> None:
        del events
        try:
            data = self.socket.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            self.close()
            return
        self.received += data
        self._peer.on_data(self, data)

    def send(self, data: bytes) -> None:
        """Send all of it; loopback takes what the tests send, as long as the reactor turns in between."""
        while data:
            try:
                data = data[self.socket.send(data) :]
            except BlockingIOError:
                self._reactor.run_once(0.001)

    def ignore(self) -> None:
        """Read nothing any more."""
        self._reactor.forget(self.socket.fileno())

    def close(self, *, with_reset: bool = False) -> None:
        if not self.is_gone:
            self.is_gone = True
            self._reactor.forget(self.socket.fileno())
            if with_reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.socket.close()


class Peer:
    """A server on loopback; by default it only listens to what comes."""

    def __init__(self, reactor: Reactor, on_data: Callable[[Visitor, bytes], None] | None = None) -> None:
        self.visitors: list[Visitor] = []
        self.on_data = on_data or (lambda visitor, data: None)
        self.on_visit: Callable[[Visitor], None] = lambda visitor: None
        self._reactor = reactor
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        reactor.watch(self._socket.fileno(), select.EPOLLIN, self._accept)

    def _accept(self, events: int) -> None:
        del events
        connection, _ = self._socket.accept()
        visitor = Visitor(self._reactor, connection, self)
        self.visitors.append(visitor)
        self.on_visit(visitor)

    def close(self) -> None:
        for visitor in self.visitors:
            visitor.close()
        if self._socket.fileno() >= 0:
            self._reactor.forget(self._socket.fileno())
            self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WebsocketPeer(Peer):
    """A websocket server: shakes hands, keeps the frames that come, and answers pings unless told otherwise."""

    def __init__(self, reactor: Reactor) -> None:
        super().__init__(reactor, self._take)
        self.frames: list[Frame] = []
        self.is_answering = True
        self._protocols: dict[Visitor, ServerProtocol] = {}

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/market"

    def _take(self, visitor: Visitor, data: bytes) -> None:
        protocol = self._protocols.setdefault(visitor, ServerProtocol())
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                protocol.send_response(protocol.accept(event))
            elif isinstance(event, Frame):
                self.frames.append(event)
        if self.is_answering:
            for piece in protocol.data_to_send():
                if piece:
                    visitor.send(piece)
                else:
                    visitor.close()
