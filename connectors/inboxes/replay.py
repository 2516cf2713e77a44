"""The inbox in its replay form: one source that reads a recording back as the blocks it was made of.

A recording is the journal of an inbox: every event has its sequence number already. Read back, it is checked, cut into
slices of so many rows and split by pool. A snapshot is the offset of the next row, so a restart goes on with the very
slices that an unbroken run would have seen.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from connectors.inboxes.slice_reader import Blocks, InboxState, SliceReader
from connectors.recordings.excerpt import Excerpt, Stretch
from connectors.recordings.recording import Recording
from operators.blocks import Block


class _Tape(StatefulSourcePartition[tuple[str, Block], InboxState]):
    """Hand out slices, and have the one behind read in the meantime: most of that needs no interpreter."""

    def __init__(self, reader: SliceReader, total: int) -> None:
        self._reader = reader
        self._state = reader.state
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._ahead = None if reader.is_over else self._thread.submit(self._read)
        self._progress = _ProgressBar(total, self._state.offset) if sys.stdout.isatty() else None

    def _read(self) -> tuple[Blocks, InboxState]:
        return self._reader.read(), self._reader.state

    def next_batch(self) -> Blocks:
        if self._ahead is None:
            raise StopIteration
        blocks, self._state = self._ahead.result()
        self._ahead = None if self._reader.is_over else self._thread.submit(self._read)
        if self._progress is not None:
            self._progress.show(self._state.offset)
        return blocks

    def snapshot(self) -> InboxState:
        return self._state

    def close(self) -> None:
        self._thread.shutdown()
        if self._progress is not None:
            self._progress.close()


@dataclass(frozen=True)
class ReplaySource(FixedPartitionedSource[tuple[str, Block], InboxState]):
    """Replay a recording: keys are pools, values their blocks.

    :arg recording: What is replayed; only one source may read it.

    :arg block_rows: Rows in a slice, of all pools together. It changes the speed, never the result.

    :arg pools: Indices of the pools that were chosen; rows of the others are counted and left out.

    :arg stretch: The rows to replay; `None`: all of them.

    """

    recording: Recording
    block_rows: int
    pools: frozenset[int]
    stretch: Stretch | None = None

    def list_parts(self) -> list[str]:
        return ["tape"]

    def build_part(self, step_id: str, for_part: str, resume_state: InboxState | None) -> _Tape:
        del step_id, for_part
        recording = self.recording if self.stretch is None else Excerpt(self.recording, self.stretch)
        return _Tape(SliceReader(recording, self.block_rows, self.pools, resume_state), len(recording))


class _ProgressBar:
    """Rows replayed, on a terminal."""

    def __init__(self, total: int, done: int) -> None:
        self._bar = Progress(
            TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeRemainingColumn()
        )
        self._task: TaskID = self._bar.add_task("replay", total=total, completed=done)
        self._bar.start()

    def show(self, done: int) -> None:
        self._bar.update(self._task, completed=done)

    def close(self) -> None:
        self._bar.stop()
