"""Anchor's own errors, as both programs answer with them: code, name and message.

Source: Anchor's `ErrorCode`; each is one that a program logged.
"""

from typing import Final

FALLBACK_NOT_FOUND: Final = 101
NOT_DESERIALIZED: Final = 102
MUT: Final = 2000
HAS_ONE: Final = 2001
SIGNER: Final = 2002
RAW: Final = 2003
SEEDS: Final = 2006
ASSOCIATED: Final = 2009
CLOSE: Final = 2011
ADDRESS: Final = 2012
TOKEN_MINT: Final = 2014
TOKEN_OWNER: Final = 2015
ASSOCIATED_PROGRAM: Final = 2023
DISCRIMINATOR_NOT_FOUND: Final = 3001
DISCRIMINATOR_MISMATCH: Final = 3002
NOT_ENOUGH_KEYS: Final = 3005
WRONG_OWNER: Final = 3007
INVALID_PROGRAM_ID: Final = 3008
PROGRAM_NOT_EXECUTABLE: Final = 3009
NOT_SIGNER: Final = 3010
NOT_INITIALIZED: Final = 3012
REALLOC_LIMIT: Final = 3016
NUMERIC_CONVERSION: Final = 4102

ANCHOR_WORDS = {
    FALLBACK_NOT_FOUND: ("InstructionFallbackNotFound", "Fallback functions are not supported"),
    NOT_DESERIALIZED: ("InstructionDidNotDeserialize", "The program could not deserialize the given instruction"),
    MUT: ("ConstraintMut", "A mut constraint was violated"),
    HAS_ONE: ("ConstraintHasOne", "A has one constraint was violated"),
    SIGNER: ("ConstraintSigner", "A signer constraint was violated"),
    RAW: ("ConstraintRaw", "A raw constraint was violated"),
    SEEDS: ("ConstraintSeeds", "A seeds constraint was violated"),
    ASSOCIATED: ("ConstraintAssociated", "An associated constraint was violated"),
    CLOSE: ("ConstraintClose", "A close constraint was violated"),
    ADDRESS: ("ConstraintAddress", "An address constraint was violated"),
    TOKEN_MINT: ("ConstraintTokenMint", "A token mint constraint was violated"),
    TOKEN_OWNER: ("ConstraintTokenOwner", "A token owner constraint was violated"),
    ASSOCIATED_PROGRAM: (
        "ConstraintAssociatedTokenTokenProgram",
        "An associated token account token program constraint was violated",
    ),
    DISCRIMINATOR_NOT_FOUND: ("AccountDiscriminatorNotFound", "No discriminator was found on the account"),
    DISCRIMINATOR_MISMATCH: ("AccountDiscriminatorMismatch", "Account discriminator did not match what was expected"),
    NOT_ENOUGH_KEYS: ("AccountNotEnoughKeys", "Not enough account keys given to the instruction"),
    WRONG_OWNER: ("AccountOwnedByWrongProgram", "The given account is owned by a different program than expected"),
    INVALID_PROGRAM_ID: ("InvalidProgramId", "Program ID was not as expected"),
    PROGRAM_NOT_EXECUTABLE: ("InvalidProgramExecutable", "Program account is not executable"),
    NOT_SIGNER: ("AccountNotSigner", "The given account did not sign"),
    NOT_INITIALIZED: ("AccountNotInitialized", "The program expected this account to be already initialized"),
    REALLOC_LIMIT: (
        "AccountReallocExceedsLimit",
        "The account reallocation exceeds the MAX_PERMITTED_DATA_INCREASE limit",
    ),
    NUMERIC_CONVERSION: ("InvalidNumericConversion", "Error during numeric conversion"),
}
"""Name and message of each code."""
