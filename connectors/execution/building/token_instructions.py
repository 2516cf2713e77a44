"""Instructions of the token programs and of the program for associated accounts, as far as a wallet of ours needs them.

Source: the SPL programs' instruction enums; the sandbox and the true token programs run them in the tests.
"""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import reader, signer, writer, writing_signer
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM, SYSTEM_PROGRAM, TOKEN_PROGRAM, associated_token_account

_CLOSE_ACCOUNT, _SYNC_NATIVE = bytes([9]), bytes([17])
_CREATE_IDEMPOTENT = bytes([1])


def create_associated(*, owner: Pubkey, mint: Pubkey, token_program: Pubkey) -> Instruction:
    """Build the making of a wallet's associated account, at its own cost; one that exists is left as it is.

    :arg token_program: Owner of the mint.

    """
    accounts = [
        writing_signer(owner),
        writer(associated_token_account(owner, mint, token_program)),
        reader(owner),
        reader(mint),
        reader(SYSTEM_PROGRAM),
        reader(token_program),
    ]
    return Instruction(ASSOCIATED_TOKEN_PROGRAM, _CREATE_IDEMPOTENT, accounts)


def close_account(*, account: Pubkey, owner: Pubkey, token_program: Pubkey) -> Instruction:
    """Build the closing of a token account, whose lamports go back to its owner; it fails while it holds tokens.

    An account of wrapped SOL may hold some: they come back as lamports.
    """
    return Instruction(token_program, _CLOSE_ACCOUNT, [writer(account), writer(owner), signer(owner)])


def sync_native(account: Pubkey) -> Instruction:
    """Build what makes an account of wrapped SOL count its lamports."""
    return Instruction(TOKEN_PROGRAM, _SYNC_NATIVE, [writer(account)])
