"""A journal replays like the single file that holds the same rows, also after its writer died."""

from pathlib import Path

from bytewax.testing import run_main

from connectors.recordings.journal import Journal
from connectors.recordings.journal_format import encode_head, encode_slice
from connectors.recordings.recording import Recording, write_recording
from connectors.recordings.sealing import segment_path
from flows.replay import replay
from flows.settings.load import load_settings
from operators.blocks import TICK
from tests.flows.test_replay import environment, result_of
from tests.shared import ROOT

ROWS = 3_000


def test_a_journal_replays_like_its_single_file_twin(tmp_path: Path) -> None:
    sample = Recording.open(ROOT / "replay_data" / "sandbox.parquet")
    rows, writes = sample.rows(0, ROWS), sample.writes(0, ROWS)
    pool_rows = rows["account"] == 0
    rows["kind"][pool_rows.nonzero()[0][5::9]] = TICK
    assert writes
    write_recording(tmp_path / "twin.parquet", rows, sample.pools, "a test", writes=writes)

    by_seq = {write.seq: write for write in writes}
    folder = tmp_path / "journal"
    journal = Journal.create(folder, sample.pools, "a test", rotate_bytes=1 << 20)
    for start in range(0, ROWS - 600, 3):
        part = rows[start : start + 3]
        journal.append(part, [by_seq[seq] for seq in part["seq"].tolist() if seq in by_seq])
    journal.close()
    segments = len(list(folder.iterdir()))
    rest = rows[ROWS - 600 :]
    record = encode_slice(rest, [by_seq[seq] for seq in rest["seq"].tolist() if seq in by_seq])
    left = segment_path(folder, segments)
    left.write_bytes(encode_head(sample.pools, "a test") + record + record[:1_000])

    results = []
    for recording in (tmp_path / "twin.parquet", folder):
        results_of_one = tmp_path / f"results of {recording.name}"
        results_of_one.mkdir()
        run_main(replay(load_settings(environment(results_of_one, recording, block_rows=500))))
        results.append(result_of(results_of_one))
    assert not left.exists()
    for result in results:
        result["summary"].pop("notes")
    assert results[0]["summary"]["fills"] > 0
    assert results[0] == results[1]
