"""What builds for a pool: each venue its own way."""

from connectors.execution.building.liquidity import VenueLadders, VenueLiquidity
from connectors.execution.building.meteora_ladders import MeteoraLadders
from connectors.execution.building.meteora_liquidity import MeteoraLiquidity
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import KeySource
from connectors.execution.building.saros_ladders import SarosLadders
from connectors.execution.building.saros_liquidity import SarosLiquidity
from dlmm.records import Venue


def liquidity_of(pool: PoolAccounts, wallet: KeySource) -> VenueLiquidity:
    """Return what builds the steps about a wallet's positions.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """
    return MeteoraLiquidity(pool, wallet) if pool.info.venue is Venue.METEORA else SarosLiquidity(pool, wallet)


def ladders_of(pool: PoolAccounts, wallet: KeySource) -> VenueLadders:
    """Return what builds a wallet's ladders.

    :raises BuildError: As `liquidity_of`.

    """
    return MeteoraLadders(pool, wallet) if pool.info.venue is Venue.METEORA else SarosLadders(pool, wallet)
