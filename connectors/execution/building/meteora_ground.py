"""What every step about positions on Meteora stands on: the pool's keys, its bin arrays, and the bitmap's extension."""

import numpy as np
from msgspec import structs
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building import liquidity_units as units
from connectors.execution.building.liquidity import Tokens
from connectors.execution.building.pool_accounts import PoolAccounts, meteora_keys
from connectors.execution.building.positions import KeySource, Placed
from dlmm.liquidity import LiquidityState
from dlmm.meteora.instructions import position
from dlmm.meteora.instructions.liquidity import PositionAccounts
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.layout import BITMAP_EXTENSION, EXTENSION_DISCRIMINATOR
from dlmm.meteora.pdas import bin_array_address, bin_array_indices, bitmap_extension_address
from dlmm.meteora.positions import new_bin_array
from dlmm.records import Record

_BITMAP_ARRAYS = 512
"""Arrays from -512 to 511 have their bits in the pool's own account."""


class Ground(Record, frozen=True):
    """The bin arrays of a range, with those that have to be made first.

    :arg made: Instructions that make them, and what they use.

    """

    keys: PoolKeys
    arrays: dict[int, bytes]
    extension: bytes | None
    made: tuple[Instruction, ...]
    units: int


class MeteoraGround:
    """One pool and one wallet.

    :ivar tokens: The wallet's accounts for both tokens.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self.pool, self.wallet = pool, wallet
        self.keys = meteora_keys(pool)
        self.tokens = Tokens(pool, wallet.address)

    def accounts(self, one: Placed) -> PositionAccounts:
        """Return what instructions about a position name."""
        return PositionAccounts(self.keys, one.address, self.wallet.address)

    def state(self, one: Placed) -> LiquidityState:
        """Return what a change of a position's liquidity reads and writes."""
        ground = self.below(one.lower, one.upper)
        return LiquidityState(self.pool.account(self.pool.info.pool).data, one.data, ground.arrays, ground.extension)

    def below(self, lower: int, upper: int) -> Ground:
        """Return what lies below a range of bins."""
        pool, keys, owner = self.pool, self.keys, self.wallet.address
        arrays: dict[int, bytes] = {}
        made: list[Instruction] = []
        for index in bin_array_indices(lower, upper):
            account = pool.accounts.get(str(bin_array_address(keys.lb_pair, index)))
            if account is None:
                made.append(position.initialize_bin_array(lb_pair=keys.lb_pair, index=index, funder=owner))
                arrays[index] = new_bin_array(lb_pair=bytes(keys.lb_pair), index=index, bin_step=pool.info.bin_step)
            else:
                arrays[index] = account.data
        address = bitmap_extension_address(keys.lb_pair)
        held = pool.accounts.get(str(address))
        extension = None if held is None else held.data
        used = units.meteora_arrays(len(made), extension=False)
        if extension is None and not all(-_BITMAP_ARRAYS <= index < _BITMAP_ARRAYS for index in arrays):
            made.insert(0, position.initialize_bitmap_extension(lb_pair=keys.lb_pair, funder=owner))
            used += units.meteora_arrays(0, extension=True)
            extension = _new_extension(keys.lb_pair)
            keys = structs.replace(keys, bitmap_extension=address)
        return Ground(keys, arrays, extension, tuple(made), used)


def _new_extension(lb_pair: Pubkey) -> bytes:
    rows = np.zeros(1, BITMAP_EXTENSION)
    rows["discriminator"] = np.frombuffer(EXTENSION_DISCRIMINATOR, np.uint8)
    rows["lb_pair"] = np.frombuffer(bytes(lb_pair), np.uint8)
    return rows.tobytes()
