"""Positions and liquidity on Saros, with and without a hook.

The program counts bins from the active one, wherever that is when the transaction runs: a position may come to lie
beside the bins that were asked for, so its account is believed. A deposit names every bin of the position, so that it
fails rather than shift when the active bin has moved.
"""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from connectors.execution.building import liquidity_units as units
from connectors.execution.building.liquidity import pool_tokens, require_deposited
from connectors.execution.building.pool_accounts import PoolAccounts, refuse_transfer_hooks
from connectors.execution.building.positions import KeySource, Placed, PositionPart, UnbuildableCommand, part_address
from connectors.execution.building.saros_ground import SarosGround
from connectors.execution.building.saros_rescue import rescue, worth
from connectors.execution.building.steps import Step
from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts, part_of
from dlmm.saros import instructions
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import MIDDLE_BIN_ID
from dlmm.saros.liquidity import increase_position, position_shares
from dlmm.saros.pdas import bin_array_address, bin_array_index, hook_bin_array_address, hook_position_address
from dlmm.shapes import apportion
from dlmm.spreads import BinAmounts, bin_deposits
from operators.orders.commands import AddLiquidity


class SarosLiquidity:
    """Steps about the positions of one wallet in one pair of Saros.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self._pool, self._wallet = pool, wallet
        self._site = SarosGround(pool, wallet)
        self._keys, self._tokens = self._site.keys, self._site.tokens

    def needed(self, parts: Sequence[PositionPart]) -> list[Pubkey]:
        """Return the positions with their mints, the bin arrays of their range and beside it, and the hook's own."""
        keys = self._keys
        first, last = bin_array_index(parts[0].lower), bin_array_index(parts[-1].upper)
        arrays = {index for index in range(first - 1, last + 2) if index >= 0}
        arrays |= {index for index in self._site.active_arrays() if index >= 0}
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
        ground = self._site.below(part.lower, part.upper)
        active_id = self._pool.active_id
        opening = instructions.create_position(
            keys=keys,
            position_mint=mint,
            relative_bin_id_left=part.lower - active_id,
            relative_bin_id_right=part.upper - active_id,
            user=owner,
        )
        made = (*ground.made, opening, *self._site.hook_position(mint))
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
        ground, missing = self._site.below(one.lower, one.upper), self._tokens.missing()
        removal = instructions.decrease_position(self._site.accounts(one, ground), shares=shares)
        return Step(
            (*ground.made, *self._site.hook_position(self._site.mint(one)), *missing, removal),
            units.limit(
                units.saros_arrays(len(ground.made)),
                len(missing) * units.TOKEN_ACCOUNT_UNITS,
                units.saros_withdrawal(one.width, hook=self._site.has_hook),
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
        ground = self._site.below(one.lower, one.upper)
        missing = self._tokens.missing()
        rescued = rescue(self._site, one, ground).instructions
        closing = instructions.close_position(self._site.accounts(one, ground))
        return Step(
            (*ground.made, *self._site.hook_position(self._site.mint(one)), *missing, *rescued, closing),
            units.limit(
                units.saros_arrays(len(ground.made)),
                len(missing) * units.TOKEN_ACCOUNT_UNITS,
                len(rescued) * units.saros_deposit(one.width, hook=self._site.has_hook),
                units.saros_closing(one.width, hook=self._site.has_hook),
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
        ground = self._site.below(one.lower, one.upper)
        outcome = increase_position(
            self._site.state(one, ground),
            amount_x=total.x,
            amount_y=total.y,
            shares=rows,
            tokens=pool_tokens(self._pool),
        )
        require_deposited(outcome)
        deposit = instructions.increase_position(
            self._site.accounts(one, ground), amount_x=total.x, amount_y=total.y, shares=rows
        )
        return Step(
            (*ground.made, *self._site.hook_position(self._site.mint(one)), deposit),
            units.limit(units.saros_arrays(len(ground.made)), units.saros_deposit(one.width, hook=self._site.has_hook)),
        )

    def _withdrawable(self, one: Placed, bps: int) -> list[int]:
        """Return the shares to burn, one for each bin of the position: none where they give nothing."""
        ground = self._site.below(one.lower, one.upper)
        shares = [part_of(share, bps) for share in position_shares(one.data)]
        gives = worth(one, ground, shares)
        return [share if given != NOTHING else 0 for share, given in zip(shares, gives, strict=True)]


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
