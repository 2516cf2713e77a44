"""What an instruction demands of its accounts besides their kinds, in the order of the program's own checks."""

from functools import lru_cache

import numpy as np
from solders.pubkey import Pubkey

from dlmm.anchor import event_authority
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM
from dlmm.records import Record
from dlmm.saros.layout import BIN_ARRAY, PAIR, POSITION
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.saros import errors
from sandbox.model.saros.accounts import Accounts
from sandbox.model.saros.errors import account_error, anchor_error, runtime_error, unsupported
from sandbox.model.saros.units import BUMP_UNITS, Check

_PAIR_OFFSET = 8
"""Where positions and bin arrays name their pair."""

_TOKEN_AMOUNT = slice(64, 72)
_HAS_HOOK = PAIR.fields["has_hook"][1] if PAIR.fields is not None else 0
_ONE = (1).to_bytes(8, "little")


class ArrayIndices(Record, frozen=True):
    """Which two bin arrays an instruction was given."""

    lower: int
    upper: int


def check_swap(accounts: Accounts, *, swap_for_y: bool) -> None:
    """Check the accounts of `swap`; only the account that pays has to be the user's.

    :raises ProgramError: One does not fit the others, or may not be written.

    """
    _check_pair(accounts)
    _check_arrays(accounts)
    _check_vault(accounts, "token_vault_x", "pair", "token_mint_x", "token_program_x")
    _check_vault(accounts, "token_vault_y", "pair", "token_mint_y", "token_program_y")
    _check_user_vault(accounts, "user_vault_x", "token_mint_x")
    if swap_for_y:
        _check_payer(accounts, "user_vault_x", errors.OTHER_USERS_VAULT_X)
    _check_user_vault(accounts, "user_vault_y", "token_mint_y")
    if not swap_for_y:
        _check_payer(accounts, "user_vault_y", errors.OTHER_USERS_VAULT_Y)
    _check_hook(accounts)
    check_event_authority(accounts)


def check_position_change(accounts: Accounts) -> None:
    """Check the accounts of `increase_position`, `decrease_position` and `close_position`.

    :raises ProgramError: One does not fit the others, may not be written, or the user does not hold the NFT.

    """
    invocation = accounts.invocation
    _check_pair(accounts)
    _check_mut(accounts, "position")
    _check_parent(accounts, "position", errors.OTHER_PAIR)
    accounts.spend(Check.POSITION)
    _check_mut(accounts, "position_mint")
    position = np.frombuffer(accounts.read("position"), POSITION, 1)
    mint = Pubkey.from_bytes(position["position_mint"][0].tobytes())
    if accounts.key("position_mint") != mint:
        raise account_error(invocation, anchor.ADDRESS, "position_mint", (accounts.key("position_mint"), mint))
    accounts.spend(Check.POSITION_MINT)
    _check_vault(accounts, "position_token_account", "user", "position_mint", "position_token_program")
    if accounts.read("position_token_account")[_TOKEN_AMOUNT] != _ONE:
        raise account_error(invocation, errors.NOT_POSITION_OWNER, "position_token_account")
    _check_arrays(accounts)
    _check_vault(accounts, "token_vault_x", "pair", "token_mint_x", "token_program_x")
    _check_vault(accounts, "token_vault_y", "pair", "token_mint_y", "token_program_y")
    _check_vault(accounts, "user_vault_x", "user", "token_mint_x", "token_program_x")
    _check_vault(accounts, "user_vault_y", "user", "token_mint_y", "token_program_y")
    _check_hook(accounts)
    check_event_authority(accounts)


def check_seeds(accounts: Accounts, name: str, *seeds: bytes) -> None:
    """Check that an account's address derives from its seeds.

    :raises ProgramError: It does not.

    """
    invocation = accounts.invocation
    accounts.spend(Check.SEEDS)
    expected = find_address(invocation, seeds, invocation.program)
    if accounts.key(name) != expected:
        raise account_error(invocation, anchor.SEEDS, name, (accounts.key(name), expected))


def find_address(invocation: Invocation, seeds: tuple[bytes, ...], program: Pubkey) -> Pubkey:
    """Find a program-derived address as the runtime does for a program, for units that depend on the tries.

    :raises ProgramError: The compute budget does not suffice.

    """
    address, bump = _derived(seeds, program)
    units = BUMP_UNITS * (256 - bump)
    if units > invocation.remaining:  # short of units in the runtime rather than in the program's own code
        invocation.consume(invocation.remaining)
        raise ProgramError("ComputationalBudgetExceeded")
    invocation.consume(units)
    return address


def check_event_authority(accounts: Accounts) -> None:
    """Check the account that signs the program's events.

    :raises ProgramError: It is another.

    """
    invocation = accounts.invocation
    expected = event_authority(invocation.program)
    accounts.spend(Check.EVENTS)
    if accounts.key("event_authority") != expected:
        found = (accounts.key("event_authority"), expected)
        raise account_error(invocation, anchor.SEEDS, "event_authority", found)


def borrow_arrays(accounts: Accounts) -> ArrayIndices:
    """Return which two neighbouring bin arrays an instruction was given; its own code starts with this.

    :raises ProgramError: They are one and the same, or no neighbours, or the pair has a hook.

    """
    invocation = accounts.invocation
    if accounts.read("pair")[_HAS_HOOK]:
        raise unsupported("pairs with a hook")
    accounts.spend(Check.BORROW)
    if accounts.key("bin_array_lower") == accounts.key("bin_array_upper"):
        raise runtime_error(invocation, "AccountBorrowFailed")
    lower, upper = (
        int(np.frombuffer(accounts.read(name), BIN_ARRAY, 1)["index"][0])
        for name in ("bin_array_lower", "bin_array_upper")
    )
    if upper != lower + 1:
        raise anchor_error(invocation, errors.INDEX_MISMATCH)
    return ArrayIndices(lower, upper)


def _check_mut(accounts: Accounts, name: str) -> None:
    if not accounts.is_writable(name):
        raise account_error(accounts.invocation, anchor.MUT, name)


def _check_pair(accounts: Accounts) -> None:
    _check_mut(accounts, "pair")
    pair = np.frombuffer(accounts.read("pair"), PAIR, 1)
    for side in ("mint_x", "mint_y"):
        mint, given = Pubkey.from_bytes(pair[side][0].tobytes()), accounts.key(f"token_{side}")
        if given != mint:
            raise account_error(accounts.invocation, errors.OTHER_MINT, "pair", (mint, given))
    accounts.spend(Check.PAIR)


def _check_arrays(accounts: Accounts) -> None:
    for name, code in (
        ("bin_array_lower", errors.OTHER_PAIRS_LOWER),
        ("bin_array_upper", errors.OTHER_PAIRS_UPPER),
    ):
        _check_mut(accounts, name)
        _check_parent(accounts, name, code)
        accounts.spend(Check.ARRAY)


def _check_parent(accounts: Accounts, name: str, code: int) -> None:
    pair = Pubkey.from_bytes(accounts.read(name)[_PAIR_OFFSET : _PAIR_OFFSET + 32])
    if pair != accounts.key("pair"):
        raise account_error(accounts.invocation, code, name, (pair, accounts.key("pair")))


def _check_vault(accounts: Accounts, name: str, wallet: str, mint: str, token_program: str) -> None:
    """Check that a token account is the wallet's associated one, and may be written."""
    invocation = accounts.invocation
    if accounts.owner(name) != accounts.key(token_program):
        raise anchor_error(invocation, anchor.ASSOCIATED_PROGRAM)
    owner = accounts.token_owner(name)
    if owner != accounts.key(wallet):
        raise account_error(invocation, anchor.TOKEN_OWNER, name, (owner, accounts.key(wallet)))
    seeds = (bytes(accounts.key(wallet)), bytes(accounts.key(token_program)), bytes(accounts.key(mint)))
    accounts.spend(Check.ASSOCIATED)
    expected = find_address(invocation, seeds, ASSOCIATED_TOKEN_PROGRAM)
    if accounts.key(name) != expected:
        raise account_error(invocation, anchor.ASSOCIATED, name, (accounts.key(name), expected))
    _check_mut(accounts, name)


def _check_user_vault(accounts: Accounts, name: str, mint: str) -> None:
    _check_mut(accounts, name)
    if accounts.read(name)[:32] != bytes(accounts.key(mint)):
        raise account_error(accounts.invocation, anchor.RAW, name)
    accounts.spend(Check.USER_VAULT)


def _check_payer(accounts: Accounts, name: str, code: int) -> None:
    if accounts.token_owner(name) != accounts.key("user"):
        raise account_error(accounts.invocation, code, name)


def _check_hook(accounts: Accounts) -> None:
    if accounts.key("hook") != accounts.invocation.program:
        _check_mut(accounts, "hook")
    accounts.spend(Check.HOOK)


@lru_cache(maxsize=65_536)
def _derived(seeds: tuple[bytes, ...], program: Pubkey) -> tuple[Pubkey, int]:
    return Pubkey.find_program_address(seeds, program)
