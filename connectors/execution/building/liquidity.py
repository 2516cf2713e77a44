"""What the builders of both venues share: whose accounts, which tokens, and what is refused before it is sent."""

from collections.abc import Sequence
from typing import Protocol

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building.ladders import Rungs
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import Placed, PositionPart, UnbuildableCommand
from connectors.execution.building.steps import Step
from connectors.execution.building.token_instructions import create_associated
from dlmm.liquidity import Amounts, LiquidityChange, LiquidityFailure, PoolTokens
from dlmm.programs import associated_token_account
from dlmm.records import Account, Record
from dlmm.tokens import decode_mint
from operators.orders.commands import AddLiquidity, Rebalance

_AMOUNT = slice(64, 72)
_TOKEN_ACCOUNT_BYTES = 165


class Filling(Record, frozen=True):
    """A step that fills rungs of a ladder, and the pool's accounts after it."""

    step: Step
    after: PoolAccounts


class VenueLiquidity(Protocol):
    """Steps about the positions of one wallet in one pool."""

    def needed(self, parts: Sequence[PositionPart]) -> list[Pubkey]:
        """Return the accounts that building reads, beside the pool's own, its mints and the wallet's tokens."""
        ...

    def open(self, part: PositionPart) -> Step:
        """Open a position, and make the bin arrays that it lacks in front."""
        ...

    def deposit(self, command: AddLiquidity, index: int, standing: Sequence[Placed]) -> Step | None:
        """Make the deposit of this number, or `None` past the last one."""
        ...

    def has_shares(self, one: Placed) -> bool:
        """Tell whether a position holds any share."""
        ...

    def gives(self, one: Placed, bps: int) -> bool:
        """Tell whether withdrawing a part of a position gives anything."""
        ...

    def withdraw(self, one: Placed, bps: int) -> Step:
        """Withdraw a part of every bin's share."""
        ...

    def claim(self, one: Placed) -> Step | None:
        """Claim the fees of a position, or `None` where it has none."""
        ...

    def close(self, one: Placed) -> Step | None:
        """Claim, withdraw and close in one transaction, or `None` where no more can be done."""
        ...


class VenueLadders(Protocol):
    """Ladders of one wallet in one pool, and what the steps about its positions leave behind."""

    def closed(self, one: Placed) -> PoolAccounts:
        """Return the pool's accounts as they are after a position's closing."""
        ...

    def opened(self, part: PositionPart) -> PoolAccounts:
        """Return the pool's accounts as they are after a position's opening."""
        ...

    def rungs(self, command: Rebalance, cut: Sequence[PositionPart]) -> list[Rungs]:
        """Cut a ladder into what is filled together."""
        ...

    def is_filled(self, one: Placed, rungs: Rungs) -> bool:
        """Tell whether rungs hold shares."""
        ...

    def fill(self, command: Rebalance, one: Placed, rungs: Rungs, amounts: Amounts) -> Filling | None:
        """Fill rungs of a position, or `None` where the amounts give no share."""
        ...


class Tokens:
    """A wallet's accounts for both tokens of a pool.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """

    def __init__(self, pool: PoolAccounts, owner: Pubkey) -> None:
        self._pool, self._owner = pool, owner
        # a mint whose account is at hand has an address
        self._programs = tuple(
            Pubkey.from_string(pool.account(mint).owner) for mint in (pool.info.mint_x, pool.info.mint_y)
        )
        self._mints = tuple(Pubkey.from_string(mint) for mint in (pool.info.mint_x, pool.info.mint_y))
        self.accounts = tuple(
            associated_token_account(owner, mint, program)
            for mint, program in zip(self._mints, self._programs, strict=True)
        )

    def missing(self) -> list[Instruction]:
        """Build the making of those accounts that what is paid out would not find."""
        return [
            create_associated(owner=self._owner, mint=mint, token_program=program)
            for mint, program, account in zip(self._mints, self._programs, self.accounts, strict=True)
            if not self._pool.has(account)
        ]

    @property
    def held(self) -> Amounts:
        """What the wallet holds of both, raw units; 0 where there is no account."""
        x, y = map(self._balance, self.accounts)
        return Amounts(x, y)

    def moved(self, change: Amounts) -> dict[str, Account]:
        """Return the wallet's accounts after its holdings have changed, made where they are missing.

        :arg change: Positive for what comes in; no holding falls below zero.

        """
        found = {}
        for account, program, amount in zip(self.accounts, self._programs, (change.x, change.y), strict=True):
            held = self._pool.accounts.get(str(account))
            data = bytearray(_TOKEN_ACCOUNT_BYTES) if held is None else bytearray(held.data)
            data[_AMOUNT] = max(self._balance(account) + amount, 0).to_bytes(8, "little")
            found[str(account)] = Account(str(program), bytes(data))
        return found

    def _balance(self, account: Pubkey) -> int:
        held = self._pool.accounts.get(str(account))
        return 0 if held is None else int.from_bytes(held.data[_AMOUNT], "little")

    def require(self, amounts: Sequence[int]) -> None:
        """Refuse to spend more than there is.

        :arg amounts: Raw units of X and of Y.

        :raises UnbuildableCommand: `insufficient_tokens`.

        """
        for amount, account, mint in zip(amounts, self.accounts, self._mints, strict=True):
            balance = self._balance(account)
            if amount > balance or not self._pool.has(account):
                raise UnbuildableCommand("insufficient_tokens", f"{amount} of {mint} with {balance} in {account}")


def pool_tokens(pool: PoolAccounts) -> PoolTokens:
    """Return both mints of a pool.

    :raises AccountError: One of them is no mint.

    """
    info = pool.info
    return PoolTokens(
        decode_mint(info.mint_x, pool.account(info.mint_x)),
        decode_mint(info.mint_y, pool.account(info.mint_y)),
        pool.clock.epoch,
    )


def require_deposited(outcome: LiquidityChange | LiquidityFailure) -> LiquidityChange:
    """Refuse a deposit that the program would refuse, or that would give no share.

    :raises UnbuildableCommand: `refused_deposit`, or `nothing_deposited`.

    """
    outcome = require_change(outcome, "refused_deposit")
    if not any(change.share for change in outcome.bins):
        raise UnbuildableCommand("nothing_deposited", f"no share in any of {len(outcome.bins)} bins")
    return outcome


def require_change(outcome: LiquidityChange | LiquidityFailure, kind: str) -> LiquidityChange:
    """Refuse what the program would refuse.

    :raises UnbuildableCommand: The kind.

    """
    if isinstance(outcome, LiquidityFailure):
        raise UnbuildableCommand(kind, f"{outcome.name} ({outcome.code}): {outcome.reason}")
    return outcome
