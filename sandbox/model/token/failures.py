"""How the token programs end an instruction: a code, or a runtime error, and a log line that names it."""

from enum import IntEnum

from sandbox.model.invocation import ProgramError


class TokenFailure(IntEnum):
    """Custom codes of both token programs; above 19 Token-2022's alone."""

    NOT_RENT_EXEMPT = 0
    INSUFFICIENT_FUNDS = 1
    INVALID_MINT = 2
    MINT_MISMATCH = 3
    OWNER_MISMATCH = 4
    FIXED_SUPPLY = 5
    ALREADY_IN_USE = 6
    NATIVE_NOT_SUPPORTED = 10
    NON_NATIVE_HAS_BALANCE = 11
    INVALID_INSTRUCTION = 12
    INVALID_STATE = 13
    OVERFLOW = 14
    AUTHORITY_TYPE_NOT_SUPPORTED = 15
    MINT_CANNOT_FREEZE = 16
    ACCOUNT_FROZEN = 17
    MINT_DECIMALS_MISMATCH = 18
    NON_NATIVE_NOT_SUPPORTED = 19
    MINT_REQUIRED_FOR_TRANSFER = 31
    IMMUTABLE_OWNER = 34
    ACCOUNT_HAS_WITHHELD_FEES = 35
    NON_TRANSFERABLE = 37
    INVALID_EXTENSION_COMBINATION = 51


_TEXTS = {
    TokenFailure.NOT_RENT_EXEMPT: "Lamport balance below rent-exempt threshold",
    TokenFailure.INSUFFICIENT_FUNDS: "insufficient funds",
    TokenFailure.INVALID_MINT: "Invalid Mint",
    TokenFailure.MINT_MISMATCH: "Account not associated with this Mint",
    TokenFailure.OWNER_MISMATCH: "owner does not match",
    TokenFailure.FIXED_SUPPLY: "the total supply of this token is fixed",
    TokenFailure.ALREADY_IN_USE: "account or token already in use",
    TokenFailure.NATIVE_NOT_SUPPORTED: "Instruction does not support native tokens",
    TokenFailure.NON_NATIVE_HAS_BALANCE: "Non-native account can only be closed if its balance is zero",
    TokenFailure.INVALID_INSTRUCTION: "Invalid instruction",
    TokenFailure.INVALID_STATE: "Invalid account state for operation",
    TokenFailure.OVERFLOW: "Operation overflowed",
    TokenFailure.AUTHORITY_TYPE_NOT_SUPPORTED: "Account does not support specified authority type",
    TokenFailure.MINT_CANNOT_FREEZE: "This token mint cannot freeze accounts",
    TokenFailure.ACCOUNT_FROZEN: "Account is frozen",
    TokenFailure.MINT_DECIMALS_MISMATCH: "decimals different from the Mint decimals",
    TokenFailure.NON_NATIVE_NOT_SUPPORTED: "Instruction does not support non-native tokens",
    TokenFailure.MINT_REQUIRED_FOR_TRANSFER: (
        "Mint required for this account to transfer tokens, use `transfer_checked` or `transfer_checked_with_fee`"
    ),
    TokenFailure.IMMUTABLE_OWNER: "The owner authority cannot be changed",
    TokenFailure.ACCOUNT_HAS_WITHHELD_FEES: (
        "An account can only be closed if its withheld fee balance is zero, harvest fees to the mint and try again"
    ),
    TokenFailure.NON_TRANSFERABLE: "Transfer is disabled for this mint",
    TokenFailure.INVALID_EXTENSION_COMBINATION: (
        "Mint or account is initialized to an invalid combination of extensions"
    ),
}


_PLAIN = frozenset(
    (
        TokenFailure.MINT_REQUIRED_FOR_TRANSFER,
        TokenFailure.IMMUTABLE_OWNER,
        TokenFailure.NON_TRANSFERABLE,
        TokenFailure.INVALID_EXTENSION_COMBINATION,
    )
)
"""Errors that are logged without the word `Error`."""


def failure(code: TokenFailure) -> ProgramError:
    """Make a token program's own error, with the line it logs."""
    return ProgramError(int(code), _TEXTS[code] if code in _PLAIN else f"Error: {_TEXTS[code]}")


def refusal(name: str) -> ProgramError:
    """Make one of the runtime's errors as a token program ends with it, with the line it logs."""
    return ProgramError(name, f"Error: {name}")
