"""Transfers between users and the pool's vaults, by call of the token program."""

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import pack, reader, writer
from dlmm.errors import AccountError
from dlmm.records import Account, Record
from dlmm.tokens import Mint, decode_mint
from sandbox.model.invocation import Invocation
from sandbox.model.meteora.accounts import Accounts
from sandbox.model.meteora.errors import runtime_error

_TRANSFER, _TRANSFER_CHECKED = 3, 12


class Side(Record, frozen=True):
    """Where one of the pool's two tokens is.

    :arg program: The token program that the instruction names for it.

    :arg checked: Whether transfers name the mint, as all do but those of the older instructions for liquidity.

    """

    mint: Mint
    mint_key: Pubkey
    vault: Pubkey
    program: Pubkey
    checked: bool = True


def mint_at(invocation: Invocation, index: int) -> Mint:
    """Read a mint that an instruction was given.

    :raises ProgramError: It is one that the token library would not read either.

    """
    account = Account(str(invocation.owner(index)), invocation.read(index))
    try:
        return decode_mint(str(invocation.key(index)), account)
    except AccountError as error:
        raise runtime_error("InvalidAccountData") from error


def sides(
    accounts: Accounts,
    mints: tuple[Mint, Mint],
    *,
    programs: tuple[str, str] = ("token_x_program", "token_y_program"),
    checked: bool = True,
) -> tuple[Side, Side]:
    """Return where X and Y are, by the accounts of an instruction.

    :arg mints: Of X and of Y.

    :arg programs: What the instruction calls their token programs.

    """
    x_program, y_program = programs
    return (
        Side(mints[0], accounts.key("token_x_mint"), accounts.key("reserve_x"), accounts.key(x_program), checked),
        Side(mints[1], accounts.key("token_y_mint"), accounts.key("reserve_y"), accounts.key(y_program), checked),
    )


def pay_in(invocation: Invocation, side: Side, source: Pubkey, user: Pubkey, amount: int) -> None:
    """Move tokens from a user's account to the vault.

    :arg user: Who has signed and may spend them.

    :raises ProgramError: Whatever the token program refuses it with.

    """
    _call(invocation, side, (source, side.vault, user), amount, ())


def pay_out(invocation: Invocation, side: Side, target: Pubkey, pair: Pubkey, amount: int) -> None:
    """Move tokens from the vault, which the pool may spend.

    :raises ProgramError: Whatever the token program refuses it with.

    """
    _call(invocation, side, (side.vault, target, pair), amount, (pair,))


def _call(
    invocation: Invocation,
    side: Side,
    keys: tuple[Pubkey, Pubkey, Pubkey],
    amount: int,
    signers: tuple[Pubkey, ...],
) -> None:
    source, target, spender = keys
    authority = AccountMeta(spender, is_signer=True, is_writable=False)
    if side.checked:
        data = bytes([_TRANSFER_CHECKED]) + pack("QB", amount, side.mint.decimals)
        metas = [writer(source), reader(side.mint_key), writer(target), authority]
    else:
        data = bytes([_TRANSFER]) + pack("Q", amount)
        metas = [writer(source), writer(target), authority]
    invocation.call(Instruction(side.program, data, metas), signers)
