"""`python -m tests.golden.sample FOLDER`: choose the vectors of this folder from a larger one of the same format.

For every kind of row there is (venue, instruction, direction, outcome, tags) the first is kept, with a preference for
states that are kept already, and of every state the rows that cross most bins; of accounts only those of kept states.
"""

import gzip
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LONGEST = 2


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        file.writelines(json.dumps(record, separators=(",", ":")).encode() + b"\n" for record in records)
    path.write_bytes(buffer.getvalue())


def kind_of(row: dict[str, Any]) -> str:
    """Return what makes a row the same as another for a test's purposes."""
    error = row.get("err", {})
    outcome = "ok" if row["ok"] else error.get("custom", error.get("other"))
    tags = row.get("tags", [])
    if row["kind"] == "life":
        return f"life {row['what']} {outcome} {sorted(tags)}"
    flag = row.get("host", row.get("hook"))
    return f"{row['ix']} {row['swap_for_y']} {outcome} {flag} {sorted(tags)}"


def crossed(row: dict[str, Any]) -> int:
    return abs(row["end_bin"] - row["start_bin"]) if "end_bin" in row else len(row.get("bins", []))


def choose(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = {}
    states: set[str] = set()
    for row in rows:  # states that already serve one kind serve the next as well
        kind = kind_of(row)
        if kind not in chosen or (row["state"] in states and chosen[kind]["state"] not in states):
            chosen[kind] = row
            states = {kept["state"] for kept in chosen.values()}
    ids = {row["id"] for row in chosen.values()}
    for state in states:
        swaps = [row for row in rows if row["state"] == state and row["kind"] == "swap" and row["ok"]]
        ids |= {row["id"] for row in sorted(swaps, key=crossed)[-LONGEST:]}
    return [row for row in rows if row["id"] in ids]


def main(source: Path) -> None:
    for venue in ("meteora", "saros"):
        rows = choose(read(source / f"{venue}_vectors.jsonl.gz"))
        needed = {row["state"] for row in rows}
        states = [state for state in read(source / f"{venue}_states.jsonl.gz") if state["state"] in needed]
        hashes = {account["data"] for state in states for account in state["accounts"].values()}
        accounts = [line for line in read(source / f"{venue}_accounts.jsonl.gz") if line["sha16"] in hashes]
        for part, records in (("vectors", rows), ("states", states), ("accounts", accounts)):
            path = HERE / f"{venue}_{part}.jsonl.gz"
            write(path, records)
            print(f"{path.name}: {len(records)} lines, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
