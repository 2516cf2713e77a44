"""Scripted nodes on loopback: an RPC endpoint and a PubSub that answer as told, and misbehave as told."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h11
from websockets.frames import Frame, Opcode

from connectors.feeds.reactor import Reactor
from connectors.wire.events import AccountUpdate
from tests.connectors.feeds.peers import Peer, Visitor, WebsocketPeer
from tests.connectors.wire.frames import account_json, account_notification, answer, notification, slot_notification

Reply = tuple[int, Mapping[str, str], bytes]
Script = Callable[[Any], Reply | None]
ADDRESS = "7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4Uim"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def address(number: int) -> str:
    """One of 58 x 58 addresses, each a valid one in form."""
    return ADDRESS + BASE58[number // 58] + BASE58[number % 58]


def ok(body: bytes) -> Reply:
    return 200, {"Content-Type": "application/json"}, body


class RpcPeer(Peer):
    """An HTTP server whose `script` answers each request; `None` is no answer, ever.

    :ivar calls: What was asked, decoded.

    """

    def __init__(self, reactor: Reactor, script: Script, port: int = 0) -> None:
        super().__init__(reactor, self._take, port=port)
        self.script = script
        self.calls: list[Any] = []
        self._connections: dict[Visitor, h11.Connection] = {}
        self._bodies: dict[Visitor, bytes] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def _take(self, visitor: Visitor, data: bytes) -> None:
        connection = self._connections.setdefault(visitor, h11.Connection(h11.SERVER))
        connection.receive_data(data)
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return
            if isinstance(event, h11.Data):
                self._bodies[visitor] = self._bodies.get(visitor, b"") + bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                call = json.loads(self._bodies.pop(visitor))
                self.calls.append(call)
                self._reply(visitor, connection, self.script(call))

    @staticmethod
    def _reply(visitor: Visitor, connection: h11.Connection, reply: Reply | None) -> None:
        if reply is None:
            return
        status, headers, body = reply
        all_headers = [*headers.items(), ("Content-Length", str(len(body)))]
        pieces = [connection.send(h11.Response(status_code=status, headers=all_headers))]
        pieces += [connection.send(h11.Data(data=body)), connection.send(h11.EndOfMessage())]
        connection.start_next_cycle()
        visitor.send(b"".join(piece for piece in pieces if piece))


class Ledger:
    """What a scripted node knows: accounts' bytes, and a slot; `answer` serves it over RPC."""

    def __init__(self, slot: int = 100) -> None:
        self.slot = slot
        self.accounts: dict[str, bytes] = {}
        self.genesis_hash = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"
        self.transactions: dict[str, Any] = {}

    def answer(self, call: Any) -> Reply:
        if isinstance(call, list):
            return ok(b"[" + b",".join(self.result(one) for one in call) + b"]")
        return ok(self.result(call))

    def result(self, call: Any) -> bytes:
        match call["method"]:
            case "getMultipleAccounts":
                values = [
                    account_json(self.accounts[key]) if key in self.accounts else None for key in call["params"][0]
                ]
                return answer(call["id"], {"context": {"slot": self.slot}, "value": values})
            case "getSlot":
                return answer(call["id"], self.slot)
            case "getGenesisHash":
                return answer(call["id"], self.genesis_hash)
            case "getTransaction":
                return answer(call["id"], self.transactions.get(call["params"][0]))
        raise AssertionError(call)


class NodePeer(WebsocketPeer):
    """A PubSub that confirms subscriptions, unless told otherwise, and notifies when asked to.

    :ivar is_mute: Whether it leaves requests unanswered.

    :ivar calls: What was asked, decoded.

    :ivar live: Ids of the live subscriptions of the newest connection by method and address.

    """

    def __init__(self, reactor: Reactor) -> None:
        super().__init__(reactor)
        self.is_mute: Callable[[Any], bool] = lambda call: False
        self.calls: list[Any] = []
        self.live: dict[tuple[str, str], int] = {}
        self._last = 100

    @property
    def visitor(self) -> Visitor:
        return self.visitors[-1]

    def text(self, data: bytes) -> None:
        self.visitor.send(Frame(Opcode.TEXT, data).serialize(mask=False))

    def write(self, key: str, slot: int, data: bytes) -> None:
        """Notify of an account's new state."""
        self.text(account_notification(self.live["accountSubscribe", key], slot, account_json(data)))

    def begin_slot(self, slot: int, parent: int | None = None) -> None:
        self.text(slot_notification(self.live["slotSubscribe", ""], slot, parent))

    def log(self, pool: str, slot: int, signature: str, logs: list[str], err: object = None) -> None:
        value = {"err": err, "logs": logs, "signature": signature}
        result = {"context": {"slot": slot}, "value": value}
        self.text(notification("logs", self.live["logsSubscribe", pool], result))

    def _take(self, visitor: Visitor, data: bytes) -> None:
        before = len(self.frames)
        with contextlib.suppress(ConnectionError):  # a client that was sent too much is gone before its farewell
            super()._take(visitor, data)
        for frame in self.frames[before:]:
            if frame.opcode is Opcode.TEXT:
                self._call(json.loads(bytes(frame.data)))

    def _call(self, call: Any) -> None:
        self.calls.append(call)
        if self.is_mute(call):
            return
        method, params = call["method"], call["params"]
        if method.endswith("Unsubscribe"):
            self.text(answer(call["id"], True))
            return
        target = params[0] if params else ""
        key = method, target["mentions"][0] if isinstance(target, dict) else target
        self._last += 1
        self.live[key] = self._last
        self.text(answer(call["id"], self._last))


def states(events: Sequence[tuple[int, object]]) -> list[tuple[str, int, str]]:
    """Address, slot and encoded data of the account updates among drained events."""
    return [(e.address, e.slot, e.data) for _, e in events if isinstance(e, AccountUpdate)]
