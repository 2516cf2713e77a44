"""Addresses that both venues' instructions name: token programs, system programs and sysvars."""

from functools import lru_cache

from solders.pubkey import Pubkey

from dlmm.tokens import TOKEN_2022_PROGRAM as TOKEN_2022_ADDRESS
from dlmm.tokens import TOKEN_PROGRAM as TOKEN_ADDRESS

TOKEN_PROGRAM = Pubkey.from_string(TOKEN_ADDRESS)
TOKEN_2022_PROGRAM = Pubkey.from_string(TOKEN_2022_ADDRESS)
ASSOCIATED_TOKEN_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
SYSTEM_PROGRAM = Pubkey.from_string("11111111111111111111111111111111")
MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
COMPUTE_BUDGET_PROGRAM = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
RENT_SYSVAR = Pubkey.from_string("SysvarRent111111111111111111111111111111111")
WRAPPED_SOL = Pubkey.from_string("So11111111111111111111111111111111111111112")


@lru_cache(maxsize=4096)
def associated_token_account(owner: Pubkey, mint: Pubkey, token_program: Pubkey = TOKEN_PROGRAM) -> Pubkey:
    """Return the address where a wallet, or a pair, keeps a token unless it says otherwise.

    :arg token_program: The program that owns the mint; it is part of the address.

    """
    seeds = [bytes(owner), bytes(token_program), bytes(mint)]
    return Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN_PROGRAM)[0]
