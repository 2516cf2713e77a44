"""What a command is built from: a pool's accounts as they were last seen, and the addresses that they name."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from connectors.clusters.venue_accounts import VENUES
from connectors.execution.building.steps import BuildError
from dlmm.errors import AccountError
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.records import Account, Clock, Record
from dlmm.saros.keys import PairKeys
from dlmm.tokens import decode_mint
from operators.paper.pools_at_hand import SLOTS_IN_EPOCH
from operators.pools import PoolInfo


class PoolAccounts(Record, frozen=True):
    """A pool's accounts, read together or one after another.

    :arg accounts: By address, those that exist: the pool's own and both mints always; the bin arrays around the active
        one, the bitmap extension, and whatever else a command needs.

    :arg slot: Of the state.

    :arg unix_timestamp: Of that slot, in seconds since 1970.

    """

    info: PoolInfo
    accounts: Mapping[str, Account]
    slot: int
    unix_timestamp: int

    @property
    def address(self) -> Pubkey:
        """Return the pool's address.

        :raises BuildError: `no_address`: the pool is on no chain.

        """
        try:
            return Pubkey.from_string(self.info.pool)
        except ValueError:
            raise BuildError("no_address", f"pool {self.info.pool} is on no chain") from None

    @property
    def program(self) -> Pubkey:
        """Return the program that owns the pool.

        :raises BuildError: `missing_account`.

        """
        return Pubkey.from_string(self.account(self.info.pool).owner)

    @property
    def clock(self) -> Clock:
        """Return the cluster's clock at the state."""
        return Clock(self.slot, self.unix_timestamp, self.slot // SLOTS_IN_EPOCH)

    @property
    def active_id(self) -> int:
        """Return the active bin, in the venue's own ids.

        :raises BuildError: `missing_account`, or `malformed_account`.

        """
        return int(self.pair["active_id"][0])

    @property
    def pair(self) -> NDArray[np.void]:
        """View the pool's own account: one record of the venue's layout, read-only.

        :raises BuildError: `missing_account`, or `malformed_account`.

        """
        venue = VENUES[self.info.venue]
        data = self.account(self.info.pool).data
        if len(data) != venue.pair.itemsize or data[:8] != venue.pair_discriminator:
            raise BuildError("malformed_account", f"{self.info.pool} of {len(data)} bytes is no pool of {venue.venue}")
        return np.frombuffer(data, venue.pair)

    def has(self, key: Pubkey) -> bool:
        """Tell whether an account is among those at hand."""
        return str(key) in self.accounts

    def changed(self, accounts: Mapping[str, Account | None]) -> "PoolAccounts":
        """Return the pool with other accounts in the place of its own; `None` for one that is gone."""
        both: Mapping[str, Account | None] = {**self.accounts, **accounts}
        there = {address: account for address, account in both.items() if account is not None}
        return PoolAccounts(self.info, there, self.slot, self.unix_timestamp)

    def account(self, address: str) -> Account:
        """Return an account that has to be there.

        :raises BuildError: `missing_account`.

        """
        account = self.accounts.get(address)
        if account is None:
            raise BuildError("missing_account", f"{address} of pool {self.info.pool} is not at hand")
        return account


def refuse_transfer_hooks(pool: PoolAccounts) -> None:
    """Refuse a pool with a token that calls a program of its own on each transfer.

    :raises BuildError: `transfer_hook`, `missing_account` or `malformed_account`.

    """
    for address in (pool.info.mint_x, pool.info.mint_y):
        try:
            mint = decode_mint(address, pool.account(address))
        except AccountError as error:
            raise BuildError("malformed_account", str(error)) from error
        if mint.transfer_hook:
            raise BuildError("transfer_hook", f"token {address} runs program {mint.transfer_hook} on each transfer")


def meteora_keys(pool: PoolAccounts) -> PoolKeys:
    """Return a Meteora pool's addresses, the bitmap extension among them where it is at hand.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """
    address = pool.address
    try:
        has_extension = pool.has(bitmap_extension_address(address))
        return PoolKeys.of(address, pool.account(pool.info.pool), has_bitmap_extension=has_extension)
    except AccountError as error:
        raise BuildError("malformed_account", str(error)) from error


def saros_keys(pool: PoolAccounts) -> PairKeys:
    """Return a Saros pair's addresses.

    :raises BuildError: `missing_account`, or `malformed_account`.

    """
    programs = [Pubkey.from_string(pool.account(mint).owner) for mint in (pool.info.mint_x, pool.info.mint_y)]
    try:
        return PairKeys.of(
            pool.address, pool.account(pool.info.pool), token_program_x=programs[0], token_program_y=programs[1]
        )
    except AccountError as error:
        raise BuildError("malformed_account", str(error)) from error
