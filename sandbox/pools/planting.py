"""What planting a pool takes on either venue: its mints, its vaults, and the wallet that provides its liquidity."""

from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.liquidity import Amounts, LiquidityFailure, PoolTokens
from dlmm.tokens import Mint
from sandbox.engine import Engine
from sandbox.pools.plans import PoolFacts, PoolPlan
from sandbox.wallets import fund, fund_lamports, put_tokens

PROVIDER_LAMPORTS = 10_000_000_000


class PlantingError(DlmmError):
    """Refuse a plan whose liquidity the program would not take.

    :arg plan: Name of the pool.

    :arg failure: What the program would have answered.

    """

    def __init__(self, plan: str, failure: LiquidityFailure) -> None:
        """Keep both values, and name the pool first."""
        super().__init__(f"pool {plan}: {failure.name}: {failure.reason}")
        self.plan = plan
        self.failure = failure


def pool_tokens(plan: PoolPlan) -> PoolTokens:
    """Return a pool's mints; none of the planted ones takes a transfer fee."""
    mints = [Mint(str(token.mint), token.decimals) for token in (plan.token_x, plan.token_y)]
    return PoolTokens(mints[0], mints[1], 0)


def put_data(engine: Engine, key: Pubkey, data: bytes, owner: Pubkey) -> None:
    """Write an account that holds data and just the lamports which exempt it from rent."""
    engine.set(key, Account(engine.rent_exemption(len(data)), data, owner, False, 0))


def finish(
    engine: Engine,
    plan: PoolPlan,
    address: Pubkey,
    *,
    program: Pubkey,
    vaults: tuple[Pubkey, Pubkey],
    total: Amounts,
    provider: Pubkey,
) -> PoolFacts:
    """Write a pool's vaults and its provider's wallet.

    :arg vaults: Addresses for X and Y.

    :arg total: What the vaults hold, raw units.

    """
    x, y = plan.token_x, plan.token_y
    for token, vault, amount in ((x, vaults[0], total.x), (y, vaults[1], total.y)):
        put_tokens(engine, vault, mint=token.mint, owner=address, amount=amount)
        fund(engine, provider, token.mint, 0)
    fund_lamports(engine, provider, PROVIDER_LAMPORTS)
    return PoolFacts(
        address=address,
        venue=plan.venue,
        program=program,
        mint_x=x.mint,
        mint_y=y.mint,
        symbol_x=x.symbol,
        symbol_y=y.symbol,
        decimals_x=x.decimals,
        decimals_y=y.decimals,
        bin_step=plan.bin_step,
        vault_x=vaults[0],
        vault_y=vaults[1],
        price=plan.start_price,
        provider=provider,
    )
