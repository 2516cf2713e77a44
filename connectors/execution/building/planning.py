"""Which transaction of a liquidity command comes next, built from the newest state of its accounts.

Opening, closing and withdrawing everything go by what stands on chain, so that a step which landed unnoticed is not
taken twice. Deposits and partial withdrawals go by how many transactions of the order have landed: their steps follow
from the command and from where its positions lie, whatever happens in between.
"""

from collections.abc import Mapping
from typing import assert_never

from connectors.execution.building.liquidity import Tokens, VenueLiquidity
from connectors.execution.building.meteora_liquidity import MeteoraLiquidity
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import KeySource, Placed, UnbuildableCommand, parts, placed
from connectors.execution.building.saros_liquidity import SarosLiquidity
from connectors.execution.building.steps import BuildError, Step
from dlmm.errors import AccountError, RangeError
from dlmm.liquidity import BASIS_POINTS
from dlmm.records import Venue
from operators.commands import (
    AddLiquidity,
    ClaimFees,
    ClosePosition,
    CreatePosition,
    LiquidityCommand,
    Rebalance,
    RemoveLiquidity,
)


def needs(command: LiquidityCommand, pool: PoolAccounts, wallet: KeySource) -> tuple[str, ...]:
    """Return the addresses whose fresh bytes a command is built from.

    :arg pool: With the pool's own account and both mints, from which the other addresses follow.

    :returns: Base58, each once; those that do not exist are left out of what is then given to `step`.

    :raises BuildError: As `step`.

    """
    try:
        liquidity = _liquidity(pool, wallet)
        cut = parts(pool.info.venue, command.position, command.lower, command.upper)
        tokens = Tokens(pool, wallet.address).accounts
        own = (pool.info.pool, pool.info.mint_x, pool.info.mint_y)
        return tuple(dict.fromkeys((*own, *map(str, tokens), *map(str, liquidity.needed(cut)))))
    except RangeError as error:
        raise UnbuildableCommand("out_of_range", str(error)) from error


def step(command: LiquidityCommand, index: int, pools: Mapping[str, PoolAccounts], wallet: KeySource) -> Step | None:
    """Build the next transaction of a command.

    :arg index: How many transactions of this order have landed.

    :arg pools: By address; the command's own with all that `needs` names, as far as it exists.

    :returns: `None` when there is nothing left to send.

    :raises UnbuildableCommand: The program would refuse it.

    :raises BuildError: `missing_account`, `malformed_account`, `transfer_hook` or `no_address`.

    """
    pool = pools.get(command.pool)
    if pool is None:
        raise BuildError("missing_account", f"pool {command.pool} is not at hand")
    try:
        return _step(command, index, pool, wallet)
    except RangeError as error:
        raise UnbuildableCommand("out_of_range", str(error)) from error
    except AccountError as error:
        raise BuildError("malformed_account", str(error)) from error


def _liquidity(pool: PoolAccounts, wallet: KeySource) -> VenueLiquidity:
    return MeteoraLiquidity(pool, wallet) if pool.info.venue is Venue.METEORA else SarosLiquidity(pool, wallet)


def _step(command: LiquidityCommand, index: int, pool: PoolAccounts, wallet: KeySource) -> Step | None:
    liquidity = _liquidity(pool, wallet)
    cut = parts(pool.info.venue, command.position, command.lower, command.upper)
    standing = [placed(pool, part, wallet) for part in cut]
    there = [one for one in standing if one is not None]
    match command:
        case CreatePosition():
            return next((liquidity.open(part) for part, one in zip(cut, standing, strict=True) if one is None), None)
        case AddLiquidity():
            if len(there) < len(cut):
                raise UnbuildableCommand(
                    "no_position", f"{len(there)} of {len(cut)} accounts of position {command.position} exist"
                )
            return liquidity.deposit(command, index, there)
        case RemoveLiquidity():
            return _withdrawal(command, index, liquidity, there)
        case ClaimFees():
            claims = (liquidity.claim(one) for one in standing[index:] if one is not None)
            return next((claim for claim in claims if claim is not None), None)
        case ClosePosition():
            closings = (liquidity.close(one) for one in there)
            return next((closing for closing in closings if closing is not None), None)
        case Rebalance():
            raise UnbuildableCommand("rebalance", "not built yet")
        case _:
            assert_never(command)


def _withdrawal(command: RemoveLiquidity, index: int, liquidity: VenueLiquidity, there: list[Placed]) -> Step | None:
    if not 0 < command.bps <= BASIS_POINTS:
        raise UnbuildableCommand("bad_amount", f"{command.bps} basis points")
    if command.bps == BASIS_POINTS:
        return next((liquidity.withdraw(one, command.bps) for one in there if liquidity.gives(one, command.bps)), None)
    # a part of a share leaves a share, so that the positions to count stay the same while the order goes on
    held = [one for one in there if liquidity.has_shares(one)]
    return liquidity.withdraw(held[index], command.bps) if index < len(held) else None
