"""The pools that a sandbox starts with, planted by writing accounts: no program runs, so any engine can hold them."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from dlmm.programs import TOKEN_PROGRAM, WRAPPED_SOL
from dlmm.records import Venue
from sandbox.engine import Engine
from sandbox.pools.genesis_meteora import plant_meteora
from sandbox.pools.genesis_saros import plant_saros
from sandbox.pools.plans import DEFAULT_PLANS, PoolFacts, PoolPlan, Token
from sandbox.pools.planting import put_data
from sandbox.wallets import keypair_of, mint_bytes

GENESIS_TIME = 1_735_689_600
"""Unix time at which the planted positions were opened: the first second of 2025."""

_SUPPLY_WHOLE_TOKENS = 10**10


def plant(
    engine: Engine, seed: int = 1, *, plans: Sequence[PoolPlan] = DEFAULT_PLANS, time: int = GENESIS_TIME
) -> list[PoolFacts]:
    """Write mints and pools with all that their programs need for swaps, positions and liquidity.

    Every unit in a bin belongs to a position of the pool's provider, and lies in the pool's vault.

    :arg seed: Decides addresses, and how uneven the liquidity is; the same seed gives the same bytes.

    :arg plans: Pools to write.

    :arg time: Unix time at which the positions were opened; not after the clock's first.

    :returns: The pools, in the order of the plans.

    :raises PlantingError: A program would not take a plan's liquidity.

    """
    for plan in plans:
        for token in (plan.token_x, plan.token_y):
            ensure_mint(engine, token, seed)
    return [
        plant_meteora(engine, plan, seed=seed, time=time)
        if plan.venue is Venue.METEORA
        else plant_saros(engine, plan, seed=seed)
        for plan in plans
    ]


def mint_authority(seed: int) -> Pubkey:
    """Return who may mint the planted tokens; wrapped SOL has nobody."""
    return keypair_of(seed, "mint-authority").pubkey()


def ensure_mint(engine: Engine, token: Token, seed: int) -> None:
    """Write a token's mint unless the ledger has one."""
    if engine.get(token.mint) is not None:
        return
    if token.mint == WRAPPED_SOL:
        data = mint_bytes(token.decimals, 0, None)
    else:
        data = mint_bytes(token.decimals, _SUPPLY_WHOLE_TOKENS * 10**token.decimals, mint_authority(seed))
    put_data(engine, token.mint, data, TOKEN_PROGRAM)
