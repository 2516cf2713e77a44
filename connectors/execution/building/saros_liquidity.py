"""Positions and liquidity on Saros, with and without a hook.

The program counts bins from the active one, wherever that is when the transaction runs: a position may come to lie
beside the bins that were asked for, so its account is believed. A deposit names every bin of the position, so that it
fails rather than shift when the active bin has moved.
"""

from collections.abc import Sequence

import numpy as np
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building import liquidity_units as units
from connectors.execution.building.liquidity import Tokens, pool_tokens, require_deposited
from connectors.execution.building.pool_accounts import PoolAccounts, refuse_transfer_hooks, saros_keys
from connectors.execution.building.positions import KeySource, Placed, PositionPart, UnbuildableCommand, part_address
from connectors.execution.building.spreads import BinAmounts, bin_deposits
from connectors.execution.building.steps import Step
from dlmm.liquidity import (
    BASIS_POINTS,
    NOTHING,
    Amounts,
    LiquidityFailure,
    LiquidityState,
    account_rows,
    amounts_for,
    part_of,
)
from dlmm.records import Record
from dlmm.saros import instructions
from dlmm.saros.instructions import LiquidityShare, PositionAccounts
from dlmm.saros.layout import BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR, BINS_PER_ARRAY, MIDDLE_BIN_ID
from dlmm.saros.liquidity import close_position, increase_position, position_shares
from dlmm.saros.pdas import (
    bin_array_address,
    bin_array_index,
    hook_bin_array_address,
    hook_position_address,
    position_address,
    swap_arrays,
)
from dlmm.shapes import apportion
from operators.commands import AddLiquidity

_MOST_RESCUE = 1 << 24
"""Raw units by bin, beyond which a share without worth is given up."""


class _Ground(Record, frozen=True):
    """The two bin arrays of a range, with those that have to be made first.

    :arg made: Instructions that make them.

    """

    indices: tuple[int, int]
    active: tuple[int, int]
    arrays: dict[int, bytes]
    made: tuple[Instruction, ...]


class SarosLiquidity:
    """Steps about the positions of one wallet in one pair of Saros.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self._pool, self._wallet = pool, wallet
        self._keys = saros_keys(pool)
        self._tokens = Tokens(pool, wallet.address)

    @property
    def _has_hook(self) -> bool:
        return self._keys.hook is not None

    def needed(self, parts: Sequence[PositionPart]) -> list[Pubkey]:
        """Return the positions with their mints, the bin arrays of their range and beside it, and the hook's own."""
        keys = self._keys
        first, last = bin_array_index(parts[0].lower), bin_array_index(parts[-1].upper)
        arrays = {index for index in range(first - 1, last + 2) if index >= 0}
        arrays |= {index for index in self._active_arrays() if index >= 0}
        mints = [self._wallet.derived(part.key_name).pubkey() for part in parts]
        positions = [part_address(self._pool.info.venue, keys.program, part, self._wallet) for part in parts]
        found = [*positions, *mints, *(bin_array_address(keys.pair, index, keys.program) for index in sorted(arrays))]
        if keys.hook is not None:
            found += [hook_position_address(keys.hook, position, keys.hook_program) for position in positions]
            found += [hook_bin_array_address(keys.hook, index, keys.hook_program) for index in sorted(arrays)]
        return found

    def open(self, part: PositionPart) -> Step:
        """Open a position, and make the arrays that it lacks in front, and its record with the hook behind.

        :raises UnbuildableCommand: `key_taken`: a position with this number was closed before, and its mint stays.

        :raises BuildError: `transfer_hook`.

        """
        refuse_transfer_hooks(self._pool)
        keys, owner = self._keys, self._wallet.address
        mint = self._wallet.derived(part.key_name).pubkey()
        if self._pool.has(mint):
            raise UnbuildableCommand("key_taken", f"mint {mint} stands for a position that was closed")
        if part.lower < 0 or part.upper >= 2 * MIDDLE_BIN_ID:
            raise UnbuildableCommand("bad_range", f"bins {part.lower} to {part.upper} in a pair of Saros")
        ground = self._ground(part.lower, part.upper)
        active_id = self._pool.active_id
        opening = instructions.create_position(
            keys=keys,
            position_mint=mint,
            relative_bin_id_left=part.lower - active_id,
            relative_bin_id_right=part.upper - active_id,
            user=owner,
        )
        made = (*ground.made, opening, *self._hook_position(mint))
        used = units.limit(units.saros_arrays(len(made) - 1), units.saros_opening())
        return Step(made, used, (part.key_name,))

    def deposit(self, command: AddLiquidity, index: int, standing: Sequence[Placed]) -> Step | None:
        """Make the deposit of this number: fails on chain if the active bin moves at all until then.

        :raises UnbuildableCommand: `active_moved`, `wrong_side`, `bad_amount`, `insufficient_tokens`,
            `refused_deposit` or `nothing_deposited`.

        :raises BuildError: `transfer_hook`.

        """
        refuse_transfer_hooks(self._pool)
        active_id, bin_step = self._pool.active_id, self._pool.info.bin_step
        planned = bin_deposits(command, standing, bin_step, command.active_id)
        totals = [_total(own) for own in _own_bins(standing, planned)]
        wanted = [place for place, total in enumerate(totals) if total != NOTHING]
        if index >= len(wanted):
            return None
        if abs(active_id - command.active_id) > command.max_active_slip:
            raise UnbuildableCommand(
                "active_moved", f"to {active_id}, more than {command.max_active_slip} from {command.active_id}"
            )
        place = wanted[index]
        now = planned
        if active_id != command.active_id:
            now = bin_deposits(command, standing, bin_step, active_id)
        return self._deposit(standing[place], totals[place], _own_bins(standing, now)[place])

    def has_shares(self, one: Placed) -> bool:
        """Tell whether a position holds any share."""
        return any(position_shares(one.data))

    def gives(self, one: Placed, bps: int) -> bool:
        """Tell whether withdrawing a part of a position gives anything."""
        return any(self._withdrawable(one, bps))

    def withdraw(self, one: Placed, bps: int) -> Step:
        """Withdraw a part of every bin's share; shares that are worth nothing stay, for the program refuses them."""
        shares = self._withdrawable(one, bps)
        ground, missing = self._ground(one.lower, one.upper), self._tokens.missing()
        removal = instructions.decrease_position(self._accounts(one, ground), shares=shares)
        return Step(
            (*ground.made, *self._hook_position(self._mint(one)), *missing, removal),
            units.limit(
                units.saros_arrays(len(ground.made)),
                len(missing) * units.TOKEN_ACCOUNT_UNITS,
                units.saros_withdrawal(one.width, hook=self._has_hook),
            ),
        )

    def claim(self, one: Placed) -> Step | None:
        """Return nothing: the fees are part of the liquidity and come with it."""
        return None

    def close(self, one: Placed) -> Step | None:
        """Close a position with all that it holds.

        The program refuses while some share is worth nothing; such bins get a few units in the same transaction, which
        come back with the rest.

        :raises UnbuildableCommand: `dust_share`: not even that helps; `insufficient_tokens`.

        """
        ground = self._ground(one.lower, one.upper)
        missing = self._tokens.missing()
        rescue = self._rescue(one, ground)
        closing = instructions.close_position(self._accounts(one, ground))
        return Step(
            (*ground.made, *self._hook_position(self._mint(one)), *missing, *rescue, closing),
            units.limit(
                units.saros_arrays(len(ground.made)),
                len(missing) * units.TOKEN_ACCOUNT_UNITS,
                len(rescue) * units.saros_deposit(one.width, hook=self._has_hook),
                units.saros_closing(one.width, hook=self._has_hook),
            ),
        )

    def _deposit(self, one: Placed, total: Amounts, bins: Sequence[BinAmounts]) -> Step:
        x, y = (_bps([getattr(own, side) for own in bins]) for side in ("x", "y"))
        total = Amounts(total.x if any(x) else 0, total.y if any(y) else 0)
        own = {own.bin_id: (x[place], y[place]) for place, own in enumerate(bins)}
        active_id = self._pool.active_id
        rows = [
            LiquidityShare(bin_id - active_id, *own.get(bin_id, (0, 0))) for bin_id in range(one.lower, one.upper + 1)
        ]
        self._tokens.require((total.x, total.y))
        ground = self._ground(one.lower, one.upper)
        outcome = increase_position(
            self._state(one, ground),
            amount_x=total.x,
            amount_y=total.y,
            shares=rows,
            tokens=pool_tokens(self._pool),
        )
        require_deposited(outcome)
        deposit = instructions.increase_position(
            self._accounts(one, ground), amount_x=total.x, amount_y=total.y, shares=rows
        )
        return Step(
            (*ground.made, *self._hook_position(self._mint(one)), deposit),
            units.limit(units.saros_arrays(len(ground.made)), units.saros_deposit(one.width, hook=self._has_hook)),
        )

    def _withdrawable(self, one: Placed, bps: int) -> list[int]:
        """Return the shares to burn, one for each bin of the position: none where they give nothing."""
        ground = self._ground(one.lower, one.upper)
        shares = [part_of(share, bps) for share in position_shares(one.data)]
        worth = _worth(one, ground, shares)
        return [share if given != NOTHING else 0 for share, given in zip(shares, worth, strict=True)]

    def _rescue(self, one: Placed, ground: _Ground) -> list[Instruction]:
        """Build the deposit that gives every share some worth, where one has none."""
        shares = position_shares(one.data)
        worth = _worth(one, ground, shares)
        dust = [
            one.lower + place
            for place, (share, given) in enumerate(zip(shares, worth, strict=True))
            if share and given == NOTHING
        ]
        if not dust:
            return []
        active_id, tokens = self._pool.active_id, pool_tokens(self._pool)
        asks, bids = ([bin_id for bin_id in dust if (bin_id > active_id) is above] for above in (True, False))
        rows = [
            LiquidityShare(
                bin_id - active_id,
                BASIS_POINTS // len(asks) if bin_id in asks else 0,
                BASIS_POINTS // len(bids) if bin_id in bids else 0,
            )
            for bin_id in range(one.lower, one.upper + 1)
        ]
        each = 2
        while each <= _MOST_RESCUE:
            amount_x, amount_y = 2 * each * len(asks), 2 * each * len(bids)
            state = self._state(one, ground)
            outcome = increase_position(state, amount_x=amount_x, amount_y=amount_y, shares=rows, tokens=tokens)
            each *= 2
            if isinstance(outcome, LiquidityFailure):
                continue
            if isinstance(close_position(outcome.after, tokens=tokens), LiquidityFailure):
                continue
            self._tokens.require((amount_x, amount_y))
            accounts = self._accounts(one, ground)
            return [instructions.increase_position(accounts, amount_x=amount_x, amount_y=amount_y, shares=rows)]
        raise UnbuildableCommand("dust_share", f"bins {dust} of {one.address} hold shares that are worth nothing")

    def _accounts(self, one: Placed, ground: _Ground) -> PositionAccounts:
        return PositionAccounts(
            self._keys, self._wallet.address, self._mint(one), one.lower, ground.active, bin_arrays=ground.indices
        )

    def _mint(self, one: Placed) -> Pubkey:
        return self._wallet.derived(one.part.key_name).pubkey()

    def _state(self, one: Placed, ground: _Ground) -> LiquidityState:
        return LiquidityState(self._pool.account(self._pool.info.pool).data, one.data, ground.arrays)

    def _hook_position(self, mint: Pubkey) -> list[Instruction]:
        keys = self._keys
        if keys.hook is None:
            return []
        address = hook_position_address(keys.hook, position_address(mint, keys.program), keys.hook_program)
        if self._pool.has(address):
            return []
        return [instructions.initialize_hook_position(keys=keys, position_mint=mint, user=self._wallet.address)]

    def _has_array(self, index: int) -> bool:
        return self._pool.has(bin_array_address(self._keys.pair, index, self._keys.program))

    def _active_arrays(self) -> tuple[int, int]:
        """Return two neighbouring arrays about the active bin, such as exist where there are any."""
        wanted = swap_arrays(self._pool.active_id)
        index = bin_array_index(self._pool.active_id)
        for lower, upper in (wanted, (index, index + 1), (index - 1, index)):
            if self._has_array(lower) and self._has_array(upper):
                return lower, upper
        return wanted

    def _position_arrays(self, lower: int, upper: int) -> tuple[int, int]:
        """Return two neighbouring arrays that hold a range, such as exist where there are any."""
        first, last = bin_array_index(lower), bin_array_index(upper)
        if first != last or self._has_array(first + 1) or not self._has_array(first - 1):
            return first, first + 1
        return first - 1, first

    def _ground(self, lower: int, upper: int) -> _Ground:
        keys, user = self._keys, self._wallet.address
        indices, active = self._position_arrays(lower, upper), self._active_arrays()
        arrays: dict[int, bytes] = {}
        made: list[Instruction] = []
        for index in sorted({*indices, *(active if self._has_hook else ())}):
            account = self._pool.accounts.get(str(bin_array_address(keys.pair, index, keys.program)))
            if account is None:
                made.append(instructions.initialize_bin_array(keys=keys, index=index, user=user))
            if index in indices:
                arrays[index] = _new_array(keys.pair, index) if account is None else account.data
            hook = keys.hook
            if hook is not None and not self._pool.has(hook_bin_array_address(hook, index, keys.hook_program)):
                made.append(instructions.initialize_hook_bin_array(keys=keys, index=index, user=user))
        return _Ground(indices, active, arrays, tuple(made))


def _own_bins(standing: Sequence[Placed], planned: Sequence[BinAmounts]) -> list[list[BinAmounts]]:
    """Give every bin to the first position that holds it."""
    found: list[list[BinAmounts]] = [[] for _ in standing]
    for one in planned:
        holder = next(place for place, other in enumerate(standing) if other.lower <= one.bin_id <= other.upper)
        found[holder].append(one)
    return found


def _total(bins: Sequence[BinAmounts]) -> Amounts:
    return Amounts(sum(one.x for one in bins), sum(one.y for one in bins))


def _bps(amounts: Sequence[int]) -> list[int]:
    return apportion(BASIS_POINTS, amounts) if any(amounts) else [0] * len(amounts)


def _worth(one: Placed, ground: _Ground, shares: Sequence[int]) -> list[Amounts]:
    """Return what shares give, one for each bin of a position.

    :raises AccountError: An array is none.

    """
    rows = {
        index: account_rows(f"bin_array {index}", data, BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR)[0]["bins"]
        for index, data in ground.arrays.items()
    }
    found = []
    for bin_id, share in enumerate(shares, one.lower):
        index, inside = divmod(bin_id, BINS_PER_ARRAY)
        row = rows[index][inside]
        supply = int(row["liquidity_supply_low"]) | int(row["liquidity_supply_high"]) << 64
        reserves = Amounts(int(row["reserve_x"]), int(row["reserve_y"]))
        found.append(amounts_for(share, supply=supply, reserves=reserves))
    return found


def _new_array(pair: Pubkey, index: int) -> bytes:
    rows = np.zeros(1, BIN_ARRAY)
    rows["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
    rows["pair"] = np.frombuffer(bytes(pair), np.uint8)
    rows["index"] = index
    return rows.tobytes()
