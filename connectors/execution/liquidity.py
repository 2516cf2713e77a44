"""The next transaction of a liquidity command, from the accounts as they are now, and the positions that it touches."""

from collections.abc import Callable, Iterable

from solders.transaction import VersionedTransaction

from connectors.execution.building.bundling import Fits
from connectors.execution.building.planning import needs, positions_of, step
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import PositionPart, part_address, placed
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.reading import AccountReader, Fresh
from connectors.execution.wallet import Wallet
from connectors.wire.refusal import Refusal, refusal
from dlmm.records import Record
from operators.orders.commands import LiquidityCommand
from operators.orders.execution_reports import PositionState


class Plan(Record, frozen=True):
    """What comes next of a liquidity command.

    :arg step: The next transaction; `None` where all is done; a refusal where there can be none, by the `BuildError`'s
        kind.

    :arg positions: The command's positions that the last transaction touched, as they are now.

    """

    step: Step | Refusal | None
    positions: tuple[PositionState, ...]


class LiquidityPlanner:
    """Read what a command needs, and plan its next transaction from it.

    :arg accounts: The live view of a pool; raises `BuildError` for one that there is none of.

    :arg fits: Tells whether a step goes into one packet.

    """

    def __init__(
        self, reader: AccountReader, wallet: Wallet, accounts: Callable[[str], PoolAccounts], fits: Fits
    ) -> None:
        self._reader = reader
        self._wallet = wallet
        self._accounts = accounts
        self._fits = fits

    def plan(
        self,
        command: LiquidityCommand,
        index: int,
        then: Callable[[Plan], None],
        *,
        wire: bytes = b"",
        slot: int = 0,
        is_apart: bool = False,
    ) -> None:
        """Plan the next transaction; `then` is called once, in a later round, unless the reader is stopped first.

        :arg index: Of the transaction in its order, from 0.

        :arg wire: The transaction that landed before it, whose positions are wanted; empty: none are.

        :arg slot: The accounts must be as of this slot at least.

        :arg is_apart: Whether a rebalance shall not close and place in one transaction.

        """
        try:
            pool = self._accounts(command.pool)
            touched = _touched(command, pool, self._wallet, wire)
            wanted = tuple(dict.fromkeys((*needs(command, pool, self._wallet), *touched)))
        except BuildError as error:
            plan = Plan(refusal(error.kind, error.reason), ())
            self._reader.read((), 0, lambda _: then(plan))
            return
        numbered = tuple(touched.values())
        self._reader.read(wanted, slot, lambda fresh: then(self._plan(command, index, numbered, fresh, is_apart)))

    def _plan(
        self,
        command: LiquidityCommand,
        index: int,
        touched: Iterable[tuple[int, PositionPart]],
        fresh: Fresh,
        is_apart: bool,
    ) -> Plan:
        positions: tuple[PositionState, ...] = ()
        try:
            pool = fresh.over(self._accounts(command.pool))
            positions = tuple(position_state(number, pool, part, self._wallet) for number, part in touched)
            pools = {command.pool: pool}
            return Plan(step(command, index, pools, self._wallet, self._fits, is_apart=is_apart), positions)
        except BuildError as error:
            return Plan(refusal(error.kind, error.reason), positions)


def position_state(position: int, pool: PoolAccounts, part: PositionPart, wallet: Wallet) -> PositionState:
    """Say what stands of one part of a position.

    :arg position: Number of the order that created it.

    :arg pool: With the position's account, where it exists.

    :raises BuildError: Something else stands at its address.

    """
    found = placed(pool, part, wallet)
    if found is None:
        address = part_address(pool.info.venue, pool.program, part, wallet)
        return PositionState(position, pool.info.pool, str(address), part.lower, part.upper, b"")
    return PositionState(position, pool.info.pool, str(found.address), found.lower, found.upper, found.data)


def _touched(
    command: LiquidityCommand, pool: PoolAccounts, wallet: Wallet, wire: bytes
) -> dict[str, tuple[int, PositionPart]]:
    """Find the parts of the command's positions that a transaction names, by address, each with its position's number.

    :raises BuildError: The command's range is no position.

    """
    if not wire:
        return {}
    named = {str(key) for key in VersionedTransaction.from_bytes(wire).message.account_keys}
    found = positions_of(command, pool, wallet)
    return {address: one for address, one in found.items() if address in named}
