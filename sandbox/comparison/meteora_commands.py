"""Random life of positions, bin arrays and limit orders on Meteora."""

from functools import partial

from solders.instruction import Instruction
from solders.keypair import Keypair

from dlmm.liquidity import BASIS_POINTS
from dlmm.meteora.instructions import liquidity, orders, position
from dlmm.meteora.instructions.liquidity import BinShare, PositionAccounts, Strategy, StrategyDeposit
from dlmm.meteora.pdas import bin_array_index, position_address
from dlmm.records import Venue
from dlmm.shapes import Shape, apportion, weights
from sandbox.comparison.world import Command, HeldOrder, HeldPosition, World
from sandbox.market.pool_access import MeteoraAccess

_MOST_ARRAYS = 3


def open_position(world: World) -> Command:
    """Draw the opening of a position, by a fresh key or by a derived address, now and then of an impossible width."""
    place, pool_access = world.meteora()
    number = world.wallet()
    owner = world.wallets[number]
    width = world.pick([0, 71, -1]) if world.happens(0.06) else world.between(1, 70)
    lower = pool_access.read().active_id - world.between(-5, max(width, 1) + 5)
    pair = pool_access.facts.address
    form = world.between(0, 3)
    key = world.fresh("position")
    if world.happens(0.05):  # a position that stands already: opening it again does nothing
        again = world.position_of(Venue.METEORA)
        if again is not None and again.pool == place:
            lower = again.lower_bin_id
    address = key.pubkey()
    if form == 0:
        address = position_address(pair, key.pubkey(), lower, width)
        opening = position.initialize_position_pda(
            lb_pair=pair, base=key.pubkey(), lower_bin_id=lower, width=width, owner=owner.pubkey()
        )
    else:
        build = position.initialize_position if form == 1 else position.initialize_position2
        opening = build(lb_pair=pair, position=address, lower_bin_id=lower, width=width, owner=owner.pubkey())
    held = HeldPosition(place, number, address, lower, width)
    landed = partial(world.positions.append, held)
    return Command("meteora open", [opening], [owner, key], landed=landed)


def make_array(world: World) -> Command:
    """Draw the making of a bin array, which may stand already, or of the bitmap extension."""
    _, pool_access = world.meteora()
    payer = world.wallets[world.wallet()]
    pair = pool_access.facts.address
    if world.happens(0.05):
        made = position.initialize_bitmap_extension(lb_pair=pair, funder=payer.pubkey())
        return Command("meteora bin array", [made], [payer])
    index = bin_array_index(pool_access.read().active_id) + world.between(-30, 30)
    if world.happens(0.1):
        index = world.pick([-1300, 512, -513, 1256, 600])
    made = position.initialize_bin_array(lb_pair=pair, index=index, funder=payer.pubkey())
    return Command("meteora bin array", [made], [payer])


def widen(world: World) -> Command:
    """Draw the widening of a position to either side."""
    held = world.position_of(Venue.METEORA)
    if held is None:
        return open_position(world)
    owner = world.wallets[held.owner]
    pool_access = _access(world, held)
    length = world.pick([0, 1, 5, 40, 91, 92, 140])
    side = world.pick(list(position.Side))
    common = {"lb_pair": pool_access.facts.address, "position": held.key, "owner": owner.pubkey()}
    if world.happens(0.3):
        upper = held.lower_bin_id + held.width - 1 + length
        wider = position.increase_position_length2(minimum_upper_bin_id=upper, **common)
        side = position.Side.UPPER
    else:
        wider = position.increase_position_length(length_to_add=length, side=side, **common)
    lower = held.lower_bin_id - (length if side is position.Side.LOWER else 0)
    after = HeldPosition(held.pool, held.owner, held.key, lower, held.width + length)
    return Command("meteora widen", [wider], [owner], landed=partial(_replace, world, held, after))


def add(world: World) -> Command:
    """Draw a deposit, by shares for each bin or by a strategy."""
    held = world.position_of(Venue.METEORA)
    if held is None:
        return open_position(world)
    owner, accounts = _accounts(world, held)
    facts = world.pools[held.pool].facts
    amount_x, amount_y = world.amounts(facts, world.value(0.5, 20_000.0))
    if world.happens(0.15):
        amount_x, amount_y = world.pick([(0, amount_y), (amount_x, 0), (0, 0), (10**17, 10**17)])
    active_id = world.pools[held.pool].read().active_id
    lower, upper = _span(world, held)
    form = world.between(0, 3)
    if not lower <= active_id <= upper and world.happens(0.8):
        form = world.between(2, 3)  # what lies on one side alone goes by strategy
    if form < 2:
        shares = _shares(world, lower, upper, active_id)
        adding = liquidity.add_liquidity2(accounts, amount_x=amount_x, amount_y=amount_y, shares=shares)
    else:
        seen, slippage = active_id + world.pick([0, 0, 0, 2, -3]), world.pick([0, 1, 3, 10])
        strategy = world.pick(list(Strategy)[3:])
        deposit = StrategyDeposit(amount_x, amount_y, seen, slippage, lower, upper, strategy)
        if form == 2:
            adding = liquidity.add_liquidity_by_strategy2(accounts, deposit)
        else:
            adding = liquidity.add_liquidity_by_strategy(accounts, deposit, lower_bin_id=held.lower_bin_id)
    return Command("meteora add", [adding], [owner])


def remove(world: World) -> Command:
    """Draw a withdrawal, of all or of a part, in either form."""
    held = world.position_of(Venue.METEORA)
    if held is None:
        return open_position(world)
    owner, _ = _accounts(world, held)
    return Command(
        "meteora remove", [_removal(world, held, world.pick([1, 100, 5_000, 10_000, 10_000, 0, 10_001]))], [owner]
    )


def claim(world: World) -> Command:
    """Draw a claim of fees, in either form."""
    held = world.position_of(Venue.METEORA)
    if held is None:
        return open_position(world)
    owner, _ = _accounts(world, held)
    return Command("meteora claim", [_claim(world, held)], [owner])


def close(world: World) -> Command:
    """Draw a closing, mostly after all was withdrawn and claimed in the same transaction."""
    held = world.position_of(Venue.METEORA)
    if held is None:
        return open_position(world)
    owner, accounts = _accounts(world, held)
    whole = (held.lower_bin_id, held.lower_bin_id + held.width - 1)
    instructions: list[Instruction] = []
    if world.happens(0.75):
        instructions = [
            liquidity.remove_liquidity_by_range2(
                accounts, from_bin_id=whole[0], to_bin_id=whole[1], bps_to_remove=BASIS_POINTS
            ),
            liquidity.claim_fee2(accounts, min_bin_id=whole[0], max_bin_id=whole[1]),
        ]
    receiver = world.pick([None, world.wallets[1].pubkey()])
    match world.between(0, 3):
        case 0:
            last = position.close_position_if_empty(position=held.key, owner=owner.pubkey(), rent_receiver=receiver)
        case 1:
            last = position.close_position(
                pool=accounts.pool,
                position=held.key,
                lower_bin_id=held.lower_bin_id,
                owner=owner.pubkey(),
                rent_receiver=receiver,
            )
        case _:
            last = position.close_position2(position=held.key, owner=owner.pubkey(), rent_receiver=receiver)
    return Command("meteora close", [*instructions, last], [owner], landed=partial(_forget_closed, world, held))


def order(world: World) -> Command:
    """Draw a limit order placed, cancelled or closed."""
    if world.orders and world.happens(0.6):
        return _settle_order(world, world.pick(world.orders))
    place, pool_access = world.meteora()
    number = world.wallet()
    owner, key = world.wallets[number], world.fresh("order")
    active_id, is_ask = pool_access.read().active_id, world.happens(0.5)
    first = active_id + (world.between(0, 12) if is_ask else -world.between(0, 12))
    bin_ids = tuple(sorted({first + (step if is_ask else -step) for step in range(world.between(1, 6))}))
    amounts = [world.amounts(pool_access.facts, world.value(1.0, 2_000.0))[not is_ask] for _ in bin_ids]
    placing = orders.place_limit_order(
        pool=pool_access.keys,
        limit_order=key.pubkey(),
        is_ask=is_ask,
        bins=[orders.OrderBin(bin_id, amount) for bin_id, amount in zip(bin_ids, amounts, strict=True)],
        owner=owner.pubkey(),
    )
    held = HeldOrder(place, number, key.pubkey(), bin_ids)
    return Command("meteora order", [placing], [owner, key], landed=partial(world.orders.append, held))


def _settle_order(world: World, held: HeldOrder) -> Command:
    owner, pool_access = world.wallets[held.owner], world.pools[held.pool]
    assert isinstance(pool_access, MeteoraAccess)
    closing = orders.close_limit_order_if_empty(limit_order=held.key, owner=owner.pubkey())
    bin_ids = held.bin_ids if world.happens(0.7) else held.bin_ids[: world.between(1, len(held.bin_ids))]
    cancelling = orders.cancel_limit_order(
        pool=pool_access.keys, limit_order=held.key, bin_ids=bin_ids, owner=owner.pubkey()
    )
    instructions = world.pick([[cancelling], [cancelling, closing], [closing]])
    return Command("meteora order", instructions, [owner], landed=partial(_forget_order, world, held))


def _access(world: World, held: HeldPosition) -> MeteoraAccess:
    pool_access = world.pools[held.pool]
    assert isinstance(pool_access, MeteoraAccess)
    return pool_access


def _accounts(world: World, held: HeldPosition) -> tuple[Keypair, PositionAccounts]:
    owner = world.wallets[held.owner]
    return owner, PositionAccounts(_access(world, held).keys, held.key, owner.pubkey())


def _span(world: World, held: HeldPosition) -> tuple[int, int]:
    """Choose a range of the position's bins, mostly all of them."""
    lower, upper = held.lower_bin_id, held.lower_bin_id + max(held.width, 1) - 1
    if world.happens(0.6):
        return lower, min(upper, lower + _MOST_ARRAYS * 70 - 71)
    first = world.between(lower, upper)
    beyond = 3 if world.happens(0.05) else 0
    return first, world.between(first, min(upper, first + 69)) + beyond


def _shares(world: World, lower: int, upper: int, active_id: int) -> list[BinShare]:
    above, below = range(max(lower, active_id), upper + 1), range(lower, min(upper, active_id) + 1)
    shape = world.pick(list(Shape))
    x = dict(zip(above, apportion(BASIS_POINTS, weights(shape, len(above))) if above else [], strict=True))
    y = dict(zip(reversed(below), apportion(BASIS_POINTS, weights(shape, len(below))) if below else [], strict=True))
    if world.happens(0.05):
        x[upper] = x.get(upper, 0) + world.pick([1, -x.get(upper, 0)])
    shares = [BinShare(bin_id, x.get(bin_id, 0), y.get(bin_id, 0)) for bin_id in range(lower, upper + 1)]
    # the program wants both sides to sum to all of it, so a range on one side needs the other side's share somewhere
    if not above or not below:
        middle = world.between(0, len(shares) - 1)
        row = shares[middle]
        x_bps, y_bps = (
            row.share_x_bps + (0 if above else BASIS_POINTS),
            row.share_y_bps + (0 if below else BASIS_POINTS),
        )
        shares[middle] = BinShare(row.bin_id, x_bps, y_bps)
    return shares


def _removal(world: World, held: HeldPosition, bps: int) -> Instruction:
    _, accounts = _accounts(world, held)
    lower, upper = _span(world, held)
    if world.happens(0.3):
        return liquidity.remove_liquidity_by_range(
            accounts, from_bin_id=lower, to_bin_id=upper, bps_to_remove=bps, lower_bin_id=held.lower_bin_id
        )
    return liquidity.remove_liquidity_by_range2(accounts, from_bin_id=lower, to_bin_id=upper, bps_to_remove=bps)


def _claim(world: World, held: HeldPosition) -> Instruction:
    _, accounts = _accounts(world, held)
    if world.happens(0.3):
        return liquidity.claim_fee(accounts, lower_bin_id=held.lower_bin_id)
    lower, upper = _span(world, held)
    return liquidity.claim_fee2(accounts, min_bin_id=lower, max_bin_id=upper)


def _replace(world: World, old: HeldPosition, new: HeldPosition) -> None:
    world.positions[world.positions.index(old)] = new


def _forget_closed(world: World, held: HeldPosition) -> None:
    if world.reference.get(held.key) is None:
        world.positions.remove(held)


def _forget_order(world: World, held: HeldOrder) -> None:
    if world.reference.get(held.key) is None:
        world.orders.remove(held)
