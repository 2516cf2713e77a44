"""Answers about accounts: all of them, as of one slot, or a refusal by name."""

import json

import pytest

from connectors.wire.account_data import decode
from connectors.wire.accounts import NOBODY, AccountsAnswer, get_multiple_accounts, read_multiple_accounts
from connectors.wire.events import AccountUpdate
from connectors.wire.refusal import Refusal
from tests.connectors.wire.frames import ARRAY, OWNER, POOL, account_json, answer, recorded


def read(result: object, addresses: tuple[str, ...] = (POOL, ARRAY)) -> AccountsAnswer | Refusal:
    return read_multiple_accounts(200, answer(1, result), 1, addresses)


def cause(result: object) -> str:
    refused = read(result)
    assert isinstance(refused, Refusal)
    return refused.cause


def test_the_question_names_accounts_encoding_and_the_least_slot() -> None:
    asked = json.loads(get_multiple_accounts(3, [POOL, ARRAY], "processed", 17))
    assert asked["method"] == "getMultipleAccounts"
    options = {"encoding": "base64+zstd", "commitment": "processed", "minContextSlot": 17}
    assert asked["params"] == [[POOL, ARRAY], options]
    assert "minContextSlot" not in json.loads(get_multiple_accounts(3, [POOL], "confirmed"))["params"][1]


def test_accounts_come_in_the_order_asked_as_of_the_answers_slot() -> None:
    answered = read({"context": {"slot": 9}, "value": [account_json(b"pair"), account_json(b"array")]})
    assert isinstance(answered, AccountsAnswer)
    assert [a.address for a in answered.accounts] == [POOL, ARRAY]
    assert {a.slot for a in answered.accounts} == {answered.slot} == {9}
    assert {a.owner for a in answered.accounts} == {OWNER}
    assert [decode(a.data, a.encoding, 100) for a in answered.accounts] == [b"pair", b"array"]


def test_accounts_that_do_not_exist_are_nobodys() -> None:
    gone = account_json(b"left over", lamports=0)
    answered = read({"context": {"slot": 9}, "value": [None, gone]})
    assert isinstance(answered, AccountsAnswer)
    assert answered.accounts == tuple(AccountUpdate(9, address, NOBODY, "", "base64") for address in (POOL, ARRAY))


@pytest.mark.parametrize(
    ("result", "name"),
    [
        ({"context": {"slot": 9}, "value": [None]}, "answer_count"),
        ({"context": {"slot": 9}, "value": [None] * 3}, "answer_count"),
        ({"context": {"slot": -1}, "value": [None, None]}, "answer_shape"),
        ({"context": {"slot": 1 << 63}, "value": [None, None]}, "answer_shape"),
        ({"value": [None, None]}, "answer_shape"),
        ({"context": {"slot": 9}, "value": [None, {**account_json(), "data": "3ZZ"}]}, "answer_shape"),
        ({"context": {"slot": 9}, "value": [None, {**account_json(), "data": ["3ZZ", "base58"]}]}, "account_encoding"),
        ({"context": {"slot": 9}, "value": [None, {**account_json(), "owner": "short"}]}, "answer_shape"),
        ({"context": {"slot": 9}, "value": [None, {**account_json(), "lamports": -1}]}, "answer_shape"),
    ],
)
def test_what_is_not_all_of_them_is_refused(result: object, name: str) -> None:
    assert cause(result) == name


def test_recorded_answers_are_read_and_refused_when_cut() -> None:
    body = recorded("getMultipleAccounts.json")
    addresses = tuple(f"account {i}" for i in range(6))
    answered = read_multiple_accounts(200, body, 1, addresses)
    assert isinstance(answered, AccountsAnswer)
    assert answered.slot == 400_000_030
    assert [len(decode(a.data, a.encoding, 904)) for a in answered.accounts] == [904, 165, 165, 82, 82, 0]
    for length in range(0, len(body), 7):
        refused = read_multiple_accounts(200, body[:length], 1, addresses)
        assert isinstance(refused, Refusal)
        assert refused.cause == "not_json"
