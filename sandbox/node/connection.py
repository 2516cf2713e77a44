"""One WebSocket of a client: an ordered outgoing queue, and the faults that a connection can have."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import cache

import zstandard
from aiohttp import WSMsgType, web

from sandbox.faults import Faults

OVERSIZE_BYTES = 20 << 20
BOMB_BYTES = 256 << 20
_MAX_BACKLOG = 100_000
_MAX_REQUEST_BYTES = 1 << 20
_REDRAW_S = 1.0
_TRY_AGAIN_LATER = 1013


@cache
def oversized() -> bytes:
    """Make a message of `OVERSIZE_BYTES`."""
    return b'{"jsonrpc":"2.0","padding":"' + b"x" * OVERSIZE_BYTES + b'"}'


@cache
def bomb() -> bytes:
    """Compress `BOMB_BYTES` zeros, without a header that would tell their number."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    zeros = bytes(1 << 20)
    parts = [compressor.compress(zeros) for _ in range(BOMB_BYTES >> 20)]
    return b"".join((*parts, compressor.flush()))


class Connection:
    """What is sent to one client."""

    def __init__(self, faults: Faults, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._faults = faults
        self._ws = ws
        self._transport = transport
        self._out: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._held: bytes | None = None
        self._revision = -1
        self._stall_at: float | None = None
        self._silent_until = 0.0

    def reply(self, text: bytes) -> None:
        """Answer a request; only silence spoils an answer."""
        self._put(0.0, text)

    def notify(self, text: bytes, stray: Callable[[], bytes], bombed: Callable[[], bytes] | None = None) -> None:
        """Send a message, spoiled where faults say so.

        :arg stray: Makes a message like it that nobody asked for.

        :arg bombed: Makes one like it whose data unpack to `BOMB_BYTES`.

        """
        faults = self._faults
        if not faults.values:
            self._release()
            self._put(0.0, text)
            return
        if faults.hit("ws.lose"):
            return
        due = time.monotonic() + faults.draw("ws.delay") / 1000.0 if faults.is_on("ws.delay") else 0.0
        if faults.hit("ws.stray"):
            self._put(due, stray())
        if bombed is not None and faults.hit("ws.bomb"):
            self._put(due, bombed())
        if faults.hit("ws.oversize"):
            self._put(due, oversized())
        if faults.hit("ws.malformed"):
            self._put(due, text[: max(len(text) // 2, 1)])
        if faults.hit("ws.dup"):
            self._put(due, text)
        if self._held is None and faults.hit("ws.reorder"):
            self._held = text
            return
        self._put(due, text)
        self._release(due)

    def _release(self, due: float = 0.0) -> None:
        if self._held is not None:
            self._put(due, self._held)
            self._held = None

    def _put(self, due: float, text: bytes) -> None:
        self._out.put_nowait((due, text))
        if self._out.qsize() > _MAX_BACKLOG:
            self.abort()

    def abort(self) -> None:
        """Cut the TCP connection: the client sees an abnormal closure (1006)."""
        if self._transport is not None:
            self._transport.abort()

    async def serve(self, receive: Callable[[str], None]) -> None:
        """Send what is queued and hand over what arrives, until the connection ends."""
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(self._send()), tasks.create_task(self._end_at_random())]
            with contextlib.suppress(ConnectionError):  # a client that vanished while it was answered
                async for message in self._ws:
                    if message.type == WSMsgType.TEXT:
                        receive(message.data)
            for task in sending:
                task.cancel()

    async def _send(self) -> None:
        while True:
            due, text = await self._out.get()
            pause = due - time.monotonic() if due else 0.0
            if pause > 0:
                await asyncio.sleep(pause)
            if self._faults.is_on("ws.stall") and self._is_silent():
                continue  # what should have been sent is gone
            try:
                await self._ws.send_frame(text, WSMsgType.TEXT)
            except ConnectionError:
                return

    def _is_silent(self) -> bool:
        now = time.monotonic()
        if self._revision != self._faults.revision:
            self._revision = self._faults.revision
            self._stall_at = None
        if self._stall_at is None:
            self._stall_at = now + (self._faults.wait_s("ws.stall") or 0.0)
        if now >= self._stall_at:
            self._faults.note("ws.stall")
            self._silent_until = now + self._faults.length_s("ws.stall")
            self._stall_at = self._silent_until + (self._faults.wait_s("ws.stall") or 0.0)
        return now < self._silent_until

    async def _end_at_random(self) -> None:
        """Cut or close the connection at a random moment, where faults say so."""
        faults = self._faults
        while True:
            waits = {key: faults.wait_s(key) for key in ("ws.drop", "ws.close")}
            drawn = {key: wait for key, wait in waits.items() if wait is not None}
            key = min(drawn, key=drawn.__getitem__, default="")
            if not key or drawn[key] > _REDRAW_S:  # the wait has no memory, so that it can be drawn anew
                await asyncio.sleep(_REDRAW_S)
                continue
            revision = faults.revision
            await asyncio.sleep(drawn[key])
            if faults.revision != revision:
                continue
            faults.note(key)
            if key == "ws.drop":
                self.abort()
            else:
                with contextlib.suppress(ConnectionError):
                    await self._ws.close(code=_TRY_AGAIN_LATER, message=b"try again later")
            return


class Connections:
    """Every open connection of one kind of feed."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._open: set[Connection] = set()
        self.accepted = 0

    def __len__(self) -> int:
        return len(self._open)

    def drop_all(self) -> int:
        """Cut every connection.

        :returns: How many there were.

        """
        count = len(self._open)
        for connection in list(self._open):
            connection.abort()
        return count

    async def accept(
        self, request: web.Request, receive: Callable[[Connection, str], None], closed: Callable[[Connection], None]
    ) -> web.StreamResponse:
        """Serve a client's WebSocket until it ends.

        :arg receive: Is given each text message.

        :arg closed: Is told when the connection is gone.

        """
        if self._faults.hit("ws.refuse"):
            return web.Response(status=503, text="service unavailable")
        ws = web.WebSocketResponse(max_msg_size=_MAX_REQUEST_BYTES, compress=False)
        await ws.prepare(request)
        connection = Connection(self._faults, ws, request.transport)
        self._open.add(connection)
        self.accepted += 1
        try:
            await connection.serve(lambda text: receive(connection, text))
        finally:
            self._open.discard(connection)
            closed(connection)
        return ws
