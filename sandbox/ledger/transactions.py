"""Transactions before and after they land."""

from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from dlmm.records import Record
from sandbox.engine import Execution, Keys


class Queued(Record, frozen=True):
    """A transaction that waits for a slot.

    :arg wire: As it was sent.

    :arg arrival: Sequence number of its arrival, which orders equal prices.

    :arg price: Micro-lamports a compute unit.

    :arg not_before: First slot that may take it.

    :arg verified: Whether its signatures have been checked already.

    """

    signature: Signature
    tx: VersionedTransaction
    wire: bytes
    arrival: int
    price: int
    not_before: int
    verified: bool


class TokenBalance(Record, frozen=True):
    """What a token account of a transaction held.

    :arg index: Index of the account in the transaction's keys.

    :arg amount: Raw units.

    :arg program: The token program that owns the account.

    """

    index: int
    mint: Pubkey
    owner: Pubkey
    amount: int
    decimals: int
    program: Pubkey


class Balances(Record, frozen=True):
    """Lamports of a transaction's accounts, by index, and what its token accounts held."""

    lamports: list[int]
    tokens: list[TokenBalance]


class Landed(Record, frozen=True):
    """A transaction in a block, failed or not.

    :arg index: Its place in the block.

    :arg execution: What came of it, without the accounts' states.

    """

    queued: Queued
    keys: Keys
    slot: int
    index: int
    execution: Execution
    before: Balances
    after: Balances

    @property
    def signature(self) -> Signature:
        """The first signature, by which it is known."""
        return self.queued.signature


class Preview(Record, frozen=True):
    """What a simulation showed.

    :arg error: As in `Execution`, or why the transaction was not even run.

    :arg execution: `None` where it was not run.

    :arg keys: `None` where its keys could not be resolved.

    :arg loaded_bytes: Bytes of data of all the accounts it names.

    """

    error: object | None
    execution: Execution | None = None
    keys: Keys | None = None
    loaded_bytes: int = 0
