"""Instructions of the SPL token program and of the one for associated accounts, as wallets build them."""

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import reader, signer, writer, writing_signer
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM, SYSTEM_PROGRAM, TOKEN_PROGRAM, associated_token_account

_TRANSFER, _CLOSE, _TRANSFER_CHECKED, _SYNC_NATIVE = 3, 9, 12, 17
_CREATE, _CREATE_IDEMPOTENT = 0, 1


def transfer(*, source: Pubkey, target: Pubkey, owner: Pubkey, amount: int) -> Instruction:
    """Build a transfer of raw units."""
    return _token(struct.pack("<BQ", _TRANSFER, amount), [writer(source), writer(target), signer(owner)])


def transfer_checked(
    *, source: Pubkey, mint: Pubkey, target: Pubkey, owner: Pubkey, amount: int, decimals: int
) -> Instruction:
    """Build a transfer of raw units that names the mint and its decimals."""
    data = struct.pack("<BQB", _TRANSFER_CHECKED, amount, decimals)
    return _token(data, [writer(source), reader(mint), writer(target), signer(owner)])


def close_account(*, account: Pubkey, to: Pubkey, owner: Pubkey) -> Instruction:
    """Build the closing of a token account, whose lamports go to somebody."""
    return _token(bytes([_CLOSE]), [writer(account), writer(to), signer(owner)])


def sync_native(account: Pubkey) -> Instruction:
    """Build what makes an account of wrapped SOL count its lamports."""
    return _token(bytes([_SYNC_NATIVE]), [writer(account)])


def create_associated(
    *, payer: Pubkey, owner: Pubkey, mint: Pubkey, idempotent: bool, token_program: Pubkey = TOKEN_PROGRAM
) -> Instruction:
    """Build the making of an associated account; the idempotent form succeeds where it is there already."""
    account = associated_token_account(owner, mint, token_program)
    metas = [
        writing_signer(payer),
        writer(account),
        reader(owner),
        reader(mint),
        reader(SYSTEM_PROGRAM),
        reader(token_program),
    ]
    return Instruction(ASSOCIATED_TOKEN_PROGRAM, bytes([_CREATE_IDEMPOTENT if idempotent else _CREATE]), metas)


def _token(data: bytes, accounts: list[AccountMeta]) -> Instruction:
    return Instruction(TOKEN_PROGRAM, data, accounts)
