"""How an instruction ends when it fails, and how the runtime words that in a log line.

Source of the words: `Display` of solana-instruction's `InstructionError`, 3.4.
"""

import re

from dlmm.errors import DlmmError

_TEXTS = {
    "GenericError": "generic instruction error",
    "InvalidArgument": "invalid program argument",
    "InvalidInstructionData": "invalid instruction data",
    "InvalidAccountData": "invalid account data for instruction",
    "AccountDataTooSmall": "account data too small for instruction",
    "InsufficientFunds": "insufficient funds for instruction",
    "IncorrectProgramId": "incorrect program id for instruction",
    "MissingRequiredSignature": "missing required signature for instruction",
    "AccountAlreadyInitialized": "instruction requires an uninitialized account",
    "UninitializedAccount": "instruction requires an initialized account",
    "UnbalancedInstruction": "sum of account balances before and after instruction do not match",
    "ModifiedProgramId": "instruction illegally modified the program id of an account",
    "ExternalAccountLamportSpend": "instruction spent from the balance of an account it does not own",
    "ExternalAccountDataModified": "instruction modified data of an account it does not own",
    "ReadonlyLamportChange": "instruction changed the balance of a read-only account",
    "ReadonlyDataModified": "instruction modified data of a read-only account",
    "NotEnoughAccountKeys": "insufficient account keys for instruction",
    "AccountBorrowFailed": "instruction tries to borrow reference for an account which is already borrowed",
    "InvalidError": "program returned invalid error code",
    "UnsupportedProgramId": "Unsupported program id",
    "CallDepth": "Cross-program invocation call depth too deep",
    "MissingAccount": "An account required by the instruction is missing",
    "ReentrancyNotAllowed": "Cross-program invocation reentrancy not allowed for this instruction",
    "MaxSeedLengthExceeded": "Length of the seed is too long for address generation",
    "InvalidSeeds": "Provided seeds do not result in a valid address",
    "InvalidRealloc": "Failed to reallocate account data",
    "ComputationalBudgetExceeded": "Computational budget exceeded",
    "PrivilegeEscalation": "Cross-program invocation with unauthorized signer or writable account",
    "ProgramFailedToComplete": "Program failed to complete",
    "Immutable": "Account is immutable",
    "IncorrectAuthority": "Incorrect authority provided",
    "AccountNotRentExempt": "An account does not have enough lamports to be rent-exempt",
    "InvalidAccountOwner": "Invalid account owner",
    "ArithmeticOverflow": "Program arithmetic overflowed",
    "IllegalOwner": "Provided owner is not allowed",
    "MaxInstructionTraceLengthExceeded": "Max instruction trace length exceeded",
}


def instruction_error_text(code: int | str) -> str:
    """Word an instruction's error.

    :arg code: A program's custom code, or the runtime's name for the error.

    """
    if isinstance(code, int):
        return f"custom program error: {code:#x}"
    return _TEXTS.get(code) or re.sub(r"(?<!^)(?=[A-Z])", " ", code).lower()


class ProgramError(DlmmError):
    """End the running instruction, and with it the transaction, as a program or the runtime does.

    :arg code: A program's custom code, or the runtime's name for the error, e.g. `InvalidAccountData`.

    :arg log: What the program says before it ends, logged as `Program log: ..`; Anchor's `AnchorError ..` line.

    :arg text: How the line `Program .. failed: ..` words it, where that differs from the error's own text.

    """

    def __init__(self, code: int | str, log: str | None = None, *, text: str | None = None) -> None:
        """Keep the values, and word the error as the runtime does."""
        self.code = code
        self.log = log
        self.text = instruction_error_text(code) if text is None else text
        super().__init__(self.text)

    def json(self) -> object:
        """Return the error inside `InstructionError` as a node's JSON has it."""
        return {"Custom": self.code} if isinstance(self.code, int) else self.code
