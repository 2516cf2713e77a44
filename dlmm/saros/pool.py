"""A Saros pool as its accounts' bytes: the pair, its bin arrays, and both mints."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from dlmm.account_bytes import needed, public_key, sorted_arrays
from dlmm.errors import AccountError
from dlmm.fees import base_fee_rate, variable_fee_rate
from dlmm.price import price_x64
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM
from dlmm.records import Account, Venue
from dlmm.saros.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    MIDDLE_BIN_ID,
    PROGRAM_ID,
    PROGRAM_IDS,
    decode_bin_array,
    decode_pair,
)
from dlmm.struct_arrays import copied
from dlmm.tokens import Mint, decode_mint

_PLAIN_MINT_LENGTH = 82


@dataclass(frozen=True, slots=True, eq=False)
class SarosPool:
    """One pool. The arrays are the accounts' bytes; nobody writes to them once the pool is made."""

    address: str
    """Address of the pair, base58."""

    pair: NDArray[np.void]
    """One `PAIR`."""

    arrays: NDArray[np.void]
    """The `BIN_ARRAY`s at hand, sorted by index."""

    mint_x: Mint
    mint_y: Mint

    array_addresses: tuple[str, ...]
    """Addresses of `arrays`, in their order."""

    extended_x: bool = False
    """Whether mint X has Token-2022 extensions, which cost the program heap."""

    extended_y: bool = False

    vault_bumps: int = 2
    """Failed tries that finding both vaults' addresses takes, 1,500 compute units each; 2 is the mean of all pools."""

    program: str = PROGRAM_ID
    """Owner of the accounts: the program on mainnet or on devnet."""

    @classmethod
    def from_accounts(cls, address: str, accounts: Mapping[str, Account]) -> Self:
        """Build a pool from accounts as a cluster gives them.

        :arg address: Address of the pair.

        :arg accounts: By address: the pair, both mints, and any of its bin arrays. Other accounts are passed over.

        :raises AccountError: The pair or a mint is missing, an account is not what it was said to be, or the pair's
            address is none.

        """
        account = needed(accounts, address)
        pair = decode_pair(address, account)
        owner = public_key(address)
        found: list[tuple[str, NDArray[np.void]]] = []
        for key, other in accounts.items():
            if other.owner in PROGRAM_IDS and other.data[:8] == BIN_ARRAY_DISCRIMINATOR:
                array = decode_bin_array(key, other)
                belongs_to = array["pair"].tobytes()
                if belongs_to != bytes(owner):
                    raise AccountError(key, f"belongs to pair {Pubkey.from_bytes(belongs_to)}, not {owner}")
                found.append((key, array))
        arrays, array_addresses = sorted_arrays(found, BIN_ARRAY)
        mint_x, mint_y = (str(Pubkey.from_bytes(pair[name].tobytes())) for name in ("mint_x", "mint_y"))
        account_x, account_y = needed(accounts, mint_x), needed(accounts, mint_y)
        return cls(
            address=address,
            pair=copied(pair),
            arrays=arrays,
            mint_x=decode_mint(mint_x, account_x),
            mint_y=decode_mint(mint_y, account_y),
            array_addresses=array_addresses,
            extended_x=len(account_x.data) > _PLAIN_MINT_LENGTH,
            extended_y=len(account_y.data) > _PLAIN_MINT_LENGTH,
            vault_bumps=_vault_bump(owner, mint_x, account_x.owner) + _vault_bump(owner, mint_y, account_y.owner),
            program=account.owner,
        )

    def to_accounts(self) -> dict[str, Account]:
        """Return the program's accounts with the bytes they have now; mints and vaults are left out."""
        accounts = {self.address: Account(self.program, self.pair.tobytes())}
        for key, array in zip(self.array_addresses, self.arrays, strict=True):
            accounts[key] = Account(self.program, array.tobytes())
        return accounts

    @property
    def venue(self) -> Venue:
        """Return which program the pool belongs to."""
        return Venue.SAROS

    @property
    def active_id(self) -> int:
        """Return the bin that trades next."""
        return int(self.pair["active_id"][0])

    @property
    def bin_step(self) -> int:
        """Return the basis points between neighbouring bins."""
        return int(self.pair["bin_step"][0])

    @property
    def has_hook(self) -> bool:
        """Tell whether a rewards program is called in each swap."""
        return bool(self.pair["has_hook"][0])

    @property
    def hook(self) -> str:
        """Return the hook account's address, or nothing without one."""
        return str(Pubkey.from_bytes(self.pair["hook"][0].tobytes())) if self.has_hook else ""

    @property
    def price_x64(self) -> int:
        """Return the active bin's price: raw Y per raw X, Q64.64."""
        return price_x64(self.active_id - MIDDLE_BIN_ID, self.bin_step)

    @property
    def base_fee_rate(self) -> int:
        """Return the fee without the surcharge for volatility, in units of 1e-9."""
        return int(base_fee_rate(int(self.pair["base_factor"][0]), self.bin_step, 0))

    @property
    def fee_rate(self) -> int:
        """Return the fee at the volatility as stored, in units of 1e-9; a swap fades it to its own time first."""
        me = self.pair[0]
        accumulator, control = int(me["volatility_accumulator"]), int(me["variable_fee_control"])
        return self.base_fee_rate + int(variable_fee_rate(accumulator, self.bin_step, control))


@lru_cache(maxsize=4096)
def _vault_bump(pair: Pubkey, mint: str, token_program: str) -> int:
    seeds = [bytes(pair), bytes(Pubkey.from_string(token_program)), bytes(Pubkey.from_string(mint))]
    return 255 - Pubkey.find_program_address(seeds, ASSOCIATED_TOKEN_PROGRAM)[1]
