"""Lookup tables: accounts that hold addresses, so that a message names one of them with a byte instead of 32.

A wallet's own table holds what every swap in its pools names; keys that sign, and programs that are called, must stand
in the message itself. What is appended to a table in one slot can be used from the next one on.

Source: the lookup table program's published interface.
"""

import struct
from collections.abc import Iterable, Sequence

from solders.address_lookup_table_account import (
    ID,
    LOOKUP_TABLE_MAX_ADDRESSES,
    AddressLookupTable,
    AddressLookupTableAccount,
    derive_lookup_table_address,
)
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building.steps import BuildError, Step
from dlmm.anchor import reader, signer, writer, writing_signer
from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import Account, Record

KEYS_PER_EXTENSION = 24
"""Keys that one transaction appends, also beside the table's creation."""

_CREATE, _EXTEND = 0, 2
_NOT_DEACTIVATED = (1 << 64) - 1
_CREATION_UNITS, _EXTENSION_UNITS = 60_000, 20_000
_FEWEST_KEYS = 2
"""A table that stands in for one key alone costs more bytes than it saves."""


class LookupTable(Record, frozen=True):
    """A lookup table, with the keys of it that a transaction may use.

    :arg authority: Who may append to it; `None` where nobody may.

    """

    address: Pubkey
    keys: tuple[Pubkey, ...]
    authority: Pubkey | None = None

    @property
    def account(self) -> AddressLookupTableAccount:
        """Return the table as the message compiler wants it."""
        return AddressLookupTableAccount(self.address, self.keys)


def read_table(address: Pubkey, account: Account, slot: int) -> LookupTable:
    """Read a lookup table.

    :arg slot: Of the transactions that will use it, at the earliest: keys appended in it, or later, are left out.

    :raises BuildError: `lookup_table`: the account is none, or somebody has begun to close it.

    """
    if account.owner != str(ID):
        raise BuildError("lookup_table", f"{address} belongs to {account.owner}")
    try:
        table = AddressLookupTable.deserialize(account.data)
    except ValueError as error:
        raise BuildError("lookup_table", f"{address} of {len(account.data)} bytes: {error}") from error
    meta = table.meta
    if meta.deactivation_slot != _NOT_DEACTIVATED:
        raise BuildError("lookup_table", f"{address} is closed from slot {meta.deactivation_slot} on")
    keys = tuple(table.addresses)
    usable = len(keys) if usable_from(meta.last_extended_slot) <= slot else meta.last_extended_slot_start_index
    return LookupTable(address, keys[:usable], meta.authority)


def usable_from(extended_slot: int) -> int:
    """Return the first slot in which a transaction may use the keys that were appended in another.

    :arg extended_slot: Slot in which the step that appended them landed.

    """
    return extended_slot + 1


def helpful_tables(
    tables: Iterable[LookupTable], payer: Pubkey, instructions: Sequence[Instruction]
) -> list[LookupTable]:
    """Choose the tables that shorten a message, those first that hold the most of its keys."""
    left = keys_of(instructions) - {payer}
    chosen = []
    for table in sorted(tables, key=lambda table: -len(left.intersection(table.keys))):
        found = left.intersection(table.keys)
        if len(found) >= _FEWEST_KEYS:
            chosen.append(table)
            left -= found
    return chosen


def keys_of(instructions: Iterable[Instruction]) -> set[Pubkey]:
    """Return the keys that a lookup table may stand in for: those that neither sign nor are called."""
    every = list(instructions)
    metas = [meta for instruction in every for meta in instruction.accounts]
    signing = {meta.pubkey for meta in metas if meta.is_signer}
    return {meta.pubkey for meta in metas} - signing - {instruction.program_id for instruction in every}


def table_address(wallet: Pubkey, recent_slot: int) -> Pubkey:
    """Return the address of the table that a wallet makes in the name of a slot."""
    return derive_lookup_table_address(wallet, recent_slot)[0]


def table_steps(wallet: Pubkey, keys: Iterable[Pubkey], recent_slot: int) -> tuple[Step, ...]:
    """Build what makes a wallet's table and fills it, one transaction after the other.

    Each may be used from the slot after the one in which it landed (`usable_from`).

    :arg keys: Repeated ones are put in once.

    :arg recent_slot: A slot of the last 512 that has a block, and is no slot of a fork: a finalized one.

    :raises BuildError: `lookup_table`: no keys, or more than a table holds.

    """
    wanted = tuple(dict.fromkeys(keys))
    if not 1 <= len(wanted) <= LOOKUP_TABLE_MAX_ADDRESSES:
        raise BuildError("lookup_table", f"{len(wanted)} keys, of 1 to {LOOKUP_TABLE_MAX_ADDRESSES}")
    address, bump = derive_lookup_table_address(wallet, recent_slot)
    created = _instruction(wallet, address, struct.pack("<IQB", _CREATE, recent_slot, bump))
    first, *others = extension_steps(wallet, address, wanted)
    return Step((created, *first.instructions), _CREATION_UNITS + first.compute_units), *others


def extension_steps(wallet: Pubkey, table: Pubkey, keys: Sequence[Pubkey]) -> tuple[Step, ...]:
    """Build what appends keys to a wallet's table, one transaction after the other.

    :arg keys: None that the table has.

    """
    steps = []
    for start in range(0, len(keys), KEYS_PER_EXTENSION):
        part = keys[start : start + KEYS_PER_EXTENSION]
        data = struct.pack("<IQ", _EXTEND, len(part)) + b"".join(map(bytes, part))
        steps.append(Step((_instruction(wallet, table, data),), _EXTENSION_UNITS))
    return tuple(steps)


def _instruction(wallet: Pubkey, table: Pubkey, data: bytes) -> Instruction:
    """Build an instruction of a table whose authority is the wallet, which pays for it too."""
    return Instruction(ID, data, [writer(table), signer(wallet), writing_signer(wallet), reader(SYSTEM_PROGRAM)])
