"""The command runs the golden vectors, and says in its last line and its status how many match."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dlmm.conformance.__main__ import main
from tests.golden_pools import GOLDEN
from tests.shared import need_shared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of Saros's golden files, to spoil."""
    for path in GOLDEN.glob("saros_*.gz"):
        shutil.copy(path, tmp_path)
    return tmp_path


def rows(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "saros_vectors.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def write(folder: Path, records: list[dict[str, Any]]) -> None:
    with gzip.open(folder / "saros_vectors.jsonl.gz", "wt", compresslevel=1) as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def test_every_golden_row_matches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(GOLDEN)]) == 0
    *_, apart, last = capsys.readouterr().out.splitlines()
    assert apart == "not checked, failed for reasons of accounts: 42 rows"
    assert last == "conformance: 662 of 662 rows match"


@pytest.mark.parametrize("name", ["ours", "mainnet"])
def test_every_shared_row_matches(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(need_shared(f"vectors/{name}"))]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "field", ["amount_in", "amount_out", "reserve_in_delta", "reserve_out_delta", "fee", "protocol_fee"]
)
def test_a_row_that_differs_is_named(folder: Path, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in rows(folder) if row["kind"] == "swap" and row["ok"])
    write(folder, [{**row, field: row[field] + 1}])
    assert main([str(folder)]) == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{row['id']}: ")
    assert last == "conformance: 0 of 1 rows match"


def test_a_byte_that_differs_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in rows(folder) if row["kind"] == "swap" and row["ok"])
    row["post"]["pair"]["sha16"] = "0" * 16
    write(folder, [row])
    assert main([str(folder)]) == 1
    assert f"{row['id']}: bytes of pair" in capsys.readouterr().out


def test_another_outcome_is_a_mismatch(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = next(row for row in rows(folder) if row["kind"] == "swap" and row["ok"])
    write(folder, [{**row, "ok": False, "err": {"custom": 6000}, "tags": []}])
    assert main([str(folder)]) == 1
    assert f"{row['id']}: outcome: ours success" in capsys.readouterr().out


def test_missing_and_empty_folders_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, reason in ((tmp_path / "nowhere", "no such folder"), (tmp_path, "no vector files")):
        assert main([str(path)]) == 2
        error = capsys.readouterr().err
        assert reason in error
        assert error.count("\n") == 1


def test_a_row_that_cannot_be_checked_is_a_mismatch_and_the_others_are_checked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in rows(folder) if row["kind"] == "swap" and row["ok"])
    spoilt = [
        {key: value for key, value in row.items() if key != "amount"},
        {key: value for key, value in row.items() if key != "post"},
        {**row, "amount": "7"},
        {**row, "amount": -1},
        {**row, "kind": "dance"},
        {**row, "kind": "life", "what": "dance"},
        {**row, "ix": "dance"},
        {**row, "mode": "dance"},
        {**row, "clock": None},
        {**row, "clock": []},
        {**row, "bin_arrays": 5},
        {**row, "ok": False, "err": "dance", "tags": 5},
    ]
    write(folder, [*spoilt, row])
    assert main([str(folder)]) == 1
    *lines, _, last = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [row["id"]] * len(spoilt)
    assert last == f"conformance: 1 of {len(spoilt) + 1} rows match"


def test_a_state_that_is_no_pool_is_a_mismatch_of_its_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swaps = [row for row in rows(folder) if row["kind"] == "swap" and row["ok"]]
    one = next(row for row in swaps if row["state"] == swaps[0]["state"])
    other = next(row for row in swaps if row["state"] != swaps[0]["state"])
    path = folder / "saros_states.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        states = [json.loads(line) for line in lines]
    for state in states:
        if state["state"] == one["state"]:
            state["accounts"]["pair"]["owner"] = "11111111111111111111111111111111"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(json.dumps(state) + "\n" for state in states)
    write(folder, [one, other, one])
    assert main([str(folder)]) == 1
    first, second, _, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{one['id']}: check: ours AccountError")
    assert second == first
    assert last == "conformance: 1 of 3 rows match"


def test_a_folder_without_rows_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, [])
    assert main([str(folder)]) == 2
    assert "no rows" in capsys.readouterr().err


def test_the_command_wants_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert (main([]), main(["a", "b"]), main(["--help"])) == (2, 2, 0)
    assert capsys.readouterr().err.startswith("usage: ")
