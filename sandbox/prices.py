"""What a third party says of the pools: the board from which the price feed serves."""

from collections.abc import Iterable, Mapping
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
    """The newest price of each pool, by address; the market writes it, the feed reads it after each slot.

    :arg pools: Addresses of pools that are known, even while nothing is said of them.

    """

    def __init__(self, pools: Iterable[str] = ()) -> None:
        self._pools = set(pools)
        self._prices: dict[str, PoolPrice] = {}

    def knows(self, pool: str) -> bool:
        """Whether there is such a pool."""
        return pool in self._pools

    def put(self, pool: str, price: PoolPrice) -> None:
        """Say what a pool's price is now."""
        self._pools.add(pool)
        self._prices[pool] = price

    @property
    def prices(self) -> Mapping[str, PoolPrice]:
        """Every pool that has a price."""
        return MappingProxyType(self._prices)
