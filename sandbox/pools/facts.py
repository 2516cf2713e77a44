"""Tell what is fixed about a pool that is on a ledger already, and which pools there are."""

from collections.abc import Callable

from solders.account import Account as ChainAccount
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.meteora import layout as meteora
from dlmm.meteora.keys import PoolKeys
from dlmm.price import price_x64, ratio_of
from dlmm.records import Account, Venue
from dlmm.saros import layout as saros
from dlmm.saros.keys import PairKeys
from dlmm.tokens import decode_mint
from sandbox.pools.plans import JUP, SOL, USDC, PoolFacts

Get = Callable[[Pubkey], ChainAccount | None]

_SYMBOLS = {token.mint: token.symbol for token in (SOL, USDC, JUP)}
_SHORT = 4


def is_pool(account: ChainAccount) -> bool:
    """Tell whether an account is a pool of either venue, by its owner, kind and length."""
    owner, data = str(account.owner), account.data
    if owner == meteora.PROGRAM:
        return len(data) == meteora.LB_PAIR.itemsize and data[:8] == meteora.LB_PAIR_DISCRIMINATOR
    return owner in saros.PROGRAM_IDS and len(data) == saros.PAIR.itemsize and data[:8] == saros.PAIR_DISCRIMINATOR


def facts_of(get: Get, address: Pubkey) -> PoolFacts:
    """Read what is fixed about a pool.

    :arg get: Reads an account.

    :raises AccountError: The pool or one of its mints is missing, or is none.

    """
    account = _read(get, address)
    if account.owner == meteora.PROGRAM:
        return _meteora(get, address, account)
    if account.owner in saros.PROGRAM_IDS:
        return _saros(get, address, account)
    raise AccountError(str(address), f"owner {account.owner} is neither Meteora nor Saros")


def symbol_of(mint: Pubkey) -> str:
    """Return what a token is called: by its name where it is known, else by the start of its address."""
    return _SYMBOLS.get(mint, str(mint)[:_SHORT])


def _meteora(get: Get, address: Pubkey, account: Account) -> PoolFacts:
    pair = meteora.decode_lb_pair(str(address), account)[0]
    keys = PoolKeys.of(address, account, has_bitmap_extension=False)
    exponent, bin_step = int(pair["active_id"]), int(pair["bin_step"])
    vaults = (keys.reserve_x, keys.reserve_y)
    return _facts(get, address, account, Venue.METEORA, (keys.mint_x, keys.mint_y), vaults, exponent, bin_step)


def _saros(get: Get, address: Pubkey, account: Account) -> PoolFacts:
    pair = saros.decode_pair(str(address), account)[0]
    mints = [Pubkey.from_bytes(pair[name].tobytes()) for name in ("mint_x", "mint_y")]
    programs = [Pubkey.from_string(_read(get, mint).owner) for mint in mints]
    keys = PairKeys.of(address, account, token_program_x=programs[0], token_program_y=programs[1])
    exponent, bin_step = int(pair["active_id"]) - saros.MIDDLE_BIN_ID, int(pair["bin_step"])
    vaults = (keys.vault_x, keys.vault_y)
    return _facts(get, address, account, Venue.SAROS, (mints[0], mints[1]), vaults, exponent, bin_step)


def _facts(
    get: Get,
    address: Pubkey,
    account: Account,
    venue: Venue,
    mints: tuple[Pubkey, Pubkey],
    vaults: tuple[Pubkey, Pubkey],
    exponent: int,
    bin_step: int,
) -> PoolFacts:
    decimals = [decode_mint(str(mint), _read(get, mint)).decimals for mint in mints]
    return PoolFacts(
        address=address,
        venue=venue,
        program=Pubkey.from_string(account.owner),
        mint_x=mints[0],
        mint_y=mints[1],
        symbol_x=symbol_of(mints[0]),
        symbol_y=symbol_of(mints[1]),
        decimals_x=decimals[0],
        decimals_y=decimals[1],
        bin_step=bin_step,
        vault_x=vaults[0],
        vault_y=vaults[1],
        price=ratio_of(price_x64(exponent, bin_step)) * 10.0 ** (decimals[0] - decimals[1]),
    )


def _read(get: Get, key: Pubkey) -> Account:
    found = get(key)
    if found is None:
        raise AccountError(str(key), "is missing")
    return Account(str(found.owner), found.data)
