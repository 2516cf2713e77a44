"""Bin arrays and the bitmap extension made."""

import numpy as np

from dlmm.anchor import pack
from dlmm.meteora import positions
from dlmm.meteora.layout import (
    BIN_ARRAY,
    BINS_PER_ARRAY,
    BITMAP_EXTENSION,
    EXTENSION_DISCRIMINATOR,
    LB_PAIR,
)
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_address, bitmap_extension_address
from dlmm.meteora.terms import ENABLED
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation
from sandbox.model.meteora import errors, life_units
from sandbox.model.meteora.accounts import Accounts, Field, Kind
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.errors import account_error, anchor_error

_FUNDER = (Field("funder", Kind.SIGNER, is_mut=True), Field("system_program", Kind.SYSTEM_PROGRAM))
_ARRAY_FIELDS = (Field("lb_pair", Kind.PAIR), Field("bin_array", Kind.NEW), *_FUNDER)
_EXTENSION_FIELDS = (
    Field("lb_pair", Kind.PAIR),
    Field("bin_array_bitmap_extension", Kind.NEW),
    *_FUNDER,
    Field("rent", Kind.UNCHECKED),
)
_LAST_INDEX = (1 << 31) // BINS_PER_ARRAY


def initialize_bin_array(invocation: Invocation) -> None:
    """Run `initialize_bin_array`; one that exists stays as it is."""
    (index,) = Arguments(invocation.data).take("q")
    accounts = Accounts(invocation, _ARRAY_FIELDS)
    place = accounts.places["bin_array"]
    wanted = bin_array_address(accounts.key("lb_pair"), index)
    if invocation.key(place) != wanted:
        raise account_error(invocation, anchor.SEEDS, "bin_array", (invocation.key(place), wanted))
    exists = invocation.owner(place) == PROGRAM_ID
    if not exists:
        invocation.create(place, PROGRAM_ID, BIN_ARRAY.itemsize, accounts.places["funder"])
    elif not invocation.is_writable(place):
        raise account_error(invocation, anchor.MUT, "bin_array")
    accounts.constrain()
    pair = np.frombuffer(accounts.data("lb_pair"), LB_PAIR)[0]
    if pair["status"] != ENABLED:
        raise anchor_error(errors.UNAUTHORIZED, "instructions/permissionless_operations/initialize_bin_array.rs:35")
    first = index * BINS_PER_ARRAY
    if not -_LAST_INDEX <= index <= _LAST_INDEX:
        raise anchor_error(errors.INVALID_START_BIN, "state/bin.rs:1125")
    if first > pair["max_bin_id"] or first + BINS_PER_ARRAY - 1 < pair["min_bin_id"]:
        raise anchor_error(errors.INVALID_START_BIN, "state/bin.rs:1211")
    seeds = [b"bin_array", bytes(accounts.key("lb_pair")), pack("q", index)]
    accounts.use(life_units.array_prices(first, BINS_PER_ARRAY) + life_units.search(seeds))
    if not exists:
        bin_step = int(pair["bin_step"])
        data = positions.new_bin_array(lb_pair=bytes(accounts.key("lb_pair")), index=index, bin_step=bin_step)
        invocation.write(place, data)


def initialize_bitmap_extension(invocation: Invocation) -> None:
    """Run `initialize_bin_array_bitmap_extension`; one that exists stays as it is."""
    accounts = Accounts(invocation, _EXTENSION_FIELDS)
    name = "bin_array_bitmap_extension"
    place = accounts.places[name]
    wanted = bitmap_extension_address(accounts.key("lb_pair"))
    if invocation.key(place) != wanted:
        raise account_error(invocation, anchor.SEEDS, name, (invocation.key(place), wanted))
    exists = invocation.owner(place) == PROGRAM_ID
    if not exists:
        invocation.create(place, PROGRAM_ID, BITMAP_EXTENSION.itemsize, accounts.places["funder"])
    elif not invocation.is_writable(place):
        raise account_error(invocation, anchor.MUT, name)
    accounts.constrain()
    seeds = [b"bitmap", bytes(accounts.key("lb_pair"))]
    accounts.use((life_units.EXTENSION_KEPT if exists else life_units.EXTENSION_MADE) + life_units.search(seeds))
    if not exists:
        bits = BITMAP_EXTENSION.itemsize - len(EXTENSION_DISCRIMINATOR) - 32
        invocation.write(place, EXTENSION_DISCRIMINATOR + bytes(accounts.key("lb_pair")) + bytes(bits))
