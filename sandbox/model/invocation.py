"""One running instruction, as the program that runs it sees it: its accounts, its data, its privileges, its calls.

What the runtime forbids is refused here, at the moment a program does it: to write what is read-only or another
program's, to spend another program's lamports, to pass on privileges it does not have, to exceed the compute budget.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from solders.account import Account
from solders.clock import Clock
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import (
    AllocateParams,
    AssignParams,
    CreateAccountParams,
    TransferParams,
    allocate,
    assign,
    create_account,
    transfer,
)

from dlmm.programs import COMPUTE_BUDGET_PROGRAM, SYSTEM_PROGRAM
from sandbox.engine import InnerInstruction
from sandbox.model.calls import call_units, granted
from sandbox.model.program_error import ProgramError
from sandbox.model.rent import rent_exemption
from sandbox.model.state import AccountState, TransactionState

__all__ = [
    "BUILTINS",
    "EVENT_PREFIX",
    "MAX_GROWTH",
    "MAX_STACK_HEIGHT",
    "Invocation",
    "Program",
    "ProgramError",
    "Programs",
    "run_instruction",
]

BUILTINS = frozenset((SYSTEM_PROGRAM, COMPUTE_BUDGET_PROGRAM))
"""Programs that are part of the runtime: their units are fixed, no line reports them, and to write a read-only account
is an error for them even where nothing changes."""

EVENT_PREFIX = bytes.fromhex("e445a52e51cb9a1d")
"""What Anchor puts before an event that a program sends to itself."""

MAX_STACK_HEIGHT = 9
MAX_GROWTH = 10_240


class Programs(Protocol):
    """Where an invocation finds the programs that it calls."""

    def get(self, key: Pubkey, /) -> "Program | None":
        """Return the program at an address, or `None`."""
        ...


class Invocation:
    """One running instruction, of the transaction itself or of a program that calls another.

    Accounts are named by their index in the instruction. Nothing here costs compute units but `consume`, `call`,
    `create` and `emit`.
    """

    __slots__ = ("_lengths", "_programs", "_run", "_states", "data", "height", "metas", "program")

    def __init__(
        self,
        run: TransactionState,
        programs: Programs,
        program: Pubkey,
        metas: Sequence[AccountMeta],
        data: bytes,
        height: int,
    ) -> None:
        """Stand at the start of an instruction whose privileges are already checked.

        :arg metas: Accounts with the privileges that they have, duplicates alike.

        :arg height: 1 for the transaction's own instructions.

        """
        self.program = program
        self.metas = metas
        self.data = data
        self.height = height
        self._run = run
        self._programs = programs
        accounts = run.accounts
        self._states: list[AccountState] = [accounts[meta.pubkey] for meta in metas]
        self._lengths: dict[Pubkey, int] = {}

    @property
    def clock(self) -> Clock:
        """The Clock sysvar."""
        return self._run.clock

    @property
    def count(self) -> int:
        """How many accounts the instruction was given."""
        return len(self.metas)

    @property
    def remaining(self) -> int:
        """Compute units left to the transaction."""
        return self._run.remaining

    @staticmethod
    def rent_exemption(size: int) -> int:
        """Lamports that exempt an account of so many bytes of data from rent."""
        return rent_exemption(size)

    def key(self, index: int) -> Pubkey:
        """Return an account's address.

        :raises ProgramError: The instruction was not given so many accounts.

        """
        return self._meta(index).pubkey

    def is_signer(self, index: int) -> bool:
        """Tell whether an account has signed."""
        return self._meta(index).is_signer

    def is_writable(self, index: int) -> bool:
        """Tell whether the instruction may write an account."""
        return self._meta(index).is_writable

    def account(self, index: int) -> Account | None:
        """Return an account as it stands, or `None` where there is none."""
        return self._state(index).account()

    def owner(self, index: int) -> Pubkey:
        """Return the program that owns an account; the system program where there is none."""
        return self._state(index).owner

    def lamports(self, index: int) -> int:
        """Return an account's balance."""
        return self._state(index).lamports

    def read(self, index: int) -> bytes:
        """Return an account's data; empty where there is none."""
        return self._state(index).data

    def is_executable(self, index: int) -> bool:
        """Tell whether an account is a program."""
        return self._state(index).executable

    def write(self, index: int, data: bytes) -> None:
        """Replace an account's data, which may grow by 10 KiB an instruction.

        :raises ProgramError: The account is read-only or another program's, or grows too much.

        """
        state = self._state(index)
        if data == state.data and self.program not in BUILTINS:
            return
        meta = self.metas[index]
        if not meta.is_writable:
            raise ProgramError("ReadonlyDataModified")
        if state.owner != self.program:
            raise ProgramError("ExternalAccountDataModified")
        if len(data) > len(state.data):
            length = self._lengths.setdefault(meta.pubkey, len(state.data))
            if self.program not in BUILTINS and len(data) > length + MAX_GROWTH:
                raise ProgramError("InvalidRealloc")
        state.data = data

    def set_lamports(self, index: int, lamports: int) -> None:
        """Set an account's balance; the instruction must keep the sum of all.

        :raises ProgramError: The account is read-only, or another program's and would lose lamports.

        """
        state = self._state(index)
        if lamports == state.lamports and self.program not in BUILTINS:
            return
        if lamports < state.lamports and state.owner != self.program:
            raise ProgramError("ExternalAccountLamportSpend")
        if not self.metas[index].is_writable:
            raise ProgramError("ReadonlyLamportChange")
        state.lamports = lamports

    def set_owner(self, index: int, owner: Pubkey) -> None:
        """Give an account to another program.

        :raises ProgramError: The account is read-only or another program's, or its data is not zeroed.

        """
        state = self._state(index)
        if owner == state.owner:
            return
        if state.owner != self.program or not self.metas[index].is_writable or any(state.data):
            raise ProgramError("ModifiedProgramId")
        state.owner = owner

    def close(self, index: int, destination: int) -> None:
        """Close one of the program's own accounts as Anchor does: lamports out, data gone, back to the system program.

        :raises ProgramError: An account may not be written, or is another program's.

        """
        self.set_lamports(destination, self.lamports(destination) + self.lamports(index))
        self.set_lamports(index, 0)
        self.write(index, b"")
        self.set_owner(index, SYSTEM_PROGRAM)

    def log(self, text: str) -> None:
        """Log a line as a program does, `Program log: ..`."""
        self._run.log(f"Program log: {text}")

    def log_raw(self, line: str) -> None:
        """Log a line as the runtime's own programs do, without a prefix."""
        self._run.log(line)

    def consume(self, units: int) -> None:
        """Take compute units from the transaction's meter.

        :raises ProgramError: There are not so many left.

        """
        run = self._run
        if units > run.remaining:
            run.remaining = 0
            if self.program in BUILTINS:
                raise ProgramError("ComputationalBudgetExceeded")
            raise ProgramError("ProgramFailedToComplete", text="exceeded CUs meter at BPF instruction")
        run.remaining -= units

    def set_return_data(self, data: bytes) -> None:
        """Return bytes to the caller; a transaction's last are part of its result."""
        self._run.return_data = (self.program, data)

    @property
    def return_data(self) -> tuple[Pubkey, bytes] | None:
        """What the last call returned, and which program it was; `None` for nothing."""
        return self._run.return_data

    def call(self, instruction: Instruction, signers: Iterable[Pubkey] = ()) -> None:
        """Call a program: takes the runtime's units for the call itself, records it, and runs it.

        :arg signers: Program-derived addresses that sign; that their seeds fit is the caller's to know.

        :raises ProgramError: A privilege that this instruction does not have, too deep a call, an account or program
            that is not there, or whatever the callee ends with.

        """
        self.consume(call_units(self._run, instruction))
        metas = granted(self._run, self.metas, instruction, frozenset(signers))
        self._record(instruction)
        run_instruction(
            self._run, self._programs, instruction.program_id, metas, bytes(instruction.data), self.height + 1
        )
        self._lengths.clear()

    def create(self, index: int, owner: Pubkey, size: int, payer: int, *, signs: bool = True) -> None:
        """Create an account by the system program as Anchor's `init` does, exempt from rent.

        An address that someone already sent lamports to is topped up, allocated and assigned in three calls.

        :arg payer: Index of the account that pays.

        :arg signs: Whether the new account is a program-derived address, which this program signs for.

        :raises ProgramError: The account exists, or the payer cannot pay.

        """
        new, payer_key, lamports = self.key(index), self.key(payer), rent_exemption(size)
        signers = (new,) if signs else ()
        held = self.lamports(index)
        if not held:
            parameters = CreateAccountParams(
                from_pubkey=payer_key, to_pubkey=new, lamports=lamports, space=size, owner=owner
            )
            self.call(create_account(parameters), signers)
            return
        if held < lamports:
            self.call(transfer(TransferParams(from_pubkey=payer_key, to_pubkey=new, lamports=lamports - held)))
        self.call(allocate(AllocateParams(pubkey=new, space=size)), signers)
        self.call(assign(AssignParams(pubkey=new, owner=owner)), signers)

    def emit(self, event: bytes, authority: Pubkey, *, units: int = 2_198) -> None:
        """Send an event as Anchor's `emit_cpi!` does: the program calls itself, and nothing runs.

        :arg event: The event's discriminator and borsh bytes.

        :arg authority: The program's event authority, which must be among the instruction's accounts, as the program.

        :arg units: What the inner call consumes beyond the runtime's units for a call.

        :raises ProgramError: The compute budget does not suffice.

        """
        metas = [AccountMeta(authority, is_signer=True, is_writable=False)]
        instruction = Instruction(self.program, EVENT_PREFIX + event, metas)
        self.consume(call_units(self._run, instruction))
        self._record(instruction)
        run = self._run
        run.log(f"Program {self.program} invoke [{self.height + 1}]")
        before = run.remaining
        self.consume(units)
        run.log(f"Program {self.program} consumed {units} of {before} compute units")
        run.log(f"Program {self.program} success")
        run.return_data = None

    def _meta(self, index: int) -> AccountMeta:
        if index >= len(self.metas):
            raise ProgramError("NotEnoughAccountKeys")
        return self.metas[index]

    def _state(self, index: int) -> AccountState:
        if index >= len(self._states):
            raise ProgramError("NotEnoughAccountKeys")
        return self._states[index]

    def _record(self, instruction: Instruction) -> None:
        """Note the call among the transaction's inner instructions.

        :raises ProgramError: The call is too deep.

        """
        if self.height >= MAX_STACK_HEIGHT:
            raise ProgramError("CallDepth")
        index = self._run.index
        accounts = bytes(index[meta.pubkey] for meta in instruction.accounts)
        record = InnerInstruction(index[instruction.program_id], accounts, bytes(instruction.data), self.height + 1)
        self._run.inner[self._run.running].append(record)


Program = Callable[[Invocation], None]
"""What runs an instruction: returns when it succeeds, raises `ProgramError` when not."""


def run_instruction(
    run: TransactionState,
    programs: Programs,
    program: Pubkey,
    metas: Sequence[AccountMeta],
    data: bytes,
    height: int,
) -> None:
    """Run one instruction, with the runtime's lines about it and its checks on what it did.

    :raises ProgramError: The program ended with it, or there is no such program.

    """
    body = programs.get(program)
    if body is None:
        raise ProgramError("UnsupportedProgramId")
    run.return_data = None
    before = _balances(run.accounts, metas)
    invocation = Invocation(run, programs, program, metas, data, height)
    run.log(f"Program {program} invoke [{height}]")
    units = run.remaining
    try:
        body(invocation)
    except ProgramError as error:
        if error.log is not None:
            run.log(f"Program log: {error.log}")
            error.log = None  # said once, by the program that ended first
        _report(run, program, units)
        run.log(f"Program {program} failed: {error.text}")
        raise
    _report(run, program, units)
    run.log(f"Program {program} success")
    if _balances(run.accounts, metas) != before:
        raise ProgramError("UnbalancedInstruction")


def _report(run: TransactionState, program: Pubkey, units: int) -> None:
    if program not in BUILTINS:
        run.log(f"Program {program} consumed {units - run.remaining} of {units} compute units")
        if run.return_data is not None and run.return_data[1]:
            run.log(f"Program return: {program} {base64.b64encode(run.return_data[1]).decode()}")


def _balances(accounts: Mapping[Pubkey, AccountState], metas: Sequence[AccountMeta]) -> int:
    return sum(accounts[key].lamports for key in {meta.pubkey for meta in metas})
