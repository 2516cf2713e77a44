"""From an order that is to be sent to what the execution connector takes."""

from operators.blocks import SHAPES, Fields
from operators.books.accounts import NOBODY
from operators.orders.commands import (
    AddLiquidity,
    Approved,
    ClaimFees,
    ClosePosition,
    Command,
    CreatePosition,
    Rebalance,
    RemoveLiquidity,
    Swap,
    SwapRoute,
)
from operators.orders.records import ADD, BUY, CLAIM, CLOSE, CREATE, REBALANCE, REMOVE, ROUTE, SWAP
from operators.pools import PoolInfo
from operators.routes.legs import legs_of

DEADLINE_SLOTS = 32
"""An order that was not signed by then is too late: the market that it was meant for is gone."""

LADDER_FIELDS = (
    *("position", "lower", "upper", "bid_upper", "ask_lower", "amount_x", "amount_y"),
    *("old_position", "old_lower", "old_upper"),
)
"""What a ladder's order and its command call by the same name."""


def approved_of(
    order: Fields, pools: tuple[PoolInfo, ...], strategies: tuple[str, ...], portfolio: str, recv_ns: int
) -> Approved:
    """Return an order that passed the gate as the connector takes it.

    :arg order: `ORDER` record that was just sent: the gate let it pass, and it counts one attempt more.

    :arg strategies: Names of all, in the order that orders count them; the emergency stop is none of them.

    :arg recv_ns: When the newest row was received that this decision saw.

    """
    slot, strategy = int(order["sent_slot"]), int(order["strategy"])
    return Approved(
        portfolio=portfolio,
        order=int(order["order"]),
        attempt=int(order["attempts"]) - 1,
        command=_command(order, pools),
        deadline_slot=slot + DEADLINE_SLOTS,
        urgency=int(order["urgency"]),
        decided_slot=slot,
        recv_ns=recv_ns,
        strategy=strategies[strategy] if strategy != NOBODY else "",
    )


def _command(order: Fields, pools: tuple[PoolInfo, ...]) -> Command:
    pool = pools[int(order["pool"])].pool
    position, lower, upper = int(order["position"]), int(order["lower"]), int(order["upper"])
    match int(order["action"]):
        case action if action == SWAP:
            return _swap(order, pool)
        case action if action == ROUTE:
            return _route(order, pools)
        case action if action == CREATE:
            return CreatePosition(pool, position, lower, upper)
        case action if action == ADD:
            amounts = int(order["amount_x"]), int(order["amount_y"])
            active_id, shape = int(order["other_min_out"]), SHAPES[int(order["shape"])]
            return AddLiquidity(pool, position, lower, upper, *amounts, active_id, shape)
        case action if action == REMOVE:
            return RemoveLiquidity(pool, position, lower, upper, int(order["fraction_bps"]))
        case action if action == CLAIM:
            return ClaimFees(pool, position, lower, upper)
        case action if action == REBALANCE:
            return _rebalance(order, pool)
        case action:
            assert action == CLOSE, f"an order of no known action: {action}"
            return ClosePosition(pool, position, lower, upper)


def _rebalance(order: Fields, pool: str) -> Rebalance:
    return Rebalance(
        pool=pool,
        active_id=int(order["other_min_out"]),
        shape=SHAPES[int(order["shape"])],
        **{field: int(order[field]) for field in LADDER_FIELDS},
    )


def _route(order: Fields, pools: tuple[PoolInfo, ...]) -> SwapRoute:
    """Make a route's swaps. The compute units are of all together: each one's part of their sum is the same."""
    legs = legs_of(order)
    units = -(-int(order["compute_units"]) // len(legs))
    return SwapRoute(
        tuple(Swap(pools[x.pool].pool, x.exact_in, x.swap_for_y, x.amount, x.threshold, units) for x in legs)
    )


def _swap(order: Fields, pool: str) -> Swap:
    swap_for_y = int(order["side"]) != BUY
    amount_in, min_out, units = int(order["amount_in"]), int(order["min_out"]), int(order["compute_units"])
    if order["is_exact_out"]:
        return Swap(pool, False, swap_for_y, min_out, amount_in, units)
    return Swap(pool, True, swap_for_y, amount_in, min_out, units)
