"""Which addresses are pools that can be traded, and what is known of them from their accounts."""

import time

from solders.pubkey import Pubkey

from connectors.clusters.venue_accounts import VENUES, VenueAccounts
from dlmm.accounts import venue_of
from dlmm.errors import AccountError, RangeError
from dlmm.meteora.pool import MeteoraPool
from dlmm.price import BASIS_POINTS, human_price, ratio_of
from dlmm.records import Account, Record, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool
from operators.pools import PoolInfo

ENABLED = 0
ACTIVATED_PAIR_TYPES = (1, 2)
ACTIVATED_BY_SLOT = 0
NO_ACCOUNT = "there is no such account on this cluster"

SYMBOLS = {
    "So11111111111111111111111111111111111111112": "SOL",
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": "USDC",
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": "USDT",
    "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So": "mSOL",
    "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn": "JitoSOL",
    "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN": "JUP",
    "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263": "BONK",
    "C98A4nkJXhpVZNAZdHUA95RpTF3T4whtQubL3YobiUX9": "C98",
}
"""Well-known mints; every other token goes by its mint's address."""


class LoadedPool(Record, frozen=True):
    """A pool that can be traded.

    :arg accounts: By address: the pool's own, both mints, the bin arrays around the price, the extension if it exists.

    :arg slot: Of the state.

    :arg base_fee: Fraction of a swap, without the surcharge for volatility.

    """

    info: PoolInfo
    accounts: dict[str, Account]
    slot: int
    price: float
    active_id: int
    base_fee: float


class SkippedPool(Record, frozen=True):
    """An address that is not traded, and why."""

    address: str
    reason: str


def needed_accounts(address: str, account: Account | None, arrays_around: int) -> list[str] | str:
    """Return what else a pool's state is made of, or why the address is no pool.

    :arg account: What stands at the address.

    :arg arrays_around: Bin arrays on either side of the active one.

    """
    if account is None:
        return NO_ACCOUNT
    venue = venue_of(account.owner)
    if venue is None:
        return f"not a pool: its owner {account.owner} is neither Meteora nor Saros"
    layout = VENUES[venue]
    if account.data[:8] != layout.pair_discriminator or len(account.data) != layout.pair.itemsize:
        return f"not a pool: another account of {venue}, {len(account.data)} bytes long"
    key, program = Pubkey.from_string(address), Pubkey.from_string(account.owner)
    extension = layout.extension_address(key)
    return [
        *layout.mints(account.data),
        *layout.arrays_around(key, program, layout.active_id(account.data), arrays_around).values(),
        *([str(extension)] if extension is not None else []),
    ]


def load_pool(address: str, accounts: dict[str, Account], slot: int) -> LoadedPool | str:
    """Make a pool of its accounts.

    :returns: The pool, or why it cannot be traded.

    """
    if address not in accounts:  # it was there when its other accounts were named
        return NO_ACCOUNT
    venue = VENUES[Venue.METEORA if venue_of(accounts[address].owner) is Venue.METEORA else Venue.SAROS]
    try:
        pool: Pool = (MeteoraPool if venue.venue is Venue.METEORA else SarosPool).from_accounts(address, accounts)
        objection = _objection(pool, slot)
        if objection:
            return objection
        info = _info_of(address, pool, venue)
        return LoadedPool(
            info=info,
            accounts=accounts,
            slot=slot,
            price=human_price(ratio_of(pool.price_x64), info.decimals_x, info.decimals_y),
            active_id=pool.active_id,
            base_fee=pool.base_fee_rate / 1e9,
        )
    except (AccountError, RangeError) as error:
        return str(error)


def _objection(pool: Pool, slot: int) -> str:
    """Say why swaps in a pool would fail, whatever they are."""
    hooked = [mint for mint in (pool.mint_x, pool.mint_y) if mint.transfer_hook]
    if hooked:
        return f"its token {hooked[0].address} runs a transfer hook, program {hooked[0].transfer_hook}"
    if not len(pool.arrays):
        return "it has no bins around its price"
    if isinstance(pool, SarosPool):
        return ""
    pair = pool.pair[0]
    if pair["status"] != ENABLED:
        return f"it is disabled (status {int(pair['status'])})"
    if pair["pair_type"] in ACTIVATED_PAIR_TYPES:
        now = slot if pair["activation_type"] == ACTIVATED_BY_SLOT else time.time()
        if pair["activation_point"] > now:
            unit = "slot" if pair["activation_type"] == ACTIVATED_BY_SLOT else "unix time"
            return f"it is not active before {unit} {int(pair['activation_point'])}"
    return ""


def _info_of(address: str, pool: Pool, venue: VenueAccounts) -> PoolInfo:
    """Return what is known of a pool before any row of it.

    :raises RangeError: The step between its bins is none that a program allows.

    """
    if not 1 <= pool.bin_step <= BASIS_POINTS:
        raise RangeError(f"a bin step of {pool.bin_step}, outside 1 to {BASIS_POINTS}")
    pair = pool.pair[0]
    shared = ("base_factor", "filter_period", "decay_period", "reduction_factor", "variable_fee_control")
    return PoolInfo(
        pool=address,
        venue=venue.venue,
        base=SYMBOLS.get(pool.mint_x.address, pool.mint_x.address),
        quote=SYMBOLS.get(pool.mint_y.address, pool.mint_y.address),
        mint_x=pool.mint_x.address,
        mint_y=pool.mint_y.address,
        decimals_x=pool.mint_x.decimals,
        decimals_y=pool.mint_y.decimals,
        bin_step=pool.bin_step,
        base_fee_power_factor=int(pair["base_fee_power_factor"]) if venue.venue is Venue.METEORA else 0,
        max_volatility_accumulator=int(pair["max_volatility_accumulator"]),
        protocol_share=int(pair["protocol_share"]),
        **{name: int(pair[name]) for name in shared},
    )
