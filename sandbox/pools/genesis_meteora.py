"""A Meteora pool, written account by account as the program's own instructions would leave it."""

import struct

import numpy as np
from solders.pubkey import Pubkey

from dlmm.liquidity import NOTHING, LiquidityFailure, LiquidityState
from dlmm.meteora.layout import LB_PAIR, LB_PAIR_DISCRIMINATOR, POSITION_BINS
from dlmm.meteora.liquidity import deposit
from dlmm.meteora.pdas import (
    PROGRAM_ID,
    bin_array_address,
    bin_array_index,
    oracle_address,
    reserve_address,
)
from dlmm.meteora.positions import new_bin_array, new_position
from sandbox.engine import Engine
from sandbox.pools.depth import bin_amounts
from sandbox.pools.plans import PoolFacts, PoolPlan
from sandbox.pools.planting import PlantingError, finish, pool_tokens, put_data
from sandbox.wallets import keypair_of

_HIGHEST_BIN = 351_639
_PERMISSIONLESS = 3
_LIMIT_ORDERS = 2
_PAIR_VERSION = 1
_ORACLE_DISCRIMINATOR = bytes.fromhex("8bc283b38cb3e5f4")
_ORACLE_OBSERVATIONS = 100
_OBSERVATION_BYTES = 32
_SPARE_ARRAYS = 2
"""Empty bin arrays beyond either end, so that others can deposit there without making any."""


def plant_meteora(engine: Engine, plan: PoolPlan, *, seed: int, time: int) -> PoolFacts:
    """Write a pool with its reserves, oracle, bin arrays and positions.

    :arg time: Unix time at which it all was made.

    :raises PlantingError: The program would not take the plan's liquidity.

    """
    provider = keypair_of(seed, plan.name, "provider").pubkey()
    pair, base_key, bump = _addresses(plan, seed)
    state = LiquidityState(_pair_bytes(plan, pair, base_key, bump, provider), b"", {})
    count = plan.positions * POSITION_BINS
    first = plan.exponent - count // 2
    arrays = range(bin_array_index(first) - _SPARE_ARRAYS, bin_array_index(first + count - 1) + _SPARE_ARRAYS + 1)
    held = {index: new_bin_array(lb_pair=bytes(pair), index=index, bin_step=plan.bin_step) for index in arrays}
    generator = np.random.default_rng([seed, *plan.name.encode()])
    amounts = bin_amounts(plan, lower=first, count=count, generator=generator)
    tokens, total = pool_tokens(plan), NOTHING
    for number in range(plan.positions):
        lower = first + number * POSITION_BINS
        upper = lower + POSITION_BINS - 1
        position = new_position(
            lb_pair=bytes(pair), owner=bytes(provider), lower_bin_id=lower, width=POSITION_BINS, time=time
        )
        if isinstance(position, LiquidityFailure):
            raise PlantingError(plan.name, position)
        near = {index: held[index] for index in range(bin_array_index(lower), bin_array_index(upper) + 1)}
        wanted = list(zip(range(lower, upper + 1), amounts[lower - first : upper + 1 - first], strict=True))
        change = deposit(LiquidityState(state.pair, position, near), wanted, tokens=tokens, time=time)
        if isinstance(change, LiquidityFailure):
            raise PlantingError(plan.name, change)
        state, total = change.after, total + change.vault
        held |= change.after.bin_arrays
        key = keypair_of(seed, plan.name, "position", str(number)).pubkey()
        put_data(engine, key, change.after.position, PROGRAM_ID)
    put_data(engine, pair, state.pair, PROGRAM_ID)
    for index, data in held.items():
        put_data(engine, bin_array_address(pair, index), data, PROGRAM_ID)
    put_data(engine, oracle_address(pair), _oracle_bytes(), PROGRAM_ID)
    vaults = (reserve_address(pair, plan.token_x.mint), reserve_address(pair, plan.token_y.mint))
    return finish(engine, plan, pair, program=PROGRAM_ID, vaults=vaults, total=total, provider=provider)


def _addresses(plan: PoolPlan, seed: int) -> tuple[Pubkey, Pubkey, int]:
    """Return the pair's address, the preset it is derived from, and the bump of its address."""
    number = int.from_bytes(bytes(keypair_of(seed, plan.name, "preset").pubkey())[:2], "little")
    base_key, _ = Pubkey.find_program_address([b"preset_parameter2", struct.pack("<H", number)], PROGRAM_ID)
    low, high = sorted((bytes(plan.token_x.mint), bytes(plan.token_y.mint)))
    pair, bump = Pubkey.find_program_address([bytes(base_key), low, high], PROGRAM_ID)
    return pair, base_key, bump


def _pair_bytes(plan: PoolPlan, pair: Pubkey, base_key: Pubkey, bump: int, creator: Pubkey) -> bytes:
    rows = np.zeros(1, LB_PAIR)
    rows["discriminator"] = np.frombuffer(LB_PAIR_DISCRIMINATOR, np.uint8)
    for name in (
        "base_factor",
        "filter_period",
        "decay_period",
        "reduction_factor",
        "variable_fee_control",
        "max_volatility_accumulator",
        "protocol_share",
    ):
        rows[name] = getattr(plan.fees, name)
    rows["max_bin_id"] = _HIGHEST_BIN // plan.bin_step
    rows["min_bin_id"] = -(_HIGHEST_BIN // plan.bin_step)
    rows["function_type"], rows["pair_type"], rows["version"] = _LIMIT_ORDERS, _PERMISSIONLESS, _PAIR_VERSION
    rows["bump_seed"] = bump
    rows["bin_step"] = rows["bin_step_seed"] = plan.bin_step
    rows["base_factor_seed"] = plan.fees.base_factor
    rows["active_id"] = plan.exponent
    mint_x, mint_y = plan.token_x.mint, plan.token_y.mint
    for name, key in (
        ("mint_x", mint_x),
        ("mint_y", mint_y),
        ("reserve_x", reserve_address(pair, mint_x)),
        ("reserve_y", reserve_address(pair, mint_y)),
        ("oracle", oracle_address(pair)),
        ("base_key", base_key),
        ("creator", creator),
    ):
        rows[name] = np.frombuffer(bytes(key), np.uint8)
    return rows.tobytes()


def _oracle_bytes() -> bytes:
    head = struct.pack("<QQQ", 0, 0, _ORACLE_OBSERVATIONS)
    return _ORACLE_DISCRIMINATOR + head + bytes(_ORACLE_OBSERVATIONS * _OBSERVATION_BYTES)
