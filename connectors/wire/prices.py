"""A third party's websocket of prices: a subscription for each pool, and messages with what it says a pool is worth."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire.events import PriceUpdate
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import UNREADABLE

LARGEST_PRICE = 1e30
"""Y per X in whole tokens; far beyond any pair, and far from where arithmetic overflows."""

LARGEST_AMOUNT = 1e30


class _Message(msgspec.Struct, gc=False):
    pool_address: str
    price: Annotated[float, Meta(gt=0, le=LARGEST_PRICE)]
    liquidity: Annotated[float, Meta(ge=0, le=LARGEST_AMOUNT)]
    volume_24h: Annotated[float, Meta(ge=0, le=LARGEST_AMOUNT)]


class _Control(msgspec.Struct, gc=False):
    pool_address: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    price: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_MESSAGES: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)
_CONTROLS: msgspec.json.Decoder[_Control] = msgspec.json.Decoder(_Control)


class PriceSubscriptions:
    """What one connection to the third party is asked for, and what it says."""

    def __init__(self) -> None:
        self._wanted: dict[str, None] = {}
        self._former: set[str] = set()
        self._heard: set[str] = set()
        self._is_connected = False

    def connected(self) -> list[bytes]:
        """Begin on a new connection; return the frames to send."""
        self._is_connected = True
        self._former.clear()
        self._heard.clear()
        return [_frame("subscribe", pool) for pool in self._wanted]

    def disconnected(self) -> None:
        """Forget everything but what is wanted."""
        self._is_connected = False

    def want(self, pools: Iterable[str]) -> list[bytes]:
        """Take over which pools are wanted; return the frames to send."""
        before, self._wanted = self._wanted, dict.fromkeys(pools)
        if not self._is_connected:
            return []
        gone = [pool for pool in before if pool not in self._wanted]
        self._heard.difference_update(gone)
        self._former.update(gone)
        new = [pool for pool in self._wanted if pool not in before]
        return [_frame("unsubscribe", pool) for pool in gone] + [_frame("subscribe", pool) for pool in new]

    def retry(self) -> list[bytes]:
        """Subscribe once more to the pools that nothing was heard of on this connection; return the frames to send."""
        return [_frame("subscribe", pool) for pool in self._wanted if pool not in self._heard]

    def receive(self, data: bytes | bytearray) -> PriceUpdate | Refusal | None:
        """Take one message; whatever its bytes are, it raises nothing.

        :returns: `None` for what says no price, such as the answer to a subscription, and for pools that were wanted
            until lately. A refusal has one of the causes `not_json`, `price_shape` (a field is missing, no number, not
            finite or out of bounds), `price_error` (the peer says that something is wrong), `foreign_pool`.

        """
        try:
            message = _MESSAGES.decode(data)
        except UNREADABLE as error:
            return _read_rarer(data, error)
        pool = message.pool_address
        if pool not in self._wanted:
            return None if pool in self._former else refusal("foreign_pool", pool)
        self._heard.add(pool)
        return PriceUpdate(pool, message.price, message.liquidity, message.volume_24h)


def _read_rarer(data: bytes | bytearray, why_no_price: Exception) -> Refusal | None:
    try:
        control = _CONTROLS.decode(data)
    except UNREADABLE as error:
        return refusal("price_shape" if isinstance(error, msgspec.ValidationError) else "not_json", error)
    if not isinstance(control.error, msgspec.UnsetType) and bytes(control.error) != b"null":
        return refusal("price_error", bytes(control.error).decode("utf-8", "replace"))
    if control.price is msgspec.UNSET and control.pool_address is msgspec.UNSET:
        return None
    return refusal("price_shape", why_no_price)


def _frame(method: str, pool: str) -> bytes:
    return msgspec.json.encode({"method": method, "params": {"channel": "pools", "pool_address": pool}})
