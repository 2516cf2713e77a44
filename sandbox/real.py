"""The engine that runs the true programs, in the runtime that solders carries (`solders.litesvm`)."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.clock import Clock
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata

from dlmm.errors import DlmmError
from dlmm.programs import SYSTEM_PROGRAM
from sandbox.engine import Execution, InnerInstruction, Keys

LOG_BYTES = 10_000
"""Where a node cuts a transaction's log."""

_NO_ACCOUNT = Account(0, b"", SYSTEM_PROGRAM, False, 0)
_ELF_MAGIC = b"\x7fELF"
_LOAD_ERROR = "LiteSVMError"  # solders raises it, but lets nobody import it


class ProgramFileError(DlmmError):
    """Refuse what was given as a program.

    :arg program: The option, the file or the address in question.

    :arg reason: What is wrong with it.

    """

    def __init__(self, program: str, reason: str) -> None:
        """Keep both values, and name the program first."""
        super().__init__(f"program {program}: {reason}")
        self.program = program
        self.reason = reason


def read_program(option: str) -> tuple[Pubkey, bytes]:
    """Read a program named as `ID=FILE`.

    :returns: The program's address and its executable.

    :raises ProgramFileError: The option is not of that form, the file cannot be read, or holds no executable.

    """
    address, separator, path = option.partition("=")
    if not separator or not path:
        raise ProgramFileError(option, "is not of the form ID=FILE")
    try:
        program = Pubkey.from_string(address)
    except ValueError as error:
        raise ProgramFileError(option, f"{address!r} is not an address") from error
    try:
        executable = Path(path).read_bytes()
    except OSError as error:
        raise ProgramFileError(option, f"{path} cannot be read: {error.strerror}") from error
    if not executable.startswith(_ELF_MAGIC):
        raise ProgramFileError(option, f"{path} is no executable of the chain")
    return program, executable


class RealEngine:
    """Accounts and execution in `litesvm`, which brings the token, associated-token and memo programs itself.

    :arg programs: Executables by the addresses under which they run.

    :raises ProgramFileError: The runtime cannot load one of them.

    """

    name = "real"

    def __init__(self, programs: Mapping[Pubkey, bytes] | None = None) -> None:
        self._vm = (
            LiteSVM()
            .with_sigverify(False)
            .with_blockhash_check(False)
            .with_transaction_history(0)
            .with_log_bytes_limit(LOG_BYTES)
        )
        for program, executable in (programs or {}).items():
            self.add_program(program, executable)

    def add_program(self, program: Pubkey, executable: bytes) -> None:
        """Load a program; what ran under the address before is gone.

        :raises ProgramFileError: The runtime cannot load it.

        """
        try:
            self._vm.add_program(program, executable)
        except Exception as error:
            if type(error).__name__ != _LOAD_ERROR:
                raise
            raise ProgramFileError(str(program), f"the runtime does not load it: {error}") from error

    def get(self, key: Pubkey) -> Account | None:
        """Read an account, or `None` where there is none."""
        account = self._vm.get_account(key)
        return account if account is not None and account.lamports else None

    def set(self, key: Pubkey, account: Account | None) -> None:
        """Write an account as it is, or remove it."""
        self._vm.set_account(key, _NO_ACCOUNT if account is None else account)

    def owned_by(self, program: Pubkey) -> Iterable[tuple[Pubkey, Account]]:
        """Find every account that a program owns."""
        return [(key, account) for key, account in self._vm.get_program_accounts(program) if account.lamports]

    def set_clock(self, clock: Clock) -> None:
        """Set the Clock sysvar for what is executed next."""
        self._vm.set_clock(clock)

    def rent_exemption(self, size: int) -> int:
        """Lamports that exempt an account of so many bytes of data from rent."""
        return int(self._vm.minimum_balance_for_rent_exemption(size))

    def execute(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        """Run a transaction and keep its effects; of a failed one, its fee alone."""
        payer = keys.all[0]
        before = self._vm.get_balance(payer)
        result = self._vm.send_transaction(tx)
        if not isinstance(result, FailedTransactionMetadata):
            written = [key for key, writable in zip(keys.all, keys.writable, strict=True) if writable]
            return _execution(None, result, {key: self.get(key) for key in written})
        error = _error(result)
        # an error without an instruction can come before the fee is taken or after; only the balance tells
        never_loaded = isinstance(error, str) and self._vm.get_balance(payer) == before
        accounts = {} if never_loaded else {payer: self.get(payer)}
        return _execution(error, result.meta(), accounts, free=never_loaded)

    def simulate(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        """Run a transaction and keep nothing."""
        result = self._vm.simulate_transaction(tx)
        if isinstance(result, FailedTransactionMetadata):
            return _execution(_error(result), result.meta(), {})
        writable = {key for key, is_writable in zip(keys.all, keys.writable, strict=True) if is_writable}
        after = {
            key: account if account.lamports else None for key, account in result.post_accounts() if key in writable
        }
        return _execution(None, result.meta(), after)


def _error(result: FailedTransactionMetadata) -> object:
    decoded: dict[str, Any] = json.loads(result.to_json())
    return decoded["err"]


def _execution(
    error: object | None, meta: TransactionMetadata, accounts: dict[Pubkey, Account | None], *, free: bool = False
) -> Execution:
    returned = meta.return_data()
    data = bytes(returned.data)
    return Execution(
        error=error,
        logs=list(meta.logs()),
        units=meta.compute_units_consumed(),
        fee=0 if free else meta.fee(),
        inner=[
            [
                InnerInstruction(
                    program_index=call.instruction().program_id_index,
                    accounts=bytes(call.instruction().accounts),
                    data=bytes(call.instruction().data),
                    stack_height=call.stack_height() or 2,
                )
                for call in group
            ]
            for group in meta.inner_instructions()
        ],
        return_data=(returned.program_id, data) if data else None,
        accounts=accounts,
    )
