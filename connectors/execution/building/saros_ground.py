"""What every step about positions on Saros stands on: the pair's keys, its bin arrays, and what a hook wants beside."""

import numpy as np
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building.liquidity import Tokens
from connectors.execution.building.pool_accounts import PoolAccounts, saros_keys
from connectors.execution.building.positions import KeySource, Placed
from dlmm.liquidity import LiquidityState
from dlmm.records import Record
from dlmm.saros import instructions
from dlmm.saros.instructions import PositionAccounts
from dlmm.saros.layout import BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR
from dlmm.saros.pdas import (
    bin_array_address,
    bin_array_index,
    hook_bin_array_address,
    hook_position_address,
    position_address,
    swap_arrays,
)


class Ground(Record, frozen=True):
    """The two bin arrays of a range, with those that have to be made first.

    :arg made: Instructions that make them.

    """

    indices: tuple[int, int]
    active: tuple[int, int]
    arrays: dict[int, bytes]
    made: tuple[Instruction, ...]


class SarosGround:
    """One pair and one wallet.

    :ivar tokens: The wallet's accounts for both tokens.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self.pool, self.wallet = pool, wallet
        self.keys = saros_keys(pool)
        self.tokens = Tokens(pool, wallet.address)

    @property
    def has_hook(self) -> bool:
        """Whether the pair has a hook."""
        return self.keys.hook is not None

    def below(self, lower: int, upper: int) -> Ground:
        """Return what lies below a range of bins."""
        keys, user = self.keys, self.wallet.address
        indices, active = self._position_arrays(lower, upper), self.active_arrays()
        arrays: dict[int, bytes] = {}
        made: list[Instruction] = []
        for index in sorted({*indices, *(active if self.has_hook else ())}):
            account = self.pool.accounts.get(str(bin_array_address(keys.pair, index, keys.program)))
            if account is None:
                made.append(instructions.initialize_bin_array(keys=keys, index=index, user=user))
            if index in indices:
                arrays[index] = new_array(keys.pair, index) if account is None else account.data
            hook = keys.hook
            if hook is not None and not self.pool.has(hook_bin_array_address(hook, index, keys.hook_program)):
                made.append(instructions.initialize_hook_bin_array(keys=keys, index=index, user=user))
        return Ground(indices, active, arrays, tuple(made))

    def mint(self, one: Placed) -> Pubkey:
        """Return the mint of a position's token."""
        return self.wallet.derived(one.part.key_name).pubkey()

    def accounts(self, one: Placed, ground: Ground) -> PositionAccounts:
        """Return what instructions about a position name."""
        return PositionAccounts(
            self.keys, self.wallet.address, self.mint(one), one.lower, ground.active, bin_arrays=ground.indices
        )

    def state(self, one: Placed, ground: Ground) -> LiquidityState:
        """Return what a change of a position's liquidity reads and writes."""
        return LiquidityState(self.pool.account(self.pool.info.pool).data, one.data, ground.arrays)

    def hook_position(self, mint: Pubkey) -> list[Instruction]:
        """Build what a hook wants to be there before the first deposit, where it is not."""
        keys = self.keys
        if keys.hook is None:
            return []
        address = hook_position_address(keys.hook, position_address(mint, keys.program), keys.hook_program)
        if self.pool.has(address):
            return []
        return [instructions.initialize_hook_position(keys=keys, position_mint=mint, user=self.wallet.address)]

    def active_arrays(self) -> tuple[int, int]:
        """Return two neighbouring arrays about the active bin, such as exist where there are any."""
        wanted = swap_arrays(self.pool.active_id)
        index = bin_array_index(self.pool.active_id)
        for lower, upper in (wanted, (index, index + 1), (index - 1, index)):
            if self._has_array(lower) and self._has_array(upper):
                return lower, upper
        return wanted

    def _has_array(self, index: int) -> bool:
        return self.pool.has(bin_array_address(self.keys.pair, index, self.keys.program))

    def _position_arrays(self, lower: int, upper: int) -> tuple[int, int]:
        """Return two neighbouring arrays that hold a range, such as exist where there are any."""
        first, last = bin_array_index(lower), bin_array_index(upper)
        if first != last or self._has_array(first + 1) or not self._has_array(first - 1):
            return first, first + 1
        return first - 1, first


def new_array(pair: Pubkey, index: int) -> bytes:
    """Return the bytes of a bin array that was just made."""
    rows = np.zeros(1, BIN_ARRAY)
    rows["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
    rows["pair"] = np.frombuffer(bytes(pair), np.uint8)
    rows["index"] = index
    return rows.tobytes()
