"""Subscriptions as a state machine: what is wanted becomes live, and nothing that a peer sends confuses it."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.wire.account_data import decode
from connectors.wire.accounts import NOBODY
from connectors.wire.events import AccountUpdate
from connectors.wire.pubsub import Heard, LogsSeen, SlotSeen, Subscribed, Subscriptions, Target
from connectors.wire.refusal import Refusal
from tests.connectors.wire.frames import (
    ARRAY,
    OTHER_POOL,
    OWNER,
    POOL,
    SIGNATURE,
    account_json,
    account_notification,
    answer,
    failure,
    logs_notification,
    notification,
    recorded_frames,
    slot_notification,
    zstd,
)

SLOT, PAIR, BINS, LOGS = Target("slot"), Target("account", POOL), Target("account", ARRAY), Target("logs", POOL)
SWAP_LOGS = ["Program X invoke [1]", "Program log: Instruction: Swap2", "Program X success"]


def methods(frames: list[bytes]) -> list[tuple[str, Any]]:
    return [(call["method"], (call["params"] or [None])[0]) for call in map(json.loads, frames)]


def cause(heard: Heard | None) -> str:
    assert isinstance(heard, Refusal)
    return heard.cause


def live() -> Subscriptions:
    """Slots, the pool's account, its bin array and its logs, live as subscriptions 101 to 104."""
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL, ARRAY], [POOL], 0.0)
    for number, _ in enumerate(subscriptions.connected(0.0), 1):
        subscriptions.receive(answer(number, 100 + number))
    assert subscriptions.is_settled
    return subscriptions


def test_a_connection_asks_for_all_that_is_wanted() -> None:
    subscriptions = Subscriptions("processed")
    assert subscriptions.want([POOL, ARRAY], [POOL], 0.0) == []
    frames = [json.loads(frame) for frame in subscriptions.connected(0.0)]
    assert [(frame["jsonrpc"], frame["id"], frame["method"], frame["params"]) for frame in frames] == [
        ("2.0", 1, "slotSubscribe", []),
        ("2.0", 2, "accountSubscribe", [POOL, {"encoding": "base64+zstd", "commitment": "processed"}]),
        ("2.0", 3, "accountSubscribe", [ARRAY, {"encoding": "base64+zstd", "commitment": "processed"}]),
        ("2.0", 4, "logsSubscribe", [{"mentions": [POOL]}, {"commitment": "confirmed"}]),
    ]
    assert not subscriptions.is_settled


def test_answers_make_subscriptions_live_in_any_order() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL, ARRAY], [POOL], 0.0)
    subscriptions.connected(0.0)
    heard = [subscriptions.receive(answer(number, 50 - number)) for number in (3, 1, 4, 2)]
    assert heard == [Subscribed(BINS), Subscribed(SLOT), Subscribed(LOGS), Subscribed(PAIR)]
    assert subscriptions.is_settled
    update = subscriptions.receive(account_notification(48, 7))
    assert isinstance(update, AccountUpdate)
    assert update.address == POOL


def test_notifications_are_read() -> None:
    subscriptions = live()
    assert subscriptions.receive(slot_notification(101, 9, 7)) == SlotSeen(9, 7)
    update = subscriptions.receive(account_notification(102, 8, account_json(b"pair")))
    assert update == AccountUpdate(8, POOL, OWNER, zstd(b"pair"), "base64+zstd")
    assert subscriptions.receive(logs_notification(104, 8, SWAP_LOGS)) == LogsSeen(POOL, 8, SIGNATURE, False, True)


def test_logs_tell_failures_and_swaps_from_the_rest() -> None:
    subscriptions = live()
    failed = logs_notification(104, 8, SWAP_LOGS, err={"InstructionError": [2, {"Custom": 6003}]})
    assert subscriptions.receive(failed) == LogsSeen(POOL, 8, SIGNATURE, True, True)
    other = logs_notification(104, 8, ["Program log: Instruction: AddLiquidity2"])
    assert subscriptions.receive(other) == LogsSeen(POOL, 8, SIGNATURE, False, False)
    cut = logs_notification(104, 8, ["Program log: Instruction: Route", "Log truncated"])
    assert subscriptions.receive(cut) == LogsSeen(POOL, 8, SIGNATURE, False, True)


def test_an_account_that_is_gone_is_passed_on_as_gone() -> None:
    subscriptions = live()
    gone = {**account_json(lamports=0, owner=NOBODY), "data": ["", "base64+zstd"]}
    assert subscriptions.receive(account_notification(102, 8, gone)) == AccountUpdate(8, POOL, NOBODY, "", "base64")


def test_what_changes_is_asked_for_and_ended_and_the_rest_left_alone() -> None:
    subscriptions = live()
    frames = subscriptions.want([POOL, OTHER_POOL], [POOL], 1.0)
    assert methods(frames) == [("accountUnsubscribe", 103), ("accountSubscribe", OTHER_POOL)]
    ending, asking = (json.loads(frame)["id"] for frame in frames)
    assert subscriptions.receive(answer(ending, True)) is None
    assert subscriptions.receive(answer(asking, 105)) == Subscribed(Target("account", OTHER_POOL))
    assert subscriptions.want([POOL, OTHER_POOL], [POOL], 2.0) == []


def test_late_notifications_of_an_ended_subscription_are_no_alarm() -> None:
    subscriptions = live()
    subscriptions.want([POOL], [POOL], 1.0)
    assert subscriptions.receive(account_notification(103, 8)) is None
    assert subscriptions.outgoing() == []


def test_what_is_not_wanted_any_more_when_its_answer_comes_is_ended() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [], 0.0)
    subscriptions.connected(0.0)
    assert subscriptions.want([], [], 0.0) == []
    assert subscriptions.receive(answer(2, 77)) is None
    assert methods(subscriptions.outgoing()) == [("accountUnsubscribe", 77)]
    assert subscriptions.receive(account_notification(77, 8)) is None


def test_what_is_wanted_again_before_its_answer_is_asked_for_once() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [], 0.0)
    subscriptions.connected(0.0)
    subscriptions.want([], [], 0.0)
    assert subscriptions.want([POOL], [], 0.0) == []
    assert subscriptions.receive(answer(2, 77)) == Subscribed(PAIR)


def test_an_id_that_comes_again_after_its_end_is_live_again() -> None:
    subscriptions = live()
    subscriptions.want([POOL], [POOL], 1.0)
    again = json.loads(subscriptions.want([POOL, ARRAY], [POOL], 2.0)[0])["id"]
    assert subscriptions.receive(answer(again, 103)) == Subscribed(BINS)
    assert isinstance(subscriptions.receive(account_notification(103, 8)), AccountUpdate)


def test_unanswered_requests_are_told_and_asked_again() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [POOL], 0.0)
    subscriptions.connected(10.0)
    subscriptions.receive(answer(2, 102))
    assert subscriptions.unanswered(10.9, 1.0) == []
    assert subscriptions.unanswered(11.0, 1.0) == [SLOT, LOGS]
    frames = subscriptions.retry(11.0, 1.0)
    assert [method for method, _ in methods(frames)] == ["slotSubscribe", "logsSubscribe"]
    assert subscriptions.receive(answer(1, 101)) == Subscribed(SLOT)  # the first question's answer, late
    second = json.loads(frames[0])["id"]
    assert subscriptions.receive(answer(second, 101)) is None  # a node's, which knows the two to be equal
    assert subscriptions.outgoing() == []
    assert isinstance(subscriptions.receive(slot_notification(101, 5)), SlotSeen)


def test_a_deaf_subscription_is_made_anew() -> None:
    subscriptions = live()
    frames = subscriptions.renew(PAIR, 1.0)
    assert methods(frames) == [("accountUnsubscribe", 102), ("accountSubscribe", POOL)]
    assert subscriptions.renew(PAIR, 1.0) == []
    assert subscriptions.receive(account_notification(102, 8)) is None
    assert subscriptions.receive(answer(json.loads(frames[1])["id"], 205)) == Subscribed(PAIR)
    assert isinstance(subscriptions.receive(account_notification(205, 8)), AccountUpdate)


def test_a_second_subscription_to_the_same_thing_is_ended() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [], 0.0)
    subscriptions.connected(0.0)
    subscriptions.retry(1.0, 1.0)
    assert subscriptions.receive(answer(2, 102)) == Subscribed(PAIR)
    assert subscriptions.receive(answer(4, 202)) is None
    assert methods(subscriptions.outgoing()) == [("accountUnsubscribe", 202)]
    assert isinstance(subscriptions.receive(account_notification(102, 8)), AccountUpdate)


def test_refused_subscriptions_are_named_and_asked_again() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [], 0.0)
    subscriptions.connected(0.0)
    subscriptions.receive(answer(1, 101))
    assert cause(subscriptions.receive(failure(2, -32602, "Invalid params"))) == "subscription_refused"
    assert subscriptions.refused == [PAIR]
    assert subscriptions.unanswered(1.0, 1.0) == []
    assert subscriptions.want([POOL], [], 0.1) == []
    assert methods(subscriptions.retry(0.1, 1.0)) == [("accountSubscribe", POOL)]
    assert subscriptions.refused == []


@pytest.mark.parametrize("result", [True, None])
def test_an_id_that_is_none_counts_as_refused(result: object) -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.connected(0.0)
    assert cause(subscriptions.receive(answer(1, result))) == "answer_shape"
    assert subscriptions.refused == [SLOT]


def test_an_id_that_is_taken_counts_as_refused() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [], 0.0)
    subscriptions.connected(0.0)
    subscriptions.receive(answer(1, 101))
    assert cause(subscriptions.receive(answer(2, 101))) == "subscription_taken"
    assert subscriptions.receive(slot_notification(101, 5)) == SlotSeen(5, 4)
    assert subscriptions.refused == [PAIR]


def test_answers_to_nothing_are_refused() -> None:
    subscriptions = live()
    assert cause(subscriptions.receive(answer(2, 102))) == "unknown_answer"  # a second time
    assert cause(subscriptions.receive(answer(99, 1))) == "unknown_answer"
    assert cause(subscriptions.receive(failure(None, -32700))) == "unknown_answer"


def test_an_end_that_is_refused_is_named() -> None:
    subscriptions = live()
    ending = json.loads(subscriptions.want([POOL], [POOL], 1.0)[0])["id"]
    assert cause(subscriptions.receive(failure(ending, -32602, "Invalid subscription id."))) == "unsubscribe_refused"


def test_unknown_subscriptions_are_refused_and_ended_when_they_persist() -> None:
    subscriptions = live()
    for _ in range(2):
        assert cause(subscriptions.receive(account_notification(999, 8))) == "unknown_subscription"
        assert subscriptions.outgoing() == []
    assert cause(subscriptions.receive(account_notification(999, 8))) == "unknown_subscription"
    assert methods(subscriptions.outgoing()) == [("accountUnsubscribe", 999)]
    assert subscriptions.receive(account_notification(999, 8)) is None


def test_a_notification_that_overtakes_its_answer_ends_nothing() -> None:
    subscriptions = Subscriptions("processed")
    subscriptions.want([POOL], [], 0.0)
    subscriptions.connected(0.0)
    for _ in range(5):
        assert cause(subscriptions.receive(account_notification(102, 8))) == "unknown_subscription"
    assert subscriptions.outgoing() == []
    assert subscriptions.receive(answer(2, 102)) == Subscribed(PAIR)
    assert isinstance(subscriptions.receive(account_notification(102, 8)), AccountUpdate)


def test_a_flood_of_strange_subscriptions_leaves_memory_bounded() -> None:
    subscriptions = live()
    for number in range(30_000):
        subscriptions.receive(slot_notification(1_000 + number, 1))
        subscriptions.outgoing()
    assert len(subscriptions._strange) <= 4096
    for number in range(6_000):
        for _ in range(3):
            subscriptions.receive(slot_notification(100_000 + number, 1))
        subscriptions.outgoing()
    assert max(len(subscriptions._ended), len(subscriptions._ending)) <= 4096


def test_a_notification_of_another_kind_is_refused() -> None:
    subscriptions = live()
    assert cause(subscriptions.receive(slot_notification(102, 5))) == "subscription_kind"
    assert cause(subscriptions.receive(account_notification(101, 5))) == "subscription_kind"


def test_a_disconnection_forgets_everything_but_what_is_wanted() -> None:
    subscriptions = live()
    subscriptions.disconnected()
    assert not subscriptions.is_settled
    assert cause(subscriptions.receive(account_notification(102, 8))) == "unknown_subscription"
    assert subscriptions.want([POOL], [POOL], 1.0) == []
    frames = subscriptions.connected(2.0)
    assert [method for method, _ in methods(frames)] == ["slotSubscribe", "accountSubscribe", "logsSubscribe"]
    assert min(json.loads(frame)["id"] for frame in frames) > 4  # an answer that was meant for before fits none
    assert cause(subscriptions.receive(answer(2, 102))) == "unknown_answer"


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"nonsense", "not_json"),
        (b'{"method":' * 50_000, "frame_shape"),
        (b'{"x":' * 50_000, "not_json"),
        (b"[]", "frame_shape"),
        (b"5", "frame_shape"),
        (b"{}", "frame_shape"),
        (b'{"id":"one","result":1}', "frame_shape"),
        (b'{"id":1,"result":"text"}', "frame_shape"),
        (b'{"id":1,"result":-5}', "frame_shape"),
        (notification("program", 1, {}), "unknown_method"),
        (b'{"method":"x"}', "unknown_method"),
        (notification("account", 102, {}), "frame_shape"),
        (notification("slot", -1, {"slot": 5, "parent": 4}), "frame_shape"),
        (notification("slot", 101, {"slot": -5, "parent": 4}), "frame_shape"),
        (notification("slot", 101, {"slot": 1 << 70, "parent": 4}), "frame_shape"),
        (notification("slot", 101, {"slot": 5.5, "parent": 4}), "frame_shape"),
        (account_notification(102, 8, {**account_json(), "data": "text"}), "frame_shape"),
        (account_notification(102, 8, {**account_json(), "owner": "x" * 500}), "frame_shape"),
        (account_notification(102, 8, {**account_json(), "data": ["1", "base58"]}), "account_encoding"),
        (logs_notification(104, 8, ["x"]).replace(b'"err": null, ', b""), "frame_shape"),
        (account_notification(102, 8).replace(OWNER.encode(), b"\xff" * 44), "not_json"),
    ],
)
def test_malformed_frames_are_refused(frame: bytes, name: str) -> None:
    subscriptions = live()
    assert cause(subscriptions.receive(frame)) == name
    assert isinstance(subscriptions.receive(account_notification(102, 8)), AccountUpdate)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert isinstance(live().receive(data), Refusal)


@given(st.data())
def test_a_frame_with_changed_bytes_never_raises(draw: st.DataObject) -> None:
    whole = draw.draw(
        st.sampled_from([account_notification(102, 8), slot_notification(101, 5), logs_notification(104, 8, SWAP_LOGS)])
    )
    changed = bytearray(whole)
    for _ in range(draw.draw(st.integers(1, 5))):
        changed[draw.draw(st.integers(0, len(changed) - 1))] = draw.draw(st.integers(0, 255))
    live().receive(bytes(changed))


def test_a_frame_cut_anywhere_is_refused() -> None:
    subscriptions = live()
    for whole in (
        account_notification(102, 8),
        slot_notification(101, 5),
        logs_notification(104, 8, SWAP_LOGS),
        answer(2, 102),
    ):
        for length in range(len(whole)):
            assert cause(subscriptions.receive(whole[:length])) == "not_json"


def replay() -> tuple[Subscriptions, list[bytes]]:
    """A connection that wants what the recorded one wanted, and the frames that came, with the ids of its requests."""
    frames = recorded_frames()
    asked = {
        (frame["method"], json.dumps(frame["params"][0] if frame["params"] else None)): frame["id"]
        for way, frame in frames
        if way == "out"
    }
    pools = [frame["params"][0] for way, frame in frames if way == "out" and frame["method"] == "accountSubscribe"]
    subscriptions = Subscriptions("processed")
    subscriptions.want(pools, pools, 0.0)
    ours = {}
    for sent in subscriptions.connected(0.0):
        call = json.loads(sent)
        ours[asked[call["method"], json.dumps(call["params"][0] if call["params"] else None)]] = call["id"]
    received = []
    for way, frame in frames:
        if way == "in":
            # What the recorded connection asked for beside, the programs and signatures, is foreign to ours.
            number = {"id": ours.get(frame["id"], 1_000 + frame["id"])} if "id" in frame else {}
            received.append(json.dumps({**frame, **number}).encode())
    return subscriptions, received


def tally(heard: list[Heard | None]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for event in heard:
        name = event.cause if isinstance(event, Refusal) else type(event).__name__
        counts[name] = counts.get(name, 0) + 1
    return counts


WHOLE = {
    "Subscribed": 7,
    "AccountUpdate": 19,
    "SlotSeen": 19,
    "LogsSeen": 28,
    "unknown_answer": 7,
    "unknown_method": 19,
}


def test_recorded_frames_are_read() -> None:
    subscriptions, received = replay()
    heard = [subscriptions.receive(frame) for frame in received]
    assert tally(heard) == WHOLE
    updates = [event for event in heard if isinstance(event, AccountUpdate)]
    assert {len(decode(u.data, u.encoding, 904)) for u in updates} == {204, 904}
    assert {event.pool for event in heard if isinstance(event, LogsSeen)} == {u.address for u in updates}
    assert all(event.is_swap and not event.is_failed for event in heard if isinstance(event, LogsSeen))


def test_recorded_frames_that_come_twice_are_read_twice_and_their_answers_once() -> None:
    subscriptions, received = replay()
    heard = [subscriptions.receive(frame) for frame in received for _ in range(2)]
    doubled = {name: 2 * count for name, count in WHOLE.items()}
    assert tally(heard) == {**doubled, "Subscribed": 7, "unknown_answer": 14 + 7}


@pytest.mark.parametrize("seed", range(8))
def test_recorded_frames_in_any_order_are_read_or_named(seed: int) -> None:
    subscriptions, received = replay()
    random.Random(seed).shuffle(received)
    counts = tally([subscriptions.receive(frame) for frame in received])
    assert counts.pop("unknown_subscription", 0) + sum(counts.values()) == len(received)
    assert counts["Subscribed"] == 7
    assert set(counts) <= set(WHOLE)
    # Once the answers are there, everything is as if they had come first.
    assert tally([subscriptions.receive(frame) for frame in received if b'"id"' not in frame]) == {
        name: count for name, count in WHOLE.items() if name not in {"Subscribed", "unknown_answer"}
    }


def test_recorded_frames_cut_anywhere_never_become_events() -> None:
    subscriptions, received = replay()
    for frame in received:
        subscriptions.receive(frame)
    for frame in received:
        for length in range(0, len(frame), 11):
            assert cause(subscriptions.receive(frame[:length])) == "not_json"
