"""The `live` workload's node: a process that pushes a prepared tape over a websocket and answers what a feed asks.

    python -m benchmarks.live.server --updates N --rate R --sent FILE [--encoding E] [--core C]

It prints one line of JSON with its ports, pushes once all pools are subscribed, writes the time of each push to FILE
(numpy, CLOCK_MONOTONIC, ns) and prints how far it was behind its own schedule. One thread, one `select`, every frame
prepared: a push is one system call.
"""

import argparse
import gc
import json
import os
import select
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import h11
import msgspec
import numpy as np
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from benchmarks.live.tape import FIRST_SLOT, account_json, live_pools, updates

SETTLE_S = 1.5
"""From the last request to the first push: snapshots are answered by then."""
SPIN_NS = 100_000
"""Before a push is due the server does not sleep any more: a sleep ends some 60 us late."""
AT_ONCE = 32
GONE_S = 20.0
_SLOTS = 1_000_000  # id of the subscription to slots


class _Request(msgspec.Struct):
    id: int
    method: str
    params: list[Any] = []


class _Tape:
    """Frames in the order of their pushes."""

    def __init__(self, count: int, rate: float, encoding: str) -> None:
        pools = live_pools()
        self.pools = [pool.info.pool for pool in pools]
        self.values = {key: account_json(account, encoding) for pool in pools for key, account in pool.accounts.items()}
        self.due_ns: list[int] = []
        self.frames: list[bytes] = []
        self.writes: list[tuple[int, int, bytes]] = []  # pool, slot, value; of slots: -1, slot
        pace = 1_000.0 / rate if rate else 0.0
        slot = FIRST_SLOT
        for update in updates(pools, count):
            due_ns = int(update.due_ns * pace)
            if update.slot > slot:
                told = {"parent": slot, "root": slot - 32, "slot": update.slot}
                self._add(due_ns, _notification("slot", _SLOTS, msgspec.json.encode(told)), -1, update.slot, b"")
                slot = update.slot
            value = account_json(update.account, encoding)
            result = b'{"context":{"slot":%d},"value":%s}' % (slot, value)
            self._add(due_ns, _notification("account", update.pool + 1, result), update.pool, slot, value)

    def _add(self, due_ns: int, text: bytes, pool: int, slot: int, value: bytes) -> None:
        self.due_ns.append(due_ns)
        self.frames.append(Frame(Opcode.TEXT, text).serialize(mask=False))
        self.writes.append((pool, slot, value))


def _notification(kind: str, subscription: int, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","method":"%sNotification","params":{"result":%s,"subscription":%d}}' % (
        kind.encode(),
        result,
        subscription,
    )


class _Node:
    """Everything that is asked, and the pushes in between."""

    def __init__(self, tape: _Tape, *, is_paced: bool) -> None:
        self._tape = tape
        self._is_paced = is_paced
        self._slot = self._whole_slot = FIRST_SLOT
        self._whole = dict(tape.values)
        self._next = 0
        self.start_ns = 0
        self._subscribed: set[str] = set()
        self._websocket: tuple[socket.socket, ServerProtocol] | None = None
        self._http: dict[socket.socket, h11.Connection] = {}
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.sent_ns = [0] * len(tape.frames)

    @property
    def ports(self) -> tuple[int, int]:
        """Of the websocket, and of HTTP."""
        ports = [listener.getsockname()[1] for listener in self._listeners]
        return ports[0], ports[1]

    def run(self) -> None:
        """Push the tape, and stay until the feed has closed its websocket."""
        give_up_ns = 0
        while True:
            wait_s = self._push_due()
            if self._next == len(self._tape.frames):
                give_up_ns = give_up_ns or time.monotonic_ns() + int(GONE_S * 1e9)
                if self._websocket is None or time.monotonic_ns() > give_up_ns:
                    return
            sockets = [*self._listeners, *self._http]
            if self._websocket is not None:
                sockets.append(self._websocket[0])
            ready, _, _ = select.select(sockets, (), (), wait_s)
            for one in ready:
                self._read(one)

    def _push_due(self) -> float:
        """Push what is due; return for how long there is nothing to do."""
        if self._websocket is None or not self.start_ns or self._next == len(self._tape.frames):
            return 0.1
        peer, now = self._websocket[0], time.monotonic_ns
        frames, due_ns, sent_ns = self._tape.frames, self._tape.due_ns, self.sent_ns
        for number in range(self._next, min(self._next + AT_ONCE, len(frames))):
            left_ns = self.start_ns + due_ns[number] - now()
            if left_ns > 0:
                return max(left_ns - SPIN_NS, 0) * 1e-9
            sent_ns[number] = now()
            peer.sendall(frames[number])
            self._next = number + 1
            pool, slot, value = self._tape.writes[number]
            if pool >= 0:
                self._tape.values[self._tape.pools[pool]] = value
            elif self._is_paced:  # flat out, an answer would overtake what still waits in the socket
                self._whole_slot, self._whole = self._slot, dict(self._tape.values)
            self._slot = slot
        return 0.0

    def _read(self, ready: socket.socket) -> None:
        if ready in self._listeners:
            peer, _ = ready.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if ready is self._listeners[0]:
                self._websocket = peer, ServerProtocol()
            else:
                self._http[peer] = h11.Connection(h11.SERVER)
            return
        try:
            data = ready.recv(1 << 20)
        except ConnectionResetError:  # closed with something unread
            data = b""
        if ready in self._http:
            self._read_http(ready, self._http[ready], data)
        elif self._websocket is not None:
            self._read_websocket(*self._websocket, data)

    def _read_websocket(self, peer: socket.socket, protocol: ServerProtocol, data: bytes) -> None:
        if not data:
            peer.close()
            self._websocket = None
            return
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                protocol.send_response(protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                protocol.send_text(self._subscribe(msgspec.json.decode(event.data, type=_Request)))
        for answer in protocol.data_to_send():
            with suppress(ConnectionError):  # after a close frame nobody reads any more
                peer.sendall(answer)

    def _subscribe(self, request: _Request) -> bytes:
        """Answer a subscription; when the last pool is subscribed, set the time of the first push."""
        subscription = _SLOTS + request.id
        if request.method == "slotSubscribe":
            subscription = _SLOTS
        elif request.method == "accountSubscribe" and request.params[0] in self._tape.pools:
            address = request.params[0]
            subscription = self._tape.pools.index(address) + 1
            self._subscribed.add(address)
            if len(self._subscribed) == len(self._tape.pools) and not self.start_ns:
                self.start_ns = time.monotonic_ns() + int(SETTLE_S * 1e9)
        return msgspec.json.encode({"jsonrpc": "2.0", "result": subscription, "id": request.id})

    def _read_http(self, peer: socket.socket, connection: h11.Connection, data: bytes) -> None:
        connection.receive_data(data)
        if not data:
            del self._http[peer]
            peer.close()
            return
        body = b""
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                answer = self._answer(msgspec.json.decode(body, type=_Request))
                head = h11.Response(status_code=200, headers=[("Content-Length", str(len(answer)))])
                parts = (connection.send(one) for one in (head, h11.Data(answer), h11.EndOfMessage()))
                peer.sendall(b"".join(part for part in parts if part))
                connection.start_next_cycle()
                return

    def _answer(self, request: _Request) -> bytes:
        """Tell accounts as of the last whole slot, as a node does at `confirmed`: so no answer overtakes a push."""
        assert request.method == "getMultipleAccounts", request.method
        values = b",".join(self._whole.get(address, b"null") for address in request.params[0])
        context = b'{"context":{"slot":%d},"value":[%s]}' % (self._whole_slot, values)
        return b'{"jsonrpc":"2.0","result":%s,"id":%d}' % (context, request.id)


def main() -> None:
    """Serve one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--updates", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--sent", type=Path, required=True)
    parser.add_argument("--encoding", required=True)
    parser.add_argument("--core", type=int)
    terms = parser.parse_args()
    if terms.core is not None:
        os.sched_setaffinity(0, {terms.core})
    tape = _Tape(terms.updates, terms.rate, terms.encoding)
    node = _Node(tape, is_paced=terms.rate > 0)
    gc.collect()
    gc.freeze()
    gc.disable()
    websocket, http = node.ports
    print(json.dumps({"websocket": websocket, "http": http}), flush=True)
    node.run()
    is_update = np.array([pool >= 0 for pool, _, _ in tape.writes])
    sent_ns = np.array(node.sent_ns)
    np.save(terms.sent, sent_ns[is_update])
    late_us = (sent_ns - node.start_ns - np.array(tape.due_ns)) / 1e3
    late = [float(np.percentile(late_us, share)) for share in (50, 99, 100)]
    print(json.dumps({"late_us": late}), flush=True)


if __name__ == "__main__":
    main()
