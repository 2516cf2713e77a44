"""How the program moves tokens: `transfer_checked` of whichever token program a mint belongs to."""

import struct

from solders.instruction import Instruction

from dlmm.anchor import reader, signer, writer
from dlmm.liquidity import PoolTokens
from dlmm.programs import TOKEN_2022_PROGRAM
from dlmm.records import Account
from dlmm.tokens import Mint, decode_mint
from sandbox.model.saros.accounts import Accounts
from sandbox.model.saros.units import BURN_UNITS, CLOSE_UNITS, pay_in_units, pay_out_units

_TRANSFER_CHECKED = 12
_BURN = 8
_CLOSE_ACCOUNT = 9


def tokens_of(accounts: Accounts) -> PoolTokens:
    """Return a pair's mints, and the epoch that chooses between their transfer fees."""
    epoch = int(accounts.invocation.clock.epoch)
    return PoolTokens(mint_of(accounts, "token_mint_x"), mint_of(accounts, "token_mint_y"), epoch)


def mint_of(accounts: Accounts, name: str) -> Mint:
    """Read a mint that the instruction was given."""
    return decode_mint(str(accounts.key(name)), Account(str(accounts.owner(name)), accounts.read(name)))


def pay_in(accounts: Accounts, side: str, amount: int) -> None:
    """Move tokens from the user to the pair.

    :arg side: `x` or `y`.

    :arg amount: Raw units that leave the user's account.

    :raises ProgramError: The token program refuses.

    """
    _transfer(accounts, side, f"user_vault_{side}", f"token_vault_{side}", "user", amount)


def pay_out(accounts: Accounts, side: str, amount: int) -> None:
    """Move tokens from the pair to the user, the pair signing.

    :arg side: `x` or `y`.

    :arg amount: Raw units that leave the pair's account.

    :raises ProgramError: The token program refuses.

    """
    _transfer(accounts, side, f"token_vault_{side}", f"user_vault_{side}", "pair", amount)


def burn_nft(accounts: Accounts) -> None:
    """Burn a position's NFT.

    :raises ProgramError: Token-2022 refuses.

    """
    invocation = accounts.invocation
    metas = [
        writer(accounts.key("position_token_account")),
        writer(accounts.key("position_mint")),
        signer(accounts.key("user")),
    ]
    invocation.consume(BURN_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, struct.pack("<BQ", _BURN, 1), metas))


def close_nft_account(accounts: Accounts) -> None:
    """Close the account that held a position's NFT; the user gets its rent.

    :raises ProgramError: Token-2022 refuses, or the user may not be written.

    """
    invocation = accounts.invocation
    user = accounts.key("user")
    metas = [writer(accounts.key("position_token_account")), writer(user), signer(user)]
    invocation.consume(CLOSE_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, bytes((_CLOSE_ACCOUNT,)), metas))


def _transfer(accounts: Accounts, side: str, source: str, destination: str, authority: str, amount: int) -> None:
    mint = f"token_mint_{side}"
    metas = [
        writer(accounts.key(source)),
        reader(accounts.key(mint)),
        writer(accounts.key(destination)),
        signer(accounts.key(authority)),
    ]
    signers = (accounts.key("pair"),) if authority == "pair" else ()
    data = struct.pack("<BQB", _TRANSFER_CHECKED, amount, accounts.decimals(mint))
    is_token_2022 = accounts.key(f"token_program_{side}") == TOKEN_2022_PROGRAM
    if signers:
        has_fee = mint_of(accounts, mint).newer_fee is not None
        accounts.invocation.consume(pay_out_units(is_token_2022=is_token_2022, has_fee=has_fee))
    else:
        accounts.invocation.consume(pay_in_units(is_token_2022=is_token_2022))
    accounts.invocation.call(Instruction(accounts.key(f"token_program_{side}"), data, metas), signers)
