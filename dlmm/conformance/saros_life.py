"""Predict what a Saros life-cycle row did, from the accounts before it."""

from typing import Any

from solders.pubkey import Pubkey

from dlmm.conformance.effect import Effect, arrays_of, liquidity_effect, tokens_of
from dlmm.conformance.vectors import Vector
from dlmm.liquidity import LiquidityChange, LiquidityFailure, LiquidityState
from dlmm.saros import liquidity
from dlmm.saros.instructions import LiquidityShare


def predict(vector: Vector) -> Effect | LiquidityFailure | None:
    """Predict a row's effect; `None` for an instruction that nothing here predicts."""
    row, state = vector.row, vector.state
    args: dict[str, Any] = row["args"]
    if row["what"] == "create_position":
        data = liquidity.create_position(
            pair_address=bytes(Pubkey.from_string(state["pair"].pubkey)),
            pair=state["pair"].data,
            position_mint=bytes(Pubkey.from_string(row["ix_full"]["accounts"][2][0])),
            relative_bin_id_left=args["left"],
            relative_bin_id_right=args["right"],
        )
        return data if isinstance(data, LiquidityFailure) else Effect(accounts={"position": data})
    before = LiquidityState(state["pair"].data, state["position"].data, arrays_of(state))
    tokens = tokens_of(vector)
    change: LiquidityChange | LiquidityFailure
    match row["what"]:
        case "increase_position":
            change = liquidity.increase_position(
                before,
                amount_x=args["amount_x"],
                amount_y=args["amount_y"],
                shares=[LiquidityShare(*share) for share in args["dist"]],
                tokens=tokens,
            )
        case "decrease_position":
            shares = [int(share) for share in args["shares"]]
            change = liquidity.decrease_position(before, shares=shares, tokens=tokens)
        case "close_position":
            change = liquidity.close_position(before, tokens=tokens)
        case _:
            return None
    if isinstance(change, LiquidityFailure):
        return change
    return liquidity_effect(change, pair="pair", position=None if row["what"] == "close_position" else "position")
