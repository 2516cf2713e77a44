"""An HTTP/1.1 client on one connection that is kept alive: one request at a time, each with its deadline."""

import ssl
from collections.abc import Callable, Mapping
from functools import partial

import h11

from connectors.feeds.endpoint import Endpoint
from connectors.feeds.link import CONNECT_TIMEOUT_S, Link, LinkFailure
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.resolver import Resolver
from dlmm.errors import DlmmError
from dlmm.records import Record

MAX_HEAD = 65_536
OnAnswer = Callable[[int, Mapping[str, str], bytes], None]
OnFailure = Callable[[LinkFailure], None]


class LinkBusyError(DlmmError):
    """A request was made while another was under way on the same link."""

    def __init__(self, label: str) -> None:
        """Name the endpoint."""
        super().__init__(f"{label}: a request is under way; ask `is_busy` first, or use another link")


class _Exchange(Record, frozen=True):
    """A request and whom to tell."""

    data: bytes
    on_answer: OnAnswer
    on_failure: OnFailure
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]


class HttpLink:
    """A client of one HTTP peer.

    It connects when a request needs it and keeps the connection for the next. A connection that the peer closed while
    it was idle is no failure; a request that met such a close before any answer is sent once more on a new connection,
    so it has to be one that may arrive twice (every JSON-RPC call of ours may). Apart from that nothing is repeated:
    when to try again, and where, is the owner's to decide.

    A failure's causes are those of `LinkFailure` and: `timeout`, `garbage` (no HTTP, or against its rules),
    `oversized` (more than `max_body`). Any status is an answer, 429 and 5xx too.

    :arg url: `http://` or `https://`; requests go to its path and query unless they name another target.

    :arg headers: Sent with each request, besides `Host` and `Content-Length`.

    :arg max_body: Bytes of an answer's body. A full `getMultipleAccounts` of bin arrays has 1.4 MB.

    :arg tls: Context for `https`; by default one that trusts what the system does and checks certificate and name.

    :raises EndpointError: The URL is none that can be used.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_body: int = 16 << 20,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reactor = reactor
        self.endpoint = Endpoint.parse(url)
        self._headers = {} if headers is None else dict(headers)
        self._max_body = max_body
        self._connect_timeout_s = connect_timeout_s
        self._tls = ssl.create_default_context() if self.endpoint.is_secure and tls is None else tls
        self._resolver = Resolver(reactor, self.endpoint.host, self.endpoint.port)
        self._link: Link | None = None
        self._http: h11.Connection | None = None
        self._exchange: _Exchange | None = None
        self._deadline: Timer | None = None
        self._is_reused = False
        self._status = 0
        self._answer_headers: dict[str, str] = {}
        self._body = bytearray()

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._exchange is not None

    def request(
        self,
        method: str,
        target: str | None,
        headers: Mapping[str, str],
        body: bytes,
        on_answer: OnAnswer,
        on_failure: OnFailure,
        timeout_s: float,
    ) -> None:
        """Ask; exactly one of the two calls follows, in a later round, unless `close` comes first.

        By then the link is free again, so that either call may ask anew.

        :arg target: Path and query; None takes those of the URL.

        :arg headers: Besides those of the link.

        :arg on_answer: Takes the status, the headers by their names in lower case (of a repeated one the last), and
            the body.

        :arg on_failure: Takes the reason.

        :arg timeout_s: From now to the end of the answer, connecting included.

        :raises LinkBusyError: A request is under way.

        """
        if self._exchange is not None:
            raise LinkBusyError(self.endpoint.label)
        all_headers = {"Host": self.endpoint.authority, **self._headers, **headers, "Content-Length": str(len(body))}
        self._exchange = _Exchange(
            body,
            on_answer,
            on_failure,
            method,
            self.endpoint.target if target is None else target,
            tuple(all_headers.items()),
        )
        self._deadline = self._reactor.call_in(timeout_s, partial(self._time_out, timeout_s))
        if self._link is not None and self._link.is_open:
            self._is_reused = True
            self._ask()
        else:
            self._connect()

    def close(self) -> None:
        """Close the connection and forget the request under way, without a call."""
        self._take_exchange()
        self._drop()

    def _connect(self) -> None:
        self._drop()
        self._is_reused = False
        self._link = Link(
            self._reactor,
            self.endpoint,
            self._resolver,
            on_open=self._opened,
            on_bytes=self._receive,
            on_closed=self._closed,
            tls=self._tls,
            connect_timeout_s=self._connect_timeout_s,
        )
        self._link.open()

    def _opened(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._ask()

    def _ask(self) -> None:
        exchange, http, link = self._exchange, self._http, self._link
        if exchange is None or http is None or link is None:
            return
        self._status = 0
        self._answer_headers = {}
        self._body = bytearray()
        request = h11.Request(method=exchange.method, target=exchange.target, headers=list(exchange.headers))
        pieces = [http.send(request), http.send(h11.Data(data=exchange.data)), http.send(h11.EndOfMessage())]
        link.send(b"".join(piece for piece in pieces if piece))

    def _receive(self, data: bytes) -> None:
        http = self._http
        if http is None:
            return
        if self._exchange is None:
            self._drop()  # nobody asked for anything: what follows could be taken for the next answer
            return
        self._is_reused = False
        self._take_events(http, data)

    def _take_events(self, http: h11.Connection, data: bytes) -> None:
        """Read on with what arrived, or with the end of the connection where it is empty."""
        try:
            http.receive_data(data)
            while True:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    return
                if isinstance(event, h11.EndOfMessage):
                    self._answered(http)
                    return
                if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                    self._fail("garbage", f"{self.endpoint.label} left the protocol in the middle of an answer")
                    return
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                    self._answer_headers = {
                        name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers
                    }
                elif isinstance(event, h11.Data):
                    self._body += event.data
                if self._is_too_long():
                    return
        except h11.RemoteProtocolError as error:
            # What ends inside an answer is cut, whatever the protocol calls it.
            self._fail("garbage" if data else "cut", f"{self.endpoint.label}: {error}")

    def _is_too_long(self) -> bool:
        announced = self._answer_headers.get("content-length", "0")
        size = max(len(self._body), int(announced) if announced.isdecimal() else 0)
        if size <= self._max_body:
            return False
        self._fail("oversized", f"an answer of {size} bytes of {self.endpoint.label}, {self._max_body} are allowed")
        return True

    def _answered(self, http: h11.Connection) -> None:
        exchange = self._take_exchange()
        status, headers, body = self._status, self._answer_headers, bytes(self._body)
        self._body = bytearray()
        if http.our_state is h11.DONE and http.their_state is h11.DONE and not http.trailing_data[0]:
            http.start_next_cycle()
        else:
            self._drop()
        if exchange is not None:
            exchange.on_answer(status, headers, body)

    def _closed(self, failure: LinkFailure) -> None:
        exchange, http = self._exchange, self._http
        if exchange is None:
            self._drop()
        elif self._is_reused:
            self._connect()
        elif failure.cause == "cut" and http is not None and http.their_state is h11.SEND_BODY:
            self._take_events(http, b"")  # the end of the connection may be the end of the answer
        else:
            self._fail(failure.cause, failure.detail)

    def _time_out(self, timeout_s: float) -> None:
        self._fail("timeout", f"no answer of {self.endpoint.label} within {timeout_s:g} s")

    def _fail(self, cause: str, detail: str) -> None:
        exchange = self._take_exchange()
        self._drop()
        if exchange is not None:
            exchange.on_failure(LinkFailure(cause, detail))

    def _take_exchange(self) -> _Exchange | None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        exchange, self._exchange = self._exchange, None
        return exchange

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = self._http = None
