"""An HTTP connection that stands before it is needed, so that a request is one write to a socket."""

import ssl
from collections.abc import Callable, Mapping
from functools import partial

import h11

from connectors.feeds.backoff import Backoff
from connectors.feeds.endpoint import Endpoint
from connectors.feeds.link import Link, LinkFailure
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.resolver import Resolver
from dlmm.records import Record

MAX_HEAD = 65_536
MAX_BODY = 1 << 20
LIVED_S = 2.0

OnAnswer = Callable[[int, Mapping[str, str], bytes], None]
OnFailure = Callable[[LinkFailure], None]

# The library only has to know that a request was made: ours goes past it.
_A_REQUEST = h11.Request(method="POST", target="/", headers=[("Host", "peer"), ("Content-Length", "0")])


class _Exchange(Record, frozen=True):
    """Whom to tell of an answer."""

    on_answer: OnAnswer
    on_failure: OnFailure
    deadline: Timer


class WarmLink:
    """A client of one JSON-RPC endpoint over one connection, which is made at once and again whenever it ends.

    Unlike `HttpLink` it never connects on demand: `post` writes at once, and only while `is_free`. Before the bytes are
    with the socket it does no more than it must; the library that reads the answer is made ready for it beforehand.

    A failure's causes are those of `LinkFailure` and: `timeout`, `garbage` (no HTTP, or against its rules),
    `oversized`, and `closed_idle`: the peer closed a connection that had served before just when it was written to,
    which is nobody's fault, and the request may or may not have arrived.

    :arg on_free: Called when it has become free: connected, or done with a request.

    :arg on_lost: Called when an attempt to connect has failed, or a connection that never served anybody has ended.

    :arg backoff: Delays between attempts.

    :arg tls: Context for `https`; by default one that trusts what the system does and checks certificate and name.

    :raises EndpointError: The URL is none that can be used.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        *,
        on_free: Callable[[], None],
        on_lost: OnFailure,
        backoff: Backoff | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reactor = reactor
        self.endpoint = Endpoint.parse(url)
        self._on_free = on_free
        self._on_lost = on_lost
        self._backoff = Backoff(first_s=0.1, longest_s=5.0, lived_s=LIVED_S) if backoff is None else backoff
        self._tls = ssl.create_default_context() if self.endpoint.is_secure and tls is None else tls
        self._resolver = Resolver(reactor, self.endpoint.host, self.endpoint.port)
        self._head = (
            f"POST {self.endpoint.target} HTTP/1.1\r\nHost: {self.endpoint.authority}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._link: Link | None = None
        self._http: h11.Connection | None = None
        self._exchange: _Exchange | None = None
        self._retry: Timer | None = None
        self._opened_s: float | None = None
        self._has_served = self._is_answering = self._is_closed = False
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.is_free = False
        """Whether `post` may be called: the connection stands, and nothing is under way."""

    def start(self) -> None:
        """Connect, and stay connected."""
        self._connect()

    def close(self) -> None:
        """Close the connection, for good; no call is made from here on."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        self._take_exchange()
        self._drop()

    def post(self, body: bytes, on_answer: OnAnswer, on_failure: OnFailure, timeout_s: float) -> None:
        """Write a request now; exactly one of the two calls follows, in a later round, unless `close` comes first.

        By then it is free again, or on its way to be. Only to be called while `is_free`.

        :arg on_answer: Takes the status, the headers by their names in lower case, and the body.

        :arg timeout_s: From now to the end of the answer.

        """
        link = self._link
        assert link is not None, "a link that is free is connected"
        self.is_free = False
        link.send(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        deadline = self._reactor.call_in(timeout_s, partial(self._time_out, timeout_s))
        self._exchange = _Exchange(on_answer, on_failure, deadline)

    def _connect(self) -> None:
        self._opened_s = None
        self._has_served = False
        self._link = Link(
            self._reactor,
            self.endpoint,
            self._resolver,
            on_open=self._opened,
            on_bytes=self._receive,
            on_closed=self._closed,
            tls=self._tls,
        )
        self._link.open()

    def _opened(self) -> None:
        self._opened_s = self._reactor.now()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._make_ready(self._http)

    def _make_ready(self, http: h11.Connection) -> None:
        http.send(_A_REQUEST)
        http.send(h11.EndOfMessage())
        self._status, self._headers, self._body = 0, {}, bytearray()
        self._is_answering = False
        self.is_free = True
        self._on_free()

    def _receive(self, data: bytes) -> None:
        if self._exchange is None or self._http is None:
            self._come_again()  # nobody asked for anything: what follows could be taken for the next answer
            return
        self._is_answering = True
        self._take_events(self._http, data)

    def _take_events(self, http: h11.Connection, data: bytes) -> None:
        """Read on with what arrived, or with the end of the connection where it is empty."""
        label = self.endpoint.label
        try:
            http.receive_data(data)
            while (event := http.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.EndOfMessage):
                    self._answered(http)
                    return
                if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    self._fail(LinkFailure("garbage", f"{label} left the protocol in the middle of an answer"))
                    return
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                    self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > MAX_BODY:
                        self._fail(LinkFailure("oversized", f"an answer of {label} beyond {MAX_BODY} bytes"))
                        return
        except h11.RemoteProtocolError as error:
            # What ends inside an answer is cut, whatever the protocol calls it.
            self._fail(LinkFailure("garbage" if data else "cut", f"{label}: {error}"))

    def _answered(self, http: h11.Connection) -> None:
        exchange = self._take_exchange()
        status, headers, body = self._status, self._headers, bytes(self._body)
        self._has_served = True
        if exchange is not None:
            exchange.on_answer(status, headers, body)
        if self._http is not http:
            return  # closed by who was told
        if http.our_state is h11.DONE and http.their_state is h11.DONE and not http.trailing_data[0]:
            http.start_next_cycle()
            self._make_ready(http)
        else:
            self._come_again()

    def _closed(self, failure: LinkFailure) -> None:
        http = self._http
        if self._exchange is None:
            if not self._has_served:
                self._on_lost(failure)
            self._come_again()
        elif failure.cause == "cut" and http is not None and http.their_state is h11.SEND_BODY and self._is_answering:
            self._take_events(http, b"")  # the end of the connection may be the end of the answer
        elif failure.cause == "cut" and self._has_served and not self._is_answering:
            self._fail(LinkFailure("closed_idle", failure.detail))
        else:
            self._fail(failure)

    def _time_out(self, timeout_s: float) -> None:
        self._fail(LinkFailure("timeout", f"no answer of {self.endpoint.label} within {timeout_s:g} s"))

    def _fail(self, failure: LinkFailure) -> None:
        exchange = self._take_exchange()
        self._come_again()
        if exchange is not None:
            exchange.on_failure(failure)

    def _take_exchange(self) -> _Exchange | None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.deadline.cancel()
        return exchange

    def _come_again(self) -> None:
        """Make another connection: at once after one that served, else after a while."""
        lived_s = self._reactor.now() - self._opened_s if self._opened_s is not None else 0.0
        delay_s = 0.0 if self._has_served else self._backoff.delay(lived_s)
        self._drop()
        if not self._is_closed:
            self._retry = self._reactor.call_in(delay_s, self._connect)

    def _drop(self) -> None:
        self.is_free = False
        if self._link is not None:
            self._link.close()
        self._link = self._http = None
