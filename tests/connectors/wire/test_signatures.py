"""Signature subscriptions: each signature is told once, and nothing that a peer sends confuses them."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.wire.refusal import Refusal
from connectors.wire.signatures import SignatureHeard, SignatureLive, Signatures, SignatureSeen
from tests.connectors.wire.frames import account_notification, answer, failure, notification

ONE, OTHER, THIRD = "1" * 88, "2" * 88, "3" * 88


def told(subscription: int, err: object = None, slot: int = 9) -> bytes:
    return notification("signature", subscription, {"context": {"slot": slot}, "value": {"err": err}})


def methods(frames: list[bytes]) -> list[tuple[str, Any, int]]:
    return [(call["method"], call["params"][0], call["id"]) for call in map(json.loads, frames)]


def cause(heard: SignatureHeard | None) -> str:
    assert isinstance(heard, Refusal)
    return heard.cause


def live() -> Signatures:
    """Two signatures, live as subscriptions 101 and 102."""
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE, OTHER], 0.0)
    assert signatures.receive(answer(1, 101)) == SignatureLive(ONE)
    assert signatures.receive(answer(2, 102)) == SignatureLive(OTHER)
    return signatures


def test_a_connection_asks_for_all_that_is_wanted() -> None:
    signatures = Signatures("confirmed")
    assert signatures.want([ONE, OTHER, ONE], 0.0) == []
    first, second = map(json.loads, signatures.connected(0.0))
    assert first == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "signatureSubscribe",
        "params": [ONE, {"commitment": "confirmed", "enableReceivedNotification": False}],
    }
    assert second["params"][0] == OTHER
    assert signatures.wanted == (ONE, OTHER)


def test_what_landed_is_told_once_and_wanted_no_more() -> None:
    signatures = live()
    assert signatures.receive(told(102)) == SignatureSeen(OTHER, 9, None)
    assert signatures.wanted == (ONE,)
    assert signatures.receive(told(102)) is None
    error = {"InstructionError": [0, {"Custom": 6003}]}
    seen = signatures.receive(told(101, error))
    assert isinstance(seen, SignatureSeen)
    assert seen.error_json is not None
    assert (seen.signature, json.loads(seen.error_json)) == (ONE, error)
    assert signatures.outgoing() == []
    assert len(signatures.wanted) == 0


def test_that_a_node_received_a_transaction_says_nothing() -> None:
    signatures = live()
    frame = notification("signature", 101, {"context": {"slot": 9}, "value": "receivedSignature"})
    assert signatures.receive(frame) is None
    assert signatures.receive(told(101)) == SignatureSeen(ONE, 9, None)


def test_a_new_connection_asks_anew_for_what_was_not_told() -> None:
    signatures = live()
    signatures.receive(told(101))
    signatures.disconnected()
    assert signatures.want([THIRD], 1.0) == []
    assert [(method, signature) for method, signature, _ in methods(signatures.connected(2.0))] == [
        ("signatureSubscribe", OTHER),
        ("signatureSubscribe", THIRD),
    ]


def test_a_notification_that_overtakes_its_answer_counts() -> None:
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE], 0.0)
    assert signatures.receive(told(101)) is None
    assert signatures.receive(answer(1, 101)) == SignatureSeen(ONE, 9, None)
    assert signatures.wanted == ()


def test_an_early_notification_is_not_kept_for_a_later_question() -> None:
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE], 0.0)
    signatures.receive(told(102))
    assert signatures.receive(answer(1, 101)) == SignatureLive(ONE)
    signatures.want([OTHER], 0.0)
    assert signatures.receive(answer(2, 102)) == SignatureLive(OTHER)


def test_what_is_forgotten_is_ended() -> None:
    signatures = live()
    assert methods(signatures.forget([ONE, THIRD])) == [("signatureUnsubscribe", 101, 3)]
    assert signatures.receive(told(101)) is None
    assert signatures.receive(answer(3, True)) is None
    assert signatures.wanted == (OTHER,)


def test_what_is_forgotten_before_its_answer_is_ended_when_it_comes() -> None:
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE], 0.0)
    assert signatures.forget([ONE]) == []
    assert signatures.receive(answer(1, 101)) is None
    assert methods(signatures.outgoing()) == [("signatureUnsubscribe", 101, 2)]


def test_what_is_not_answered_is_asked_again_and_a_late_answer_counts() -> None:
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE], 0.0)
    assert signatures.retry(0.9, 1.0) == []
    assert methods(signatures.retry(1.0, 1.0)) == [("signatureSubscribe", ONE, 2)]
    assert signatures.receive(answer(1, 101)) == SignatureLive(ONE)
    assert signatures.receive(answer(2, 102)) is None
    assert methods(signatures.outgoing()) == [("signatureUnsubscribe", 102, 3)]
    assert signatures.receive(told(101)) == SignatureSeen(ONE, 9, None)


def test_equal_subscriptions_of_a_connection_may_have_one_id() -> None:
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE], 0.0)
    signatures.retry(1.0, 1.0)
    assert signatures.receive(answer(1, 101)) == SignatureLive(ONE)
    assert signatures.receive(answer(2, 101)) is None
    assert signatures.outgoing() == []


def test_what_is_refused_is_asked_again() -> None:
    signatures = Signatures("confirmed")
    signatures.connected(0.0)
    signatures.want([ONE], 0.0)
    assert cause(signatures.receive(failure(1, -32602))) == "subscription_refused"
    assert methods(signatures.retry(0.0, 1.0)) == [("signatureSubscribe", ONE, 2)]
    assert cause(signatures.receive(answer(2, True))) == "answer_shape"
    assert methods(signatures.retry(0.0, 1.0)) == [("signatureSubscribe", ONE, 3)]
    signatures.disconnected()
    assert signatures.retry(9.0, 1.0) == []


def test_an_id_that_is_live_for_another_one_is_refused() -> None:
    signatures = live()
    signatures.want([THIRD], 0.0)
    assert cause(signatures.receive(answer(3, 101))) == "subscription_taken"
    assert methods(signatures.retry(0.0, 1.0)) == [("signatureSubscribe", THIRD, 4)]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"", "not_json"),
        (b"[]", "frame_shape"),
        (told(55), "unknown_subscription"),
        (account_notification(101, 9), "unknown_method"),
        (answer(99, 1), "unknown_answer"),
        (failure(None, -32700), "unknown_answer"),
        (notification("signature", 101, {"context": {"slot": 1}}), "frame_shape"),
        (notification("signature", 101, {"context": {"slot": 1}, "value": {}}), "frame_shape"),
        (notification("signature", 101, {"context": {"slot": -1}, "value": {"err": None}}), "frame_shape"),
    ],
)
def test_strange_frames_are_refused_by_name(frame: bytes, expected: str) -> None:
    signatures = live()
    assert cause(signatures.receive(frame)) == expected
    assert signatures.wanted == (ONE, OTHER)


def test_a_refused_end_is_told() -> None:
    signatures = live()
    signatures.forget([ONE])
    assert cause(signatures.receive(failure(3, -32602))) == "unsubscribe_refused"


@given(st.randoms(use_true_random=False))
def test_whatever_a_peer_sends_each_signature_is_told_once_at_most(chance: random.Random) -> None:
    signatures = Signatures("confirmed")
    seen: list[str] = []
    now = 0.0
    signatures.connected(now)
    for _ in range(60):
        now += chance.random()
        one = chance.choice([ONE, OTHER, THIRD])
        match chance.randrange(6):
            case 0 if one not in seen:
                signatures.want([one], now)
            case 1:
                signatures.forget([one])
            case 2:
                signatures.retry(now, 1.0)
            case 3:
                heard = signatures.receive(answer(chance.randrange(1, 12), chance.choice([1, 2, 3, True, None])))
                if isinstance(heard, SignatureSeen):
                    seen.append(heard.signature)
            case 4:
                heard = signatures.receive(told(chance.randrange(1, 4)))
                if isinstance(heard, SignatureSeen):
                    seen.append(heard.signature)
            case _:
                signatures.receive(told(1)[: chance.randrange(90)])
    assert len(seen) == len(set(seen))
    assert not set(seen) & set(signatures.wanted)
