"""A table's columns tell its importer."""

from pathlib import Path

import pytest

from connectors.importers.detect import detect_kind
from connectors.recordings.schema import RecordingError


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("slot,a_to_b,amount_in,amount_out,tx_index", "whirlpool"),
        ("sqrtPriceX96,amount0,amount1", "uniswap"),
        ("recv_ns,kind,bid,ask", "ticks"),
        ("time,price", "table"),
        ("anything", "table"),
    ],
)
def test_columns_tell_the_kind(tmp_path: Path, header: str, kind: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(header + "\n")
    assert detect_kind(path) == kind


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.parquet", b"nothing"), ("a.dat", b"PAR1....")])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordingError, match=name):
        detect_kind(tmp_path / name)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        detect_kind(tmp_path / "none.csv")
    with pytest.raises(RecordingError, match="is a folder"):
        detect_kind(tmp_path)
