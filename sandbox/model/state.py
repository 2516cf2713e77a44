"""What one running transaction shares between its instructions: accounts, the meter, logs and calls."""

from collections.abc import Callable, Mapping

from solders.account import Account
from solders.clock import Clock
from solders.pubkey import Pubkey

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.engine import InnerInstruction

LOG_BYTES = 10_000
"""Where a node cuts a transaction's log."""


class AccountState:
    """One account while a transaction runs; an account that does not exist is an empty one of the system program."""

    __slots__ = ("data", "executable", "lamports", "owner")

    def __init__(self, account: Account | None) -> None:
        """Begin with the account as it was before the transaction."""
        self.lamports = 0
        self.owner = SYSTEM_PROGRAM
        self.data = b""
        self.executable = False
        if account is not None:
            self.lamports = account.lamports
            self.owner = account.owner
            self.data = account.data
            self.executable = account.executable

    def account(self) -> Account | None:
        """Return the account as it stands, or `None` where no lamports keep it."""
        if not self.lamports:
            return None
        return Account(self.lamports, self.data, self.owner, self.executable)


class TransactionState:
    """One running transaction: every account it names, its compute meter, its logs, its calls."""

    __slots__ = (
        "_is_truncated",
        "_logged",
        "accounts",
        "clock",
        "index",
        "inner",
        "logs",
        "remaining",
        "return_data",
        "running",
    )

    def __init__(self, keys: list[Pubkey], load: Callable[[Pubkey], Account | None], clock: Clock) -> None:
        """Load the accounts of the resolved keys, with an empty meter."""
        self.accounts: Mapping[Pubkey, AccountState] = {key: AccountState(load(key)) for key in keys}
        self.index: Mapping[Pubkey, int] = {key: position for position, key in enumerate(keys)}
        self.clock = clock
        self.logs: list[str] = []
        self.inner: list[list[InnerInstruction]] = []
        self.running = 0
        self.return_data: tuple[Pubkey, bytes] | None = None
        self.remaining = 0
        self._logged = 0
        self._is_truncated = False

    def log(self, line: str) -> None:
        """Add a line, unless it does not fit in 10 kB any more: the first such becomes `Log truncated`."""
        used = self._logged + len(line.encode())
        if used < LOG_BYTES:
            self._logged = used
            self.logs.append(line)
        elif not self._is_truncated:
            self._is_truncated = True
            self.logs.append("Log truncated")
