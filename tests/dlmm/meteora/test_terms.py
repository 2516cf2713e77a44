"""A pair answers when it is enabled and activated, and limit orders take part where the program lets them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dlmm.meteora import failures
from dlmm.meteora.layout import LB_PAIR
from dlmm.meteora.terms import TERMS, bin_units, is_open, no_exact_out, supports_orders, target_of
from dlmm.wide import U64


def pair(**fields: int) -> NDArray[np.void]:
    me = np.zeros(1, LB_PAIR)
    for name, value in fields.items():
        me[0][name] = value
    return me


def term(**fields: int) -> np.void:
    terms = np.zeros(1, TERMS)
    for name, value in fields.items():
        terms[0][name] = value
    found: np.void = terms[0]
    return found


@pytest.mark.parametrize("pair_type", [0, 1, 2, 3])
def test_two_types_of_pairs_wait_for_their_activation(pair_type: int) -> None:
    waits = pair_type in (1, 2)
    me = pair(pair_type=pair_type, activation_type=0, activation_point=10)
    assert [is_open(me, U64(slot), 99) for slot in (9, 10)] == [not waits, True]
    me = pair(pair_type=pair_type, activation_type=1, activation_point=10)
    assert [is_open(me, U64(99), time) for time in (9, 10)] == [not waits, True]
    assert not is_open(pair(pair_type=pair_type, status=1), U64(99), 99)


def test_orders_take_part_unless_the_pair_is_farmed() -> None:
    assert [supports_orders(pair(function_type=kind)) for kind in (0, 1, 2, 3)] == [True, False, True, False]
    farmed = pair(function_type=0)
    farmed[0]["rewards"][1]["mint"][31] = 1
    assert not supports_orders(farmed)


def test_failures_before_the_first_bin_come_in_the_programs_order() -> None:
    exact_in, exact_out = term(exact_in=1), term(exact_in=0, threshold=5, out_basis_points=1, out_maximum=2**63)
    top, zero, five = U64(2**64 - 1), U64(0), U64(5)
    assert target_of(exact_out, False, 0, top, five)[1] == failures.MATH_OVERFLOW
    assert target_of(exact_in, False, 0, zero, zero)[1] == failures.POOL_DISABLED
    assert target_of(exact_in, True, failures.MATH_OVERFLOW, zero, zero)[1] == failures.INVALID_INPUT
    assert target_of(exact_in, True, failures.MATH_OVERFLOW, five, zero)[1] == failures.MATH_OVERFLOW
    assert target_of(exact_in, True, 0, five, zero)[1] == failures.NO_AMOUNT_OUT
    assert target_of(term(exact_in=0), True, 0, five, zero)[1] == failures.INVALID_INPUT
    target, error = target_of(exact_in, True, 0, five, U64(4))
    assert (int(target), error) == (4, 0)


def test_an_exact_out_that_runs_dry_fails_by_what_reaches_the_user() -> None:
    withheld = term(exact_in=0, out_basis_points=10_000, out_maximum=3, vault_out=4)
    assert no_exact_out(withheld, U64(3)) == failures.NO_AMOUNT_OUT
    assert no_exact_out(withheld, U64(4)) == failures.NOT_EXACT_AMOUNT_OUT
    assert no_exact_out(withheld, U64(5)) == failures.INSUFFICIENT_FUNDS


def test_compute_units_grow_with_every_bin() -> None:
    for exact_in in (0, 1):
        one = term(exact_in=exact_in)
        assert bin_units(one, 1, 1, 1) < bin_units(one, 2, 1, 1) < bin_units(one, 2, 2, 1) < bin_units(one, 2, 2, 2)


def test_every_failure_has_a_name() -> None:
    codes = {value for name, value in vars(failures).items() if name.isupper() and isinstance(value, int)}
    assert codes == set(failures.NAMES)
