"""What a life-cycle instruction does, as a venue's own code predicts it."""

from collections.abc import Mapping

from dlmm.conformance.vectors import State, Vector
from dlmm.liquidity import NOTHING, Amounts, LiquidityChange, PoolTokens
from dlmm.records import Account, Record
from dlmm.tokens import decode_mint

HOOK_ROLES = "hook"
"""How the roles of a Saros hook's accounts begin. They are another program's, which pays out rewards: not checked."""


class Effect(Record, frozen=True):
    """A prediction to compare with a row.

    :arg accounts: Bytes afterwards, by role; accounts left out are not looked at.

    :arg closed: Roles of accounts that are gone.

    """

    user: Amounts = NOTHING
    vault: Amounts = NOTHING
    accounts: Mapping[str, bytes] = {}
    closed: frozenset[str] = frozenset()


def tokens_of(vector: Vector) -> PoolTokens:
    """Read the pool's mints, at the row's epoch."""
    mints = [
        decode_mint(account.pubkey, Account(account.owner, account.data))
        for account in (vector.state["mint_x"], vector.state["mint_y"])
    ]
    return PoolTokens(mints[0], mints[1], vector.row["clock"][2])


def arrays_of(state: State) -> dict[int, bytes]:
    """Return a state's bin arrays by index."""
    prefix = "bin_array:"
    return {int(role.removeprefix(prefix)): held.data for role, held in state.items() if role.startswith(prefix)}


def role_of(state: State, pubkey: str) -> str | None:
    """Return the role that an address has in a state."""
    return next((role for role, account in state.items() if account.pubkey == pubkey), None)


def liquidity_effect(change: LiquidityChange, *, pair: str, position: str | None) -> Effect:
    """Name the accounts of a change of liquidity by their roles.

    :arg pair: Role of the pool.

    :arg position: Role of the position; `None` when it is closed.

    """
    accounts = {pair: change.after.pair}
    accounts |= {f"bin_array:{index}": data for index, data in change.after.bin_arrays.items()}
    if position is not None:
        accounts[position] = change.after.position
    if change.after.bitmap_extension is not None:
        accounts["bitmap_ext"] = change.after.bitmap_extension
    closed = frozenset({"position"}) if position is None else frozenset()
    return Effect(change.user, change.vault, accounts, closed)
