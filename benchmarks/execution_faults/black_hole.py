"""An endpoint that takes transactions, says that it did, and never passes them on; all else it asks another node."""

import base64
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from solders.transaction import VersionedTransaction

ANSWER_S = 30.0


class BlackHole:
    """Serve on a free port of loopback until `close`.

    :arg port: Of the node, on loopback too, that everything but transactions is passed on to.

    """

    def __init__(self, port: int) -> None:
        hole = self
        self.swallowed = 0
        """How many transactions came, rebroadcast ones included."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = hole.answer(body)
                status, told = (200, answer) if answer else _passed_on(port, body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(told)))
                    self.end_headers()
                    self.wfile.write(told)
                except ConnectionError:
                    self.close_connection = True  # who asked is gone

            def log_message(self, *args: object) -> None:
                del args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, body: bytes) -> bytes:
        """Answer what it does not pass on."""
        asked: Any = json.loads(body)
        if not isinstance(asked, dict) or asked["method"] != "sendTransaction":
            return b""
        self.swallowed += 1
        signature = _signature(asked["params"][0])
        return json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": signature}).encode()


def _signature(transaction: str) -> str:
    # What an honest node would answer with.
    return str(VersionedTransaction.from_bytes(base64.b64decode(transaction)).signatures[0])


def _passed_on(port: int, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 502, b""
    finally:
        connection.close()
