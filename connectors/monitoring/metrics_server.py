"""One port for those who watch: `/metrics` for Prometheus, `/healthz` and `/readyz` for who restarts and routes."""

import logging
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from connectors.monitoring.metrics import TelemetryCollector
from connectors.monitoring.telemetry import Telemetry
from dlmm.errors import DlmmError

STALL_S = 10.0
REQUEST_TIMEOUT_S = 5.0
PLAIN_TEXT = "text/plain; charset=utf-8"

_log = logging.getLogger(__name__)


class MetricsPortError(DlmmError):
    """The port for the metrics cannot be had.

    :arg reason: Of the system: in use, not allowed, no such address.

    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        """Keep all three."""
        super().__init__(f"metrics on {host}:{port}: {reason}")
        self.host = host
        self.port = port
        self.reason = reason


class MetricsServer:
    """Answer `GET /metrics`, `/healthz` and `/readyz` in threads of its own until it is closed.

    * `/metrics`: the telemetry, in whichever of Prometheus' formats is asked for.
    * `/healthz`: 200 while the inbox turns, 503 with the reason where it has not for `stall_s`.
    * `/readyz`: 200 once the pools are loaded, the kernels warm and every pool's first state is decided upon.

    :arg host: Address to listen on; the default lets only this machine in.

    :arg port: 0 takes any free one.

    :raises MetricsPortError: Nobody can listen there.

    """

    def __init__(self, telemetry: Telemetry, port: int, host: str = "127.0.0.1", stall_s: float = STALL_S) -> None:
        """Take the port, and begin to answer."""
        registry = CollectorRegistry()
        registry.register(TelemetryCollector(telemetry))
        try:
            self._server = _Server((host, port), _Watch(telemetry, registry, stall_s))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise MetricsPortError(host, port, reason) from None
        self.port: int = self._server.server_address[1]
        """The port that is listened on."""
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Watch:
    """What the answers are made of."""

    def __init__(self, telemetry: Telemetry, registry: CollectorRegistry, stall_s: float) -> None:
        self.registry = registry
        self._telemetry = telemetry
        self._stall_s = stall_s

    def illness(self) -> str:
        """Say what is wrong with the run, nothing where it is well."""
        turned_ns = self._telemetry.turned_ns
        if not turned_ns:
            return "the inbox has not turned yet"
        stalled_s = (time.time_ns() - turned_ns) * 1e-9
        return f"the inbox has not turned for {stalled_s:.1f} s" if stalled_s > self._stall_s else ""

    def lack(self) -> str:
        """Say what is still missing before the run trades, nothing where it does."""
        if self._telemetry.intake is None:  # the inbox is built after loading and warming up
            return "pools are being loaded and kernels warmed up"
        if not self._telemetry.ledger[0]["updates"]:  # the first slice has a state of every pool
            return "no pool has a state yet"
        return ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], watch: _Watch) -> None:
        self.watch = watch
        super().__init__(address, _Answer)

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service for a name that nobody needs, which can take long.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep a client that went away, or said nothing, off the terminal."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.error("metrics: %s", error, exc_info=True)


class _Answer(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_TIMEOUT_S
    server_version = "dlmm-hft"
    sys_version = ""

    def do_GET(self) -> None:
        watch = self.server.watch
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._send(HTTPStatus.OK, content_type, encode(watch.registry))
            case "/healthz":
                self._say(watch.illness())
            case "/readyz":
                self._say(watch.lack())
            case _:
                self._send(HTTPStatus.NOT_FOUND, PLAIN_TEXT, b"/metrics, /healthz or /readyz\n")

    do_HEAD = do_GET

    def _say(self, trouble: str) -> None:
        status = HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK
        self._send(status, PLAIN_TEXT, f"{trouble or 'ok'}\n".encode())

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Keep requests off the terminal."""
