"""What the orders of a wallet say of each other, and what they paid."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.execution.known_orders import KnownOrders
from connectors.execution.order_entries import Entry, EntryRefused, SignatureKnown, Signed, StillPending
from tests.connectors.execution.journaled_orders import (
    NETWORK_FEE,
    START_NS,
    TIP,
    WHOLE_LIFE,
    done,
    expired,
    failed,
    intent,
    landed,
    refused,
    sent,
    signed,
    undone,
)

FEE = NETWORK_FEE + TIP


def known(*entries: Entry) -> KnownOrders:
    orders, contradictions = KnownOrders.of(list(entries))
    assert contradictions == []
    return orders


def test_an_attempt_is_not_signed_while_an_earlier_one_can_land() -> None:
    orders = known(intent(7, 0), signed(), sent(), intent(7, 1))
    with pytest.raises(StillPending, match=r"order 7\.1: signature A of step 0 of order 7\.0"):
        orders.check(signed("7.1", signature="B"))
    orders.keep(orders.check(expired()), expired())
    assert orders.check(signed("7.1", signature="B")).phase == "signed"


def test_two_orders_do_not_share_a_signature() -> None:
    orders = known(intent(7), signed(), landed(), intent(8))
    with pytest.raises(SignatureKnown, match=r"order 8\.0: signature A belongs to order 7\.0"):
        orders.check(signed("8.0"))


def test_the_next_order_is_above_all_known_ones() -> None:
    assert KnownOrders().next_order == 1
    assert known(intent(12), intent(3)).next_order == 13
    assert known(intent(12, 0), intent(12, 1)).next_order == 13


def test_open_orders_come_in_the_order_of_their_arrival() -> None:
    orders = known(intent(7), intent(8), signed("8.0", signature="B"), intent(9), done("9.0"))
    assert [order.key for order in orders.open()] == ["7.0", "8.0"]
    assert [order.key for order in orders.all()] == ["7.0", "8.0", "9.0"]
    assert orders.get("10.0") is None


def test_an_order_that_landed_after_its_end_is_open_again() -> None:
    orders = known(intent(7), signed(), expired(), done(), landed())
    assert [order.key for order in orders.open()] == ["7.0"]


def test_fees_are_those_paid_since() -> None:
    day = 86_400 * 10**9
    entries: list[Entry] = []
    for number in range(5):
        key, signature, ts_ns = f"{number}.0", f"S{number}", START_NS + number * day
        end = failed if number % 2 else landed
        entries += [intent(number), signed(key, signature=signature), end(key, signature=signature, ts_ns=ts_ns)]
    orders = known(*entries)
    assert [orders.fees_since(START_NS + n * day) for n in range(6)] == [5 * FEE, 4 * FEE, 3 * FEE, 2 * FEE, FEE, 0]
    assert orders.fees_since(0) == 5 * FEE
    assert orders.fees_since(START_NS + 1) == 4 * FEE


def test_fees_that_a_fork_took_back_are_given_back() -> None:
    orders = known(intent(), signed(), landed(ts_ns=START_NS), undone(ts_ns=START_NS + 9))
    assert orders.fees_since(0) == 0
    assert orders.fees_since(START_NS + 5) == 0  # and never less
    again = landed(ts_ns=START_NS + 10)
    orders.keep(orders.check(again), again)
    assert orders.fees_since(0) == FEE


def test_fees_survive_a_clock_that_was_set_back() -> None:
    orders = known(
        intent(7), signed(), landed(ts_ns=START_NS + 100), intent(8), signed("8.0", signature="B"),
        landed("8.0", signature="B", ts_ns=START_NS),
    )  # fmt: skip
    assert orders.fees_since(START_NS + 50) == 2 * FEE


def test_ended_orders_that_are_read_back_keep_no_transactions() -> None:
    orders = known(*WHOLE_LIFE, intent(8), signed("8.0", signature="B"))
    ended, still_open = orders.all()
    assert [one.transaction for one in ended.transactions] == [b""]
    assert [one.transaction for one in still_open.transactions] == [b"transaction B"]


def test_entries_that_contradict_each_other_are_named_and_taken() -> None:
    orders, contradictions = KnownOrders.of([intent(), signed(), landed(), landed(), sent("9.0", signature="C")])
    assert contradictions == [
        "order 7.0: signature A is landed: landed cannot follow",
        "order 9.0: has no intent in the order journal",
    ]
    assert [order.key for order in orders.open()] == ["7.0", "9.0"]
    assert orders.fees_since(0) == FEE
    assert orders.next_order == 10
    with pytest.raises(SignatureKnown):  # though its signing was lost
        orders.check(signed("7.0", step=1, signature="C"))


KEYS = st.sampled_from(["7.0", "7.1", "8.0"])
OF_TRANSACTION = st.builds(
    lambda make, *place: make(*place),
    st.sampled_from([signed, sent, landed, failed, expired, undone]),
    KEYS,
    st.integers(0, 1),
    st.sampled_from("ABCDE"),
)
OF_ORDER = st.builds(lambda make, key: make(key), st.sampled_from([done, refused]), KEYS)
INTENTS = st.builds(intent, st.integers(7, 8), st.integers(0, 1))


@given(st.lists(st.one_of(INTENTS, OF_TRANSACTION, OF_TRANSACTION, OF_ORDER), max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_nothing_is_signed_twice(entries: list[Entry]) -> None:
    orders = KnownOrders()
    taken: list[Entry] = []
    for entry in [intent(7, 0), intent(7, 1), intent(8, 0), *entries]:
        with suppress(EntryRefused):
            orders.keep(orders.check(entry), entry)
            taken.append(entry)
    told = orders.all()
    signatures = [one.signature for order in told for one in order.transactions]
    assert len(signatures) == len(set(signatures))
    for order in told:
        assert order.is_open or not order.pending
    again = known(*taken)
    assert [order.key for order in again.open()] == [order.key for order in orders.open()]
    assert [order.phase for order in again.all()] == [order.phase for order in told]
    assert again.fees_since(0) == orders.fees_since(0)


@given(st.lists(st.one_of(OF_TRANSACTION, OF_ORDER), max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_comes_a_signing_leaves_one_that_can_land(entries: list[Entry]) -> None:
    orders = known(intent(7, 0), intent(7, 1), intent(8, 0))
    for entry in entries:
        with suppress(EntryRefused):
            orders.keep(orders.check(entry), entry)
            if isinstance(entry, Signed):
                number = entry.key.partition(".")[0]
                attempts = [order for order in orders.all() if order.key.partition(".")[0] == number]
                pending = [(order.key, one.step) for order in attempts for one in order.pending]
                assert len(pending) == len(set(pending))
                assert {key for key, _ in pending} == {entry.key}
