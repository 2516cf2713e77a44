"""Instructions of a landed transaction, in the order that they ran."""

import msgspec
import pytest

from connectors.wire.refusal import WireError
from connectors.wire.transaction_json import (
    LONGEST_DATA,
    InnerJson,
    InstructionJson,
    LoadedJson,
    MessageJson,
    MetaJson,
    SignedJson,
    TransactionJson,
    calls_of,
)
from dlmm.tokens import TOKEN_PROGRAM


def transaction(top: list[InstructionJson], inner: list[InnerJson]) -> TransactionJson:
    meta = MetaJson(msgspec.Raw(b"null"), 5000, [], [], inner, loaded_addresses=LoadedJson(["lent"], [TOKEN_PROGRAM]))
    return TransactionJson(1, meta, SignedJson(["signature"], MessageJson(["payer", "router"], top)))


def test_keys_of_lookup_tables_follow_the_static_ones() -> None:
    assert transaction([], []).keys == ["payer", "router", "lent", TOKEN_PROGRAM]


def test_calls_follow_the_instruction_that_they_came_from() -> None:
    own, called = InstructionJson(1, [0], "secret"), InstructionJson(3, [2], "2")
    told = transaction([own, own, own], [InnerJson(2, [called]), InnerJson(0, [called, called])])
    calls = calls_of(told, told.keys)
    assert [(call.top, call.is_inner) for call in calls] == [
        (0, False),
        (0, True),
        (0, True),
        (1, False),
        (2, False),
        (2, True),
    ]
    assert (calls[1].program, calls[1].accounts, calls[1].data) == (TOKEN_PROGRAM, (2,), b"\x01")


def test_data_that_nobody_reads_is_left_alone() -> None:
    told = transaction([InstructionJson(1, [], "0 is no digit"), InstructionJson(3, [], "2" * (LONGEST_DATA + 1))], [])
    assert [call.data for call in calls_of(told, told.keys)] == [b"", b""]


@pytest.mark.parametrize(
    ("top", "inner", "cause"),
    [
        ([InstructionJson(4, [], "")], [], "key_index"),
        ([InstructionJson(1, [0, 4], "")], [], "key_index"),
        ([], [InnerJson(0, [])], "key_index"),
        ([InstructionJson(3, [], "0")], [], "instruction_data"),
    ],
)
def test_places_and_data_that_cannot_be_are_refused(
    top: list[InstructionJson], inner: list[InnerJson], cause: str
) -> None:
    told = transaction(top, inner)
    with pytest.raises(WireError, match=cause):
        calls_of(told, told.keys)
