"""Entries of the order journal travel as MessagePack and come back as they were."""

import msgspec
import pytest

from connectors.execution.order_entries import Entry, EntryRefused, Intent, StillPending, decode_entry, encode_entry
from dlmm.errors import DlmmError
from dlmm.shapes import Shape
from operators.orders.commands import Approved, Command, Rebalance, Swap, SwapRoute
from tests.connectors.execution.journaled_orders import (
    WHOLE_LIFE,
    approved,
    done,
    expired,
    failed,
    intent,
    refused,
    sent,
    signed,
    simulated,
    undone,
)

ALL: list[Entry] = [*WHOLE_LIFE, failed(), expired(), undone(), refused(), simulated()]


SELL = Swap("POOL", exact_in=True, swap_for_y=True, amount=1_000, threshold=1_900)


@pytest.mark.parametrize(
    "command",
    [
        SwapRoute((SELL, SELL)),
        SwapRoute((SELL, SELL, SELL)),
        Rebalance("POOL", 7, -5, 9, 1, 3, 1_000, 2_000, 2, Shape.CURVE, old_position=6, old_lower=-9, old_upper=5),
    ],
)
def test_an_intent_comes_back_with_its_whole_command(command: Command) -> None:
    entry = Intent(Approved("main", 7, 0, command, 150, 1, 100), 100, 1)
    back = decode_entry(encode_entry(entry))
    assert back == entry
    assert isinstance(back, Intent)
    assert back.approved.command == command


@pytest.mark.parametrize("entry", ALL, ids=lambda entry: type(entry).__name__)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert decode_entry(encode_entry(entry)) == entry


def test_the_entries_cover_every_kind() -> None:
    assert {type(entry) for entry in ALL} == set(Entry.__args__)


def test_an_intent_is_named_by_its_order() -> None:
    assert intent(12, 3).key == approved(12, 3).key == "12.3"


def test_a_key_that_names_no_order_is_refused_where_it_is_read() -> None:
    for key in ("", "7", "7.", "x.0", "7.0.0", "7.0\n"):
        with pytest.raises(msgspec.ValidationError):
            decode_entry(encode_entry(done(key)))


def test_refusals_name_the_order_and_keep_their_values() -> None:
    error = StillPending("7.1", "7.0", 0, "A")
    assert str(error) == "order 7.1: signature A of step 0 of order 7.0 can still land"
    assert (error.key, error.holder, error.step, error.signature) == ("7.1", "7.0", 0, "A")
    assert isinstance(error, EntryRefused)
    assert isinstance(error, DlmmError)
    assert signed().key == sent().key == "7.0"
