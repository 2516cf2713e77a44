"""Resolve a transaction's account keys, and read what it bids."""

import struct
from collections.abc import Callable

from solders.account import Account
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from dlmm.errors import DlmmError
from dlmm.programs import COMPUTE_BUDGET_PROGRAM
from sandbox.engine import Keys

LOOKUP_TABLE_PROGRAM = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
_TABLE_HEADER = 56
_SET_UNIT_LIMIT, _SET_UNIT_PRICE = 2, 3
DEFAULT_UNITS, MAX_UNITS = 200_000, 1_400_000


class LoadError(DlmmError):
    """A transaction that cannot be loaded.

    :arg name: The runtime's name for it, such as `AddressLookupTableNotFound`.

    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _table_addresses(table: Account | None, indexes: bytes) -> list[Pubkey]:
    if table is None:
        raise LoadError("AddressLookupTableNotFound")
    if table.owner != LOOKUP_TABLE_PROGRAM:
        raise LoadError("InvalidAddressLookupTableOwner")
    data = bytes(table.data)
    if len(data) < _TABLE_HEADER:
        raise LoadError("InvalidAddressLookupTableData")
    places = [_TABLE_HEADER + 32 * i for i in indexes]
    if any(at + 32 > len(data) for at in places):
        raise LoadError("InvalidAddressLookupTableIndex")
    return [Pubkey(data[at : at + 32]) for at in places]


def resolve(tx: VersionedTransaction, get: Callable[[Pubkey], Account | None]) -> Keys:
    """Resolve a transaction's keys, those of lookup tables included.

    :arg get: Reads an account's newest state.

    :raises LoadError: A lookup table is missing, is none, or is too short.

    """
    message = tx.message
    static = list(message.account_keys)
    header = message.header
    signers = header.num_required_signatures
    ends = (signers - header.num_readonly_signed_accounts, len(static) - header.num_readonly_unsigned_accounts)
    # the runtime takes no write lock on a program that the transaction invokes
    invoked = {instruction.program_id_index for instruction in message.instructions}
    writable = [i < ends[i >= signers] and i not in invoked for i in range(len(static))]
    loaded: tuple[list[Pubkey], list[Pubkey]] = ([], [])
    if isinstance(message, MessageV0):
        for lookup in message.address_table_lookups:
            table = get(lookup.account_key)
            loaded[0].extend(_table_addresses(table, bytes(lookup.writable_indexes)))
            loaded[1].extend(_table_addresses(table, bytes(lookup.readonly_indexes)))
    keys = static + loaded[0] + loaded[1]
    flags = writable + [True] * len(loaded[0]) + [False] * len(loaded[1])
    return Keys(keys, flags, signers, len(static), *loaded)


def bid(tx: VersionedTransaction) -> tuple[int, int]:
    """Read the compute unit price in micro-lamports, and the compute unit limit, of a transaction."""
    message = tx.message
    keys = message.account_keys
    price, limit, others = 0, None, 0
    for instruction in message.instructions:
        data = bytes(instruction.data)
        at = instruction.program_id_index
        if at >= len(keys) or keys[at] != COMPUTE_BUDGET_PROGRAM:
            others += 1
        elif len(data) == 9 and data[0] == _SET_UNIT_PRICE:
            price = struct.unpack_from("<Q", data, 1)[0]
        elif len(data) == 5 and data[0] == _SET_UNIT_LIMIT:
            limit = struct.unpack_from("<I", data, 1)[0]
    return price, min(DEFAULT_UNITS * others if limit is None else limit, MAX_UNITS)
