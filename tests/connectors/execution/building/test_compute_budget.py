import pytest
from solders.hash import Hash
from solders.message import MessageV0

from connectors.execution.building.compute_budget import (
    BUDGET_UNITS,
    MAX_UNITS,
    UNKNOWN_UNITS,
    at_most,
    budget,
    swap_units,
)
from dlmm.conformance.swaps import pool_of, request_of
from dlmm.programs import COMPUTE_BUDGET_PROGRAM
from dlmm.records import Clock, SwapQuote, Venue
from dlmm.swap import quote
from tests.connectors.execution.building.exchange_floor import WALLET
from tests.golden_pools import vectors


@pytest.mark.parametrize("venue", Venue)
def test_the_limit_is_above_what_the_true_program_used_in_every_golden_swap(venue: Venue) -> None:
    seen = 0
    for vector in vectors():
        row = vector.row
        if vector.venue is venue and row["kind"] == "swap" and row["ok"]:
            quoted = quote(pool_of(vector), request_of(row), Clock(*row["clock"]))
            assert isinstance(quoted, SwapQuote)
            assert swap_units(venue, quoted.compute_units) > row["cu"] + BUDGET_UNITS
            seen += 1
    assert seen > 100


def test_without_a_quote_there_is_a_default_and_never_more_than_the_runtime_allows() -> None:
    assert swap_units(Venue.METEORA, 0) == swap_units(Venue.SAROS, 0) == UNKNOWN_UNITS
    assert (at_most(5), at_most(MAX_UNITS + 1)) == (5, MAX_UNITS)


def test_the_budget_is_what_the_runtime_reads() -> None:
    limit, price = budget(123_456, 7_890)
    assert limit.program_id == price.program_id == COMPUTE_BUDGET_PROGRAM
    assert limit.data == b"\x02" + (123_456).to_bytes(4, "little")
    assert price.data == b"\x03" + (7_890).to_bytes(8, "little")
    message = MessageV0.try_compile(WALLET.address, [limit, price], [], Hash.default())
    assert len(message.account_keys) == 2
