"""Random life of positions and bin arrays on Saros."""

from functools import partial

from solders.keypair import Keypair

from dlmm.liquidity import BASIS_POINTS
from dlmm.records import Venue
from dlmm.saros import instructions
from dlmm.saros.instructions import LiquidityShare, PositionAccounts
from dlmm.saros.layout import POSITION_DISCRIMINATOR
from dlmm.saros.liquidity import position_shares
from dlmm.saros.pdas import bin_array_index, position_address, swap_arrays
from dlmm.shapes import Shape, apportion, weights
from sandbox.comparison.world import Command, HeldPosition, World
from sandbox.market.pool_access import SarosAccess


def open_position(world: World) -> Command:
    """Draw the opening of a position about the active bin, now and then of an impossible width."""
    place, pool_access = world.saros()
    number = world.wallet()
    owner, mint = world.wallets[number], world.fresh("position")
    width = world.pick([0, 1, 65, 70]) if world.happens(0.06) else world.between(2, 64)
    left = -world.between(-4, width + 4)
    active_id = pool_access.read().active_id
    opening = instructions.create_position(
        keys=pool_access.keys,
        position_mint=mint.pubkey(),
        relative_bin_id_left=left,
        relative_bin_id_right=left + width - 1,
        user=owner.pubkey(),
    )
    held = HeldPosition(place, number, mint.pubkey(), active_id + left, width)
    return Command("saros open", [opening], [owner, mint], landed=partial(world.positions.append, held))


def make_array(world: World) -> Command:
    """Draw the making of a bin array, which may stand already."""
    _, pool_access = world.saros()
    payer = world.wallets[world.wallet()]
    index = bin_array_index(pool_access.read().active_id) + world.between(-20, 20)
    if world.happens(0.1):
        index = world.pick([0, 65_535, 65_536, (1 << 32) - 1])
    made = instructions.initialize_bin_array(keys=pool_access.keys, index=index, user=payer.pubkey())
    return Command("saros bin array", [made], [payer])


def add(world: World) -> Command:
    """Draw a deposit over a part of a position's bins."""
    held = world.position_of(Venue.SAROS)
    if held is None:
        return open_position(world)
    owner, accounts = _accounts(world, held)
    amount_x, amount_y = world.amounts(world.pools[held.pool].facts, world.value(0.5, 20_000.0))
    if world.happens(0.15):
        amount_x, amount_y = world.pick([(0, amount_y), (amount_x, 0), (0, 0), (10**17, 10**17)])
    adding = instructions.increase_position(accounts, amount_x=amount_x, amount_y=amount_y, shares=_shares(world, held))
    return Command("saros add", [adding], [owner])


def remove(world: World) -> Command:
    """Draw a withdrawal of a part of each bin, or of some bins, now and then of more than there is."""
    held = world.position_of(Venue.SAROS)
    if held is None:
        return open_position(world)
    owner, accounts = _accounts(world, held)
    data = world.data(position_address(held.key))
    mine = position_shares(data) if data[:8] == POSITION_DISCRIMINATOR else [0] * held.width
    bps = world.pick([1, 5_000, 10_000])
    shares = [share * bps // BASIS_POINTS if world.happens(0.8) else 0 for share in mine]
    if world.happens(0.05):
        shares = world.pick([shares[:-1], [*shares, 0], [share + 1 for share in mine]])
    removing = instructions.decrease_position(accounts, shares=shares)
    return Command("saros remove", [removing], [owner])


def close(world: World) -> Command:
    """Draw a closing, which withdraws what is left."""
    held = world.position_of(Venue.SAROS)
    if held is None:
        return open_position(world)
    owner, accounts = _accounts(world, held)
    closing = instructions.close_position(accounts, user_is_writable=world.happens(0.9))
    return Command("saros close", [closing], [owner], landed=partial(_forget_closed, world, held))


def _accounts(world: World, held: HeldPosition) -> tuple[Keypair, PositionAccounts]:
    owner, pool_access = world.wallets[held.owner], world.pools[held.pool]
    assert isinstance(pool_access, SarosAccess)
    keys = pool_access.keys
    arrays = swap_arrays(pool_access.read().active_id)
    accounts = PositionAccounts(keys, owner.pubkey(), held.key, held.lower_bin_id, arrays)
    if world.happens(0.05):
        lower = bin_array_index(held.lower_bin_id)
        wrong = world.pick([(lower + 1, lower), (lower, lower), (lower + 1, lower + 2), (lower - 1, lower)])
        accounts = PositionAccounts(keys, owner.pubkey(), held.key, held.lower_bin_id, arrays, bin_arrays=wrong)
    return owner, accounts


def _shares(world: World, held: HeldPosition) -> list[LiquidityShare]:
    """Spread a deposit over bins of the position that are on the right side of the active one."""
    active_id = world.pools[held.pool].read().active_id
    first = held.lower_bin_id - active_id
    last = first + held.width - 1
    if world.happens(0.5):
        first, last = sorted((world.between(first, last), world.between(first, last)))
    if world.happens(0.04):
        last += world.pick([1, 5])
    above, below = range(max(first, 0), last + 1), range(first, min(last, 0) + 1)
    shape = world.pick(list(Shape))
    total = BASIS_POINTS if world.happens(0.9) else world.pick([5_000, 12_000])
    x = dict(zip(above, apportion(total, weights(shape, len(above))) if above else [], strict=True))
    y = dict(zip(reversed(below), apportion(total, weights(shape, len(below))) if below else [], strict=True))
    if world.happens(0.04) and first < 0:
        x[first] = 100
    return [LiquidityShare(place, x.get(place, 0), y.get(place, 0)) for place in range(first, last + 1)]


def _forget_closed(world: World, held: HeldPosition) -> None:
    if world.reference.get(position_address(held.key)) is None:
        world.positions.remove(held)
