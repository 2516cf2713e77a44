"""HTTP of a node: requests and batches, and the faults that an answer can have."""

import asyncio
import time
from typing import Any

from aiohttp import web

from sandbox.faults import Faults
from sandbox.rpc.dispatch import Dispatcher, encode, failure, parsed
from sandbox.rpc.errors import INVALID_REQUEST, NODE_UNHEALTHY, TOO_MANY_REQUESTS, RpcError

CHEAT_PREFIX = "sandbox_"
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head></html>"
_HANG_S = 3600.0
_ENGINE_PATH = "/api/v1/"
"""Begins the paths of a block engine, which answers a refusal with HTTP 400, and has a code of its own for too many."""
_OK, _BAD_REQUEST, _ENGINE_IS_FULL = 200, 400, -32097
_RETRY_AFTER_S = "1"
_SLOTS_BEHIND = 160


class _Allowance:
    """How many requests may still be answered, at a rate that faults set."""

    def __init__(self) -> None:
        self._left = 0.0
        self._at = time.monotonic()

    def take(self, count: int, rate: float) -> bool:
        now = time.monotonic()
        self._left = min(rate, self._left + (now - self._at) * rate)
        self._at = now
        if self._left < count:
            return False
        self._left -= count
        return True


def _is_cheat(request: Any) -> bool:
    return isinstance(request, dict) and str(request.get("method", "")).startswith(CHEAT_PREFIX)


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body, content_type="application/json", status=status, headers=headers)


class HttpPart:
    """Answers requests over HTTP; cheats suffer no faults."""

    def __init__(self, dispatcher: Dispatcher, faults: Faults) -> None:
        self._dispatcher = dispatcher
        self._faults = faults
        self._allowance = _Allowance()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one HTTP request."""
        if request.method != "POST":
            if request.path == "/health":
                return web.Response(text="ok")
            return web.Response(status=405, text="Used HTTP Method is not allowed. POST or OPTIONS is required")
        try:
            message = parsed(await request.read())
        except RpcError as error:
            return _json(encode(failure(None, error)))
        batch = message if isinstance(message, list) else [message]
        if not batch:
            return _json(encode(failure(None, RpcError(INVALID_REQUEST, "Invalid request"))))
        if all(map(_is_cheat, batch)):
            return _json(encode(self._answers(message, batch)))
        return await self._faulty(request, message, batch)

    def _answers(self, message: Any, batch: list[Any]) -> dict[str, object] | list[dict[str, object]]:
        out = [self._dispatcher.answer(one, None if _is_cheat(one) else self._refusal()) for one in batch]
        return out if isinstance(message, list) else out[0]

    def _refusal(self) -> RpcError | None:
        if not self._faults.hit("http.unhealthy"):
            return None
        data = {"numSlotsBehind": _SLOTS_BEHIND}
        return RpcError(NODE_UNHEALTHY, f"Node is behind by {_SLOTS_BEHIND} slots", data)

    def _is_limited(self, count: int) -> bool:
        limited = self._faults.hit("http.429")
        rate = self._faults.number("http.rps")
        if rate and not self._allowance.take(count, rate):
            self._faults.note("http.rps")
            return True
        return limited

    async def _faulty(self, request: web.Request, message: Any, batch: list[Any]) -> web.StreamResponse:
        faults, is_engine = self._faults, request.path.startswith(_ENGINE_PATH)
        if faults.is_on("http.delay"):
            await asyncio.sleep(faults.draw("http.delay") / 1000.0)
        if self._is_limited(len(batch)):
            first = batch[0].get("id") if isinstance(batch[0], dict) else None
            error = RpcError(TOO_MANY_REQUESTS, "Too many requests for a specific RPC call")
            if is_engine:
                error = RpcError(_ENGINE_IS_FULL, "Network congested. Endpoint is globally rate limited.")
            return _json(encode(failure(first, error)), TOO_MANY_REQUESTS, {"Retry-After": _RETRY_AFTER_S})
        if faults.hit("http.5xx"):
            return web.Response(status=502, content_type="text/html", text=_BAD_GATEWAY)
        if faults.hit("http.hang"):
            await asyncio.sleep(_HANG_S)
        answers = self._answers(message, batch)
        status = _BAD_REQUEST if is_engine and "error" in answers else _OK
        body = encode(answers)
        if faults.hit("http.reset"):
            return await self._cut(request, body)
        if faults.hit("http.malformed"):
            body = body[: max(len(body) * 2 // 3, 1)]
        return _json(body, status)

    @staticmethod
    async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
        """Cut the connection in the middle of an answer."""
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        await asyncio.sleep(0.01)
        if request.transport is not None:
            request.transport.abort()
        return response
