"""What a wallet holds: its SOL, its token accounts of both token programs, and its positions."""

from collections.abc import Sequence

from connectors.wire.refusal import Refusal
from dlmm.records import Record


class Balance(Record, frozen=True):
    """Lamports of an account, as of a slot."""

    slot: int
    lamports: int


class TokenHolding(Record, frozen=True):
    """One token account of the wallet.

    :arg program: Which of the two token programs it belongs to.

    :arg amount: Raw units.

    :arg lamports: Of the account; wrapped SOL is among them.

    :arg is_frozen: No transfer into it or out of it succeeds.

    :arg is_native: It holds wrapped SOL.

    """

    address: str
    program: str
    mint: str
    owner: str
    amount: int
    lamports: int
    is_frozen: bool = False
    is_native: bool = False


class TokenHoldings(Record, frozen=True):
    """All token accounts of a wallet.

    :arg slot: The older of the two slots that the two programs' accounts were read at.

    """

    slot: int
    accounts: tuple[TokenHolding, ...]


class AccountState(Record, frozen=True):
    """One account in full."""

    address: str
    owner: str
    lamports: int
    data: bytes


class AccountStates(Record, frozen=True):
    """Some accounts in full, as of a slot.

    :arg accounts: In the order of the question, `None` for one that does not exist; or those that were found.

    """

    slot: int
    accounts: tuple[AccountState | None, ...]


def get_balance(request_id: int, address: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for an account's lamports."""
    raise NotImplementedError


def read_balance(status: int, body: bytes, request_id: int) -> Balance | Refusal:
    """Read the answer to `get_balance`; a refusal has a cause of `Answers.read`."""
    raise NotImplementedError


def get_token_accounts(first_id: int, owner: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for a wallet's accounts of both token programs: a batch of two, ids `first_id` and the next."""
    raise NotImplementedError


def read_token_accounts(status: int, body: bytes, first_id: int) -> TokenHoldings | Refusal:
    """Read the answers to `get_token_accounts`.

    :returns: A refusal has a cause of `Answers.read_batch` or of `account_data.decode`, or `token_account`.

    """
    raise NotImplementedError


def get_account_states(
    request_id: int, addresses: Sequence[str], commitment: str, min_context_slot: int | None = None
) -> bytes:
    """Ask for accounts in full, at most `accounts.MOST_ACCOUNTS`."""
    raise NotImplementedError


def read_account_states(status: int, body: bytes, request_id: int, addresses: Sequence[str]) -> AccountStates | Refusal:
    """Read the answer to `get_account_states`.

    :returns: A refusal has a cause of `Answers.read` or of `account_data.decode`, or `answer_count`.

    """
    raise NotImplementedError


def get_rent_exemption(request_id: int, size: int) -> bytes:
    """Ask for the lamports that an account of `size` bytes must hold (`getMinimumBalanceForRentExemption`)."""
    raise NotImplementedError


def read_rent_exemption(status: int, body: bytes, request_id: int) -> int | Refusal:
    """Read the answer to `get_rent_exemption`; a refusal has a cause of `Answers.read`."""
    raise NotImplementedError


def get_meteora_positions(request_id: int, owner: str, commitment: str, min_context_slot: int | None = None) -> bytes:
    """Ask for all of a wallet's positions on Meteora (`getProgramAccounts`)."""
    raise NotImplementedError


def read_meteora_positions(status: int, body: bytes, request_id: int) -> AccountStates | Refusal:
    """Read the answer to `get_meteora_positions`; none of the accounts is `None`.

    :returns: A refusal has a cause of `Answers.read` or of `account_data.decode`.

    """
    raise NotImplementedError


def saros_position_accounts(holdings: TokenHoldings, program: str) -> tuple[tuple[str, str], ...]:
    """Return where positions on Saros may be: the mint of each NFT that a wallet holds, and the position's address.

    Not each of them is one: ask for the accounts, and keep those that the program owns.

    :arg program: The Saros program, whose address differs by cluster.

    """
    raise NotImplementedError
