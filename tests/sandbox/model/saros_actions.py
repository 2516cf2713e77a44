"""Random instructions about a world's pools, most of them good, and ways to spoil one."""

from collections.abc import Callable

import numpy as np
from solders.instruction import AccountMeta, Instruction

from dlmm.saros import instructions
from dlmm.saros.instructions import LiquidityShare, PositionAccounts, SwapAccounts
from dlmm.saros.layout import POSITION
from dlmm.saros.liquidity import position_shares
from dlmm.saros.pdas import PROGRAM, position_address, swap_arrays
from tests.sandbox.model.saros_world import Pool, Position, World

MAX_U64 = (1 << 64) - 1


def log_uniform(rng: np.random.Generator, low: float, high: float) -> int:
    return int(np.exp(rng.uniform(np.log(low), np.log(high))))


def active_id(world: World, pool: Pool) -> int:
    return int.from_bytes(world.data(pool.keys.pair)[127:131], "little")


def initialize_array(world: World) -> Instruction:
    pool = world.any_pool()
    index = active_id(world, pool) // 256 + int(world.rng.integers(-4, 5))
    if world.rng.random() < 0.1:
        index = int(world.rng.integers(0, 1 << 32))
    return instructions.initialize_bin_array(keys=pool.keys, index=index, user=world.any_wallet())


def create(world: World) -> Instruction:
    pool, rng = world.any_pool(), world.rng
    left = int(rng.integers(-100, 80))
    right = left + int(rng.choice([0, 1, 2, 10, 30, 62, 63, 63, 63, 64, -3]))
    if rng.random() < 0.5:
        left, right = -int(rng.integers(1, 31)), int(rng.integers(1, 32))
    if rng.random() < 0.03:
        left, right = -9_000_000, -8_999_990
    return instructions.create_position(
        keys=pool.keys,
        position_mint=world.address(),
        relative_bin_id_left=left,
        relative_bin_id_right=right,
        user=world.any_wallet(),
    )


def position_accounts(world: World, position: Position) -> PositionAccounts:
    active = active_id(world, position.pool)
    lower = position.lower // 256
    arrays = None
    if world.rng.random() < 0.3 and (position.lower + position.width - 1) // 256 == lower:
        arrays = (lower - 1, lower)
    if world.rng.random() < 0.05:
        shift = int(world.rng.integers(-2, 3))
        arrays = (lower + shift, lower + shift + int(world.rng.integers(-1, 3)))
    return PositionAccounts(
        keys=position.pool.keys,
        user=position.owner,
        position_mint=position.mint,
        lower_bin_id=position.lower,
        active_arrays=swap_arrays(active),
        bin_arrays=arrays,
    )


def increase(world: World) -> Instruction:
    position, rng = world.any_position(), world.rng
    active = active_id(world, position.pool)
    bins = list(range(position.lower, position.lower + position.width))
    if rng.random() < 0.6:
        bins = bins[: int(rng.integers(1, len(bins) + 1))]
    if rng.random() < 0.1:
        bins = [active] if rng.random() < 0.7 else [bin_id - 3 for bin_id in bins]
    if rng.random() < 0.05:
        bins = [active, *bins[:3], active]
    shares = []
    most = int(rng.choice([100, 1000, 10_000 // max(len(bins), 1)]))
    for bin_id in bins:
        x, y = (int(rng.integers(0, most + 1)) for _ in range(2))
        if rng.random() > 0.004:
            x, y = (0 if bin_id < active else x), (0 if bin_id > active else y)
        shares.append(LiquidityShare(bin_id - active, x, y))
    amounts = [0 if rng.random() < 0.1 else log_uniform(rng, 1, 1e15) for _ in range(2)]
    if rng.random() < 0.05:
        amounts[int(rng.integers(2))] = (MAX_U64, 10**18, 1 << 63)[int(rng.integers(3))]
        if rng.random() < 0.3:
            shares = [
                LiquidityShare(share.relative_bin_id, share.share_x_bps * 5, share.share_y_bps) for share in shares
            ]
    return instructions.increase_position(
        position_accounts(world, position), amount_x=amounts[0], amount_y=amounts[1], shares=shares
    )


def decrease(world: World) -> Instruction:
    position, rng = world.any_position(), world.rng
    held = position_shares(world.data(position_address(position.mint)))
    part = rng.choice([0.0, 0.001, 0.1, 0.5, 1.0])
    shares = [int(share * part) if part < 1 else share for share in held]
    for place in range(len(shares)):
        if rng.random() < 0.02:
            shares[place] = int(
                rng.choice([1, 2, 1000]) if rng.random() < 0.6 else shares[place] * int(rng.choice([1, 2, 3, 50]))
            ) + int(rng.random() < 0.3)
        if rng.random() < 0.004:
            shares[place] = 1 << int(rng.integers(60, 128))
    if rng.random() < 0.05:
        shares = shares[:-1] if rng.random() < 0.5 else [*shares, 0]
    return instructions.decrease_position(position_accounts(world, position), shares=shares)


def close(world: World) -> Instruction:
    return instructions.close_position(
        position_accounts(world, world.any_position()), user_is_writable=world.rng.random() > 0.05
    )


def swap(world: World) -> Instruction:
    pool, rng = world.any_pool(), world.rng
    active = active_id(world, pool)
    lower, upper = swap_arrays(active)
    if rng.random() < 0.25:
        lower, upper = (active // 256, active // 256 + 1) if rng.random() < 0.5 else (active // 256 - 1, active // 256)
    if rng.random() < 0.08:
        lower, upper = lower + int(rng.integers(-2, 3)), upper + int(rng.integers(-2, 3))
    for_y = bool(rng.random() < 0.5)
    accounts = SwapAccounts(pool.keys, world.any_wallet(), for_y, (lower, upper))
    amount = 0 if rng.random() < 0.02 else log_uniform(rng, 1, 1e14)
    if rng.random() < 0.02:
        amount = (MAX_U64, 1 << 62)[int(rng.integers(2))]
    if rng.random() < 0.6:
        threshold = 0 if rng.random() < 0.8 else log_uniform(rng, 1, 1e14)
        return instructions.swap_exact_in(accounts, amount_in=amount, min_amount_out=threshold)
    threshold = MAX_U64 if rng.random() < 0.8 else log_uniform(rng, 1, 1e14)
    return instructions.swap_exact_out(accounts, amount_out=amount, max_amount_in=threshold)


KINDS: dict[str, tuple[float, Callable[[World], Instruction]]] = {
    "swap": (0.45, swap),
    "increase_position": (0.2, increase),
    "decrease_position": (0.12, decrease),
    "close_position": (0.05, close),
    "create_position": (0.12, create),
    "initialize_bin_array": (0.06, initialize_array),
}


def opening(world: World) -> list[tuple[str, Instruction]]:
    """Return what gives every pool bin arrays, and positions about its active bin."""
    steps = []
    for pool in world.pools:
        for distance in range(-2, 3):
            index = pool.start // 256 + distance
            steps.append(
                (
                    "initialize_bin_array",
                    instructions.initialize_bin_array(keys=pool.keys, index=index, user=world.any_wallet()),
                )
            )
        for left in (-95, -31, 33, -20):
            created = instructions.create_position(
                keys=pool.keys,
                position_mint=world.address(),
                relative_bin_id_left=left,
                relative_bin_id_right=left + 63,
                user=world.any_wallet(),
            )
            steps.append(("create_position", created))
    return steps


def draw(world: World) -> tuple[str, Instruction]:
    """Draw an instruction that the world has something for."""
    names = list(KINDS)
    weights = [KINDS[name][0] for name in names]
    if not world.positions:
        weights = [
            0.0 if "crease" in name or "close" in name else weight for name, weight in zip(names, weights, strict=True)
        ]
    name = str(world.rng.choice(names, p=np.array(weights) / sum(weights)))
    return name, KINDS[name][1](world)


def spoil(world: World, instruction: Instruction) -> Instruction:
    """Spoil one or two accounts, or the data."""
    rng, metas, data = world.rng, list(instruction.accounts), bytes(instruction.data)
    way = rng.random()
    if way < 0.06:
        return Instruction(PROGRAM, data[: int(rng.integers(0, len(data)))], metas)
    if way < 0.09:
        return Instruction(PROGRAM, data + bytes(3), metas)
    if way < 0.12:
        return Instruction(PROGRAM, bytes([*data[:-1], 2]), metas)
    if way < 0.2:
        return Instruction(PROGRAM, data, metas[: int(rng.integers(0, len(metas)))])
    for _ in range(int(rng.integers(1, 3))):
        place = int(rng.integers(len(metas)))
        meta = metas[place]
        how = rng.random()
        if how < 0.25:
            metas[place] = AccountMeta(meta.pubkey, meta.is_signer, False)
        elif how < 0.4:
            metas[place] = AccountMeta(meta.pubkey, False, meta.is_writable)
        else:
            key = world.any_wallet() if meta.is_signer else world.any_address()
            metas[place] = AccountMeta(key, meta.is_signer, meta.is_writable)
    return Instruction(PROGRAM, data, metas)


def follow(world: World, name: str, instruction: Instruction) -> None:
    """Keep the list of positions after an instruction that succeeded."""
    if name == "create_position":
        mint, owner = instruction.accounts[2].pubkey, instruction.accounts[4].pubkey
        row = np.frombuffer(world.data(position_address(mint)), POSITION)[0]
        lower, upper = int(row["lower_bin_id"]), int(row["upper_bin_id"])
        pool = next(pool for pool in world.pools if pool.keys.pair == instruction.accounts[0].pubkey)
        world.positions.append(Position(pool, owner, mint, lower, upper - lower + 1))
    if name == "close_position":
        gone = instruction.accounts[2].pubkey
        world.positions = [position for position in world.positions if position.mint != gone]
