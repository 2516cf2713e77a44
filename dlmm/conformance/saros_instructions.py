"""Rebuild the instruction of a Saros vector from what the row says was wanted and from the accounts before it.

Taken from the row's own instruction: wallets and fresh keys, which nothing else determines; and, where the row says
that other bin arrays than a client's were passed (`wrong_arrays`) or the position is gone, which arrays those were.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.conformance.vectors import State, Vector
from dlmm.records import Account
from dlmm.saros import instructions
from dlmm.saros.keys import PairKeys
from dlmm.saros.layout import PAIR, POSITION
from dlmm.saros.pdas import bin_array_address, bin_array_index, swap_arrays

_LOWER_ARRAY = 4
_SEARCH = 8


def pair_keys(state: State) -> PairKeys:
    """Read the pair's addresses from a state."""
    pair = state["pair"]
    return PairKeys.of(
        Pubkey.from_string(pair.pubkey),
        Account(pair.owner, pair.data),
        token_program_x=Pubkey.from_string(state["mint_x"].owner),
        token_program_y=Pubkey.from_string(state["mint_y"].owner),
    )


def build_swap(vector: Vector) -> Instruction:
    """Rebuild the instruction of a swap row."""
    row = vector.row
    user = Pubkey.from_string(row["ix_full"]["accounts"][9][0])
    taken = instructions.SwapAccounts(pair_keys(vector.state), user, row["swap_for_y"], tuple(row["bin_arrays"]))
    amount, threshold = row["amount"], row["threshold"]
    if row["mode"] == "exact_in":
        return instructions.swap_exact_in(taken, amount_in=amount, min_amount_out=threshold)
    return instructions.swap_exact_out(taken, amount_out=amount, max_amount_in=threshold)


def build_life(vector: Vector) -> Instruction | None:
    """Rebuild the instruction of a life-cycle row; `None` for an instruction that has no builder here."""
    build = _BUILDERS.get(vector.row["what"])
    return None if build is None else build(vector)


def _key(vector: Vector, index: int) -> Pubkey:
    return Pubkey.from_string(vector.row["ix_full"]["accounts"][index][0])


def _position(vector: Vector) -> instructions.PositionAccounts:
    keys = pair_keys(vector.state)
    active_id = int(np.frombuffer(vector.state["pair"].data, PAIR)[0]["active_id"])
    held = vector.state.get("position")
    arrays = None
    lower_bin_id = active_id
    if held is not None:
        lower_bin_id = int(np.frombuffer(held.data, POSITION)[0]["lower_bin_id"])
    if held is None or "wrong_arrays" in vector.row["tags"]:
        lower = _array_passed(vector, keys, bin_array_index(lower_bin_id))
        arrays = (lower, lower + 1)
    return instructions.PositionAccounts(
        keys=keys,
        user=_key(vector, 12),
        position_mint=_key(vector, 2),
        lower_bin_id=lower_bin_id,
        active_arrays=_active_arrays(vector.state, active_id),
        bin_arrays=arrays,
    )


def _array_passed(vector: Vector, keys: PairKeys, near: int) -> int:
    """Return which array near an index the row's instruction names."""
    passed = _key(vector, _LOWER_ARRAY)
    for index in range(near - _SEARCH, near + _SEARCH):
        if bin_array_address(keys.pair, index, keys.program) == passed:
            return index
    return near


def _active_arrays(state: State, active_id: int) -> tuple[int, int]:
    """Return the two arrays about the active bin that a client passes: the best pair that exists."""
    best = swap_arrays(active_id)
    index = bin_array_index(active_id)
    other = (index, index + 1) if best[0] < index else (index - 1, index)
    for pair in (best, other):
        if all(f"bin_array:{index}" in state for index in pair):
            return pair
    return best


def _create_position(vector: Vector) -> Instruction:
    args: dict[str, Any] = vector.row["args"]
    return instructions.create_position(
        keys=pair_keys(vector.state),
        position_mint=_key(vector, 2),
        relative_bin_id_left=args["left"],
        relative_bin_id_right=args["right"],
        user=_key(vector, 4),
    )


def _increase_position(vector: Vector) -> Instruction:
    args: dict[str, Any] = vector.row["args"]
    return instructions.increase_position(
        _position(vector),
        amount_x=args["amount_x"],
        amount_y=args["amount_y"],
        shares=[instructions.LiquidityShare(*share) for share in args["dist"]],
    )


def _close_position(vector: Vector) -> Instruction:
    as_in_idl = "user_not_writable_as_in_idl" in vector.row["tags"]
    return instructions.close_position(_position(vector), user_is_writable=not as_in_idl)


_BUILDERS: dict[str, Callable[[Vector], Instruction]] = {
    "create_position": _create_position,
    "increase_position": _increase_position,
    "decrease_position": lambda vector: instructions.decrease_position(
        _position(vector), shares=[int(share) for share in vector.row["args"]["shares"]]
    ),
    "close_position": _close_position,
}
