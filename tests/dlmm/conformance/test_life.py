"""Every life-cycle row of the vectors is reproduced, and a row that differs is named."""

import copy
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dlmm.conformance.life import check_life_row
from dlmm.conformance.vectors import Vector, VectorFolder
from tests.shared import need_shared

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def life_rows(folder: Path) -> Iterator[Vector]:
    return (vector for vector in VectorFolder.load(folder).vectors() if vector.row["kind"] == "life")


def altered(vector: Vector, **changes: object) -> Vector:
    return msgspec.structs.replace(vector, row=copy.deepcopy(vector.row) | changes)


def first(what: str) -> Vector:
    return next(vector for vector in life_rows(GOLDEN) if vector.row["what"] == what and vector.row["ok"])


def test_our_own_life_cycles_are_reproduced() -> None:
    checked = [(vector.row["id"], check_life_row(vector)) for vector in life_rows(GOLDEN)]
    assert checked
    assert [mismatch for _, mismatch in checked if mismatch is not None] == []


@pytest.mark.parametrize("name", ["vectors/ours", "vectors/mainnet"])
def test_shared_life_cycles_are_reproduced(name: str) -> None:
    assert [mismatch for mismatch in map(check_life_row, life_rows(need_shared(name))) if mismatch is not None] == []


@pytest.mark.parametrize("what", ["add_liquidity_by_strategy2", "increase_position"])
def test_a_different_amount_is_named(what: str) -> None:
    vector = first(what)
    delta = vector.row["delta"] | {"user_x": vector.row["delta"]["user_x"] - 1}
    mismatch = check_life_row(altered(vector, delta=delta))
    assert mismatch is not None
    assert mismatch.what == "delta user_x"


@pytest.mark.parametrize("what", ["claim_fee2", "decrease_position", "place_limit_order"])
def test_different_bytes_of_an_account_are_named(what: str) -> None:
    vector = first(what)
    role = next(iter(vector.row["post"]))
    post = vector.row["post"] | {role: {"sha16": "0" * 16, "diff": []}}
    mismatch = check_life_row(altered(vector, post=post))
    assert mismatch is not None
    assert mismatch.what == f"bytes of {role}"


def test_an_account_that_should_have_stayed_is_named() -> None:
    vector = first("increase_position")
    post = {role: change for role, change in vector.row["post"].items() if role != "position"}
    mismatch = check_life_row(altered(vector, post=post))
    assert mismatch is not None
    assert (mismatch.what, mismatch.theirs) == ("account position", "unchanged")


def test_an_account_that_should_be_gone_is_named() -> None:
    mismatch = check_life_row(altered(first("close_position2"), post={}))
    assert mismatch is not None
    assert (mismatch.what, mismatch.ours) == ("account position", "closed")


def test_an_unknown_instruction_is_a_mismatch() -> None:
    mismatch = check_life_row(altered(first("claim_fee2"), what="dance"))
    assert mismatch is not None
    assert mismatch.ours == "no builder"
