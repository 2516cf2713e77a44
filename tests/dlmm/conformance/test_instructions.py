"""Instructions of the vectors are rebuilt byte for byte, and the first difference is named."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dlmm.conformance.instructions import check_instruction
from dlmm.conformance.vectors import Vector, VectorFolder
from tests.shared import need_shared

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def with_instruction(folder: Path) -> Iterator[Vector]:
    return (vector for vector in VectorFolder.load(folder).vectors() if "ix_full" in vector.row)


def altered(vector: Vector, full: dict[str, Any]) -> Vector:
    return msgspec.structs.replace(vector, row=copy.deepcopy(vector.row) | {"ix_full": full})


def test_our_own_instructions_are_rebuilt() -> None:
    mismatches = [check_instruction(vector) for vector in with_instruction(GOLDEN)]
    assert mismatches
    assert [mismatch for mismatch in mismatches if mismatch is not None] == []


@pytest.mark.parametrize("name", ["vectors/ours", "vectors/mainnet"])
def test_shared_instructions_are_rebuilt(name: str) -> None:
    mismatches = map(check_instruction, with_instruction(need_shared(name)))
    assert [mismatch for mismatch in mismatches if mismatch is not None] == []


def test_a_different_byte_flag_or_account_is_named() -> None:
    vector = next(with_instruction(GOLDEN))
    full = vector.row["ix_full"]
    key, signs, writes = full["accounts"][0]
    for changes, what in (
        ({"data": "00" + full["data"][2:]}, "instruction data"),
        ({"program": full["accounts"][0][0]}, "program"),
        ({"accounts": [[key, signs, 1 - writes], *full["accounts"][1:]]}, "account 0"),
        ({"accounts": full["accounts"][:-1]}, "number of accounts"),
    ):
        mismatch = check_instruction(altered(vector, full | changes))
        assert mismatch is not None
        assert mismatch.what == what


def test_a_row_without_its_instruction_has_nothing_to_compare() -> None:
    vector = next(vector for vector in VectorFolder.load(GOLDEN).vectors() if "ix_full" not in vector.row)
    assert check_instruction(vector) is None
