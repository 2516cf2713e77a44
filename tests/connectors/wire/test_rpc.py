"""JSON-RPC answers: values where they are whole, named refusals otherwise."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.wire.refusal import Refusal
from connectors.wire.rpc import SLOTS, TEXTS, get_genesis_hash, get_health, get_slot
from tests.connectors.wire.frames import answer, failure


def cause(status: int, body: bytes, request_id: int = 1) -> str:
    read = SLOTS.read(status, body, request_id)
    assert isinstance(read, Refusal)
    return read.cause


def test_requests_are_what_a_node_takes() -> None:
    assert json.loads(get_slot(7, "processed")) == {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "getSlot",
        "params": [{"commitment": "processed"}],
    }
    assert json.loads(get_genesis_hash(8))["method"] == "getGenesisHash"
    assert json.loads(get_health(9)) == {"jsonrpc": "2.0", "id": 9, "method": "getHealth", "params": []}


def test_results_are_read() -> None:
    assert SLOTS.read(200, answer(1, 400_000_013), 1) == 400_000_013
    assert TEXTS.read(200, answer(2, "ok"), 2) == "ok"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-32005, "node_behind"),
        (-32016, "slot_behind"),
        (429, "rate_limited"),
        (-32429, "rate_limited"),
        (-1, "rpc_error"),
    ],
)
def test_error_objects_have_names(code: int, name: str) -> None:
    read = SLOTS.read(200, failure(1, code), 1)
    assert isinstance(read, Refusal)
    assert (read.cause, read.code) == (name, code)
    assert "said so" in read.detail


def test_an_error_without_the_request_is_still_told() -> None:
    assert cause(200, failure(None, -32700)) == "rpc_error"


@pytest.mark.parametrize("body", [b"", b"<html>slow down</html>", b"\xff\xfe", failure(None, 429), b"{}"])
def test_too_many_requests_is_one_thing_whatever_its_body(body: bytes) -> None:
    assert cause(429, body) == "rate_limited"


def test_other_statuses_are_refused_with_what_they_said() -> None:
    read = SLOTS.read(502, b"<html>Bad Gateway</html>" * 100, 1)
    assert isinstance(read, Refusal)
    assert (read.cause, read.code) == ("http_status", 502)
    assert "Bad Gateway" in read.detail
    assert len(read.detail) <= 160
    assert cause(503, failure(1, -32005)) == "node_behind"
    assert cause(500, failure(1, -32603)) == "http_status"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", "not_json"),
        (b"<html></html>", "not_json"),
        (b"\xff", "not_json"),
        (b'{"x":' + b"[" * 100_000, "not_json"),
        (b'{"x":' * 100_000, "not_json"),
        (b"null", "answer_shape"),
        (b"[]", "answer_shape"),
        (answer(1, "text"), "answer_shape"),
        (answer(1, None), "answer_shape"),
        (b'{"jsonrpc":"2.0","id":1}', "answer_shape"),
        (b'{"id":1,"error":"text"}', "answer_shape"),
        (answer(2, 5), "foreign_answer"),
        (b'{"result":5}', "foreign_answer"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, name: str) -> None:
    assert cause(200, body) == name


def test_an_answer_cut_anywhere_is_no_json() -> None:
    whole = answer(1, 400_000_013)
    assert {cause(200, whole[:length]) for length in range(len(whole))} == {"not_json"}


def test_a_batch_comes_in_the_order_of_its_requests() -> None:
    body = b"[" + b",".join([answer(7, 70), failure(5, -32005), answer(6, 60)]) + b"]"
    results = SLOTS.read_batch(200, body, 5, 4)
    assert isinstance(results, list)
    assert results[1:3] == [60, 70]
    assert [r.cause for r in results if isinstance(r, Refusal)] == ["node_behind", "unanswered"]


def test_strange_parts_of_a_batch_change_nothing() -> None:
    body = b"[" + b",".join([answer(99, 1), b'"text"', b'{"id":"x"}', b"null", answer(5, 50)]) + b"]"
    results = SLOTS.read_batch(200, body, 5, 1)
    assert results == [50]


def test_a_batch_may_be_refused_as_a_whole() -> None:
    for status, body, name in (
        (200, failure(None, -32600, "no batches here"), "rpc_error"),
        (200, b"[", "not_json"),
        (200, b"5", "answer_shape"),
        (429, b"", "rate_limited"),
        (500, b"", "http_status"),
    ):
        read = SLOTS.read_batch(status, body, 1, 2)
        assert isinstance(read, Refusal)
        assert read.cause == name


@given(st.sampled_from([200, 429, 500]), st.binary(max_size=200))
def test_any_bytes_are_refused(status: int, body: bytes) -> None:
    assert isinstance(SLOTS.read(status, body, 1), Refusal)
    read = SLOTS.read_batch(status, body, 1, 1)
    assert isinstance(read, Refusal | list)
