"""A Saros pair, written account by account as the program's own instructions would leave it."""

import struct

import numpy as np
from solders.pubkey import Pubkey

from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts, LiquidityFailure, LiquidityState
from dlmm.programs import TOKEN_2022_PROGRAM, associated_token_account
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    MAX_POSITION_BINS,
    MIDDLE_BIN_ID,
    PAIR,
    PAIR_DISCRIMINATOR,
)
from dlmm.saros.liquidity import create_position, increase_position
from dlmm.saros.pdas import PROGRAM, bin_array_address, bin_array_index, position_address
from dlmm.shapes import apportion
from sandbox.engine import Engine
from sandbox.pools.depth import bin_amounts
from sandbox.pools.plans import PoolFacts, PoolPlan
from sandbox.pools.planting import PlantingError, finish, pool_tokens, put_data
from sandbox.wallets import keypair_of, token_account_bytes

_METADATA = (
    "Saros Liquidity Position",
    "SLP",
    "https://general-inventory.coin98.tech/file/saros-liquidity-position-metadata.json",
)
_METADATA_POINTER, _TOKEN_METADATA = 18, 19
_MINT_KIND = b"\x01"
_HOLDER_EXTENSIONS = b"\x02" + struct.pack("<HH", 7, 0)


def plant_saros(engine: Engine, plan: PoolPlan, *, seed: int) -> PoolFacts:
    """Write a pair with its vaults, bin arrays and positions, each with the token that stands for it.

    :raises PlantingError: The program would not take the plan's liquidity.

    """
    provider = keypair_of(seed, plan.name, "provider").pubkey()
    config = keypair_of(seed, plan.name, "config").pubkey()
    mint_x, mint_y = plan.token_x.mint, plan.token_y.mint
    seeds = [b"pair", bytes(config), bytes(mint_x), bytes(mint_y), bytes([plan.bin_step])]
    pair, bump = Pubkey.find_program_address(seeds, PROGRAM)
    active_id = MIDDLE_BIN_ID + plan.exponent
    count = plan.positions * MAX_POSITION_BINS
    first = active_id - count // 2
    state = LiquidityState(_pair_bytes(plan, config, bump, active_id), b"", {})
    # a swap and a position take two neighbouring arrays, so one more stands beyond either end
    arrays = range(bin_array_index(first) - 1, bin_array_index(first + count - 1) + 2)
    held = {index: _array_bytes(pair, index) for index in arrays}
    generator = np.random.default_rng([seed, *plan.name.encode()])
    amounts = bin_amounts(plan, lower=first - MIDDLE_BIN_ID, count=count, generator=generator)
    tokens, total = pool_tokens(plan), NOTHING
    for number in range(plan.positions):
        mint = keypair_of(seed, plan.name, "position", str(number)).pubkey()
        lower = first + number * MAX_POSITION_BINS - active_id
        position = create_position(
            pair_address=bytes(pair),
            pair=state.pair,
            position_mint=bytes(mint),
            relative_bin_id_left=lower,
            relative_bin_id_right=lower + MAX_POSITION_BINS - 1,
        )
        if isinstance(position, LiquidityFailure):
            raise PlantingError(plan.name, position)
        lowest = bin_array_index(active_id + lower)
        near = {index: held[index] for index in (lowest, lowest + 1)}
        mine = amounts[number * MAX_POSITION_BINS : (number + 1) * MAX_POSITION_BINS]
        given = sum(mine, NOTHING)
        change = increase_position(
            LiquidityState(state.pair, position, near),
            amount_x=given.x,
            amount_y=given.y,
            shares=_shares(lower, mine),
            tokens=tokens,
        )
        if isinstance(change, LiquidityFailure):
            raise PlantingError(plan.name, change)
        state, total = change.after, total + change.vault
        held |= change.after.bin_arrays
        address = position_address(mint)
        put_data(engine, address, change.after.position, PROGRAM)
        _put_token_of_position(engine, mint, address, provider)
    put_data(engine, pair, state.pair, PROGRAM)
    for index, data in held.items():
        put_data(engine, bin_array_address(pair, index), data, PROGRAM)
    vaults = (associated_token_account(pair, mint_x), associated_token_account(pair, mint_y))
    return finish(engine, plan, pair, program=PROGRAM, vaults=vaults, total=total, provider=provider)


def position_mint_bytes(mint: Pubkey, position: Pubkey) -> bytes:
    """Return the bytes of the mint that stands for a position: one unit, nobody to mint more, and a name on it."""
    texts = b"".join(struct.pack("<I", len(text)) + text.encode() for text in _METADATA)
    metadata = bytes(position) + bytes(mint) + texts + struct.pack("<I", 0)
    head = bytes(36) + struct.pack("<QBB", 1, 0, 1) + bytes(36) + bytes(83)
    pointer = struct.pack("<HH", _METADATA_POINTER, 64) + bytes(position) + bytes(mint)
    return head + _MINT_KIND + pointer + struct.pack("<HH", _TOKEN_METADATA, len(metadata)) + metadata


def _put_token_of_position(engine: Engine, mint: Pubkey, position: Pubkey, owner: Pubkey) -> None:
    put_data(engine, mint, position_mint_bytes(mint, position), TOKEN_2022_PROGRAM)
    holder = associated_token_account(owner, mint, TOKEN_2022_PROGRAM)
    put_data(engine, holder, token_account_bytes(mint, owner, 1) + _HOLDER_EXTENSIONS, TOKEN_2022_PROGRAM)


def _shares(lower: int, amounts: list[Amounts]) -> list[LiquidityShare]:
    """Turn amounts into basis points of their sums, for the bins from a distance to the active one on."""
    x, y = (
        apportion(BASIS_POINTS, side) if any(side) else [0] * len(side)
        for side in ([amount.x for amount in amounts], [amount.y for amount in amounts])
    )
    return [LiquidityShare(relative, *bps) for relative, bps in enumerate(zip(x, y, strict=True), lower)]


def _pair_bytes(plan: PoolPlan, config: Pubkey, bump: int, active_id: int) -> bytes:
    rows = np.zeros(1, PAIR)
    rows["discriminator"] = np.frombuffer(PAIR_DISCRIMINATOR, np.uint8)
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
    rows["bump"] = bump
    rows["bin_step"] = rows["bin_step_seed"] = plan.bin_step
    rows["active_id"] = rows["index_reference"] = active_id
    for name, key in (("config", config), ("mint_x", plan.token_x.mint), ("mint_y", plan.token_y.mint)):
        rows[name] = np.frombuffer(bytes(key), np.uint8)
    return rows.tobytes()


def _array_bytes(pair: Pubkey, index: int) -> bytes:
    rows = np.zeros(1, BIN_ARRAY)
    rows["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
    rows["pair"] = np.frombuffer(bytes(pair), np.uint8)
    rows["index"] = index
    return rows.tobytes()
