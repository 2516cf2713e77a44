"""A Meteora pool as its accounts' bytes: the pair, its bin arrays, the bitmap extension and both mints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from dlmm.account_bytes import needed, public_key, sorted_arrays
from dlmm.errors import AccountError
from dlmm.fees import base_fee_rate, variable_fee_rate
from dlmm.meteora.layout import (
    BIN_ARRAY,
    BIN_ARRAY_DISCRIMINATOR,
    BITMAP_EXTENSION,
    EXTENSION_DISCRIMINATOR,
    PROGRAM,
    decode_bin_array,
    decode_extension,
    decode_lb_pair,
)
from dlmm.price import price_x64
from dlmm.records import MAX_U64, Account, Venue
from dlmm.struct_arrays import copied
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, Mint, decode_mint

MAX_FEE_RATE = 100_000_000
_TOKEN_ACCOUNT_LENGTH = 165


@dataclass(frozen=True, slots=True, eq=False)
class MeteoraPool:
    """One pool. The arrays are the accounts' bytes; nobody writes to them once the pool is made."""

    address: str
    """Address of the pair, base58."""

    pair: NDArray[np.void]
    """One `LB_PAIR`."""

    arrays: NDArray[np.void]
    """The `BIN_ARRAY`s at hand, sorted by index."""

    extension: NDArray[np.void]
    """One `BITMAP_EXTENSION`, or none."""

    mint_x: Mint
    mint_y: Mint

    array_addresses: tuple[str, ...]
    """Addresses of `arrays`, in their order."""

    extension_address: str = ""

    vault_x: int = MAX_U64
    """Raw X in the pool's vault; 2^64 - 1 when unknown."""

    vault_y: int = MAX_U64
    """Raw Y in the pool's vault; 2^64 - 1 when unknown."""

    @classmethod
    def from_accounts(cls, address: str, accounts: Mapping[str, Account]) -> Self:
        """Build a pool from accounts as a cluster gives them.

        :arg address: Address of the pair.

        :arg accounts: By address: the pair, both mints, any of its bin arrays, the bitmap extension if there is one,
            and the vaults if their balances shall be known. Other accounts are passed over.

        :raises AccountError: The pair or a mint is missing, an account is not what it was said to be, or the pair's
            address is none.

        """
        pair = decode_lb_pair(address, needed(accounts, address))
        owner = public_key(address)
        found: list[tuple[str, NDArray[np.void]]] = []
        extension, extension_address = np.empty(0, BITMAP_EXTENSION), ""
        for key, account in accounts.items():
            if account.owner != PROGRAM or key == address:
                continue
            if account.data[:8] == BIN_ARRAY_DISCRIMINATOR:
                array = decode_bin_array(key, account)
                _check_pair(key, array, owner)
                found.append((key, array))
            elif account.data[:8] == EXTENSION_DISCRIMINATOR:
                extension, extension_address = copied(decode_extension(key, account)), key
                _check_pair(key, extension, owner)
        arrays, array_addresses = sorted_arrays(found, BIN_ARRAY)
        mint_x, mint_y = (_address(pair, name) for name in ("mint_x", "mint_y"))
        return cls(
            address=address,
            pair=copied(pair),
            arrays=arrays,
            extension=extension,
            mint_x=decode_mint(mint_x, needed(accounts, mint_x)),
            mint_y=decode_mint(mint_y, needed(accounts, mint_y)),
            array_addresses=array_addresses,
            extension_address=extension_address,
            vault_x=_balance(accounts, _address(pair, "reserve_x")),
            vault_y=_balance(accounts, _address(pair, "reserve_y")),
        )

    def to_accounts(self) -> dict[str, Account]:
        """Return the program's accounts with the bytes they have now; mints and vaults are left out."""
        accounts = {self.address: Account(PROGRAM, self.pair.tobytes())}
        for key, array in zip(self.array_addresses, self.arrays, strict=True):
            accounts[key] = Account(PROGRAM, array.tobytes())
        if self.extension_address:
            accounts[self.extension_address] = Account(PROGRAM, self.extension.tobytes())
        return accounts

    @property
    def venue(self) -> Venue:
        """Return which program the pool belongs to."""
        return Venue.METEORA

    @property
    def active_id(self) -> int:
        """Return the bin that trades next."""
        return int(self.pair["active_id"][0])

    @property
    def bin_step(self) -> int:
        """Return the basis points between neighbouring bins."""
        return int(self.pair["bin_step"][0])

    @property
    def price_x64(self) -> int:
        """Return the active bin's price: raw Y per raw X, Q64.64."""
        return price_x64(self.active_id, self.bin_step)

    @property
    def base_fee_rate(self) -> int:
        """Return the fee without the surcharge for volatility, in units of 1e-9, before the cap."""
        me = self.pair[0]
        return int(base_fee_rate(int(me["base_factor"]), self.bin_step, int(me["base_fee_power_factor"])))

    @property
    def fee_rate(self) -> int:
        """Return the fee at the volatility as stored, in units of 1e-9; a swap fades it to its own time first."""
        me = self.pair[0]
        accumulator, control = int(me["volatility_accumulator"]), int(me["variable_fee_control"])
        surcharge = int(variable_fee_rate(accumulator, self.bin_step, control))
        return min(self.base_fee_rate + surcharge, MAX_FEE_RATE)


def _address(pair: NDArray[np.void], field: str) -> str:
    return str(Pubkey.from_bytes(pair[field].tobytes()))


def _check_pair(key: str, account: NDArray[np.void], owner: Pubkey) -> None:
    pair = account["lb_pair"].tobytes()
    if pair != bytes(owner):
        raise AccountError(key, f"belongs to pair {Pubkey.from_bytes(pair)}, not {owner}")


def _balance(accounts: Mapping[str, Account], key: str) -> int:
    account = accounts.get(key)
    if account is None:
        return MAX_U64
    if account.owner not in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM) or len(account.data) < _TOKEN_ACCOUNT_LENGTH:
        raise AccountError(key, "is no token account")
    return int.from_bytes(account.data[64:72], "little")
