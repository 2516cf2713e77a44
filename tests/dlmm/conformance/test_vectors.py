"""Vector folders are read whole, and a bad one is refused by name."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dlmm.conformance.vectors import VectorError, VectorFolder, short_hash
from dlmm.records import Venue

DATA = bytes(range(40))
BIG = 2**63 + 1


def write(path: Path, records: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    account = {"pubkey": "P", "owner": "O", "lamports": 5, "data": short_hash(DATA)}
    row = {"id": "saros-1", "kind": "swap", "state": "s", "clock": [1, 2, 3], "ok": True, "amount": BIG}
    write(
        tmp_path / "saros_accounts.jsonl.gz",
        [{"sha16": short_hash(DATA), "len": len(DATA), "data": base64.b64encode(DATA).decode()}],
    )
    write(tmp_path / "saros_states.jsonl.gz", [{"state": "s", "pool": "p", "accounts": {"pair": account}}])
    write(tmp_path / "saros_vectors.jsonl.gz", [row])
    return tmp_path


def test_a_folder_of_one_venue_gives_its_rows_with_their_accounts(folder: Path) -> None:
    (vector,) = VectorFolder.load(folder).vectors()
    assert vector.venue is Venue.SAROS
    assert vector.state["pair"].data == DATA
    assert vector.row["amount"] == BIG


def test_a_missing_folder_or_file_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VectorError, match="no such folder"):
        VectorFolder.load(tmp_path / "nowhere")
    (folder / "saros_states.jsonl.gz").unlink()
    with pytest.raises(VectorError, match=r"saros_states\.jsonl\.gz is missing"):
        VectorFolder.load(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VectorError, match="no vector files"):
        VectorFolder.load(tmp_path)


def test_a_file_cut_in_half_is_refused(folder: Path) -> None:
    path = folder / "saros_accounts.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(VectorError, match="cut short or garbled"):
        VectorFolder.load(folder)


def test_account_bytes_that_do_not_match_their_hash_are_refused(folder: Path) -> None:
    write(folder / "saros_accounts.jsonl.gz", [{"sha16": "0" * 16, "data": "AAAA"}])
    with pytest.raises(VectorError, match="hash to"):
        VectorFolder.load(folder)


def test_a_state_with_unknown_bytes_and_a_row_with_an_unknown_state_are_refused(folder: Path) -> None:
    write(folder / "saros_states.jsonl.gz", [{"state": "t", "accounts": {}}])
    with pytest.raises(VectorError, match="unknown state 's'"):
        list(VectorFolder.load(folder).vectors())
    account = {"pubkey": "P", "owner": "O", "lamports": 5, "data": "f" * 16}
    write(folder / "saros_states.jsonl.gz", [{"state": "s", "accounts": {"pair": account}}])
    with pytest.raises(VectorError, match="unknown account bytes"):
        VectorFolder.load(folder)


@pytest.mark.parametrize("text", ["[1]\n", "{\n", '{"sha16": 1}\n'])
def test_garbled_lines_are_refused(folder: Path, text: str) -> None:
    (folder / "saros_accounts.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(VectorError, match=r"saros_accounts\.jsonl\.gz:1"):
        VectorFolder.load(folder)
