"""What a third party says of the pools: the board from which the price feed serves."""

from collections.abc import Mapping
from types import MappingProxyType

from dlmm.records import Record


class PoolPrice(Record, frozen=True):
    """What the price feed says of one pool.

    :arg price: Y per X, in whole tokens.

    :arg liquidity: Quote currency.

    :arg volume_24h: Quote currency.

    """

    price: float
    liquidity: float
    volume_24h: float


class PriceBoard:
    """The newest price of each pool, by address; the market writes it, the feed reads it after each slot."""

    def __init__(self) -> None:
        self._prices: dict[str, PoolPrice] = {}

    def put(self, pool: str, price: PoolPrice) -> None:
        """Say what a pool's price is now."""
        self._prices[pool] = price

    @property
    def prices(self) -> Mapping[str, PoolPrice]:
        """Every pool that has a price."""
        return MappingProxyType(self._prices)
