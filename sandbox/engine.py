"""What the sandbox's node needs of the engine that executes its transactions.

The chain verifies signatures, finds the age of a blockhash, refuses duplicates and resolves lookup tables; an engine
holds the newest state of every account, charges fees, and runs programs.
"""

from collections.abc import Iterable
from typing import Protocol

from solders.account import Account
from solders.clock import Clock
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from dlmm.records import Record


class Keys(Record, frozen=True):
    """A transaction's account keys, lookup tables resolved, in the order that instructions index.

    :arg all: Static keys, then the tables' writable ones, then their read-only ones.

    :arg writable: For each key, whether the transaction takes a write lock on it.

    :arg signers: How many of the first keys sign.

    :arg static: How many of the first keys stand in the message itself.

    :arg loaded_writable: Keys that lookup tables gave, to write.

    :arg loaded_readonly: Keys that lookup tables gave, to read.

    """

    all: list[Pubkey]
    writable: list[bool]
    signers: int
    static: int
    loaded_writable: list[Pubkey]
    loaded_readonly: list[Pubkey]


class InnerInstruction(Record, frozen=True):
    """An instruction that a program called.

    :arg program_index: Index of the called program in `Keys.all`.

    :arg accounts: One byte for each account: its index in `Keys.all`.

    :arg data: The instruction's data.

    :arg stack_height: Depth of the call, 2 for what a top-level instruction called.

    """

    program_index: int
    accounts: bytes
    data: bytes
    stack_height: int


class Execution(Record, frozen=True):
    """What came of one transaction.

    :arg error: `None`, or the error as a node's JSON has it: `"AccountNotFound"`,
        `{"InstructionError": [0, {"Custom": 6003}]}`. A string without a fee says that it never loaded; the chain then
        records nothing.

    :arg logs: The runtime's and the programs' log lines.

    :arg units: Compute units consumed.

    :arg fee: Lamports charged to the first key, priority fee included.

    :arg inner: For each top-level instruction, what it called, in order.

    :arg return_data: The program that set it last, and the bytes; `None` where there is none.

    :arg accounts: State afterwards of the accounts that were written, `None` for one that is gone. A failed
        transaction writes its fee payer only. Of a simulation: the state it would leave.

    """

    error: object | None
    logs: list[str]
    units: int
    fee: int
    inner: list[list[InnerInstruction]]
    return_data: tuple[Pubkey, bytes] | None
    accounts: dict[Pubkey, Account | None]


class Engine(Protocol):
    """A ledger's newest state, and what executes transactions on it."""

    @property
    def name(self) -> str:
        """Name of the engine, `model` or `real`."""
        ...

    def get(self, key: Pubkey) -> Account | None:
        """Read an account, or `None` where there is none."""
        ...

    def set(self, key: Pubkey, account: Account | None) -> None:
        """Write an account as it is, or remove it."""
        ...

    def owned_by(self, program: Pubkey) -> Iterable[tuple[Pubkey, Account]]:
        """Find every account that a program owns."""
        ...

    def set_clock(self, clock: Clock) -> None:
        """Set the Clock sysvar for what is executed next."""
        ...

    def rent_exemption(self, size: int) -> int:
        """Lamports that exempt an account of so many bytes of data from rent."""
        ...

    def execute(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        """Run a transaction and keep its effects; of a failed one, its fee alone."""
        ...

    def simulate(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        """Run a transaction and keep nothing."""
        ...
