"""A third party's prices: bounded numbers for pools that were asked for, everything else refused by name."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.wire.events import PriceUpdate
from connectors.wire.prices import PriceSubscriptions
from connectors.wire.refusal import Refusal
from tests.connectors.wire.frames import OTHER_POOL, POOL

GOOD = {"pool_address": POOL, "price": 149.9, "liquidity": 1e6, "volume_24h": 5}


def wanting(*pools: str) -> PriceSubscriptions:
    prices = PriceSubscriptions()
    prices.want(pools)
    prices.connected()
    return prices


def cause(message: bytes) -> str:
    refused = wanting(POOL).receive(message)
    assert isinstance(refused, Refusal)
    return refused.cause


def asked(frames: list[bytes]) -> list[tuple[str, str]]:
    calls = [json.loads(frame) for frame in frames]
    assert {call["params"]["channel"] for call in calls} <= {"pools"}
    return [(call["method"], call["params"]["pool_address"]) for call in calls]


def test_a_connection_subscribes_to_each_pool_in_the_peers_words() -> None:
    prices = PriceSubscriptions()
    assert prices.want([POOL]) == []
    assert prices.connected() == [
        b'{"method":"subscribe","params":{"channel":"pools","pool_address":"' + POOL.encode() + b'"}}'
    ]


def test_only_what_changes_is_sent() -> None:
    prices = wanting(POOL)
    assert asked(prices.want([OTHER_POOL])) == [("unsubscribe", POOL), ("subscribe", OTHER_POOL)]
    prices.disconnected()
    assert prices.want([POOL, OTHER_POOL]) == []
    assert asked(prices.connected()) == [("subscribe", POOL), ("subscribe", OTHER_POOL)]


def test_pools_that_nothing_was_heard_of_can_be_asked_for_again() -> None:
    prices = wanting(POOL, OTHER_POOL)
    prices.receive(json.dumps(GOOD).encode())
    assert asked(prices.retry()) == [("subscribe", OTHER_POOL)]
    prices.connected()
    assert asked(prices.retry()) == [("subscribe", POOL), ("subscribe", OTHER_POOL)]


def test_prices_are_read() -> None:
    assert wanting(POOL).receive(json.dumps(GOOD).encode()) == PriceUpdate(POOL, 149.9, 1e6, 5.0)


def test_more_fields_than_needed_do_no_harm() -> None:
    message = {"type": "pool", "time": 5, **GOOD}
    assert isinstance(wanting(POOL).receive(json.dumps(message).encode()), PriceUpdate)


@pytest.mark.parametrize("field", ["price", "liquidity", "volume_24h"])
@pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "1e999", "1e31", '"5"', "null", "true", "[]"])
def test_a_number_out_of_bounds_is_refused(field: str, value: str) -> None:
    message = json.dumps({**GOOD, field: 77_777}).replace("77777", value).encode()
    assert cause(message) in {"price_shape", "not_json"}


def test_a_price_of_nothing_is_refused_and_no_volume_is_fine() -> None:
    assert cause(json.dumps({**GOOD, "price": 0}).encode()) == "price_shape"
    assert isinstance(wanting(POOL).receive(json.dumps({**GOOD, "volume_24h": 0}).encode()), PriceUpdate)


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_refused(field: str) -> None:
    assert cause(json.dumps({k: v for k, v in GOOD.items() if k != field}).encode()) == "price_shape"


def test_pools_that_nobody_asked_for_are_refused_and_former_ones_are_not() -> None:
    message = json.dumps({**GOOD, "pool_address": OTHER_POOL}).encode()
    assert cause(message) == "foreign_pool"
    prices = wanting(POOL)
    prices.want([OTHER_POOL])
    assert prices.receive(json.dumps(GOOD).encode()) is None
    prices.want([POOL])
    assert isinstance(prices.receive(json.dumps(GOOD).encode()), PriceUpdate)


def test_what_says_no_price_is_passed_over_and_what_says_an_error_is_not() -> None:
    prices = wanting(POOL)
    assert prices.receive(b'{"result":"subscribed","channel":"pools"}') is None
    assert prices.receive(b'{"type":"heartbeat","error":null}') is None
    assert cause(b'{"error":{"code":4,"message":"unknown pool"}}') == "price_error"
    assert cause(b'{"error":"' + b"x" * 5000 + b'"}') == "price_error"


@pytest.mark.parametrize(
    ("message", "name"),
    [(b"", "not_json"), (b"\xff", "not_json"), (b"[]", "price_shape"), (b"5", "price_shape"), (b"<html>", "not_json")],
)
def test_what_is_no_message_is_refused(message: bytes, name: str) -> None:
    assert cause(message) == name


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert isinstance(wanting(POOL).receive(data), Refusal)


def test_a_message_cut_anywhere_is_refused() -> None:
    whole = json.dumps(GOOD).encode()
    assert {cause(whole[:length]) for length in range(len(whole))} == {"not_json"}
