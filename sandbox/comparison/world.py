"""What random transactions are made from: wallets, pools, and what the transactions before have opened."""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from dlmm import records
from dlmm.records import Record, Venue
from sandbox.engine import Engine
from sandbox.market.pool_access import MeteoraAccess, PoolAccess, SarosAccess, access
from sandbox.pools.genesis import plant
from sandbox.pools.plans import PoolFacts
from sandbox.wallets import fund, fund_lamports, keypair_of

WALLETS = 6
_LAMPORTS = 10**13
_TOKENS_VALUE = 5_000_000.0
_POOR_VALUE = 20.0

T = TypeVar("T")


class Command(Record, frozen=True):
    """A transaction to run on both engines.

    :arg kind: What it is, for the table.

    :arg instructions: Without the compute budget.

    :arg signers: The first of them pays.

    :arg units: Compute units to ask for; the runtime's default when `None`.

    :arg landed: Called when the transaction succeeds.

    :arg spoiled: How it was spoiled on purpose, or nothing.

    """

    kind: str
    instructions: Sequence[Instruction]
    signers: Sequence[Keypair]
    units: int | None = 1_400_000
    landed: Callable[[], None] | None = None
    spoiled: str = ""


class HeldPosition(Record, frozen=True):
    """A position that a command opened.

    :arg key: The account on Meteora, the mint that stands for it on Saros.

    """

    pool: int
    owner: int
    key: Pubkey
    lower_bin_id: int
    width: int


class HeldOrder(Record, frozen=True):
    """A limit order that a command placed."""

    pool: int
    owner: int
    key: Pubkey
    bin_ids: tuple[int, ...]


class World:
    """The actors, and a seeded source of chance. Accounts are read from one engine, the reference.

    :arg engines: Each of them receives the same pools and wallets; the first is the reference.

    """

    def __init__(self, engines: Sequence[Engine], seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        self.reference = engines[0]
        self.clock = records.Clock(0, 0)
        self.wallets = [keypair_of(seed, "wallet", str(number)) for number in range(WALLETS)]
        self.positions: list[HeldPosition] = []
        self.orders: list[HeldOrder] = []
        self._keys = 0
        self._seed = seed
        pools: list[PoolFacts] = []
        for engine in engines:
            pools = plant(engine, seed)
            for number, wallet in enumerate(self.wallets):
                self._furnish(engine, wallet, pools, value=_POOR_VALUE if number == 0 else _TOKENS_VALUE)
        self.pools: list[PoolAccess] = [access(facts, self.reference.get) for facts in pools]

    def _furnish(self, engine: Engine, wallet: Keypair, pools: Sequence[PoolFacts], *, value: float) -> None:
        fund_lamports(engine, wallet.pubkey(), _LAMPORTS)
        for facts in pools:
            fund(engine, wallet.pubkey(), facts.mint_x, int(value / facts.price * 10**facts.decimals_x))
            fund(engine, wallet.pubkey(), facts.mint_y, int(value * 10**facts.decimals_y))

    def fresh(self, name: str) -> Keypair:
        """Return a key that nobody has used."""
        self._keys += 1
        return keypair_of(self._seed, "fresh", name, str(self._keys))

    def pick(self, choices: Sequence[T]) -> T:
        """Choose one."""
        return choices[int(self.chance.integers(len(choices)))]

    def happens(self, probability: float) -> bool:
        """Decide by chance."""
        return bool(self.chance.random() < probability)

    def between(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return int(self.chance.integers(low, high + 1))

    def value(self, low: float, high: float) -> float:
        """Draw a size, evenly by its logarithm."""
        return float(math.exp(self.chance.uniform(math.log(low), math.log(high))))

    def amounts(self, facts: PoolFacts, value: float) -> tuple[int, int]:
        """Return how many raw units of X, and of Y, are worth a value in whole Y."""
        return int(value / facts.price * 10**facts.decimals_x), int(value * 10**facts.decimals_y)

    def wallet(self) -> int:
        """Choose a wallet that keeps its token accounts; now and then the poor one."""
        return 0 if self.happens(0.04) else self.between(1, WALLETS - 2)

    @property
    def wrapper(self) -> Keypair:
        """The wallet that wraps SOL only for the time of a transaction, and closes the account again."""
        return self.wallets[-1]

    def meteora(self) -> tuple[int, MeteoraAccess]:
        """Choose a pool of Meteora."""
        return self.pick([(place, pool) for place, pool in enumerate(self.pools) if isinstance(pool, MeteoraAccess)])

    def saros(self) -> tuple[int, SarosAccess]:
        """Choose a pair of Saros."""
        return self.pick([(place, pool) for place, pool in enumerate(self.pools) if isinstance(pool, SarosAccess)])

    def position_of(self, venue: Venue) -> HeldPosition | None:
        """Choose a position that is open on a venue, or `None` when there is none."""
        held = [one for one in self.positions if self.pools[one.pool].facts.venue is venue]
        return self.pick(held) if held else None

    def data(self, key: Pubkey) -> bytes:
        """Read an account's bytes; nothing where there is none."""
        account = self.reference.get(key)
        return b"" if account is None else account.data
