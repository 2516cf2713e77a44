"""A TCP connection, plain or TLS, that never blocks and never grows without bound."""

import errno
import os
import select
import socket
import ssl
from collections.abc import Callable

from connectors.feeds.endpoint import Endpoint
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.resolver import Addresses, Resolver
from connectors.feeds.tls import TlsLayer, reason_of
from dlmm.records import Record

READ_SIZE = 65_536
WRITE_LIMIT = 1 << 20
CONNECT_TIMEOUT_S = 5.0
UNDER_WAY = (errno.EINPROGRESS, errno.EWOULDBLOCK)


class LinkFailure(Record, frozen=True):
    """Why a connection, or what was asked of one, came to nothing.

    :arg cause: A name for counting: `dns`, `connect`, `connect_timeout`, `tls`, `cut`, `write_full` of a link;
        `WebsocketLink` and `HttpLink` say which others they have.

    :arg detail: In words; of the peer's address it has host and port only.

    :arg retry_after_s: What the peer asked to wait, 0 where it did not.

    """

    cause: str
    detail: str
    retry_after_s: float = 0.0

    def __str__(self) -> str:
        """Cause and detail."""
        return f"{self.cause}: {self.detail}"


class Link:
    """One connection, from the lookup of its name to its end; for the next one its owner makes another link.

    Calls come from the reactor: `on_open` once TCP, and TLS where it is spoken, stands; `on_bytes` with what arrived;
    `on_closed` once, whatever ended it, except after `close`. None of them is made from within `open` or `send`.

    :arg connect_timeout_s: For name, TCP and TLS together. Where a name has several addresses each gets its part.

    :arg write_limit: Bytes that may wait for a peer that does not read; more ends the connection (`write_full`).

    :arg tls: Context to speak TLS with where the endpoint is secure; by default one that trusts what the system does
        and checks certificate and name. Making it takes some 20 ms, so that owners make it once.

    """

    def __init__(
        self,
        reactor: Reactor,
        endpoint: Endpoint,
        resolver: Resolver,
        *,
        on_open: Callable[[], None],
        on_bytes: Callable[[bytes], None],
        on_closed: Callable[[LinkFailure], None],
        tls: ssl.SSLContext | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        write_limit: int = WRITE_LIMIT,
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self._resolver = resolver
        self._on_open = on_open
        self._on_bytes = on_bytes
        self._on_closed: Callable[[LinkFailure], None] | None = on_closed
        self._connect_timeout_s = connect_timeout_s
        self._write_limit = write_limit
        self._tls: TlsLayer | None = None
        if endpoint.is_secure:
            self._tls = TlsLayer(ssl.create_default_context() if tls is None else tls, endpoint.host)
        self._addresses: Addresses = []
        self._address_s = 0.0
        self._socket: socket.socket | None = None
        self._is_connecting = False
        self._is_over = False
        self._unsent = bytearray()
        self._deadline: Timer | None = None
        self._address_deadline: Timer | None = None
        self.is_open = False
        """Whether it stands: between `on_open` and its end."""

    def open(self) -> None:
        """Look the name up and connect."""
        self._deadline = self._reactor.call_in(self._connect_timeout_s, self._time_out)
        self._resolver.look_up(self._resolved)

    def send(self, data: bytes) -> None:
        """Send, or keep what the socket does not take yet; a no-op where the link is not open."""
        if not self.is_open:
            return
        if self._tls is None:
            self._push(data)
            return
        try:
            self._tls.send(data)
        except ssl.SSLError as error:
            self._fail("tls", reason_of(error))
            return
        self._push(self._tls.outgoing())

    def close(self) -> None:
        """End it without a further call."""
        self._on_closed = None
        self._tear_down()

    def _resolved(self, addresses: Addresses, reason: str) -> None:
        if self._is_over:
            return
        if not addresses:
            self._fail("dns", reason)
            return
        self._addresses = list(addresses)
        self._address_s = self._connect_timeout_s / len(addresses)
        self._try_next()

    def _try_next(self) -> None:
        family, address = self._addresses.pop(0)
        self._release_socket()
        try:
            self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:  # out of descriptors, or a family that this machine does not speak
            self._failed_to_connect(error.errno or 0)
            return
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = self._socket.connect_ex(address)
        if code not in (0, *UNDER_WAY):
            self._failed_to_connect(code)
            return
        self._is_connecting = True
        self._reactor.watch(self._socket.fileno(), select.EPOLLOUT, self._ready)
        if self._addresses:
            self._address_deadline = self._reactor.call_in(
                self._address_s, lambda: self._failed_to_connect(errno.ETIMEDOUT)
            )

    def _failed_to_connect(self, code: int) -> None:
        if self._addresses:
            self._try_next()
        else:
            self._fail("connect", f"{self._endpoint.label}: {os.strerror(code)}")

    def _ready(self, events: int) -> None:
        if self._is_connecting:
            self._connected()
            return
        if events & select.EPOLLOUT:
            self._flush()
        if events & ~select.EPOLLOUT and not self._is_over:
            self._read()

    def _connected(self) -> None:
        connection = self._peer()
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        # To a port of this machine that nobody listens on, TCP may connect a socket with itself.
        if code == 0 and connection.getsockname() == _peer_name(connection):
            code = errno.ECONNREFUSED
        if code != 0:
            self._failed_to_connect(code)
            return
        self._is_connecting = False
        if self._address_deadline is not None:
            self._address_deadline.cancel()
        self._reactor.modify(connection.fileno(), select.EPOLLIN)
        if self._tls is None:
            self._opened()
            return
        try:
            self._tls.shake()
        except ssl.SSLError as error:
            self._fail("tls", reason_of(error))
            return
        self._push(self._tls.outgoing())

    def _opened(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.is_open = True
        self._on_open()

    def _read(self) -> None:
        """Read once; what is left comes in the next round, after the other sockets."""
        try:
            data = self._peer().recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail("cut", f"{self._endpoint.label}: {error.strerror}")
            return
        if not data:
            self._fail("cut", f"{self._endpoint.label} closed the connection")
        elif self._tls is None:
            self._on_bytes(data)
        else:
            self._read_tls(self._tls, data)

    def _read_tls(self, tls: TlsLayer, data: bytes) -> None:
        try:
            plain = tls.receive(data)
        except ssl.SSLError as error:
            # The alert that tells the peer why, as far as the socket takes it.
            self._push(tls.outgoing())
            self._fail("tls", f"{self._endpoint.label}: {reason_of(error)}")
            return
        self._push(tls.outgoing())
        if tls.is_ready and not self.is_open and not self._is_over:
            self._opened()
        if plain and self.is_open:
            self._on_bytes(plain)
        if tls.is_ended:
            self._fail("cut", f"{self._endpoint.label} closed the connection")

    def _push(self, data: bytes) -> None:
        if self._is_over or not data:
            return
        if not self._unsent:
            sent = self._send_some(data)
            if sent == len(data):
                return
            data = data[sent:]
        if self._is_over:
            return
        if not self._unsent:
            self._reactor.modify(self._peer().fileno(), select.EPOLLIN | select.EPOLLOUT)
        self._unsent += data
        if len(self._unsent) > self._write_limit:
            self._fail("write_full", f"{self._endpoint.label} has not read {len(self._unsent)} bytes")

    def _flush(self) -> None:
        if self._unsent:
            del self._unsent[: self._send_some(self._unsent)]
        if not self._unsent and not self._is_over:
            self._reactor.modify(self._peer().fileno(), select.EPOLLIN)

    def _send_some(self, data: bytes | bytearray) -> int:
        try:
            return self._peer().send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._fail("cut", f"{self._endpoint.label}: {error.strerror}")
            return 0

    def _peer(self) -> socket.socket:
        assert self._socket is not None, "a link that is over has no socket"
        return self._socket

    def _time_out(self) -> None:
        self._fail("connect_timeout", f"{self._endpoint.label} within {self._connect_timeout_s:g} s")

    def _fail(self, cause: str, detail: str) -> None:
        """End it, and say so in the next round: whoever is sending right now expects no call."""
        if self._is_over:
            return
        self._tear_down()
        failure = LinkFailure(cause, detail)
        self._reactor.call_soon(lambda: self._tell(failure))

    def _tell(self, failure: LinkFailure) -> None:
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            on_closed(failure)

    def _tear_down(self) -> None:
        self._is_over = True
        self.is_open = False
        if self._deadline is not None:
            self._deadline.cancel()
        self._release_socket()
        # Without these an ended link and its owner would keep each other until a collection.
        self._on_open, self._on_bytes = _nothing, _nothing_of

    def _release_socket(self) -> None:
        if self._address_deadline is not None:
            self._address_deadline.cancel()
        if self._socket is not None:
            self._reactor.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._is_connecting = False


def _peer_name(connection: socket.socket) -> object:
    try:
        return connection.getpeername()
    except OSError:  # gone already; the first read will say so
        return None


def _nothing() -> None:
    """Stand in for a call that will not come."""


def _nothing_of(data: bytes) -> None:
    """Stand in for a call that will not come."""
    del data
