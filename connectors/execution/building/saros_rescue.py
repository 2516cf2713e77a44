"""Shares on Saros that are worth nothing, which the program refuses to withdraw, and what gives them some worth."""

from collections.abc import Sequence

from solders.instruction import Instruction

from connectors.execution.building.liquidity import pool_tokens
from connectors.execution.building.positions import Placed, UnbuildableCommand
from connectors.execution.building.saros_ground import Ground, SarosGround
from dlmm.liquidity import (
    BASIS_POINTS,
    NOTHING,
    Amounts,
    LiquidityFailure,
    LiquidityState,
    account_rows,
    amounts_for,
)
from dlmm.records import Record
from dlmm.saros import instructions
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR, BINS_PER_ARRAY
from dlmm.saros.liquidity import close_position, increase_position, position_shares

_MOST_RESCUE = 1 << 24
"""Raw units by bin, beyond which a share without worth is given up."""


class Rescue(Record, frozen=True):
    """The deposit that gives every share of a position some worth, where one has none, and the accounts after it.

    :arg gained: By the wallet: what it pays, below zero.

    """

    instructions: tuple[Instruction, ...]
    after: LiquidityState
    gained: Amounts = NOTHING


def rescue(site: SarosGround, one: Placed, ground: Ground) -> Rescue:
    """Build the deposit.

    :raises UnbuildableCommand: `dust_share`: not even that helps; `insufficient_tokens`.

    """
    state = site.state(one, ground)
    shares = position_shares(one.data)
    dust = [
        one.lower + place
        for place, (share, given) in enumerate(zip(shares, worth(one, ground, shares), strict=True))
        if share and given == NOTHING
    ]
    if not dust:
        return Rescue((), state)
    active_id, tokens = site.pool.active_id, pool_tokens(site.pool)
    asks, bids = ([bin_id for bin_id in dust if (bin_id > active_id) is above] for above in (True, False))
    rows = [
        LiquidityShare(
            bin_id - active_id,
            BASIS_POINTS // len(asks) if bin_id in asks else 0,
            BASIS_POINTS // len(bids) if bin_id in bids else 0,
        )
        for bin_id in range(one.lower, one.upper + 1)
    ]
    each = 2
    while each <= _MOST_RESCUE:
        amount_x, amount_y = 2 * each * len(asks), 2 * each * len(bids)
        outcome = increase_position(state, amount_x=amount_x, amount_y=amount_y, shares=rows, tokens=tokens)
        each *= 2
        if isinstance(outcome, LiquidityFailure):
            continue
        if isinstance(close_position(outcome.after, tokens=tokens), LiquidityFailure):
            continue
        site.tokens.require((amount_x, amount_y))
        accounts = site.accounts(one, ground)
        deposit = instructions.increase_position(accounts, amount_x=amount_x, amount_y=amount_y, shares=rows)
        return Rescue((deposit,), outcome.after, outcome.user)
    raise UnbuildableCommand("dust_share", f"bins {dust} of {one.address} hold shares that are worth nothing")


def worth(one: Placed, ground: Ground, shares: Sequence[int]) -> list[Amounts]:
    """Return what shares give, one for each bin of a position.

    :raises AccountError: An array is none.

    """
    rows = {
        index: account_rows(f"bin_array {index}", data, BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR)[0]["bins"]
        for index, data in ground.arrays.items()
    }
    found = []
    for bin_id, share in enumerate(shares, one.lower):
        index, inside = divmod(bin_id, BINS_PER_ARRAY)
        row = rows[index][inside]
        supply = int(row["liquidity_supply_low"]) | int(row["liquidity_supply_high"]) << 64
        reserves = Amounts(int(row["reserve_x"]), int(row["reserve_y"]))
        found.append(amounts_for(share, supply=supply, reserves=reserves))
    return found
