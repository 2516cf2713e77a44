"""Predict what a Meteora life-cycle row did, from the accounts before it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from solders.pubkey import Pubkey

from dlmm.conformance.effect import Effect, arrays_of, liquidity_effect, role_of, tokens_of
from dlmm.conformance.meteora_instructions import strategy_deposit
from dlmm.conformance.vectors import Vector
from dlmm.liquidity import LiquidityChange, LiquidityFailure, LiquidityState
from dlmm.meteora import liquidity, orders, positions
from dlmm.meteora.instructions.liquidity import BinShare
from dlmm.meteora.instructions.orders import OrderBin
from dlmm.meteora.instructions.position import Side
from dlmm.meteora.layout import LB_PAIR, POSITION

Outcome = Effect | LiquidityFailure


class _Scene:
    """A row and its accounts, as the predictions want them."""

    def __init__(self, vector: Vector) -> None:
        self.row, self.state = vector.row, vector.state
        self.args: dict[str, Any] = vector.row["args"]
        self.time: int = vector.row["clock"][1]
        self.tokens = tokens_of(vector)
        self.pair = vector.state["lb_pair"]

    def key(self, index: int) -> bytes:
        return bytes(Pubkey.from_string(self.row["ix_full"]["accounts"][index][0]))

    def role(self, index: int) -> str:
        return role_of(self.state, self.row["ix_full"]["accounts"][index][0]) or "position"

    def before(self, position: str | None) -> LiquidityState:
        extension = self.state.get("bitmap_ext")
        return LiquidityState(
            pair=self.pair.data,
            position=b"" if position is None else self.state[position].data,
            bin_arrays=arrays_of(self.state),
            bitmap_extension=None if extension is None else extension.data,
        )


def predict(vector: Vector) -> Outcome | None:
    """Predict a row's effect; `None` for an instruction that nothing here predicts."""
    forecast = _FORECASTS.get(vector.row["what"])
    return None if forecast is None else forecast(_Scene(vector))


def _changed(change: LiquidityChange | LiquidityFailure, position: str) -> Outcome:
    if isinstance(change, LiquidityFailure):
        return change
    return liquidity_effect(change, pair="lb_pair", position=position)


def _open(scene: _Scene, position: str, owner: int) -> Outcome:
    if position in scene.state:  # opening it again succeeds and does nothing
        return Effect(accounts={position: scene.state[position].data})
    data = positions.new_position(
        lb_pair=bytes(Pubkey.from_string(scene.pair.pubkey)),
        owner=scene.key(owner),
        lower_bin_id=scene.args["lower_bin_id"],
        width=scene.args["width"],
        time=scene.time,
    )
    return data if isinstance(data, LiquidityFailure) else Effect(accounts={position: data})


def _close(scene: _Scene) -> Outcome:
    return Effect(closed=frozenset({scene.role(0)}))


def _close_if_empty(scene: _Scene) -> Outcome:
    role = scene.role(0)
    empty = positions.is_empty(scene.state[role].data)
    return Effect(closed=frozenset({role})) if empty else Effect(accounts={role: scene.state[role].data})


def _widen(scene: _Scene) -> Outcome:
    role = scene.role(2)
    data = positions.widened_position(
        scene.state[role].data,
        length_to_add=scene.args["length_to_add"],
        upwards=scene.args["side"] == Side.UPPER,
    )
    return data if isinstance(data, LiquidityFailure) else Effect(accounts={role: data})


def _new_array(scene: _Scene) -> Outcome:
    data = positions.new_bin_array(
        lb_pair=bytes(Pubkey.from_string(scene.pair.pubkey)),
        index=scene.args["index"],
        bin_step=int(np.frombuffer(scene.pair.data, LB_PAIR)[0]["bin_step"]),
    )
    return Effect(accounts={f"bin_array:{scene.args['index']}": data})


def _add(scene: _Scene) -> Outcome:
    role = scene.role(0)
    shares = [BinShare(*share) for share in scene.args["dist"]]
    amounts = {"amount_x": scene.args["amount_x"], "amount_y": scene.args["amount_y"]}
    change = liquidity.add_liquidity(scene.before(role), **amounts, shares=shares, tokens=scene.tokens, time=scene.time)
    return _changed(change, role)


def _add_by_strategy(scene: _Scene) -> Outcome:
    role = scene.role(0)
    wanted = strategy_deposit(scene.args)
    change = liquidity.add_liquidity_by_strategy(scene.before(role), wanted, tokens=scene.tokens, time=scene.time)
    return _changed(change, role)


def _remove(scene: _Scene) -> Outcome:
    role, args = scene.role(0), scene.args
    change = liquidity.remove_liquidity(
        scene.before(role),
        from_bin_id=args["from_bin_id"],
        to_bin_id=args["to_bin_id"],
        bps=args["bps_to_remove"],
        tokens=scene.tokens,
        time=scene.time,
    )
    return _changed(change, role)


def _claim(scene: _Scene) -> Outcome:
    role = scene.role(1)
    head = np.frombuffer(scene.state[role].data, POSITION, count=1)[0]
    change = liquidity.claim_fees(
        scene.before(role),
        min_bin_id=scene.args.get("min_bin_id", int(head["lower_bin_id"])),
        max_bin_id=scene.args.get("max_bin_id", int(head["upper_bin_id"])),
        tokens=scene.tokens,
        time=scene.time,
    )
    return _changed(change, role)


def _ordered(change: orders.OrderChange | LiquidityFailure, role: str) -> Outcome:
    if isinstance(change, LiquidityFailure):
        return change
    accounts = {"lb_pair": change.after.pair, role: change.limit_order}
    accounts |= {f"bin_array:{index}": data for index, data in change.after.bin_arrays.items()}
    if change.after.bitmap_extension is not None:
        accounts["bitmap_ext"] = change.after.bitmap_extension
    return Effect(change.user, change.vault, accounts)


def _place(scene: _Scene) -> Outcome:
    change = orders.place_limit_order(
        scene.before(None),
        lb_pair=scene.key(0),
        owner=scene.key(6),
        is_ask=scene.args["is_ask_side"],
        bins=[OrderBin(*order) for order in scene.args["bins"]],
        tokens=scene.tokens,
    )
    # the new account has no role in the state before; the row names it
    role = next((role for role in scene.row["post"] if role.startswith("limit_order")), "limit_order")
    return _ordered(change, role)


def _cancel(scene: _Scene) -> Outcome:
    role = scene.role(6)
    order = scene.state[role].data
    change = orders.cancel_limit_order(scene.before(None), order, bin_ids=scene.args["bins"], tokens=scene.tokens)
    return _ordered(change, role)


_FORECASTS: dict[str, Callable[[_Scene], Outcome]] = {
    "initialize_bin_array": _new_array,
    "initialize_position": lambda scene: _open(scene, "position", 3),
    "initialize_position2": lambda scene: _open(scene, "position", 3),
    "initialize_position_pda": lambda scene: _open(scene, "position_pda", 4),
    "increase_position_length": _widen,
    "close_position": _close,
    "close_position2": _close,
    "close_position_if_empty": _close_if_empty,
    "add_liquidity2": _add,
    "add_liquidity_by_strategy": _add_by_strategy,
    "add_liquidity_by_strategy2": _add_by_strategy,
    "remove_liquidity_by_range": _remove,
    "remove_liquidity_by_range2": _remove,
    "claim_fee": _claim,
    "claim_fee2": _claim,
    "place_limit_order": _place,
    "cancel_limit_order": _cancel,
    "close_limit_order_if_empty": _close,
}
