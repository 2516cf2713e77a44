"""A rebalance: the old ladder's closing and the new one's placing, in as few transactions as fit.

Planned from what stands on chain: of the old positions those that still exist are closed, of the new ones those rungs
are filled that hold nothing. Where all of it fits into one transaction, what is placed is worked out from what the
closing gives in the state at hand; otherwise closing comes first.
"""

from collections.abc import Sequence

from connectors.execution.building.bundling import Fits, bundled, longest
from connectors.execution.building.ladders import Rungs, asks_of, bids_of, check_active, check_ladder, outstanding
from connectors.execution.building.liquidity import Filling, Tokens
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import (
    KeySource,
    Placed,
    PositionPart,
    UnbuildableCommand,
    parts,
    parts_left,
    placed,
)
from connectors.execution.building.steps import Step
from connectors.execution.building.venues import ladders_of, liquidity_of
from dlmm.liquidity import NOTHING, Amounts
from operators.orders.commands import Rebalance


def old_parts(command: Rebalance, pool: PoolAccounts) -> tuple[PositionPart, ...]:
    """Return the positions to close.

    :raises UnbuildableCommand: `bad_range`.

    """
    if not command.old_position:
        return ()
    return parts_left(pool.info.venue, command.old_position, command.old_lower, command.old_upper)


def new_parts(command: Rebalance, pool: PoolAccounts) -> tuple[PositionPart, ...]:
    """Return the positions that the ladder is made of.

    :raises UnbuildableCommand: `bad_range`.

    """
    return parts(pool.info.venue, command.position, command.lower, command.upper)


def rebalance_step(
    command: Rebalance, pool: PoolAccounts, wallet: KeySource, fits: Fits, *, is_apart: bool
) -> Step | None:
    """Build the next transaction of a rebalance; `None` when the ladder stands.

    :arg fits: Tells whether a step goes into one packet.

    :arg is_apart: Whether nothing is placed in a transaction that closes: one that did both has failed.

    :raises UnbuildableCommand: The ladder cannot be placed; nothing is closed for it then.

    :raises BuildError: `missing_account`, `malformed_account` or `transfer_hook`.

    """
    check_ladder(command)
    closings, emptied = _closings(old_parts(command, pool), pool, wallet)
    placings = _placings(command, emptied, wallet)
    if not closings:
        return longest(placings, fits) if placings else None
    whole = None if is_apart else bundled((*closings, *placings))
    return whole if whole is not None and fits(whole) else longest(closings, fits)


def _closings(cut: Sequence[PositionPart], pool: PoolAccounts, wallet: KeySource) -> tuple[list[Step], PoolAccounts]:
    """Build the closing of each position that stands, and return the pool's accounts after all of them."""
    steps = []
    for part in cut:
        one = placed(pool, part, wallet)
        closing = None if one is None else liquidity_of(pool, wallet).close(one)
        if one is not None and closing is not None:
            steps.append(closing)
            pool = ladders_of(pool, wallet).closed(one)
    return steps, pool


def _placings(command: Rebalance, pool: PoolAccounts, wallet: KeySource) -> list[Step]:
    """Build what fills the rungs that hold nothing yet, each position's opening before it.

    Positions that take nothing are opened too: a position that is several on chain is known by its whole range.
    """
    cut = new_parts(command, pool)
    every = ladders_of(pool, wallet).rungs(command, cut)
    left = [one for one in every if not _is_filled(one, pool, wallet)]
    if left:
        check_active(command, pool.active_id, left)
    held = Tokens(pool, wallet.address).held
    amounts = outstanding(command, every, left, held, pool.info.bin_step)
    steps: list[Step] = []
    filled = len(every) - len(left)
    for part in cut:
        opening, pool = _opened(part, pool, wallet)
        steps += opening
        for rungs, amount in zip(left, amounts, strict=True):
            if rungs.part != part or amount == NOTHING:
                continue
            filling = _filled(command, rungs, amount, pool, wallet)
            if filling is not None:
                steps.append(filling.step)
                pool = filling.after
                filled += 1
    if not filled:
        sides = f"{len(bids_of(command))} bids and {len(asks_of(command))} asks"
        if any(amount != NOTHING for amount in amounts):
            raise UnbuildableCommand("nothing_deposited", f"no share in any of {sides}")
        raise UnbuildableCommand("insufficient_tokens", f"{held.x} of X and {held.y} of Y for {sides}")
    return steps


def _is_filled(rungs: Rungs, pool: PoolAccounts, wallet: KeySource) -> bool:
    one = placed(pool, rungs.part, wallet)
    return one is not None and ladders_of(pool, wallet).is_filled(one, rungs)


def _opened(part: PositionPart, pool: PoolAccounts, wallet: KeySource) -> tuple[list[Step], PoolAccounts]:
    """Build the opening of a position that does not stand, and return the pool's accounts after it."""
    if placed(pool, part, wallet) is not None:
        return [], pool
    return [liquidity_of(pool, wallet).open(part)], ladders_of(pool, wallet).opened(part)


def _filled(command: Rebalance, rungs: Rungs, amount: Amounts, pool: PoolAccounts, wallet: KeySource) -> Filling | None:
    one: Placed | None = placed(pool, rungs.part, wallet)
    assert one is not None, f"{rungs.part.key_name} was opened"
    return ladders_of(pool, wallet).fill(command, one, rungs, amount)
