"""The addresses that most Meteora instructions ask for, read once from the pool's account."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from dlmm.anchor import optional_writer, pack, writer
from dlmm.meteora.layout import decode_lb_pair
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_address, bitmap_extension_address
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, associated_token_account
from dlmm.records import Account, Record

TRANSFER_HOOK_X = 0
TRANSFER_HOOK_Y = 1


class PoolKeys(Record, frozen=True):
    """A pool's addresses, fixed for its life.

    :arg bitmap_extension: Address of the bitmap extension where it exists. The program wants it passed for liquidity
        and swaps beyond array 511, and it is never wrong to pass it.

    """

    lb_pair: Pubkey
    mint_x: Pubkey
    mint_y: Pubkey
    reserve_x: Pubkey
    reserve_y: Pubkey
    oracle: Pubkey
    token_program_x: Pubkey = TOKEN_PROGRAM
    token_program_y: Pubkey = TOKEN_PROGRAM
    bitmap_extension: Pubkey | None = None

    @classmethod
    def of(cls, lb_pair: Pubkey, account: Account, *, has_bitmap_extension: bool) -> Self:
        """Read a pool's addresses from its account.

        :arg has_bitmap_extension: Whether the account at `bitmap_extension_address` exists.

        :raises AccountError: The account is no LbPair.

        """
        pair = decode_lb_pair(str(lb_pair), account)[0]
        return cls(
            lb_pair=lb_pair,
            mint_x=_key(pair["mint_x"]),
            mint_y=_key(pair["mint_y"]),
            reserve_x=_key(pair["reserve_x"]),
            reserve_y=_key(pair["reserve_y"]),
            oracle=_key(pair["oracle"]),
            token_program_x=TOKEN_2022_PROGRAM if pair["mint_x_program"] else TOKEN_PROGRAM,
            token_program_y=TOKEN_2022_PROGRAM if pair["mint_y_program"] else TOKEN_PROGRAM,
            bitmap_extension=bitmap_extension_address(lb_pair) if has_bitmap_extension else None,
        )

    def user_token_x(self, owner: Pubkey) -> Pubkey:
        """Return a wallet's associated account for token X."""
        return associated_token_account(owner, self.mint_x, self.token_program_x)

    def user_token_y(self, owner: Pubkey) -> Pubkey:
        """Return a wallet's associated account for token Y."""
        return associated_token_account(owner, self.mint_y, self.token_program_y)

    def bin_arrays(self, indices: Sequence[int]) -> list[AccountMeta]:
        """Pass bin arrays, written, in the order given."""
        return [writer(bin_array_address(self.lb_pair, index)) for index in indices]

    def extension(self) -> AccountMeta:
        """Pass the bitmap extension, or the program's id where it does not exist."""
        return optional_writer(self.bitmap_extension, PROGRAM_ID)


class TransferHook(Record, frozen=True):
    """The extra accounts that one mint's transfer hook asks for.

    :arg kind: `TRANSFER_HOOK_X` or `TRANSFER_HOOK_Y`.

    :arg accounts: Accounts in the hook's own order; they come before the bin arrays.

    """

    kind: int
    accounts: tuple[AccountMeta, ...]


def remaining_accounts_info(hooks: Sequence[TransferHook]) -> bytes:
    """Encode which of the remaining accounts belong to which transfer hook; none is four zero bytes."""
    return pack("I", len(hooks)) + b"".join(pack("BB", hook.kind, len(hook.accounts)) for hook in hooks)


def hook_accounts(hooks: Sequence[TransferHook]) -> list[AccountMeta]:
    """Pass the transfer hooks' accounts in the order of their slices."""
    return [account for hook in hooks for account in hook.accounts]


def _key(field: NDArray[np.uint8]) -> Pubkey:
    return Pubkey.from_bytes(field.tobytes())
