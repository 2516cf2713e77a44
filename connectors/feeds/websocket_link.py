"""A websocket that stays: it connects, notices when its peer is gone in whatever way, and connects again."""

import logging
import ssl
from collections.abc import Callable, Mapping
from functools import partial

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI

from connectors.feeds.backoff import Backoff
from connectors.feeds.endpoint import Endpoint
from connectors.feeds.link import CONNECT_TIMEOUT_S, Link, LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.resolver import Resolver
from connectors.feeds.retry_after import retry_after_s
from dlmm.records import Record

REFUSED = frozenset({"oversized_message", "protocol_error", "handshake"})
TIMEOUTS = frozenset({"connect_timeout", "handshake_timeout", "no_pong", "silent"})
NORMAL_CLOSURE = 1000

# The library writes every frame, and the target with a provider's key, to a logger at the level of debugging.
_mute = logging.getLogger(f"{__name__}.protocol")
_mute.setLevel(logging.CRITICAL + 1)


class WebsocketLimits(Record, frozen=True):
    """What a websocket may take, in seconds and bytes.

    :arg connect_timeout_s: For name, TCP and TLS.

    :arg handshake_timeout_s: For the peer's answer to the opening handshake.

    :arg max_message: Bytes of a message, over all its fragments. The largest honest one is a single account: a bin
        array is 14 kB in base64, the longest position 220 kB.

    :arg ping_s: Time between pings.

    :arg pong_s: How long after a ping the peer may stay without a sign of life: a pong, or any other byte.

    :arg silent_s: How long an open connection may bring no message; pongs do not count. None: as long as it likes.

    """

    connect_timeout_s: float = CONNECT_TIMEOUT_S
    handshake_timeout_s: float = 5.0
    max_message: int = 4 << 20
    ping_s: float = 15.0
    pong_s: float = 5.0
    silent_s: float | None = 30.0


def usual_backoff() -> Backoff:
    """Make delays for peers that matter: what they send while there is no connection is late or lost.

    A connection that lived two seconds has told the whole state and more: peers that cut often are met again at once.

    """
    return Backoff(first_s=0.25, longest_s=8.0, lived_s=2.0)


class WebsocketLink:
    """A websocket client connection that reconnects by itself until it is stopped.

    Calls come from the reactor: `on_connected(send)` after each opening handshake, where the owner subscribes anew;
    `on_text(data)` with each text message, whole, in UTF-8 that nobody checked yet; `on_disconnected(failure)` once for
    each `on_connected`, when that connection is over. Each of them may call `send`, `reconnect` and `stop`.

    The link tells the outlet by itself: `set_connected`; the notes `reconnects` (connections made after a first one),
    `disconnects`, `connect_failures`, `pings`, `timeouts` and `rate_limited`; the refusals `oversized_message`,
    `protocol_error`, `handshake` and `binary_message`. All are logged with the reason, none with the URL's target.

    A failure's causes are those of `LinkFailure` and: `handshake`, `handshake_timeout`, `http_<status>`, `closed` (by
    the peer's close frame, with its code), `oversized_message`, `protocol_error`, `no_pong`, `silent`, and what the
    owner says in `reconnect`.

    :arg url: `ws://` or `wss://`; compression is never asked for.

    :arg headers: Sent with the opening handshake.

    :arg backoff: Delays between attempts, `usual_backoff` by default; `Retry-After` of a refused handshake is heeded.

    :arg tls: Context for `wss`; by default one that trusts what the system does and checks certificate and name.

    :raises EndpointError: The URL is none that can be used.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        outlet: Outlet,
        *,
        on_connected: Callable[[Callable[[str | bytes], bool]], None],
        on_text: Callable[[bytes | bytearray], None],
        on_disconnected: Callable[[LinkFailure], None],
        limits: WebsocketLimits | None = None,
        headers: Mapping[str, str] | None = None,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._on_connected = on_connected
        self._on_text = on_text
        self._on_disconnected = on_disconnected
        self._limits = WebsocketLimits() if limits is None else limits
        self._headers = {} if headers is None else headers
        self._backoff = usual_backoff() if backoff is None else backoff
        self.endpoint = Endpoint.parse(url)
        self._tls = ssl.create_default_context() if self.endpoint.is_secure and tls is None else tls
        self._resolver = Resolver(reactor, self.endpoint.host, self.endpoint.port)
        self._is_running = False
        self._was_connected = False
        self._link: Link | None = None
        self._protocol: ClientProtocol | None = None
        self._message: bytearray | None = None
        self._is_binary = False
        self._timers: dict[str, Timer] = {}
        self._connected_s = 0.0
        self._message_s = 0.0
        self._bytes_s = 0.0
        self.is_connected = False
        """Whether messages can be sent: between `on_connected` and `on_disconnected`."""

    def start(self) -> None:
        """Connect, and keep connected from now on."""
        if not self._is_running:
            self._is_running = True
            self._connect()

    def stop(self) -> None:
        """Say goodbye and close, for good; no call is made from here on."""
        self._is_running = False
        self._say_goodbye()
        self._drop()

    def send(self, data: str | bytes) -> bool:
        """Send a text message.

        :returns: Whether it went on its way; not so without a connection, whose end may be told only later.

        """
        # A close frame that came behind the message just handed out has ended the sending already.
        if not self.is_connected or self._protocol is None or self._protocol.state is not State.OPEN:
            return False
        self._protocol.send_text(data.encode() if isinstance(data, str) else data)
        self._flush()
        return True

    def reconnect(self, cause: str, detail: str) -> None:
        """Give this connection up and make another, as after any failure."""
        if self._link is not None:
            self._say_goodbye()
            self._fail(LinkFailure(cause, detail))

    def _connect(self) -> None:
        self._link = Link(
            self._reactor,
            self.endpoint,
            self._resolver,
            on_open=self._opened,
            on_bytes=self._receive,
            on_closed=self._link_closed,
            tls=self._tls,
            connect_timeout_s=self._limits.connect_timeout_s,
        )
        self._link.open()

    def _opened(self) -> None:
        where = self.endpoint
        uri = WebSocketURI(where.is_secure, where.host, where.port, where.target, "")
        self._protocol = ClientProtocol(uri, extensions=None, max_size=self._limits.max_message, logger=_mute)
        request = self._protocol.connect()
        for name, value in self._headers.items():
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()
        self._set_timer("handshake", self._limits.handshake_timeout_s, self._handshake_took_too_long)

    def _handshake_took_too_long(self) -> None:
        within = f"no answer of {self.endpoint.label} within {self._limits.handshake_timeout_s:g} s"
        self._fail(LinkFailure("handshake_timeout", within))

    def _link_closed(self, failure: LinkFailure) -> None:
        protocol = self._protocol
        if protocol is not None and not self.is_connected:
            protocol.receive_eof()  # a refusal without a length is whole only now
            if isinstance(protocol.handshake_exc, InvalidStatus):
                failure = self._failure_of(protocol) or failure
        self._fail(failure)

    def _receive(self, data: bytes) -> None:
        protocol = self._protocol
        if protocol is None:
            return
        self._bytes_s = self._reactor.now()
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Frame):
                self._take_frame(event)
            elif isinstance(event, Response) and protocol.handshake_exc is None:
                self._shaken_hands()
            if self._protocol is not protocol:
                return  # the owner gave this connection up
        self._flush()
        failure = self._failure_of(protocol)
        if failure is not None:
            self._fail(failure)

    def _shaken_hands(self) -> None:
        self._timers.pop("handshake").cancel()
        self._connected_s = self._message_s = self._reactor.now()
        self.is_connected = True
        self._outlet.set_connected(True)
        if self._was_connected:
            self._outlet.note("reconnects")
        self._was_connected = True
        self._set_timer("ping", self._limits.ping_s, self._ping)
        if self._limits.silent_s is not None:
            self._set_timer("silence", self._limits.silent_s, self._check_silence)
        self._on_connected(self.send)

    def _take_frame(self, frame: Frame) -> None:
        """Put messages together; the protocol has checked their order and their size, and answers pings by itself."""
        opcode = frame.opcode
        if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
            self._is_binary = opcode is Opcode.BINARY
            if frame.fin:
                self._take_message(frame.data)
            else:
                self._message = bytearray(frame.data)
        elif opcode is Opcode.CONT and self._message is not None:
            self._message += frame.data
            if frame.fin:
                message, self._message = self._message, None
                self._take_message(message)

    def _take_message(self, data: bytes | bytearray | memoryview) -> None:
        self._message_s = self._bytes_s
        if self._is_binary:
            self._outlet.refuse("binary_message", f"{len(data)} bytes from {self.endpoint.label}")
        else:
            self._on_text(bytes(data) if isinstance(data, memoryview) else data)

    def _failure_of(self, protocol: ClientProtocol) -> LinkFailure | None:
        """Say why the protocol cannot go on, if so."""
        label = self.endpoint.label
        if protocol.handshake_exc is not None:
            refusal = protocol.handshake_exc
            if isinstance(refusal, InvalidStatus):
                status = refusal.response.status_code
                asked_s = retry_after_s(refusal.response.headers.get("Retry-After"))
                return LinkFailure(f"http_{status}", f"{label} refused the handshake", asked_s)
            return LinkFailure("handshake", f"{label}: {refusal}")
        if protocol.close_rcvd is not None:
            return LinkFailure("closed", f"{label} closed with {protocol.close_rcvd}")
        error = protocol.parser_exc
        if error is not None:
            return LinkFailure(
                "oversized_message" if isinstance(error, PayloadTooBig) else "protocol_error", str(error)
            )
        return None

    def _ping(self) -> None:
        if self._protocol is None or self._protocol.state is not State.OPEN:
            return
        self._outlet.note("pings")
        self._protocol.send_ping(b"alive?")
        self._flush()
        self._set_timer("ping", self._limits.pong_s, partial(self._check_pong, self._reactor.now()))

    def _check_pong(self, sent_s: float) -> None:
        if self._bytes_s <= sent_s:
            detail = f"no sign of life of {self.endpoint.label} within {self._limits.pong_s:g} s of a ping"
            self._fail(LinkFailure("no_pong", detail))
        else:
            self._set_timer("ping", max(self._limits.ping_s - self._limits.pong_s, 0.0), self._ping)

    def _check_silence(self) -> None:
        silent_s = self._limits.silent_s
        if silent_s is None:
            return
        left_s = self._message_s + silent_s - self._reactor.now()
        if left_s > 0.0:
            self._set_timer("silence", left_s, self._check_silence)
        else:
            self._say_goodbye()
            self._fail(LinkFailure("silent", f"no message of {self.endpoint.label} for {silent_s:g} s"))

    def _set_timer(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        self._timers[name] = self._reactor.call_in(delay_s, call)

    def _flush(self) -> None:
        if self._protocol is not None and self._link is not None:
            for data in self._protocol.data_to_send():
                if data:  # the empty one would ask for a half-close, which comes with the end of the link
                    self._link.send(data)

    def _say_goodbye(self) -> None:
        if self.is_connected and self._protocol is not None and not self._protocol.close_expected():
            self._protocol.send_close(NORMAL_CLOSURE)
            self._flush()

    def _fail(self, failure: LinkFailure) -> None:
        """End this connection or attempt, tell whom it concerns, and come again later."""
        was_connected = self.is_connected
        lived_s = self._reactor.now() - self._connected_s if was_connected else 0.0
        self._drop()
        self._outlet.note("disconnects" if was_connected else "connect_failures", str(failure))
        if failure.cause in TIMEOUTS:
            self._outlet.note("timeouts")
        elif failure.cause in REFUSED:
            self._outlet.refuse(failure.cause, failure.detail)
        elif failure.cause == "http_429":
            self._outlet.note("rate_limited")
        if self._is_running:
            self._set_timer("retry", self._backoff.delay(lived_s, failure.retry_after_s), self._connect)
        if was_connected:
            self._on_disconnected(failure)

    def _drop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._link is not None:
            self._link.close()
        self._link = self._protocol = self._message = None
        if self.is_connected:
            self.is_connected = False
            self._outlet.set_connected(False)
