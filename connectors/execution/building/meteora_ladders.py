"""Ladders on Meteora: each side is filled by the program's own strategies, over the bins of that side alone."""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from connectors.execution.building import liquidity_units as units
from connectors.execution.building.ladders import Rungs, allowed_active, rungs_of, strategies
from connectors.execution.building.liquidity import Filling, pool_tokens, require_change
from connectors.execution.building.meteora_ground import MeteoraGround
from connectors.execution.building.pool_accounts import PoolAccounts, refuse_transfer_hooks
from connectors.execution.building.positions import KeySource, Placed, PositionPart
from connectors.execution.building.steps import Step
from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts, LiquidityState
from dlmm.meteora.book import Book
from dlmm.meteora.instructions import liquidity
from dlmm.meteora.instructions.liquidity import StrategyDeposit
from dlmm.meteora.liquidity import add_liquidity_by_strategy, claim_fees, remove_liquidity
from dlmm.meteora.pdas import bin_array_address, bitmap_extension_address
from dlmm.meteora.positions import new_position
from dlmm.records import Account
from operators.orders.commands import Rebalance

_MOST_RUNGS = 60
"""Bins of a ladder that are filled by one step: of two strategies over so many asks the units still suffice."""


class MeteoraLadders:
    """Ladders of one wallet in one pool of Meteora.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self._pool, self._wallet = pool, wallet
        self._site = MeteoraGround(pool, wallet)

    def closed(self, one: Placed) -> PoolAccounts:
        """Return the pool's accounts as they are after a position's closing."""
        state = self._site.state(one)
        tokens, time = pool_tokens(self._pool), self._pool.unix_timestamp
        removal = require_change(
            remove_liquidity(
                state, from_bin_id=one.lower, to_bin_id=one.upper, bps=BASIS_POINTS, tokens=tokens, time=time
            ),
            "refused_withdrawal",
        )
        claim = claim_fees(removal.after, min_bin_id=one.lower, max_bin_id=one.upper, tokens=tokens, time=time)
        return self._after(claim.after, removal.user + claim.user, one.address, is_gone=True)

    def opened(self, part: PositionPart) -> PoolAccounts:
        """Return the pool's accounts as they are after a position's opening."""
        ground = self._site.below(part.lower, part.upper)
        key = self._wallet.derived(part.key_name).pubkey()
        position = new_position(
            lb_pair=bytes(self._site.keys.lb_pair),
            owner=bytes(self._wallet.address),
            lower_bin_id=part.lower,
            width=part.width,
            time=self._pool.unix_timestamp,
        )
        assert isinstance(position, bytes), f"a part of {part.width} bins"
        pair = self._pool.account(self._pool.info.pool).data
        return self._after(LiquidityState(pair, position, ground.arrays, ground.extension), NOTHING, key)

    def rungs(self, command: Rebalance, cut: Sequence[PositionPart]) -> list[Rungs]:
        """Cut a ladder by sides: each is filled by strategies of its own."""
        return rungs_of(command, cut, _MOST_RUNGS)

    def is_filled(self, one: Placed, rungs: Rungs) -> bool:
        """Tell whether rungs hold shares."""
        book = Book(self._site.state(one))
        return any(book.share(bin_id) for bin_id in (*rungs.asks, *rungs.bids))

    def fill(self, command: Rebalance, one: Placed, rungs: Rungs, amounts: Amounts) -> Filling | None:
        """Fill rungs of one side by the program's own strategies, which hold the price to where the side may be filled.

        :returns: `None` where the amounts give no share.

        :raises UnbuildableCommand: `refused_deposit`.

        :raises BuildError: `transfer_hook`.

        """
        refuse_transfer_hooks(self._pool)
        bins = rungs.asks or rungs.bids
        active_id, reach = allowed_active(command, rungs)
        deposits = [
            StrategyDeposit(
                amount_x=strategy.amount_x,
                amount_y=strategy.amount_y,
                active_id=active_id,
                max_active_bin_slippage=reach,
                min_bin_id=bins[0],
                max_bin_id=bins[-1],
                strategy=strategy.strategy,
                favor_x=bool(rungs.asks),
            )
            for strategy in strategies(command, rungs, amounts, self._pool.info.bin_step)
        ]
        state, paid, minted = self._site.state(one), NOTHING, 0
        for deposit in deposits:
            change = require_change(
                add_liquidity_by_strategy(
                    state, deposit, tokens=pool_tokens(self._pool), time=self._pool.unix_timestamp
                ),
                "refused_deposit",
            )
            state, paid = change.after, paid + change.user
            minted += sum(one.share for one in change.bins)
        if not minted:
            return None
        accounts, missing = self._site.accounts(one), self._site.tokens.missing()
        each = units.meteora_deposit(asks=len(rungs.asks), bids=len(rungs.bids))
        step = Step(
            (*missing, *(liquidity.add_liquidity_by_strategy2(accounts, deposit) for deposit in deposits)),
            units.limit(len(missing) * units.TOKEN_ACCOUNT_UNITS, *[each] * len(deposits)),
        )
        return Filling(step, self._after(state, paid, one.address))

    def _after(
        self, state: LiquidityState, gained: Amounts, position: Pubkey, *, is_gone: bool = False
    ) -> PoolAccounts:
        """Return the pool with the accounts of a change of liquidity.

        :arg gained: By the wallet, raw units.

        """
        pair, program = self._site.keys.lb_pair, str(self._pool.program)
        data = {pair: state.pair, **{bin_array_address(pair, index): row for index, row in state.bin_arrays.items()}}
        if state.bitmap_extension is not None:
            data[bitmap_extension_address(pair)] = state.bitmap_extension
        if not is_gone:
            data[position] = state.position
        accounts: dict[str, Account | None] = {str(key): Account(program, held) for key, held in data.items()}
        if is_gone:
            accounts[str(position)] = None
        if gained != NOTHING:
            accounts |= self._site.tokens.moved(gained)
        return self._pool.changed(accounts)
