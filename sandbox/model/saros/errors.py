"""How the Saros program ends an instruction: code, and the lines that Anchor logs about it.

Source: the program's published IDL and Anchor's own codes; places in its source are what the real program logs.
"""

from typing import Final

from solders.pubkey import Pubkey

from dlmm.saros.layout import ERROR_NAMES
from sandbox.model.anchor_errors import ANCHOR_WORDS, INVALID_PROGRAM_ID, WRONG_OWNER
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.saros.units import PANIC_UNITS, refusal_units

BIN_NOT_FOUND: Final = 6000
INVALID_AMOUNTS: Final = 6002
INDEX_MISMATCH: Final = 6003
INVALID_DISTRIBUTION: Final = 6006
LIQUIDITY_OVERFLOW: Final = 6007
NOT_POSITION_OWNER: Final = 6010
OTHER_PAIR: Final = 6013
OTHER_PAIRS_LOWER: Final = 6014
OTHER_PAIRS_UPPER: Final = 6015
INVALID_BIN_RANGE: Final = 6025
OTHER_MINT: Final = 6026
OTHER_USERS_VAULT_X: Final = 6028
OTHER_USERS_VAULT_Y: Final = 6029

_MESSAGES = {
    6000: "Bin not found within bin array",
    6002: "Invalid amounts length",
    6003: "Bin array index mismatch",
    6004: "Invalid amount out",
    6005: "Invalid amount in",
    6006: "Invalid distribution",
    6007: "Liquidity overflow",
    6008: "Liquidity underflow",
    6010: "Not the owner of the position",
    6013: "Pair and position mismatch",
    6014: "Pair and lower bin array mismatch",
    6015: "Pair and upper bin array mismatch",
    6019: "Transfer fee calculation error",
    6020: "Get amount overflow error",
    6021: "Amount overflow error",
    6022: "Amount underflow error",
    6023: "Active id overflow error",
    6024: "Active id overflow error",
    6025: "Invalid bin range",
    6026: "Pair Token Mismatch",
    6028: "Token Account X Mismatch",
    6029: "Token Account Y Mismatch",
}

_RUNTIME_WORDS = {
    "InvalidAccountData": (4, "An account's data contents was invalid"),
    "UninitializedAccount": (10, "An attempt to operate on an account that hasn't been initialized"),
    "AccountBorrowFailed": (12, "Failed to borrow a reference to account data, already borrowed"),
}
_SOURCE = "programs/liquidity-book/src/"
_PANICKED = "SBF program panicked"


def anchor_error(invocation: Invocation, code: int, place: str | None = None) -> ProgramError:
    """End as the program's own code does.

    :arg code: One of the codes above, or any that `dlmm` gives.

    :arg place: File and line in the program's source, where the program names them.

    """
    origin = "occurred" if place is None else f"thrown in {_SOURCE}{place}"
    line = f"AnchorError {origin}. {_described(code)}"
    invocation.consume(refusal_units(code, line))
    return ProgramError(code, line)


def account_error(
    invocation: Invocation, code: int, account: str, found: tuple[Pubkey, Pubkey] | None = None
) -> ProgramError:
    """End as Anchor's checks of one account do.

    :arg account: The account's name in the IDL.

    :arg found: Two keys that were compared, logged beneath.

    """
    line = f"AnchorError caused by account: {account}. {_described(code)}"
    is_interface = found is None and code in (WRONG_OWNER, INVALID_PROGRAM_ID)
    invocation.consume(refusal_units(code, line, with_keys=found is not None, is_interface=is_interface))
    if found is None:
        return ProgramError(code, line)
    for text in (line, "Left:", str(found[0]), "Right:"):
        invocation.log(text)
    return ProgramError(code, str(found[1]))


def runtime_error(invocation: Invocation, name: str, account: str | None = None) -> ProgramError:
    """End with one of the runtime's own errors, as Anchor words it.

    :arg name: `InvalidAccountData`, `UninitializedAccount` or `AccountBorrowFailed`.

    :arg account: The account's name in the IDL, where Anchor says it.

    """
    number, message = _RUNTIME_WORDS[name]
    origin = "occurred" if account is None else f"caused by account: {account}"
    line = f"ProgramError {origin}. Error Code: {name}. Error Number: {number << 32}. Error Message: {message}."
    invocation.consume(refusal_units(number, line))
    return ProgramError(name, line)


def out_of_memory() -> ProgramError:
    """End as a program does whose heap is used up."""
    return ProgramError("ProgramFailedToComplete", "Error: memory allocation failed, out of memory", text=_PANICKED)


def panic(invocation: Invocation, place: str, reason: str) -> ProgramError:
    """End as a program does that panics.

    :arg place: File, line and column in the program's source.

    """
    invocation.consume(PANIC_UNITS)
    return ProgramError("ProgramFailedToComplete", f"panicked at {_SOURCE}{place}:\n{reason}", text=_PANICKED)


def unsupported(what: str) -> ProgramError:
    """Refuse what the model engine does not run; the real engine does."""
    return ProgramError("GenericError", f"the model engine does not run {what}; use the real one")


def _described(code: int) -> str:
    name, message = ANCHOR_WORDS.get(code) or (ERROR_NAMES[code], _MESSAGES[code])
    return f"Error Code: {name}. Error Number: {code}. Error Message: {message}."
