"""The header's two forms, and everything else that peers write into it."""

import pytest

from connectors.feeds.retry_after import retry_after_s


@pytest.mark.parametrize(("value", "expected"), [("3", 3.0), ("0.25", 0.25), (None, 0.0), ("-4", 0.0)])
def test_seconds_are_taken_as_such(value: str | None, expected: float) -> None:
    assert retry_after_s(value) == expected


def test_a_date_is_as_far_away_as_it_is() -> None:
    assert retry_after_s("Fri, 31 Dec 2100 23:59:59 GMT") > 1e9
    assert retry_after_s("Sat, 01 Jan 2000 00:00:00 GMT") == 0.0


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "1e999", "Fri, 99 Foo 2100 99:99:99 GMT", "\u0663\udcff"])
def test_what_makes_no_sense_asks_for_nothing(value: str) -> None:
    assert retry_after_s(value) in (0.0, 3.0)  # float() reads any digit of Unicode
