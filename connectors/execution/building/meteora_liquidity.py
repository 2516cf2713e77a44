"""Positions and liquidity on Meteora."""

from collections.abc import Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building import liquidity_units as units
from connectors.execution.building.compute_budget import MAX_UNITS
from connectors.execution.building.liquidity import pool_tokens, require_deposited
from connectors.execution.building.meteora_ground import MeteoraGround
from connectors.execution.building.pool_accounts import PoolAccounts, refuse_transfer_hooks
from connectors.execution.building.positions import KeySource, Placed, PositionPart, UnbuildableCommand, part_address
from connectors.execution.building.steps import Step
from dlmm.liquidity import BASIS_POINTS, Amounts, LiquidityState
from dlmm.meteora.book import Book
from dlmm.meteora.instructions import liquidity, position
from dlmm.meteora.instructions.liquidity import PositionAccounts, StrategyDeposit
from dlmm.meteora.liquidity import add_liquidity_by_strategy
from dlmm.meteora.pdas import bin_array_address, bin_array_indices, bitmap_extension_address
from dlmm.meteora.positions import claimable_fees, is_empty
from dlmm.spreads import PartDeposit, favors_x, strategy_deposits
from operators.orders.commands import AddLiquidity


class MeteoraLiquidity:
    """Steps about the positions of one wallet in one pool of Meteora.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, wallet: KeySource) -> None:
        self._pool, self._wallet = pool, wallet
        self._site = MeteoraGround(pool, wallet)

    def needed(self, parts: Sequence[PositionPart]) -> list[Pubkey]:
        """Return the positions, the bin arrays of their range, and the bitmap extension."""
        pool, program = self._pool, self._pool.program
        return [
            *(part_address(pool.info.venue, program, part, self._wallet) for part in parts),
            *(bin_array_address(pool.address, index) for index in bin_array_indices(parts[0].lower, parts[-1].upper)),
            bitmap_extension_address(pool.address),
        ]

    def open(self, part: PositionPart) -> Step:
        """Open a position, and make what its bins lack in front: arrays, and the extension beyond array 511.

        :raises UnbuildableCommand: `bad_range`: beyond the pool's own bins.

        :raises BuildError: `transfer_hook`.

        """
        refuse_transfer_hooks(self._pool)
        pair = self._pool.pair[0]
        lowest, highest = int(pair["min_bin_id"]), int(pair["max_bin_id"])
        if part.lower < lowest or part.upper > highest:
            raise UnbuildableCommand(
                "bad_range", f"bins {part.lower} to {part.upper} in a pool of {lowest} to {highest}"
            )
        ground = self._site.below(part.lower, part.upper)
        owner = self._wallet.address
        opening = position.initialize_position2(
            lb_pair=self._site.keys.lb_pair,
            position=self._wallet.derived(part.key_name).pubkey(),
            lower_bin_id=part.lower,
            width=part.width,
            owner=owner,
        )
        return Step((*ground.made, opening), units.limit(ground.units, units.meteora_opening()), (part.key_name,))

    def deposit(self, command: AddLiquidity, index: int, standing: Sequence[Placed]) -> Step | None:
        """Make the deposit of this number by the program's own strategies, which enforce the active bin's slippage.

        :raises UnbuildableCommand: `active_moved`, `wrong_side`, `bad_amount`, `insufficient_tokens`,
            `refused_deposit` or `nothing_deposited`.

        :raises BuildError: `transfer_hook`.

        """
        refuse_transfer_hooks(self._pool)
        wanted = [
            piece
            for deposit in strategy_deposits(command, standing, self._pool.info.bin_step)
            for piece in self._pieces(command, deposit, standing[deposit.index])
        ]
        if index >= len(wanted):
            return None
        if abs(self._pool.active_id - command.active_id) > command.max_active_slip:
            raise UnbuildableCommand(
                "active_moved",
                f"to {self._pool.active_id}, more than {command.max_active_slip} from {command.active_id}",
            )
        return self._deposit(command, wanted[index], standing[wanted[index].index])

    def has_shares(self, one: Placed) -> bool:
        """Tell whether a position holds any share."""
        book = Book(self._site.state(one))
        return any(book.share(bin_id) for bin_id in range(one.lower, one.upper + 1))

    def gives(self, one: Placed, bps: int) -> bool:
        """Tell whether withdrawing a part of a position gives anything: the program takes shares without worth too."""
        return bps > 0 and self.has_shares(one)

    def withdraw(self, one: Placed, bps: int) -> Step:
        """Withdraw a part of every bin's share."""
        missing = self._site.tokens.missing()
        return Step(
            (*missing, self._removal(one, bps)),
            units.limit(len(missing) * units.TOKEN_ACCOUNT_UNITS, units.meteora_withdrawal(one.width)),
        )

    def claim(self, one: Placed) -> Step | None:
        """Claim the fees of a position, or `None` where it has none."""
        if not claimable_fees(self._site.state(one)):
            return None
        missing = self._site.tokens.missing()
        return Step(
            (*missing, self._claim(one)),
            units.limit(len(missing) * units.TOKEN_ACCOUNT_UNITS, units.meteora_claim(one.width)),
        )

    def close(self, one: Placed) -> Step | None:
        """Withdraw, claim and close in one transaction.

        Rewards of a farm are not claimed: where a pool has one, the position stays as long as some are owed, and what
        it held is out.

        :returns: `None` where nothing but rewards is left.

        """
        owner = self._wallet.address
        has_shares, has_fees = self.has_shares(one), bool(claimable_fees(self._site.state(one)))
        is_farmed = bool(self._pool.pair["rewards"]["mint"].any())
        if not (has_shares or has_fees) and is_farmed and not is_empty(one.data):
            return None
        instructions, used = [], [units.meteora_closing(one.width)]
        if has_shares or has_fees:
            instructions = self._site.tokens.missing()
            used.append(len(instructions) * units.TOKEN_ACCOUNT_UNITS)
        if has_shares:
            instructions.append(self._removal(one, BASIS_POINTS))
            used.append(units.meteora_withdrawal(one.width))
        if has_shares or has_fees:
            instructions.append(self._claim(one))
            used.append(units.meteora_claim(one.width, emptied=has_shares))
        closing = position.close_position_if_empty if is_farmed else position.close_position2
        return Step((*instructions, closing(position=one.address, owner=owner)), units.limit(*used))

    def _pieces(self, command: AddLiquidity, deposit: PartDeposit, one: Placed) -> list[PartDeposit]:
        """Split a part's deposit over two transactions where one would use too much.

        Told from the command alone, because the pieces are counted as they land.
        """
        asks = len(range(max(one.lower, command.active_id - command.max_active_slip), one.upper + 1))
        each = units.meteora_deposit(asks=asks, bids=one.width - asks)
        if each * len(deposit.strategies) <= MAX_UNITS:
            return [deposit]
        return [PartDeposit(deposit.index, (strategy,)) for strategy in deposit.strategies]

    def _deposit(self, command: AddLiquidity, wanted: PartDeposit, one: Placed) -> Step:
        deposits = [
            StrategyDeposit(
                amount_x=strategy.amount_x,
                amount_y=strategy.amount_y,
                active_id=command.active_id,
                max_active_bin_slippage=command.max_active_slip,
                min_bin_id=one.lower,
                max_bin_id=one.upper,
                strategy=strategy.strategy,
                favor_x=favors_x(command),
            )
            for strategy in wanted.strategies
        ]
        total = sum((Amounts(deposit.amount_x, deposit.amount_y) for deposit in deposits), Amounts(0, 0))
        self._site.tokens.require((total.x, total.y))
        ground = self._site.below(one.lower, one.upper)
        state = LiquidityState(self._pool.account(self._pool.info.pool).data, one.data, ground.arrays, ground.extension)
        tokens = pool_tokens(self._pool)
        for deposit in deposits:
            outcome = add_liquidity_by_strategy(state, deposit, tokens=tokens, time=self._pool.unix_timestamp)
            state = require_deposited(outcome).after
        accounts = PositionAccounts(ground.keys, one.address, self._wallet.address)
        asks = len(range(max(one.lower, self._pool.active_id - command.max_active_slip), one.upper + 1))
        each = units.meteora_deposit(asks=asks, bids=one.width - asks)
        return Step(
            (*ground.made, *(liquidity.add_liquidity_by_strategy2(accounts, deposit) for deposit in deposits)),
            units.limit(ground.units, *[each] * len(deposits)),
        )

    def _removal(self, one: Placed, bps: int) -> Instruction:
        return liquidity.remove_liquidity_by_range2(
            self._site.accounts(one), from_bin_id=one.lower, to_bin_id=one.upper, bps_to_remove=bps
        )

    def _claim(self, one: Placed) -> Instruction:
        return liquidity.claim_fee2(self._site.accounts(one), min_bin_id=one.lower, max_bin_id=one.upper)
