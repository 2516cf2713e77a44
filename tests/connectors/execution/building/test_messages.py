import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from connectors.execution.building.lookup_tables import LookupTable
from connectors.execution.building.messages import (
    PACKET_BYTES,
    blockhash_bytes,
    compile_message,
    decode_message,
    parts_of,
    step_message,
    wire_length,
)
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError, Step
from dlmm.anchor import reader, writer, writing_signer
from tests.connectors.execution.building.exchange_floor import BLOCKHASH, WALLET

PROGRAM = Pubkey.from_bytes(bytes([1]) * 32)


def keys(count: int, tag: int = 5) -> list[Pubkey]:
    return [Pubkey.from_bytes(bytes([tag, number]) * 16) for number in range(count)]


def instruction(accounts: list[AccountMeta], data: bytes = b"data") -> Instruction:
    return Instruction(PROGRAM, data, accounts)


@pytest.mark.parametrize("length", [0, 1, 127, 128, 300])
def test_the_parts_are_where_a_decoder_finds_them(length: int) -> None:
    wanted = [instruction([reader(key) for key in keys(5)], (bytes(range(256)) * 2)[:length]), instruction([], b"next")]
    message = compile_message(WALLET.address, wanted, BLOCKHASH)
    parts = parts_of(message)
    decoded = decode_message(message)
    assert message[parts.keys : parts.keys + 32] == bytes(WALLET.address)
    assert message[parts.blockhash : parts.blockhash + 32] == bytes(Hash.from_string(BLOCKHASH))
    found = [message[start : start + size] for start, size in parts.data]
    assert found == [bytes(one.data) for one in decoded.instructions] == [one.data for one in wanted]


def test_a_step_begins_with_its_compute_budget() -> None:
    step = Step((instruction([writing_signer(WALLET.address)]),), 77_000)
    decoded = decode_message(step_message(step, WALLET.address, BLOCKHASH, 5))
    assert [bytes(one.data)[:1] for one in decoded.instructions] == [b"\x02", b"\x03", b"d"]
    assert int.from_bytes(bytes(decoded.instructions[0].data)[1:], "little") == 77_000
    assert str(decoded.recent_blockhash) == BLOCKHASH


def test_the_length_is_that_of_the_signed_transaction() -> None:
    message = compile_message(WALLET.address, [instruction([reader(key) for key in keys(9)])], BLOCKHASH)
    _, wire = sign(WALLET, message)
    assert wire_length(message) == len(wire) == len(bytes(VersionedTransaction.from_bytes(wire)))


def test_a_message_that_fits_uses_no_lookup_table() -> None:
    accounts = [writer(key) for key in keys(20)]
    message = compile_message(
        WALLET.address, [instruction(accounts)], BLOCKHASH, [LookupTable(PROGRAM, tuple(keys(20)))]
    )
    assert not decode_message(message).address_table_lookups


def test_a_message_that_is_too_long_uses_the_tables_that_help() -> None:
    accounts = [writer(key) for key in keys(40)] + [reader(key) for key in keys(10, tag=6)]
    table = LookupTable(Pubkey.from_bytes(bytes([2]) * 32), (*keys(3, tag=7), *keys(40)))
    useless = LookupTable(Pubkey.from_bytes(bytes([3]) * 32), tuple(keys(20, tag=8)))
    with pytest.raises(BuildError, match=r"too_long.*no lookup table is at hand"):
        compile_message(WALLET.address, [instruction(accounts)], BLOCKHASH)
    with pytest.raises(BuildError, match=r"too_long.*the 1 lookup tables at hand do not help enough"):
        compile_message(WALLET.address, [instruction(accounts)], BLOCKHASH, [useless])
    message = compile_message(WALLET.address, [instruction(accounts)], BLOCKHASH, [useless, table])
    assert wire_length(message) <= PACKET_BYTES
    [lookup] = decode_message(message).address_table_lookups
    assert lookup.account_key == table.address
    assert bytes(lookup.writable_indexes) == bytes(range(3, 43))
    start, size = parts_of(message).data[0]
    assert message[start : start + size] == b"data"


def test_more_accounts_than_a_message_can_number_are_refused() -> None:
    accounts = [reader(Pubkey.from_bytes(number.to_bytes(32, "little"))) for number in range(300)]
    with pytest.raises(BuildError, match="not_compiled"):
        compile_message(WALLET.address, [instruction(accounts)], BLOCKHASH)


def test_what_is_no_blockhash_is_refused() -> None:
    assert blockhash_bytes(BLOCKHASH) == bytes(Hash.from_string(BLOCKHASH))
    for text in ("", "short", "0" * 44):
        with pytest.raises(BuildError, match="bad_blockhash"):
            blockhash_bytes(text)


def test_only_version_0_is_decoded() -> None:
    assert isinstance(decode_message(compile_message(WALLET.address, [], BLOCKHASH)), MessageV0)
    with pytest.raises(BuildError, match="legacy"):
        decode_message(bytes(to_bytes_versioned(Message([], WALLET.address))))
