"""Who trades in the pools: what noise traders and arbitrageurs ask for, and the wallets that sign it."""

import math
from collections.abc import Sequence

import numpy as np
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from dlmm import swap
from dlmm.meteora.pool import MeteoraPool
from dlmm.price import ratio_of
from dlmm.records import Clock, Record, SwapFailure, SwapRequest
from dlmm.swap import Pool
from sandbox.market.pool_access import PoolAccess
from sandbox.market.spec import MarketSpec
from sandbox.wallets import Ledger, fund, fund_lamports

WALLET_LAMPORTS = 10**12
WALLET_VALUE = 100_000_000.0
"""What a trader holds of each token, whole quote units: more than the pools together will ever move."""

MIN_IN = 10_000
"""Raw units below which a swap would give nothing out in some pool, and only fail."""

LARGEST_SIZES = 30.0
"""Multiple of the median to which a noise trader's size is cut."""

_FEE_PRECISION = 1_000_000_000
_MOST_RAW = 1e18
_GRID = 25
_UNIT_RESERVE = 1.3
_SPARE_UNITS = 30_000
_MAX_UNITS = 1_400_000
_SHARE_OF_POOL = 0.02
"""Part of what lies near the price above which a median size makes no sense, so that a thin pool trades too."""

_MOST_OUT = 0.9
"""Part of a side's tokens near the price that one swap may ask for."""


class Trade(Record, frozen=True):
    """A swap that somebody decided to send.

    :arg value: About what it moves, whole quote units.

    :arg units: Compute units to ask for.

    """

    request: SwapRequest
    value: float
    units: int


class Wallet:
    """A funded key that signs transactions, each of them unlike all its others."""

    def __init__(self, key: Keypair) -> None:
        self.key = key
        self._signed = 0

    def provide(self, ledger: Ledger, mints: Sequence[tuple[Pubkey, int]]) -> None:
        """Give the wallet lamports and tokens.

        :arg mints: Each token's mint, and how many raw units of it.

        """
        fund_lamports(ledger, self.key.pubkey(), WALLET_LAMPORTS)
        for mint, amount in mints:
            fund(ledger, self.key.pubkey(), mint, amount)

    def sign(self, instruction: Instruction, *, units: int, unit_price: int, blockhash: Hash) -> VersionedTransaction:
        """Sign one instruction with its compute budget.

        :arg units: Compute units to ask for; a few are added, so that equal swaps are different transactions.

        :arg unit_price: Bid for a unit, micro-lamports.

        """
        self._signed += 1
        budget = [set_compute_unit_limit(units + self._signed % 10_000), set_compute_unit_price(unit_price)]
        message = MessageV0.try_compile(self.key.pubkey(), [*budget, instruction], [], blockhash)
        return VersionedTransaction(message, [self.key])


def raw_amount(whole: float, decimals: int) -> int:
    """Turn whole tokens into raw units, no more than a wallet and a pool can hold together."""
    return int(min(whole * 10.0**decimals, _MOST_RAW))


def near_reserves(pool: Pool) -> tuple[int, int]:
    """Return raw X and Y in the bin arrays at hand."""
    names = ("amount_x", "amount_y") if isinstance(pool, MeteoraPool) else ("reserve_x", "reserve_y")
    bins = pool.arrays["bins"]
    return int(bins[names[0]].sum()), int(bins[names[1]].sum())


def whole_price(access: PoolAccess, pool: Pool) -> float:
    """Return the active bin's price, whole Y for one whole X."""
    facts = access.facts
    return float(ratio_of(pool.price_x64) * 10.0 ** (facts.decimals_x - facts.decimals_y))


def noise(
    access: PoolAccess, pool: Pool, clock: Clock, spec: MarketSpec, generator: np.random.Generator
) -> Trade | None:
    """Draw a swap of somebody who trades for reasons of their own, in a random direction, size and form.

    :returns: `None` when the pool cannot give what was drawn.

    """
    facts, price = access.facts, whole_price(access, pool)
    one_x, one_y = 10**facts.decimals_x, 10**facts.decimals_y
    held_x, held_y = near_reserves(pool)
    median = min(spec.usd, _SHARE_OF_POOL * (held_x / one_x * price + held_y / one_y))
    value = median * math.exp(min(spec.spread * generator.standard_normal(), math.log(LARGEST_SIZES)))
    swap_for_y = bool(generator.random() < 0.5)
    exact_in = bool(generator.random() < 0.85)
    is_wrong = bool(generator.random() < spec.wrong)
    most = _MOST_OUT * (held_y / one_y if swap_for_y else held_x / one_x * price)
    if value > most:
        return None
    x, y = int(value / price * one_x), int(value * one_y)
    amount = (x if swap_for_y else y) if exact_in else (y if swap_for_y else x)
    if amount < MIN_IN:
        return None
    open_end = 0 if exact_in else (1 << 64) - 1
    wanted = access.request(pool, amount, swap_for_y=swap_for_y, exact_in=exact_in, threshold=open_end)
    quote = swap.quote(pool, wanted, clock)
    if isinstance(quote, SwapFailure):
        return None
    part = spec.slippage_bps / 10_000
    if exact_in:
        # who is wrong asks for more than the pool gives, and fails as so many do
        threshold = int(quote.amount_out * (1.01 if is_wrong else 1.0 - part)) + is_wrong
    else:
        threshold = int(quote.amount_in * (0.99 if is_wrong else 1.0 + part))
    final = access.request(pool, amount, swap_for_y=swap_for_y, exact_in=exact_in, threshold=max(threshold, 0))
    return Trade(final, value, _units(quote.compute_units))


def arbitrage(access: PoolAccess, pool: Pool, clock: Clock, fair: float, edge: float) -> Trade | None:
    """Find the swap that earns most when what comes out is sold, or what goes in was bought, at the fair price.

    :arg fair: Whole Y for one whole X.

    :arg edge: Least profit, whole Y.

    :returns: `None` when none earns that much.

    """
    facts, price = access.facts, whole_price(access, pool)
    fee = pool.base_fee_rate / _FEE_PRECISION
    swap_for_y = fair < price
    if price * (1.0 - fee) <= fair <= price * (1.0 + fee):  # not even the active bin pays, and the next are worse
        return None
    one_x, one_y = 10**facts.decimals_x, 10**facts.decimals_y
    held_x, held_y = near_reserves(pool)
    most = held_y / one_y / price * one_x if swap_for_y else held_x / one_x * price * one_y
    if most <= MIN_IN:
        return None
    amounts = np.unique(np.geomspace(MIN_IN, min(most, _MOST_RAW), _GRID).astype(np.uint64))
    for _ in range(2):  # a coarse look over all sizes, then a finer one about the best
        quotes = swap.quote_many(pool, amounts, exact_in=True, swap_for_y=swap_for_y, clock=clock)
        paid, got = quotes["amount_in"].astype(float), quotes["amount_out"].astype(float)
        profits = got / one_y - paid / one_x * fair if swap_for_y else got / one_x * fair - paid / one_y
        profits = np.where(quotes["error"] == 0, profits, -np.inf)
        best = int(np.argmax(profits))
        if profits[best] <= 0.0:
            return None
        amount, profit = int(amounts[best]), float(profits[best])
        low, high = int(amounts[max(best - 1, 0)]), int(amounts[min(best + 1, len(amounts) - 1)])
        amounts = np.unique(np.linspace(low, high, _GRID).astype(np.uint64))
    if profit < edge:
        return None
    wanted = access.request(pool, amount, swap_for_y=swap_for_y, exact_in=True, threshold=0)
    quote = swap.quote(pool, wanted, clock)
    if isinstance(quote, SwapFailure):
        return None
    # whoever comes second to the same bins gets nothing rather than a loss
    least = amount / one_x * fair * one_y if swap_for_y else amount / one_y / fair * one_x
    threshold = min(int(least), quote.amount_out)
    value = quote.amount_out / one_y if swap_for_y else amount / one_y
    final = access.request(pool, amount, swap_for_y=swap_for_y, exact_in=True, threshold=threshold)
    return Trade(final, value, _units(quote.compute_units))


def _units(estimate: int) -> int:
    return min(int(estimate * _UNIT_RESERVE) + _SPARE_UNITS, _MAX_UNITS - 10_000)
