"""Names to addresses, away from the reactor's thread: a name server that hangs must not hold up a decision."""

import socket
import threading
from collections.abc import Callable
from functools import partial

from connectors.feeds.reactor import Reactor

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Addresses = list[tuple[int, SocketAddress]]
"""Address family and address, in the order they should be tried."""

MOST_ADDRESSES = 4

Answer = Callable[[Addresses, str], None]
"""Takes the addresses, and where there are none the reason."""


class Resolver:
    """Look up one peer's name. One lookup is under way at most: while a slow one is, another waits for its answer."""

    def __init__(self, reactor: Reactor, host: str, port: int) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._waiting: Answer | None = None
        self._is_looking = False

    def look_up(self, answer: Answer) -> None:
        """Call back with the addresses, in a later round; an earlier call that still waits is forgotten."""
        self._waiting = answer
        if self._is_looking:
            return
        self._is_looking = True
        try:
            addresses = _addresses(self._host, self._port, socket.AI_NUMERICHOST)
        except (OSError, UnicodeError):
            threading.Thread(target=self._look_up, name=f"resolve {self._host}", daemon=True).start()
            return
        self._reactor.call_soon(partial(self._answer, addresses, ""))

    def _look_up(self) -> None:
        """Ask the system, which may take as long as it likes; this runs in a thread of its own."""
        try:
            addresses, reason = _addresses(self._host, self._port, 0), ""
        except (OSError, UnicodeError) as error:
            text = error.strerror if isinstance(error, OSError) else str(error)
            addresses, reason = [], f"no address for {self._host}: {text}"
        self._reactor.post(partial(self._answer, addresses, reason))

    def _answer(self, addresses: Addresses, reason: str) -> None:
        self._is_looking = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting(addresses, reason)


def _addresses(host: str, port: int, flags: int) -> Addresses:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found[:MOST_ADDRESSES]]
