"""The addresses that most Saros instructions ask for, read once from the pair's account."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from dlmm.anchor import reader, writer
from dlmm.errors import AccountError
from dlmm.programs import TOKEN_PROGRAM, associated_token_account
from dlmm.records import Account, Record
from dlmm.saros.layout import PAIR, PAIR_DISCRIMINATOR, PROGRAM_IDS
from dlmm.saros.pdas import PROGRAM, bin_array_address, hook_bin_array_address, hook_program_of


class PairKeys(Record, frozen=True):
    """A pair's addresses, fixed until its hook is changed.

    :arg hook: The pair's rewarder hook, or `None`.

    :arg program: The liquidity book program: one address on mainnet, another on devnet.

    """

    pair: Pubkey
    mint_x: Pubkey
    mint_y: Pubkey
    token_program_x: Pubkey = TOKEN_PROGRAM
    token_program_y: Pubkey = TOKEN_PROGRAM
    hook: Pubkey | None = None
    program: Pubkey = PROGRAM

    @classmethod
    def of(cls, pair: Pubkey, account: Account, *, token_program_x: Pubkey, token_program_y: Pubkey) -> Self:
        """Read a pair's addresses from its account.

        :arg token_program_x: Owner of the mint of X, which the pair does not record.

        :arg token_program_y: Owner of the mint of Y.

        :raises AccountError: The account is no pair.

        """
        if account.owner not in PROGRAM_IDS:
            raise AccountError(str(pair), f"owner {account.owner} is not the Saros program")
        if account.data[:8] != PAIR_DISCRIMINATOR or len(account.data) != PAIR.itemsize:
            raise AccountError(str(pair), "not a pair: wrong discriminator or length")
        row = np.frombuffer(account.data, PAIR)[0]
        return cls(
            pair=pair,
            mint_x=_key(row["mint_x"]),
            mint_y=_key(row["mint_y"]),
            token_program_x=token_program_x,
            token_program_y=token_program_y,
            hook=_key(row["hook"]) if row["has_hook"] else None,
            program=Pubkey.from_string(account.owner),
        )

    @property
    def vault_x(self) -> Pubkey:
        """Return the account that holds the pair's token X."""
        return associated_token_account(self.pair, self.mint_x, self.token_program_x)

    @property
    def vault_y(self) -> Pubkey:
        """Return the account that holds the pair's token Y."""
        return associated_token_account(self.pair, self.mint_y, self.token_program_y)

    @property
    def hook_program(self) -> Pubkey:
        """Return the rewarder hook program of the pair's cluster."""
        return hook_program_of(self.program)

    def user_vault_x(self, owner: Pubkey) -> Pubkey:
        """Return a wallet's associated account for token X."""
        return associated_token_account(owner, self.mint_x, self.token_program_x)

    def user_vault_y(self, owner: Pubkey) -> Pubkey:
        """Return a wallet's associated account for token Y."""
        return associated_token_account(owner, self.mint_y, self.token_program_y)

    def bin_arrays(self, indices: tuple[int, int]) -> list[AccountMeta]:
        """Pass two bin arrays, written, in the order given."""
        return [writer(bin_array_address(self.pair, index, self.program)) for index in indices]

    def hook_bin_arrays(self, indices: tuple[int, int]) -> list[AccountMeta]:
        """Pass the hook's records of two bin arrays, written; nothing without a hook."""
        if self.hook is None:
            return []
        return [writer(hook_bin_array_address(self.hook, index, self.hook_program)) for index in indices]

    def hook_accounts(self) -> list[AccountMeta]:
        """Pass the hook and its program, or the pair's program twice where there is no hook."""
        if self.hook is None:
            return [reader(self.program), reader(self.program)]
        return [writer(self.hook), reader(self.hook_program)]


def _key(field: NDArray[np.uint8]) -> Pubkey:
    return Pubkey.from_bytes(field.tobytes())
