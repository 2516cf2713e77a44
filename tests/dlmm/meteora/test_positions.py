"""Positions keep what they hold while they grow."""

import numpy as np
import pytest

from dlmm.errors import AccountError
from dlmm.liquidity import LiquidityFailure
from dlmm.meteora.layout import POSITION, POSITION_EXTENSION_BIN
from dlmm.meteora.positions import is_empty, new_position, widened_position


def position(width: int) -> bytes:
    made = new_position(lb_pair=bytes(32), owner=bytes(32), lower_bin_id=-5, width=width, time=7)
    assert isinstance(made, bytes)
    return made


def marked(width: int) -> bytes:
    rows = np.frombuffer(position(width), POSITION).copy()
    rows[0]["shares"]["low"][:width] = np.arange(1, width + 1)
    rows[0]["fees"]["y_pending"][:width] = np.arange(101, width + 101)
    return rows.tobytes()


def shares(data: bytes) -> list[int]:
    head = np.frombuffer(data, POSITION, count=1)[0]
    rest = np.frombuffer(data[POSITION.itemsize :], POSITION_EXTENSION_BIN)
    width = int(head["upper_bin_id"]) - int(head["lower_bin_id"]) + 1
    return [int(low) for low in (*head["shares"]["low"], *rest["share"]["low"])][:width]


@pytest.mark.parametrize("width", [0, 71])
def test_a_width_that_no_position_starts_with_is_refused(width: int) -> None:
    failure = new_position(lb_pair=bytes(32), owner=bytes(32), lower_bin_id=0, width=width, time=0)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6040


@pytest.mark.parametrize(("upwards", "kept"), [(True, {4: 40, 6: 60, 9: 90}), (False, {9: 90})])
def test_fees_noted_past_the_last_bin_stay_where_no_bin_moves(upwards: bool, kept: dict[int, int]) -> None:
    rows = np.frombuffer(marked(3), POSITION).copy()
    for place in (4, 6, 9):
        rows[0]["fees"]["x_complete_high"][place] = 10 * place
    wider = widened_position(rows.tobytes(), length_to_add=4, upwards=upwards)
    assert isinstance(wider, bytes)
    noted = np.frombuffer(wider, POSITION, count=1)[0]["fees"]["x_complete_high"]
    assert {int(place): int(noted[place]) for place in np.flatnonzero(noted)} == kept


@pytest.mark.parametrize(("width", "added"), [(3, 5), (3, 80), (70, 1), (70, 91)])
@pytest.mark.parametrize("upwards", [True, False])
def test_what_bins_hold_stays_with_them(width: int, added: int, upwards: bool) -> None:
    grown = widened_position(marked(width), length_to_add=added, upwards=upwards)
    assert isinstance(grown, bytes)
    held, empty = list(range(1, width + 1)), [0] * added
    assert shares(grown) == (held + empty if upwards else empty + held)
    head = np.frombuffer(grown, POSITION, count=1)[0]
    lower = -5 if upwards else -5 - added
    assert (int(head["lower_bin_id"]), int(head["upper_bin_id"])) == (lower, lower + width + added - 1)
    assert len(grown) == POSITION.itemsize + max(width + added - 70, 0) * POSITION_EXTENSION_BIN.itemsize


def test_growing_twice_equals_growing_once() -> None:
    once = widened_position(marked(40), length_to_add=90, upwards=False)
    first = widened_position(marked(40), length_to_add=50, upwards=False)
    assert isinstance(first, bytes)
    assert widened_position(first, length_to_add=40, upwards=False) == once


@pytest.mark.parametrize(("width", "code"), [(11, 6081), (70, 3016)])
def test_too_much_at_once_is_refused_as_the_program_refuses_it(width: int, code: int) -> None:
    failure = widened_position(position(width), length_to_add=92, upwards=True)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == code


def test_a_position_is_empty_without_shares_and_credits() -> None:
    assert is_empty(position(3))
    assert not is_empty(marked(3))
    rows = np.frombuffer(position(3), POSITION).copy()
    rows[0]["fees"]["x_complete_low"][0] = 5  # what was looked at is not owed
    assert is_empty(rows.tobytes())
    rows[0]["fees"]["x_pending"][0] = 1
    assert not is_empty(rows.tobytes())


def test_a_position_too_short_for_its_bins_is_refused() -> None:
    grown = widened_position(position(70), length_to_add=10, upwards=True)
    assert isinstance(grown, bytes)
    for spoilt in (grown[:-1], grown[: POSITION.itemsize], b"x" * len(grown)):
        with pytest.raises(AccountError, match="position"):
            is_empty(spoilt)
