import struct

import msgspec
import pytest
from solders.account import Account as ChainAccount
from solders.address_lookup_table_account import ID
from solders.clock import Clock
from solders.hash import Hash
from solders.instruction import Instruction
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import TransactionMetadata

from connectors.execution.building.lookup_tables import (
    KEYS_PER_EXTENSION,
    LookupTable,
    extension_steps,
    helpful_tables,
    keys_of,
    read_table,
    table_address,
    table_steps,
    usable_from,
)
from connectors.execution.building.messages import PACKET_BYTES, step_message
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.swaps import fixed_keys, swap_step
from dlmm.anchor import reader, signer, writer
from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import Account
from operators.orders.commands import Swap, SwapRoute
from sandbox.pools.plans import DEFAULT_PLANS
from tests.connectors.execution.building.exchange_floor import (
    BLOCKHASH,
    ENGINES,
    METEORA_JUP,
    METEORA_SOL,
    WALLET,
    Floor,
    floor_on,
    quoted,
)

SLOT = 500
PROGRAM = Pubkey.from_bytes(bytes([1]) * 32)
TABLE = Pubkey.from_bytes(bytes([2]) * 32)


def keys(count: int) -> list[Pubkey]:
    return [Pubkey.from_bytes(bytes([5, number]) * 16) for number in range(count)]


class TrueTables:
    """The true lookup table program, which the runtime of solders brings."""

    def __init__(self) -> None:
        self.vm = LiteSVM()
        self.vm.set_account(WALLET.address, ChainAccount(10**12, b"", SYSTEM_PROGRAM, False, 0))
        self.at(SLOT)

    def at(self, slot: int) -> None:
        self.vm.set_clock(Clock(slot, 0, 0, 0, 0))
        self.vm.set_slot_hashes([(slot - 1, Hash.default())])

    def run(self, step: Step) -> int:
        message = step_message(step, WALLET.address, str(self.vm.latest_blockhash()), 1)
        _, wire = sign(WALLET, message)
        assert len(wire) <= PACKET_BYTES
        done = self.vm.send_transaction(VersionedTransaction.from_bytes(wire))
        assert isinstance(done, TransactionMetadata), done
        return done.compute_units_consumed()

    def account(self, address: Pubkey) -> Account:
        held = self.vm.get_account(address)
        assert held is not None
        return Account(str(held.owner), held.data)


def table_of(names: list[Pubkey], *, extended: int = SLOT, closing: int = (1 << 64) - 1) -> Account:
    """A table as its account has it: kind, closing slot, last extension and its first key, authority, padding."""
    head = struct.pack("<IQQBB", 1, closing, extended, 0, 1) + bytes(WALLET.address) + bytes(2)
    return Account(str(ID), head + b"".join(map(bytes, names)))


@pytest.mark.parametrize("count", [1, KEYS_PER_EXTENSION, KEYS_PER_EXTENSION + 1, 100])
def test_the_true_program_makes_the_table_of_the_steps(count: int) -> None:
    chain, names = TrueTables(), keys(count)
    steps = table_steps(WALLET.address, [*names, names[0]], SLOT - 1)
    for step in steps:
        assert chain.run(step) < step.compute_units
    address = table_address(WALLET.address, SLOT - 1)
    later = read_table(address, chain.account(address), usable_from(SLOT))
    assert later == LookupTable(address, tuple(names), WALLET.address)


def test_appended_keys_can_be_used_from_the_slot_after() -> None:
    chain, names = TrueTables(), keys(30)
    [created] = table_steps(WALLET.address, names[:20], SLOT - 1)
    chain.run(created)
    address = table_address(WALLET.address, SLOT - 1)
    assert read_table(address, chain.account(address), SLOT).keys == ()
    chain.at(SLOT + 5)
    [more] = extension_steps(WALLET.address, address, names[20:])
    chain.run(more)
    assert read_table(address, chain.account(address), SLOT + 5).keys == tuple(names[:20])
    assert read_table(address, chain.account(address), SLOT + 6).keys == tuple(names)


@pytest.mark.parametrize("count", [0, 257])
def test_a_table_of_no_keys_or_too_many_is_refused(count: int) -> None:
    with pytest.raises(BuildError, match=f"lookup_table: {count} keys"):
        table_steps(WALLET.address, [Pubkey.from_bytes(n.to_bytes(32, "little")) for n in range(count)], SLOT)


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (Account(str(SYSTEM_PROGRAM), table_of(keys(2)).data), "belongs to"),
        (Account(str(ID), b""), "of 0 bytes"),
        (Account(str(ID), table_of(keys(2)).data[:-1]), "bytes"),
        (table_of(keys(2), closing=7), "closed from slot 7"),
    ],
)
def test_what_is_no_table_to_use_is_refused(account: Account, reason: str) -> None:
    with pytest.raises(BuildError, match=reason):
        read_table(TABLE, account, SLOT + 1)


def test_signers_and_called_programs_stay_in_the_message() -> None:
    first, second, third = keys(3)
    wanted = [
        Instruction(PROGRAM, b"", [reader(first), signer(second), writer(third), reader(second)]),
        Instruction(third, b"", []),
    ]
    assert keys_of(wanted) == {first}


def test_tables_are_chosen_by_what_they_save() -> None:
    names = keys(12)
    wanted = [Instruction(PROGRAM, b"", [reader(key) for key in names])]
    small, large = LookupTable(TABLE, tuple(names[:5])), LookupTable(PROGRAM, tuple(names[2:]))
    part_of_large, one_key = LookupTable(names[0], tuple(names[4:8])), LookupTable(names[1], (names[0],))
    assert helpful_tables([small, one_key, part_of_large, large], WALLET.address, wanted) == [large, small]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pair_that_fits_no_packet_lands_with_a_table_of_the_pools_keys(engine: str) -> None:
    floor = floor_on(engine, DEFAULT_PLANS, around=8)
    pools = floor.pools()
    places = METEORA_SOL, METEORA_JUP
    first, second = (quoted_far(floor, place) for place in places)
    step = swap_step(SwapRoute((first, second)), pools, WALLET.address)
    with pytest.raises(BuildError, match="too_long"):
        step_message(step, WALLET.address, BLOCKHASH, 1)
    names = fixed_keys([floor.read(place) for place in places], WALLET.address)
    floor.put(TABLE, table_of(list(names), extended=1))
    held = floor.account(str(TABLE))
    assert held is not None
    message = step_message(step, WALLET.address, BLOCKHASH, 1, [read_table(TABLE, held, floor.slot)])
    done = floor.run(sign(WALLET, message)[1])
    assert done.error is None, done.logs


def quoted_far(floor: Floor, place: int) -> Swap:
    """A swap that says it may walk further than it does."""
    exact, _ = quoted(floor.read(place), 10**9, exact_in=True, swap_for_y=True)
    return msgspec.structs.replace(exact, compute_units=200_000)
