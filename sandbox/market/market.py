"""The market: slot after slot, real signed swaps into the pools, and what a third party says of their prices."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from solders.account import Account
from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from dlmm.errors import AccountError
from dlmm.records import Clock
from dlmm.swap import Pool
from sandbox.chain import SLOTS_PER_EPOCH
from sandbox.market.pool_access import PoolAccess, access
from sandbox.market.price_process import prices_of
from sandbox.market.spec import MarketSpec
from sandbox.market.traders import WALLET_VALUE, Trade, Wallet, arbitrage, noise, raw_amount, whole_price
from sandbox.pools.plans import PoolFacts
from sandbox.prices import PoolPrice, PriceBoard
from sandbox.wallets import ChainLedger, keypair_of

NOISE_WALLETS = 8
BOARD_NOISE = 2e-5
"""Standard deviation of the third party's price about the pool's, relative."""

_DAY_S = 86_400.0
_TURNOVER_AT_START = 3.0
_LEAST_BID, _ARBITRAGE_BID = 1_000, 20_000


class Frozen(Protocol):
    """The newest block, as far as a trader needs it."""

    @property
    def hash(self) -> Hash:
        """Blockhash for what is sent now."""
        ...


class TradedChain(Protocol):
    """A chain on which the market trades like any client."""

    @property
    def head(self) -> Frozen:
        """The newest processed block."""
        ...

    @property
    def processed(self) -> int:
        """The newest processed slot."""
        ...

    def now(self) -> int:
        """Unix seconds of a slot that would be frozen now."""
        ...

    def get(self, key: Pubkey) -> Account | None:
        """Read an account's newest state."""
        ...

    def set_account(self, key: Pubkey, account: Account | None) -> None:
        """Write an account from outside of any transaction."""
        ...

    def submit(self, tx: VersionedTransaction, *, verified: bool = False) -> Signature:
        """Queue a transaction."""
        ...


class Market:
    """Noise traders and arbitrageurs about fair prices of their own; the same seed on the same chain sends the same.

    :arg pools: The pools traded; those that cannot be read are left alone and counted.

    :arg board: Receives what the third party says; `None` keeps one of its own.

    :raises MarketSpecError: The spec names a path that cannot be read, or a token that no pool trades.

    :raises FundingError: A pool's mint is not on the chain.

    """

    def __init__(
        self, chain: TradedChain, pools: Sequence[PoolFacts], spec: MarketSpec, board: PriceBoard | None = None
    ) -> None:
        self.board = PriceBoard() if board is None else board
        self.counts: Counter[str] = Counter()
        self.fair: dict[str, float] = {}
        self._chain, self._spec = chain, spec
        self._pools = [access(facts, chain.get) for facts in pools]
        self._generator = np.random.default_rng([spec.seed, 0])
        start: dict[str, float] = {}
        for facts in pools:
            start.setdefault(facts.pair, facts.price)
        self._prices = prices_of(start, spec, np.random.default_rng([spec.seed, 1])) if pools else None
        self._noise = [Wallet(keypair_of(spec.seed, "noise", str(number))) for number in range(NOISE_WALLETS)]
        self._arbitrageur = Wallet(keypair_of(spec.seed, "arbitrageur"))
        self._provide(pools)
        self._volumes: dict[str, float] = {}
        self._said: dict[str, PoolPrice] = {}

    def _provide(self, pools: Sequence[PoolFacts]) -> None:
        amounts: dict[Pubkey, int] = {}
        for facts in pools:
            amounts[facts.mint_x] = raw_amount(WALLET_VALUE / facts.price, facts.decimals_x)
            amounts[facts.mint_y] = raw_amount(WALLET_VALUE, facts.decimals_y)
        ledger = ChainLedger(self._chain)
        for wallet in (*self._noise, self._arbitrageur):
            wallet.provide(ledger, list(amounts.items()))

    def step(self) -> None:
        """Let one slot of market time pass: move the fair prices, and submit what the traders make of it."""
        if self._prices is None:
            return
        self.fair = self._prices.step()
        slot = self._chain.processed
        clock = Clock(slot, self._chain.now(), slot // SLOTS_PER_EPOCH)
        for pool_access in self._pools:
            try:
                pool = pool_access.read()
            except AccountError:
                self.counts["unreadable"] += 1
                continue
            self._trade(pool_access, pool, clock)
            self._say(pool_access, pool)

    def _trade(self, pool_access: PoolAccess, pool: Pool, clock: Clock) -> None:
        spec, draw = self._spec, self._generator
        if draw.random() < spec.watch:
            fair = self.fair[pool_access.facts.pair]
            trade = arbitrage(pool_access, pool, clock, fair, spec.edge)
            if trade is not None:
                self._send("arbitrage", self._arbitrageur, pool_access, trade, _ARBITRAGE_BID)
        for _ in range(int(draw.poisson(spec.rate))):
            trade = noise(pool_access, pool, clock, spec, draw)
            wallet = self._noise[int(draw.integers(NOISE_WALLETS))]
            bid = _LEAST_BID + int(draw.exponential(_ARBITRAGE_BID))
            if trade is None:
                self.counts["declined"] += 1
            else:
                self._send("noise", wallet, pool_access, trade, bid)

    def _send(self, kind: str, wallet: Wallet, pool_access: PoolAccess, trade: Trade, unit_price: int) -> None:
        instruction = pool_access.swap(wallet.key.pubkey(), trade.request)
        tx = wallet.sign(instruction, units=trade.units, unit_price=unit_price, blockhash=self._chain.head.hash)
        self._chain.submit(tx, verified=True)
        self.counts[kind] += 1
        pool = str(pool_access.facts.address)
        self._volumes[pool] = self._volumes.get(pool, 0.0) + trade.value

    def _say(self, pool_access: PoolAccess, pool: Pool) -> None:
        """Publish what was seen a slot ago, and look again: a third party is always a little late and a little off."""
        facts = pool_access.facts
        address = str(facts.address)
        if address in self._said:
            self.board.put(address, self._said[address])
        price = whole_price(pool_access, pool)
        liquidity = price * self._held(facts.vault_x) / 10**facts.decimals_x
        liquidity += self._held(facts.vault_y) / 10**facts.decimals_y
        volume = self._volumes.get(address, 0.0)
        if address not in self._said:
            volume = _TURNOVER_AT_START * liquidity
        self._volumes[address] = volume * (1.0 - self._spec.slot_s / _DAY_S)
        seen = price * (1.0 + BOARD_NOISE * self._generator.standard_normal())
        self._said[address] = PoolPrice(seen, round(liquidity, 2), round(volume, 2))

    def _held(self, vault: Pubkey) -> int:
        account = self._chain.get(vault)
        return 0 if account is None else int.from_bytes(account.data[64:72], "little")
