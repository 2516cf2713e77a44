"""Making the wallet's token accounts before a run, and clearing them away after it.

An order spends from the wallet's associated accounts and is paid into them, wrapped SOL like any other token.
"""

from collections.abc import Collection, Mapping, Sequence

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from connectors.execution.building.liquidity_units import TOKEN_ACCOUNT_UNITS, limit
from connectors.execution.building.steps import Step
from connectors.execution.building.token_instructions import close_account, create_associated, sync_native
from dlmm.account_bytes import public_key
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL, associated_token_account
from dlmm.records import Account

LAMPORTS_PER_BYTE = 6_960
"""Rent that exempts an account, by byte; source: the runtime's `Rent::default`, two years at 3,480 lamports."""

ACCOUNT_OVERHEAD = 128
"""Bytes that an account is charged for beside its data; source: the runtime's `ACCOUNT_STORAGE_OVERHEAD`."""

ACCOUNTS_AT_ONCE = 8
"""Accounts made in one transaction: 78 bytes each."""

CLOSINGS_AT_ONCE = 16
"""Accounts closed in one transaction: 40 bytes each."""

_TOKEN_ACCOUNT_BYTES = 165
_OWNER, _AMOUNT, _STATE = slice(32, 64), slice(64, 72), 108
_INITIALIZED = 1
_EXTENSIONS = _TOKEN_ACCOUNT_BYTES + 1
_TRANSFER_FEE_AMOUNT = 2
_WRAP_UNITS, _CLOSE_UNITS = 6_000, 6_000


def rent(size: int) -> int:
    """Return the lamports that exempt an account of so many bytes of data from rent."""
    return (ACCOUNT_OVERHEAD + size) * LAMPORTS_PER_BYTE


TOKEN_ACCOUNT_RENT = rent(_TOKEN_ACCOUNT_BYTES)
"""Of an account of the SPL token program; one of Token-2022 takes 170 bytes or more. It comes back with the closing."""

METEORA_POSITION_RENT, METEORA_ARRAY_RENT, METEORA_EXTENSION_RENT = rent(8_120), rent(10_136), rent(1_576)
"""Of a position, which comes back; of a bin array and of a pool's bitmap extension, which do not."""

SAROS_POSITION_RENT, SAROS_ARRAY_RENT, SAROS_MINT_RENT = rent(1_112) + rent(170), rent(8_248), rent(426)
"""Of a position with the account that holds its token, which come back; of a bin array and of the token's mint, which
do not."""


def set_up(
    owner: Pubkey, mints: Mapping[str, str], existing: Collection[str], *, wrapped_lamports: int = 0
) -> tuple[Step, ...]:
    """Make the associated accounts that are missing, and wrap SOL.

    :arg mints: Owner of each mint, by the mint's address.

    :arg existing: Addresses of the wallet's token accounts.

    :arg wrapped_lamports: SOL to move into the account for wrapped SOL, which is made where it is missing.

    :raises AccountError: A mint or its owner is no address.

    """
    programs = {public_key(mint): public_key(program) for mint, program in mints.items()}
    if wrapped_lamports > 0:
        programs.setdefault(WRAPPED_SOL, TOKEN_PROGRAM)
    made = [
        create_associated(owner=owner, mint=mint, token_program=program)
        for mint, program in programs.items()
        if str(associated_token_account(owner, mint, program)) not in existing
    ]
    steps = _steps(made, ACCOUNTS_AT_ONCE, TOKEN_ACCOUNT_UNITS)
    return (*steps, _wrapping(owner, wrapped_lamports)) if wrapped_lamports > 0 else steps


def clean_up(owner: Pubkey, accounts: Mapping[str, Account], made: Collection[str]) -> tuple[Step, ...]:
    """Unwrap all SOL, and close those accounts of ours that are empty.

    An account stays that holds tokens or withheld transfer fees, is frozen, or belongs to somebody else.

    :arg accounts: The wallet's token accounts by address.

    :arg made: Addresses of those that we made; of the others, the one for wrapped SOL alone is closed.

    """
    wrapped = str(associated_token_account(owner, WRAPPED_SOL, TOKEN_PROGRAM))
    closed = [
        close_account(account=public_key(address), owner=owner, token_program=public_key(account.owner))
        for address, account in accounts.items()
        if (address == wrapped or address in made) and _is_closable(account, owner, may_hold=address == wrapped)
    ]
    return _steps(closed, CLOSINGS_AT_ONCE, _CLOSE_UNITS)


def _wrapping(owner: Pubkey, lamports: int) -> Step:
    account = associated_token_account(owner, WRAPPED_SOL, TOKEN_PROGRAM)
    sent = transfer(TransferParams(from_pubkey=owner, to_pubkey=account, lamports=lamports))
    return Step((sent, sync_native(account)), limit(_WRAP_UNITS))


def _steps(instructions: Sequence[Instruction], at_once: int, each: int) -> tuple[Step, ...]:
    batches = [tuple(instructions[start : start + at_once]) for start in range(0, len(instructions), at_once)]
    return tuple(Step(batch, limit(len(batch) * each)) for batch in batches)


def _is_closable(account: Account, owner: Pubkey, *, may_hold: bool) -> bool:
    data = account.data
    if account.owner not in (str(TOKEN_PROGRAM), str(TOKEN_2022_PROGRAM)) or len(data) < _TOKEN_ACCOUNT_BYTES:
        return False
    if data[_OWNER] != bytes(owner) or data[_STATE] != _INITIALIZED:
        return False
    return (may_hold or not any(data[_AMOUNT])) and not _withheld(data)


def _withheld(data: bytes) -> int:
    """Return the transfer fees that lie in an account of Token-2022 for the mint to collect."""
    at = _EXTENSIONS
    while at + 4 <= len(data):
        kind, length = (int.from_bytes(data[place : place + 2], "little") for place in (at, at + 2))
        if kind == _TRANSFER_FEE_AMOUNT:
            return int.from_bytes(data[at + 4 : at + 12], "little")
        if kind == 0:
            return 0
        at += 4 + length
    return 0
