"""A swap row is held against what its user could pay, and against what a pool can see of it."""

import copy
from typing import Any

import msgspec
import numpy as np
import pytest

from dlmm.conformance.mismatch import Mismatch
from dlmm.conformance.swaps import FUNDS, check_swap_row, fails_for_accounts, pool_of
from dlmm.conformance.vectors import StateAccount, Vector
from dlmm.records import Venue
from dlmm.saros.layout import BIN_ARRAY
from tests.golden_pools import vectors


def saros_swap() -> Vector:
    return next(
        vector
        for vector in vectors()
        if vector.venue is Venue.SAROS and vector.row["kind"] == "swap" and vector.row["ok"]
    )


def altered(vector: Vector, **changes: Any) -> Vector:
    row = copy.deepcopy(vector.row) | changes
    row.pop("ix_full", None)
    return msgspec.structs.replace(vector, row=row)


def flooded(vector: Vector) -> Vector:
    """The same row on a pool whose bins hold more than any user has."""
    state = dict(vector.state)
    for role, held in vector.state.items():
        if role.startswith("bin_array:"):
            array = np.frombuffer(held.data, BIN_ARRAY).copy()
            array["bins"]["reserve_x"] = array["bins"]["reserve_y"] = 1 << 62
            state[role] = StateAccount(held.pubkey, held.owner, held.lamports, array.tobytes())
    return msgspec.structs.replace(vector, state=state)


def check(vector: Vector) -> Mismatch | None:
    return check_swap_row(vector, pool_of(vector))


@pytest.mark.parametrize(("amount", "code"), [(FUNDS + 1, 1), (FUNDS, None)])
def test_a_user_who_holds_less_than_is_paid_meets_the_token_program(amount: int, code: int | None) -> None:
    asked = {"mode": "exact_in", "amount": amount, "threshold": 0, "swap_for_y": True}
    vector = altered(flooded(saros_swap()), **asked, ok=False, err={"custom": 1}, tags=[])
    mismatch = check(vector)
    assert (mismatch is None) == (code == 1)


def test_a_threshold_that_is_missed_comes_before_the_payment() -> None:
    asked = {"mode": "exact_in", "amount": FUNDS + 1, "threshold": (1 << 64) - 1, "swap_for_y": True}
    vector = altered(flooded(saros_swap()), **asked, ok=False, err={"custom": 6004}, tags=[])
    assert check(vector) is None


@pytest.mark.parametrize("changes", [{"ix": "dance"}, {"mode": "dance"}, {"ix": "swap2"}])
def test_an_instruction_or_mode_that_nobody_knows_is_a_mismatch(changes: dict[str, str]) -> None:
    mismatch = check(altered(saros_swap(), **changes))
    assert mismatch is not None
    assert (mismatch.what, mismatch.ours) == ("instruction", "no check")


def test_only_failures_for_reasons_of_accounts_are_left_out() -> None:
    vector = saros_swap()
    assert not fails_for_accounts(altered(vector, tags=["wrong_mints"]))
    assert fails_for_accounts(altered(vector, ok=False, err={}, tags=["wrong_mints"]))
    assert not fails_for_accounts(altered(vector, ok=False, err={}, tags=["wrong_bin_array"]))
    assert not fails_for_accounts(altered(vector, ok=False, err={}, tags=["never_heard_of"]))
    assert fails_for_accounts(altered(vector, ok=False, err={"at": "account active_bin_hook_bin_array_lower"}, tags=[]))


def test_an_account_of_the_hook_may_change() -> None:
    vector = saros_swap()
    post = vector.row["post"] | {"hook": {"sha16": "0" * 16, "diff": []}}
    assert check(altered(vector, post=post)) is None
    mismatch = check(altered(vector, post=post | {"vault_z": {}}))
    assert mismatch is not None
    assert mismatch.what == "account vault_z"
