"""The benchmark of execution: every order of it lands, and each run is a row of its table."""

import pytest

from benchmarks.execution.__main__ import ALONE_TITLES, FLOW_TITLES, Terms, rows_alone, rows_flow


@pytest.mark.parametrize("endpoints", [1, 3])
def test_every_order_of_the_executor_alone_lands(endpoints: int) -> None:
    terms = Terms(orders=6, rate=100.0, runs=1, endpoints=(endpoints,), fsyncs=(True,))
    rows = list(rows_alone(terms))
    assert [row[:4] for row in rows] == [
        (str(endpoints), "yes", "100 a second", "12/12"),
        (str(endpoints), "yes", "back to back", "12/12"),
    ]
    assert {len(row) for row in rows} == {len(ALONE_TITLES)}
    for row in rows:
        signed, journaled, returned = (int(row[place].replace(",", "")) for place in (4, 6, 10))
        assert 0 < signed <= journaled <= returned


def test_the_whole_flow_is_read_off_its_order_journal() -> None:
    (row,) = rows_flow(Terms(orders=5, runs=1, fsyncs=(False,)), slot_ms=100)
    assert len(row) == len(FLOW_TITLES)
    assert int(row[1]) >= 25
    decided, signed, written = (int(row[place].replace(",", "")) for place in (3, 5, 7))
    assert 0 < decided <= signed <= written
