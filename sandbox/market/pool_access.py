"""Read a pool from a ledger as a client would, and build the swaps that the client would send."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from solders.account import Account as ChainAccount
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.meteora.bitmap import swap_path
from dlmm.meteora.instructions import swap as meteora_swap
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.layout import BITMAP_EXTENSION, decode_extension, decode_lb_pair
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bin_array_index as meteora_index
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Account, SwapRequest, Venue
from dlmm.saros import instructions as saros_instructions
from dlmm.saros.keys import PairKeys
from dlmm.saros.layout import decode_pair
from dlmm.saros.pdas import bin_array_address as saros_array
from dlmm.saros.pdas import bin_array_index as saros_index
from dlmm.saros.pool import SarosPool
from dlmm.saros.window import choose_window
from dlmm.struct_arrays import copied
from dlmm.swap import Pool
from sandbox.pools.plans import PoolFacts

Get = Callable[[Pubkey], ChainAccount | None]

_NO_EXTENSION = np.zeros(0, BITMAP_EXTENSION)

METEORA_ARRAYS = 3
"""Bin arrays that a swap of Meteora passes: the active one, and the next two on its way."""


class PoolAccess(Protocol):
    """One pool of a ledger."""

    @property
    def facts(self) -> PoolFacts:
        """What is fixed about the pool."""
        ...

    def read(self) -> Pool:
        """Read the pool as it is now, with the bin arrays about its active bin.

        :raises AccountError: An account is missing, or is not what it should be.

        """
        ...

    def request(self, pool: Pool, amount: int, *, swap_for_y: bool, exact_in: bool, threshold: int) -> SwapRequest:
        """Say what a swap asks for, with the arrays that its transaction passes.

        :arg threshold: Least amount out for exact in, most amount in for exact out.

        """
        ...

    def swap(self, user: Pubkey, wanted: SwapRequest) -> Instruction:
        """Build the instruction of a swap that names its arrays."""
        ...


def access(facts: PoolFacts, get: Get) -> PoolAccess:
    """Open a pool for reading and trading.

    :arg get: Reads an account's newest state.

    :raises AccountError: The pool is not on the ledger.

    """
    return MeteoraAccess(facts, get) if facts.venue is Venue.METEORA else SarosAccess(facts, get)


def read_account(get: Get, key: Pubkey) -> Account:
    """Read an account that has to be there.

    :raises AccountError: It is missing.

    """
    found = get(key)
    if found is None:
        raise AccountError(str(key), "is missing")
    return Account(str(found.owner), found.data)


class _Accounts:
    """Accounts of one pool, by address, as far as they are there."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self.found: dict[str, Account] = {}

    def add(self, key: Pubkey) -> Account | None:
        account = self._get(key)
        if account is None:
            return None
        self.found[str(key)] = Account(str(account.owner), account.data)
        return self.found[str(key)]


class MeteoraAccess:
    """A pool of Meteora."""

    def __init__(self, facts: PoolFacts, get: Get) -> None:
        self.facts = facts
        self._get = get
        self._extension = bitmap_extension_address(facts.address)
        self.keys = PoolKeys.of(
            facts.address, read_account(get, facts.address), has_bitmap_extension=get(self._extension) is not None
        )

    def read(self) -> Pool:
        """Read the pool as it is now, with the bin arrays that a swap of either direction may pass."""
        facts, accounts = self.facts, _Accounts(self._get)
        # copies, because the kernels are compiled for arrays that may be written
        pair = copied(decode_lb_pair(str(facts.address), read_account(self._get, facts.address)))
        held = accounts.add(self._extension)
        extension = _NO_EXTENSION if held is None else copied(decode_extension(str(self._extension), held))
        wanted = {meteora_index(int(pair["active_id"][0]))}
        for swap_for_y in (False, True):
            wanted |= set(swap_path(pair, extension, swap_for_y=swap_for_y, count=METEORA_ARRAYS))
        for index in wanted:
            accounts.add(meteora_array(facts.address, index))
        for key in (facts.address, facts.mint_x, facts.mint_y, facts.vault_x, facts.vault_y):
            accounts.add(key)
        return MeteoraPool.from_accounts(str(facts.address), accounts.found)

    def request(self, pool: Pool, amount: int, *, swap_for_y: bool, exact_in: bool, threshold: int) -> SwapRequest:
        """Say what a swap asks for, with the arrays that its transaction passes."""
        assert isinstance(pool, MeteoraPool)
        arrays = swap_path(pool.pair, pool.extension, swap_for_y=swap_for_y, count=METEORA_ARRAYS)
        return SwapRequest(exact_in, amount, swap_for_y, threshold, arrays=arrays)

    def swap(self, user: Pubkey, wanted: SwapRequest) -> Instruction:
        """Build `swap2` or `swap_exact_out2`."""
        accounts = meteora_swap.SwapAccounts(self.keys, user, wanted.swap_for_y, wanted.arrays or ())
        if wanted.exact_in:
            return meteora_swap.swap2(accounts, amount_in=wanted.amount, min_amount_out=wanted.threshold)
        return meteora_swap.swap_exact_out2(accounts, max_amount_in=wanted.threshold, amount_out=wanted.amount)


class SarosAccess:
    """A pair of Saros."""

    def __init__(self, facts: PoolFacts, get: Get) -> None:
        self.facts = facts
        self._get = get
        self.keys = PairKeys.of(
            facts.address,
            read_account(get, facts.address),
            token_program_x=Pubkey.from_string(read_account(get, facts.mint_x).owner),
            token_program_y=Pubkey.from_string(read_account(get, facts.mint_y).owner),
        )

    def read(self) -> Pool:
        """Read the pair as it is now, with its active bin array and those beside it."""
        facts, accounts = self.facts, _Accounts(self._get)
        pair = decode_pair(str(facts.address), read_account(self._get, facts.address))
        index = saros_index(int(pair["active_id"][0]))
        for key in (facts.address, facts.mint_x, facts.mint_y):
            accounts.add(key)
        for near in (index - 1, index, index + 1):
            accounts.add(saros_array(facts.address, near, facts.program))
        return SarosPool.from_accounts(str(facts.address), accounts.found)

    def request(self, pool: Pool, amount: int, *, swap_for_y: bool, exact_in: bool, threshold: int) -> SwapRequest:
        """Say what a swap asks for, with the arrays that its transaction passes."""
        assert isinstance(pool, SarosPool)
        lower = int(choose_window(pool.arrays, pool.active_id))
        return SwapRequest(exact_in, amount, swap_for_y, threshold, arrays=(lower, lower + 1))

    def swap(self, user: Pubkey, wanted: SwapRequest) -> Instruction:
        """Build `swap` of either kind."""
        lower = (wanted.arrays or (0,))[0]
        accounts = saros_instructions.SwapAccounts(self.keys, user, wanted.swap_for_y, (lower, lower + 1))
        if wanted.exact_in:
            return saros_instructions.swap_exact_in(accounts, amount_in=wanted.amount, min_amount_out=wanted.threshold)
        return saros_instructions.swap_exact_out(accounts, amount_out=wanted.amount, max_amount_in=wanted.threshold)
