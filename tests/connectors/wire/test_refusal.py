"""Refusals stay small, whatever was sent."""

from connectors.wire.refusal import WireError, refusal
from dlmm.errors import DlmmError


def test_what_was_seen_is_cut_to_size() -> None:
    assert refusal("cause", "x" * 10_000).detail == "x" * 157 + "..."
    assert refusal("cause", "short", -5).detail == "short"
    assert refusal("cause", "short", -5).code == -5


def test_an_error_carries_its_cause() -> None:
    error = WireError("cause", "seen")
    assert isinstance(error, DlmmError)
    assert (error.cause, error.detail, str(error)) == ("cause", "seen", "cause: seen")
