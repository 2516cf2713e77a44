"""Bundles: the questions to a block engine, and what it answers."""

import json

import pytest

from connectors.wire.bundles import (
    BundleRefused,
    BundleStatus,
    InflightBundle,
    get_bundle_statuses,
    get_inflight_bundle_statuses,
    get_tip_accounts,
    read_bundle_statuses,
    read_inflight_bundle_statuses,
    read_send_bundle,
    read_tip_accounts,
    send_bundle,
)
from connectors.wire.lamport_moves import TIP_ACCOUNTS
from connectors.wire.refusal import Refusal
from tests.connectors.wire.frames import POOL, answer, failure

ONE, OTHER = "1" * 64, "2" * 64


def test_the_questions() -> None:
    asked = json.loads(send_bundle(5, [b"one", b"two"]))
    assert asked["method"] == "sendBundle"
    assert asked["params"] == [["b25l", "dHdv"], {"encoding": "base64"}]
    assert json.loads(get_bundle_statuses(5, [ONE]))["params"] == [[ONE]]
    assert json.loads(get_inflight_bundle_statuses(5, [ONE]))["method"] == "getInflightBundleStatuses"
    assert json.loads(get_tip_accounts(5))["method"] == "getTipAccounts"


def test_a_bundle_that_was_taken_has_an_id() -> None:
    assert read_send_bundle(200, answer(5, ONE), 5) == ONE


@pytest.mark.parametrize("status", [200, 400, 429])
def test_an_engine_that_is_full_is_told_apart_from_a_bundle_that_is_wrong(status: int) -> None:
    refused = read_send_bundle(status, failure(5, -32097, "Network congested."), 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == "rate_limited"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("bundle contains an already processed transaction", "already_processed"),
        ("Bundles must write lock at least one tip account to be eligible for the auction.", "no_tip"),
        ("bundle does not lock any of the tip PDAs", "no_tip"),
        ("bundle contains an expired blockhash", "blockhash_not_found"),
        ("transaction #0 could not be decoded", "undecodable"),
        ("bundle exceeds max transaction length", "bundle_refused"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
def test_what_is_wrong_with_a_bundle_has_a_name(message: str, kind: str, status: int) -> None:
    body = failure(5, -32602, message)
    assert read_send_bundle(status, body, 5) == BundleRefused(kind, message, -32602)
    long = read_send_bundle(status, failure(5, -32603, "x" * 1_000), 5)
    assert isinstance(long, BundleRefused)
    assert len(long.detail) == 160


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (400, b"<html>", "http_status"),
        (200, b"<html>", "not_json"),
        (500, failure(5, -32602, "no"), "http_status"),
        (200, failure(5, -32601, "Method not found"), "rpc_error"),
        (200, answer(5, ""), "answer_shape"),
        (200, answer(6, ONE), "foreign_answer"),
    ],
)
def test_an_engine_that_is_ill_is_refused_by_name(status: int, body: bytes, cause: str) -> None:
    refused = read_send_bundle(status, body, 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == cause


def test_landed_bundles_are_told_in_the_order_of_the_question() -> None:
    landed = {
        "bundle_id": OTHER,
        "transactions": ["sig"],
        "slot": 242804011,
        "confirmation_status": "finalized",
        "err": {"Ok": None},
    }
    body = answer(5, {"context": {"slot": 242806119}, "value": [landed]})
    assert read_bundle_statuses(200, body, 5, [ONE, OTHER]) == (
        None,
        BundleStatus(OTHER, 242804011, ("sig",), "finalized"),
    )
    body = answer(5, {"context": {"slot": 1}, "value": [{**landed, "err": {"Err": "BlockhashNotFound"}}, None]})
    assert read_bundle_statuses(200, body, 5, [OTHER]) == (
        BundleStatus(OTHER, 242804011, ("sig",), "finalized", '"BlockhashNotFound"'),
    )


def test_bundles_on_their_way_are_told_in_the_order_of_the_question() -> None:
    value = [
        {"bundle_id": OTHER, "status": "Pending", "landed_slot": None},
        {"bundle_id": ONE, "status": "Landed", "landed_slot": 280999028},
    ]
    body = answer(5, {"context": {"slot": 280999028}, "value": value})
    assert read_inflight_bundle_statuses(200, body, 5, [ONE, OTHER, "3"]) == (
        InflightBundle(ONE, "Landed", 280999028),
        InflightBundle(OTHER, "Pending", None),
        None,
    )


def test_an_engine_that_knows_nothing_says_null() -> None:
    assert read_bundle_statuses(200, answer(5, None), 5, [ONE]) == (None,)
    assert read_inflight_bundle_statuses(200, answer(5, None), 5, [ONE]) == (None,)


def test_tip_accounts() -> None:
    assert read_tip_accounts(200, answer(5, [POOL]), 5) == (POOL,)
    assert len(TIP_ACCOUNTS) == 8


@pytest.mark.parametrize(
    "value", [{}, [{"bundle_id": ONE, "status": "Lost"}], [{"status": "Landed"}], [{"bundle_id": ONE}]]
)
def test_statuses_of_another_shape_are_refused(value: object) -> None:
    body = answer(5, {"context": {"slot": 1}, "value": value})
    for refused in (
        read_inflight_bundle_statuses(200, body, 5, [ONE]),
        read_bundle_statuses(200, body, 5, [ONE]),
    ):
        assert isinstance(refused, Refusal)
        assert refused.cause == "answer_shape"
