"""The third party's websocket of prices: a client subscribes to pools, and hears of each change once a slot at most."""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web
from solders.signature import Signature

from sandbox.chain import Chain
from sandbox.ledger.blocks import Block
from sandbox.node.connection import Connection, Connections
from sandbox.prices import PoolPrice, PriceBoard

CHANNEL = "pools"
_STRAY_POOL = "So11111111111111111111111111111111111111112"
_encode = msgspec.json.Encoder().encode


class _Params(msgspec.Struct, frozen=True):
    channel: str
    pool_address: str


class _Request(msgspec.Struct, frozen=True):
    method: str
    params: _Params


_requests = msgspec.json.Decoder(_Request)


def _message(pool: str, price: PoolPrice) -> bytes:
    fields: dict[str, Any] = {"pool_address": pool, **msgspec.structs.asdict(price)}
    return _encode(fields)


def _refusal(message: str, pool: str | None = None) -> bytes:
    return _encode({"error": {"message": message, "pool_address": pool}})


class PriceFeed:
    """Serves a board's prices; it names no slot, confirms nothing, and knows nothing of commitments."""

    def __init__(self, chain: Chain, board: PriceBoard) -> None:
        self._board = board
        self._sent: dict[str, PoolPrice] = {}
        self._watching: dict[str, dict[Connection, None]] = {}
        self.connections = Connections(chain.faults)
        self.sent = 0
        chain.observers.append(self)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client."""
        return await self.connections.accept(request, self._receive, self._forget)

    def _forget(self, connection: Connection) -> None:
        for watching in self._watching.values():
            watching.pop(connection, None)

    def _receive(self, connection: Connection, text: str) -> None:
        try:
            request = _requests.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            connection.reply(_refusal(f"invalid request: {error}"))
            return
        pool = request.params.pool_address
        if request.params.channel != CHANNEL or request.method not in {"subscribe", "unsubscribe"}:
            connection.reply(_refusal(f"unknown method or channel: {request.method} {request.params.channel}"))
        elif not self._board.knows(pool):
            connection.reply(_refusal("unknown pool", pool))
        elif request.method == "unsubscribe":
            self._watching.get(pool, {}).pop(connection, None)
        else:
            self._watching.setdefault(pool, {})[connection] = None
            price = self._board.prices.get(pool)
            if price is not None:
                self._notify(connection, pool, price)

    def _notify(self, connection: Connection, pool: str, price: PoolPrice) -> None:
        self.sent += 1
        connection.notify(_message(pool, price), lambda: _message(_STRAY_POOL, price))

    def on_received(self, signature: Signature) -> None:
        """Say nothing."""

    def on_frozen(self, block: Block) -> None:
        """Say what changed on the board since the last slot."""
        for pool, price in self._board.prices.items():
            if self._sent.get(pool) != price:
                self._sent[pool] = price
                for connection in tuple(self._watching.get(pool, ())):
                    self._notify(connection, pool, price)

    def on_commitment(self, commitment: str, blocks: Sequence[Block]) -> None:
        """Say nothing."""
