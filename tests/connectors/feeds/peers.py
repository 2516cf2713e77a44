"""What the tests of the feeds talk to: tiny servers on loopback, driven by the reactor under test."""

import select
import socket
import ssl
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
        self.held: bytes | None = None
        self.socket = connection
        self._reactor = reactor
        self._peer = peer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        if peer.tls is not None:
            self._tls = peer.tls.wrap_bio(self._incoming, self._outgoing, server_side=True)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reactor.watch(connection.fileno(), select.EPOLLIN, self._read)

    def _read(self, events: int) -> None:
        del events
        try:
            data = self.socket.recv(65_536)
        except ConnectionError:
            data = b""
        if data and self._tls is not None:
            data = self._decrypt(self._tls, data)
            self._write(self._outgoing.read())
            if not data:
                return
        if not data:
            self.close()
            return
        self.received += data
        self._peer.on_data(self, data)

    def _decrypt(self, tls: ssl.SSLObject, data: bytes) -> bytes:
        self._incoming.write(data)
        plain = b""
        try:
            tls.do_handshake()
            while piece := tls.read():
                plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # the client does not like our certificate
            self.close()
        return plain

    def send(self, data: bytes) -> None:
        """Send all of it, or add it to `held` where that is not None.

        Loopback takes what the tests send, as long as the reactor turns in between.

        """
        if self.held is not None:
            self.held += data
            return
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._write(data)

    def _write(self, data: bytes) -> None:
        while data and not self.is_gone:
            try:
                data = data[self.socket.send(data) :]
            except BlockingIOError:
                self._reactor.run_once(0.001)

    def hold(self) -> None:
        """Keep what is sent from now on until `release`."""
        self.held = b""

    def release(self) -> bytes:
        """Stop holding, and take what was held."""
        held, self.held = self.held or b"", None
        return held

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

    def __init__(
        self,
        reactor: Reactor,
        on_data: Callable[[Visitor, bytes], None] | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self.tls = tls
        self.visitors: list[Visitor] = []
        self.on_data = on_data or (lambda visitor, data: None)
        self.on_visit: Callable[[Visitor], None] = lambda visitor: None
        self._reactor = reactor
        self._socket = socket.create_server(("127.0.0.1", port))
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

    def __init__(self, reactor: Reactor, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        super().__init__(reactor, self._take, tls, port)
        self.frames: list[Frame] = []
        self.is_answering = True
        self._protocols: dict[Visitor, ServerProtocol] = {}

    @property
    def url(self) -> str:
        return f"{'ws' if self.tls is None else 'wss'}://127.0.0.1:{self.port}/market?api-key=secret"

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
