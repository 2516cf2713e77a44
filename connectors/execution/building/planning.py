"""Which transaction of a liquidity command comes next, built from the newest state of its accounts.

Opening, closing, rebalancing and withdrawing everything go by what stands on chain, so that a step which landed
unnoticed is not taken twice. Deposits and partial withdrawals go by how many transactions of the order have landed:
their steps follow from the command and from where its positions lie, whatever happens in between.
"""

from collections.abc import Mapping
from typing import assert_never

from connectors.execution.building.bundling import Fits
from connectors.execution.building.liquidity import Tokens, VenueLiquidity
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import (
    KeySource,
    Placed,
    PositionPart,
    UnbuildableCommand,
    part_address,
    parts,
    parts_left,
    placed,
)
from connectors.execution.building.rebalancing import new_parts, old_parts, rebalance_step
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.venues import liquidity_of
from dlmm.errors import AccountError, RangeError
from dlmm.liquidity import BASIS_POINTS
from dlmm.spreads import SpreadError
from operators.orders.commands import (
    AddLiquidity,
    ClaimFees,
    ClosePosition,
    CreatePosition,
    LiquidityCommand,
    Rebalance,
    RemoveLiquidity,
)

_OnePosition = CreatePosition | AddLiquidity | RemoveLiquidity | ClaimFees | ClosePosition


def needs(command: LiquidityCommand, pool: PoolAccounts, wallet: KeySource) -> tuple[str, ...]:
    """Return the addresses whose fresh bytes a command is built from.

    :arg pool: With the pool's own account and both mints, from which the other addresses follow.

    :returns: Base58, each once; those that do not exist are left out of what is then given to `step`.

    :raises BuildError: As `step`.

    """
    try:
        liquidity = liquidity_of(pool, wallet)
        tokens = Tokens(pool, wallet.address).accounts
        needed = [key for cut in _cuts(command, pool).values() if cut for key in liquidity.needed(cut)]
        own = (pool.info.pool, pool.info.mint_x, pool.info.mint_y)
        return tuple(dict.fromkeys((*own, *map(str, tokens), *map(str, needed))))
    except RangeError as error:
        raise UnbuildableCommand("out_of_range", str(error)) from error


def positions_of(
    command: LiquidityCommand, pool: PoolAccounts, wallet: KeySource
) -> dict[str, tuple[int, PositionPart]]:
    """Return the positions that a command is about, by address: the number of each, and which part of it.

    :raises UnbuildableCommand: `bad_range`.

    """
    return {
        str(part_address(pool.info.venue, pool.program, part, wallet)): (number, part)
        for number, cut in _cuts(command, pool).items()
        for part in cut
    }


def step(
    command: LiquidityCommand,
    index: int,
    pools: Mapping[str, PoolAccounts],
    wallet: KeySource,
    fits: Fits,
    *,
    is_apart: bool = False,
) -> Step | None:
    """Build the next transaction of a command.

    :arg index: How many transactions of this order have landed.

    :arg pools: By address; the command's own with all that `needs` names, as far as it exists.

    :arg fits: Tells whether a step goes into one packet.

    :arg is_apart: Whether a rebalance shall not close and place in one transaction.

    :returns: `None` when there is nothing left to send.

    :raises UnbuildableCommand: The program would refuse it.

    :raises BuildError: `missing_account`, `malformed_account`, `transfer_hook` or `no_address`.

    """
    pool = pools.get(command.pool)
    if pool is None:
        raise BuildError("missing_account", f"pool {command.pool} is not at hand")
    try:
        if isinstance(command, Rebalance):
            return rebalance_step(command, pool, wallet, fits, is_apart=is_apart)
        return _step(command, index, pool, wallet)
    except RangeError as error:
        raise UnbuildableCommand("out_of_range", str(error)) from error
    except SpreadError as error:
        raise UnbuildableCommand(error.kind, error.reason) from error
    except AccountError as error:
        raise BuildError("malformed_account", str(error)) from error


def _cuts(command: LiquidityCommand, pool: PoolAccounts) -> dict[int, tuple[PositionPart, ...]]:
    """Cut a command's positions into parts, by their numbers."""
    if isinstance(command, Rebalance):
        return {command.old_position: old_parts(command, pool), command.position: new_parts(command, pool)}
    find = parts_left if isinstance(command, ClosePosition) else parts
    return {command.position: find(pool.info.venue, command.position, command.lower, command.upper)}


def _step(command: _OnePosition, index: int, pool: PoolAccounts, wallet: KeySource) -> Step | None:
    liquidity = liquidity_of(pool, wallet)
    cut = _cuts(command, pool)[command.position]
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
