"""Random instructions about a world's Meteora pool, and random ways to spoil them."""

from collections.abc import Callable

import numpy as np
from solders.instruction import AccountMeta, Instruction

from dlmm.meteora.bitmap import swap_path
from dlmm.meteora.instructions import liquidity, orders, position, swap
from dlmm.meteora.instructions.liquidity import BinShare, PositionAccounts, Strategy, StrategyDeposit
from dlmm.meteora.pdas import bin_array_index, position_address
from dlmm.records import MAX_U64
from tests.sandbox.model.meteora_world import Order, Position, World

SPL_ONLY = 0.25
"""How often the older form of an instruction is taken."""


def amount(world: World) -> int:
    """Return an amount of any size, now and then none or more than anybody has."""
    kind = world.rng.random()
    if kind < 0.04:
        return 0
    if kind < 0.08:
        return (10**17, MAX_U64)[int(world.rng.integers(2))]
    return int(10 ** world.rng.uniform(0, 12))


def near(world: World, low: int, high: int) -> int:
    """Return a bin so far from the active one."""
    return int(world.pair["active_id"]) + int(world.rng.integers(low, high + 1))


def swaps(world: World) -> Instruction:
    rng, pool, user = world.rng, world.pool, world.any_wallet()
    for_y = bool(rng.random() < 0.5)
    path = swap_path(np.array([world.pair]), world.extension, swap_for_y=for_y, count=int(rng.integers(1, 5)))
    host = pool.user_token_x(world.wallets[0]) if for_y else pool.user_token_y(world.wallets[0])
    accounts = swap.SwapAccounts(pool, user, for_y, path, host_fee_in=host if rng.random() < 0.2 else None)
    size, older = amount(world), rng.random() < SPL_ONLY
    if rng.random() < 0.5:
        least = 0 if rng.random() < 0.8 else size
        return (swap.swap if older else swap.swap2)(accounts, amount_in=size, min_amount_out=least)
    most = MAX_U64 if rng.random() < 0.7 else size
    return (swap.swap_exact_out if older else swap.swap_exact_out2)(accounts, max_amount_in=most, amount_out=size)


def new_array(world: World) -> Instruction:
    index = (
        bin_array_index(near(world, -150, 150)) if world.rng.random() < 0.9 else int(world.rng.integers(-6000, 6000))
    )
    return position.initialize_bin_array(lb_pair=world.pool.lb_pair, index=index, funder=world.payer)


def extension(world: World) -> Instruction:
    return position.initialize_bitmap_extension(lb_pair=world.pool.lb_pair, funder=world.payer)


def opened(world: World) -> Instruction:
    rng, owner, key = world.rng, world.any_wallet(), world.address()
    lower = near(world, -60, 20) if rng.random() < 0.9 else int(rng.integers(-400_000, 400_000))
    width = int(rng.integers(1, 71)) if rng.random() < 0.9 else int(rng.integers(0, 73))
    span = {"lower_bin_id": lower, "width": width}
    if world.positions and rng.random() < 0.1:
        key = world.positions[-1].key
    kind = rng.random()
    if kind < 0.15:
        made = position_address(world.pool.lb_pair, owner, lower, width)
        instruction = position.initialize_position_pda(
            lb_pair=world.pool.lb_pair, base=owner, owner=owner, payer=world.payer, **span
        )
    else:
        make = position.initialize_position if kind < 0.3 else position.initialize_position2
        made = key
        instruction = make(lb_pair=world.pool.lb_pair, position=key, owner=owner, payer=world.payer, **span)
    if not world.data(made):
        world.positions.append(Position(made, owner, lower, lower + width - 1))
    return instruction


def widened(world: World) -> Instruction:
    rng, held = world.rng, world.any_position()
    common = {"lb_pair": world.pool.lb_pair, "position": held.position, "owner": held.sender, "funder": world.payer}
    _, upper = _bounds(world, held)
    if rng.random() < 0.4:
        reach = upper + int(rng.integers(-5, 100))
        return position.increase_position_length2(minimum_upper_bin_id=reach, **common)
    side = position.Side(int(rng.integers(2)))
    return position.increase_position_length(length_to_add=int(rng.integers(0, 100)), side=side, **common)


def added(world: World) -> Instruction:
    rng, held = world.rng, world.any_position()
    lower, upper = _bounds(world, held)
    active = int(world.pair["active_id"])
    bins = sorted({int(rng.integers(lower, upper + 1)) for _ in range(int(rng.integers(1, 12)))})
    if lower <= active <= upper and rng.random() < 0.8:
        bins = sorted({*bins, active})
    x = _split(world, [bin_id for bin_id in bins if bin_id >= active] or bins)
    y = _split(world, [bin_id for bin_id in bins if bin_id <= active] or bins)
    shares = [BinShare(bin_id, x.get(bin_id, 0), y.get(bin_id, 0)) for bin_id in bins]
    if rng.random() < 0.05:
        shares = shares[::-1]
    return liquidity.add_liquidity2(held, amount_x=amount(world), amount_y=amount(world), shares=shares)


def added_by_strategy(world: World) -> Instruction:
    rng, held = world.rng, world.any_position()
    lower, upper = _bounds(world, held)
    first, last = (
        sorted(int(rng.integers(lower, upper + 1)) for _ in range(2)) if rng.random() < 0.4 else (lower, upper)
    )
    if rng.random() < 0.05:
        first, last = first - 1, last + 1
    deposit = StrategyDeposit(
        amount_x=amount(world),
        amount_y=amount(world),
        active_id=near(world, -3, 3),
        max_active_bin_slippage=int(rng.integers(1, 5)),
        min_bin_id=first,
        max_bin_id=last,
        strategy=Strategy(int(rng.integers(2, 9))),
        favor_x=bool(rng.random() < 0.3),
    )
    if rng.random() < SPL_ONLY:
        return liquidity.add_liquidity_by_strategy(held, deposit, lower_bin_id=lower)
    return liquidity.add_liquidity_by_strategy2(held, deposit)


def removed(world: World) -> Instruction:
    rng, held = world.rng, world.any_position()
    lower, upper = _bounds(world, held)
    first, last = (
        sorted(int(rng.integers(lower, upper + 1)) for _ in range(2)) if rng.random() < 0.5 else (lower, upper)
    )
    if rng.random() < 0.05:
        last += 1
    bps = int(rng.choice([0, 1, 2_500, 10_000, 10_001], p=[0.05, 0.1, 0.4, 0.4, 0.05]))
    if rng.random() < SPL_ONLY:
        return liquidity.remove_liquidity_by_range(
            held, from_bin_id=first, to_bin_id=last, bps_to_remove=bps, lower_bin_id=lower
        )
    return liquidity.remove_liquidity_by_range2(held, from_bin_id=first, to_bin_id=last, bps_to_remove=bps)


def claimed(world: World) -> Instruction:
    rng, held = world.rng, world.any_position()
    lower, upper = _bounds(world, held)
    if rng.random() < SPL_ONLY:
        return liquidity.claim_fee(held, lower_bin_id=lower)
    if rng.random() < 0.05:
        upper += 1
    return liquidity.claim_fee2(held, min_bin_id=lower, max_bin_id=upper)


def closed(world: World) -> Instruction:
    rng, held = world.rng, world.any_position()
    kind = rng.random()
    if kind < 0.2:
        lower, _ = _bounds(world, held)
        return position.close_position(pool=world.pool, position=held.position, lower_bin_id=lower, owner=held.sender)
    close = position.close_position2 if kind < 0.5 else position.close_position_if_empty
    receiver = world.payer if rng.random() < 0.3 else None
    return close(position=held.position, owner=held.sender, rent_receiver=receiver)


def ordered(world: World) -> Instruction:
    rng, owner, key = world.rng, world.any_wallet(), world.address()
    is_ask = bool(rng.random() < 0.5)
    away = sorted({int(rng.integers(0 if rng.random() < 0.95 else -2, 20)) for _ in range(int(rng.integers(1, 6)))})
    bins = sorted(near(world, step, step) if is_ask else near(world, -step, -step) for step in away)
    wanted = [orders.OrderBin(bin_id, amount(world)) for bin_id in bins]
    world.orders.append(Order(key, owner, tuple(bins)))
    return orders.place_limit_order(
        pool=world.pool, limit_order=key, is_ask=is_ask, bins=wanted, owner=owner, payer=world.payer
    )


def cancelled(world: World) -> Instruction:
    rng = world.rng
    order = world.orders[int(rng.integers(len(world.orders)))]
    bins = [bin_id for bin_id in order.bins if rng.random() < 0.8] or list(order.bins)
    if rng.random() < 0.05:
        bins = [*bins, bins[-1] + 1]
    return orders.cancel_limit_order(pool=world.pool, limit_order=order.key, bin_ids=bins, owner=order.owner)


def order_closed(world: World) -> Instruction:
    order = world.orders[int(world.rng.integers(len(world.orders)))]
    return orders.close_limit_order_if_empty(limit_order=order.key, owner=order.owner)


ALWAYS: tuple[tuple[Callable[[World], Instruction], float], ...] = (
    (swaps, 9.0),
    (new_array, 1.5),
    (extension, 0.1),
    (opened, 2.5),
    (ordered, 2.0),
)
WITH_A_POSITION: tuple[tuple[Callable[[World], Instruction], float], ...] = (
    (widened, 1.5),
    (added, 4.0),
    (added_by_strategy, 4.0),
    (removed, 3.0),
    (claimed, 2.0),
    (closed, 1.0),
)
WITH_AN_ORDER: tuple[tuple[Callable[[World], Instruction], float], ...] = ((cancelled, 2.0), (order_closed, 0.7))


def any_instruction(world: World) -> Instruction:
    """Return an instruction with figures that mostly make sense."""
    choices = [*ALWAYS, *(WITH_A_POSITION if world.positions else ()), *(WITH_AN_ORDER if world.orders else ())]
    weights = np.array([weight for _, weight in choices])
    return choices[int(world.rng.choice(len(choices), p=weights / weights.sum()))][0](world)


def spoiled(world: World, instruction: Instruction) -> Instruction:
    """Take one thing from an instruction that it needs, or give it another."""
    rng = world.rng
    metas, data = list(instruction.accounts), bytes(instruction.data)
    place = int(rng.integers(len(metas)))
    meta = metas[place]
    match int(rng.integers(6)):
        case 0:
            metas[place] = AccountMeta(meta.pubkey, False, meta.is_writable)
        case 1:
            metas[place] = AccountMeta(meta.pubkey, meta.is_signer, False)
        case 2 | 3:
            metas[place] = AccountMeta(world.any_address(), meta.is_signer, meta.is_writable)
        case 4:
            metas = metas[:place]
        case _:
            data = data[: int(rng.integers(len(data) + 1))]
    return Instruction(instruction.program_id, data, metas)


def _bounds(world: World, held: PositionAccounts) -> tuple[int, int]:
    """Return a position's bins as they are, or as they were asked for where it is gone."""
    data = world.data(held.position)
    if data:
        return int.from_bytes(data[7912:7916], "little", signed=True), int.from_bytes(
            data[7916:7920], "little", signed=True
        )
    wanted = next(one for one in world.positions if one.key == held.position)
    return wanted.lower, max(wanted.upper, wanted.lower)


def _split(world: World, bins: list[int]) -> dict[int, int]:
    """Split 10,000 basis points at random, now and then not quite."""
    cuts = sorted(int(cut) for cut in world.rng.integers(0, 10_001, len(bins) - 1))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, 10_000], strict=True)]
    if world.rng.random() < 0.05:
        parts[0] += 1
    return dict(zip(bins, parts, strict=True))
