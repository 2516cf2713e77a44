"""Rebuild the instruction of a Meteora vector from what the row says was wanted and from the accounts before it.

Taken from the row's own instruction: only wallets and fresh keys, which nothing else determines.
"""

from collections.abc import Callable, Mapping
from typing import Any

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.conformance.vectors import State, Vector
from dlmm.meteora.instructions import liquidity, orders, position, swap
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.layout import decode_position
from dlmm.records import Account

_STRATEGIES = {
    "SpotOneSide": liquidity.Strategy.SPOT_ONE_SIDE,
    "CurveOneSide": liquidity.Strategy.CURVE_ONE_SIDE,
    "BidAskOneSide": liquidity.Strategy.BID_ASK_ONE_SIDE,
    "SpotBalanced": liquidity.Strategy.SPOT_BALANCED,
    "CurveBalanced": liquidity.Strategy.CURVE_BALANCED,
    "BidAskBalanced": liquidity.Strategy.BID_ASK_BALANCED,
    "SpotImBalanced": liquidity.Strategy.SPOT_IMBALANCED,
    "CurveImBalanced": liquidity.Strategy.CURVE_IMBALANCED,
    "BidAskImBalanced": liquidity.Strategy.BID_ASK_IMBALANCED,
}


class _Row:
    """The parts of a life-cycle row that builders ask for."""

    def __init__(self, vector: Vector) -> None:
        self.state: State = vector.state
        self.args: Mapping[str, Any] = vector.row["args"]
        self._accounts = vector.row["ix_full"]["accounts"]
        self.pool = pool_keys(vector.state)

    def key(self, index: int) -> Pubkey:
        return Pubkey.from_string(self._accounts[index][0])

    def position(self, index: int, sender: int) -> liquidity.PositionAccounts:
        return liquidity.PositionAccounts(self.pool, self.key(index), self.key(sender))

    def lower_bin_id(self) -> int:
        account = self.state["position"]
        head, _ = decode_position("position", Account(account.owner, account.data))
        return int(head[0]["lower_bin_id"])

    def range(self) -> dict[str, Any]:
        return {name: self.args[name] for name in ("from_bin_id", "to_bin_id", "bps_to_remove")}

    def span(self) -> dict[str, Any]:
        return {name: self.args[name] for name in ("lower_bin_id", "width")}


def strategy_deposit(args: Mapping[str, Any]) -> liquidity.StrategyDeposit:
    """Read a row's deposit by strategy."""
    return liquidity.StrategyDeposit(
        amount_x=args["amount_x"],
        amount_y=args["amount_y"],
        active_id=args["active_id"],
        max_active_bin_slippage=args["max_active_bin_slippage"],
        min_bin_id=args["min_bin_id"],
        max_bin_id=args["max_bin_id"],
        strategy=_STRATEGIES[args["strategy_type"]],
        favor_x=bool(args.get("favor_x", False)),
    )


def pool_keys(state: State) -> PoolKeys:
    """Read the pool's addresses from a state."""
    pair = state["lb_pair"]
    return PoolKeys.of(
        Pubkey.from_string(pair.pubkey),
        Account(pair.owner, pair.data),
        has_bitmap_extension="bitmap_ext" in state,
    )


def build_swap(vector: Vector) -> Instruction:
    """Rebuild the instruction of a swap row."""
    row = vector.row
    accounts = row["ix_full"]["accounts"]
    pool = pool_keys(vector.state)
    user = Pubkey.from_string(accounts[10][0])
    taken = swap.SwapAccounts(
        pool,
        user,
        row["swap_for_y"],
        tuple(row["bin_arrays"]),
        host_fee_in=Pubkey.from_string(accounts[9][0]) if row["host"] else None,
    )
    amount, threshold = row["amount"], row["threshold"]
    match row["ix"]:
        case "swap":
            return swap.swap(taken, amount_in=amount, min_amount_out=threshold)
        case "swap2":
            return swap.swap2(taken, amount_in=amount, min_amount_out=threshold)
        case "swap_exact_out":
            return swap.swap_exact_out(taken, amount_out=amount, max_amount_in=threshold)
        case "swap_exact_out2":
            return swap.swap_exact_out2(taken, amount_out=amount, max_amount_in=threshold)
        case name:
            raise ValueError(name)


def build_life(vector: Vector) -> Instruction | None:
    """Rebuild the instruction of a life-cycle row; `None` for an instruction that has no builder here."""
    build = _BUILDERS.get(vector.row["what"])
    return None if build is None else build(_Row(vector))


def _add_liquidity2(row: _Row) -> Instruction:
    shares = [liquidity.BinShare(*share) for share in row.args["dist"]]
    return liquidity.add_liquidity2(
        row.position(0, 9), amount_x=row.args["amount_x"], amount_y=row.args["amount_y"], shares=shares
    )


def _place_limit_order(row: _Row) -> Instruction:
    return orders.place_limit_order(
        pool=row.pool,
        limit_order=row.key(4),
        is_ask=row.args["is_ask_side"],
        bins=[orders.OrderBin(*order) for order in row.args["bins"]],
        owner=row.key(6),
    )


_BUILDERS: dict[str, Callable[[_Row], Instruction]] = {
    "initialize_bin_array": lambda row: position.initialize_bin_array(
        lb_pair=row.pool.lb_pair, index=row.args["index"], funder=row.key(2)
    ),
    "initialize_position": lambda row: position.initialize_position(
        lb_pair=row.pool.lb_pair, position=row.key(1), owner=row.key(3), **row.span()
    ),
    "initialize_position2": lambda row: position.initialize_position2(
        lb_pair=row.pool.lb_pair, position=row.key(1), owner=row.key(3), **row.span()
    ),
    "initialize_position_pda": lambda row: position.initialize_position_pda(
        lb_pair=row.pool.lb_pair, base=row.key(1), owner=row.key(4), **row.span()
    ),
    "increase_position_length": lambda row: position.increase_position_length(
        lb_pair=row.pool.lb_pair,
        position=row.key(2),
        length_to_add=row.args["length_to_add"],
        side=position.Side(row.args["side"]),
        owner=row.key(3),
    ),
    "close_position": lambda row: position.close_position(
        pool=row.pool, position=row.key(0), lower_bin_id=row.lower_bin_id(), owner=row.key(4)
    ),
    "close_position2": lambda row: position.close_position2(position=row.key(0), owner=row.key(1)),
    "close_position_if_empty": lambda row: position.close_position_if_empty(position=row.key(0), owner=row.key(1)),
    "add_liquidity2": _add_liquidity2,
    "add_liquidity_by_strategy": lambda row: liquidity.add_liquidity_by_strategy(
        row.position(0, 11), strategy_deposit(row.args), lower_bin_id=row.lower_bin_id()
    ),
    "add_liquidity_by_strategy2": lambda row: liquidity.add_liquidity_by_strategy2(
        row.position(0, 9), strategy_deposit(row.args)
    ),
    "remove_liquidity_by_range": lambda row: liquidity.remove_liquidity_by_range(
        row.position(0, 11), lower_bin_id=row.lower_bin_id(), **row.range()
    ),
    "remove_liquidity_by_range2": lambda row: liquidity.remove_liquidity_by_range2(row.position(0, 9), **row.range()),
    "claim_fee": lambda row: liquidity.claim_fee(row.position(1, 4), lower_bin_id=row.lower_bin_id()),
    "claim_fee2": lambda row: liquidity.claim_fee2(
        row.position(1, 2), min_bin_id=row.args["min_bin_id"], max_bin_id=row.args["max_bin_id"]
    ),
    "place_limit_order": _place_limit_order,
    "cancel_limit_order": lambda row: orders.cancel_limit_order(
        pool=row.pool, limit_order=row.key(6), bin_ids=row.args["bins"], owner=row.key(9)
    ),
    "close_limit_order_if_empty": lambda row: orders.close_limit_order_if_empty(
        limit_order=row.key(0), owner=row.key(1)
    ),
}
