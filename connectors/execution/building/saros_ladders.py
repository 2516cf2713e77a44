"""Ladders on Saros: a position is filled by one deposit, on both sides at once."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from connectors.execution.building import liquidity_units as units
from connectors.execution.building.ladders import Rungs, rungs_by_part, weights_x, weights_y
from connectors.execution.building.liquidity import Filling, pool_tokens, require_change
from connectors.execution.building.pool_accounts import PoolAccounts, refuse_transfer_hooks
from connectors.execution.building.positions import KeySource, Placed, PositionPart
from connectors.execution.building.saros_ground import Ground, SarosGround, new_array
from connectors.execution.building.saros_rescue import rescue
from connectors.execution.building.steps import Step
from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts, LiquidityState
from dlmm.records import Account
from dlmm.saros import instructions
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.liquidity import close_position, create_position, increase_position, position_shares
from dlmm.saros.pdas import (
    bin_array_address,
    hook_bin_array_address,
    hook_position_address,
    position_address,
)
from dlmm.shapes import apportion
from operators.orders.commands import Rebalance


class SarosLadders:
    """Ladders of one wallet in one pair of Saros.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self._pool, self._wallet = pool, wallet
        self._site = SarosGround(pool, wallet)

    def closed(self, one: Placed) -> PoolAccounts:
        """Return the pool's accounts as they are after a position's closing."""
        ground = self._site.below(one.lower, one.upper)
        rescued = rescue(self._site, one, ground)
        closing = require_change(close_position(rescued.after, tokens=pool_tokens(self._pool)), "refused_withdrawal")
        accounts = self._after(closing.after, rescued.gained + closing.user, ground, self._site.mint(one))
        return self._pool.changed({**accounts, str(one.address): None})

    def opened(self, part: PositionPart) -> PoolAccounts:
        """Return the pool's accounts as they are after a position's opening."""
        ground, active_id = self._site.below(part.lower, part.upper), self._pool.active_id
        mint = self._wallet.derived(part.key_name).pubkey()
        pair = self._pool.account(self._pool.info.pool).data
        position = create_position(
            pair_address=bytes(self._site.keys.pair),
            pair=pair,
            position_mint=bytes(mint),
            relative_bin_id_left=part.lower - active_id,
            relative_bin_id_right=part.upper - active_id,
        )
        assert isinstance(position, bytes), f"a part of {part.width} bins"
        return self._pool.changed(self._after(LiquidityState(pair, position, ground.arrays), NOTHING, ground, mint))

    def rungs(self, command: Rebalance, cut: Sequence[PositionPart]) -> list[Rungs]:
        """Cut a ladder by positions."""
        return rungs_by_part(command, cut)

    def is_filled(self, one: Placed, rungs: Rungs) -> bool:
        """Tell whether a position holds any share, wherever it came to lie."""
        return any(position_shares(one.data))

    def fill(self, command: Rebalance, one: Placed, rungs: Rungs, amounts: Amounts) -> Filling | None:
        """Fill what a position holds of a ladder's bins; those that it came to lie beside stay empty.

        Both ends of the position are named, so that a deposit into one that stands fails on chain if the active bin
        moves until then; one that is opened in the same transaction moves with it.

        :returns: `None` where the amounts give no share.

        :raises UnbuildableCommand: `refused_deposit`.

        :raises BuildError: `transfer_hook`.

        """
        refuse_transfer_hooks(self._pool)
        active_id, site = self._pool.active_id, self._site
        own = range(one.lower, one.upper + 1)
        asks, bids = ([bin_id for bin_id in side if bin_id in own] for side in (rungs.asks, rungs.bids))
        x = dict(zip(asks, _bps(weights_x(command, asks, self._pool.info.bin_step)), strict=True))
        y = dict(zip(bids, _bps(weights_y(command, bids)), strict=True))
        total = Amounts(amounts.x if x else 0, amounts.y if y else 0)
        if total == NOTHING:
            return None
        rows = [
            LiquidityShare(bin_id - active_id, x.get(bin_id, 0), y.get(bin_id, 0))
            for bin_id in own
            if bin_id in x or bin_id in y or bin_id in (one.lower, one.upper)
        ]
        ground = site.below(one.lower, one.upper)
        outcome = increase_position(
            site.state(one, ground), amount_x=total.x, amount_y=total.y, shares=rows, tokens=pool_tokens(self._pool)
        )
        change = require_change(outcome, "refused_deposit")
        if not any(bin_.share for bin_ in change.bins):
            return None
        mint, missing = site.mint(one), site.tokens.missing()
        deposit = instructions.increase_position(
            site.accounts(one, ground), amount_x=total.x, amount_y=total.y, shares=rows
        )
        step = Step(
            (*ground.made, *site.hook_position(mint), *missing, deposit),
            units.limit(
                units.saros_arrays(len(ground.made)),
                len(missing) * units.TOKEN_ACCOUNT_UNITS,
                units.saros_deposit(one.width, hook=site.has_hook),
            ),
        )
        return Filling(step, self._pool.changed(self._after(change.after, change.user, ground, mint)))

    def _after(self, state: LiquidityState, gained: Amounts, ground: Ground, mint: Pubkey) -> dict[str, Account | None]:
        """Return the accounts of a change of liquidity, and those that were made for it.

        :arg gained: By the wallet, raw units.

        """
        keys, program = self._site.keys, str(self._pool.program)
        position = position_address(mint, keys.program)
        data = {keys.pair: state.pair, position: state.position}
        for index in {*ground.indices, *(ground.active if self._site.has_hook else ())}:
            array = bin_array_address(keys.pair, index, keys.program)
            if index in state.bin_arrays:
                data[array] = state.bin_arrays[index]
            elif not self._pool.has(array):
                data[array] = new_array(keys.pair, index)
        accounts: dict[str, Account | None] = {str(key): Account(program, held) for key, held in data.items()}
        made = [mint]
        if keys.hook is not None:
            made.append(hook_position_address(keys.hook, position, keys.hook_program))
            made += [
                hook_bin_array_address(keys.hook, index, keys.hook_program)
                for index in (*ground.indices, *ground.active)
            ]
        for key in made:  # that they are there is all that is asked of them
            if not self._pool.has(key):
                accounts[str(key)] = Account(program, b"")
        return accounts if gained == NOTHING else {**accounts, **self._site.tokens.moved(gained)}


def _bps(weights: Sequence[int]) -> list[int]:
    return apportion(BASIS_POINTS, weights) if weights else []
