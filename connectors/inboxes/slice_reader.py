"""Read a recording back as the slices that it was made of: check its rows, cut them, split them by pool."""

import msgspec
import numpy as np

from connectors.inboxes.slices import blocks_of, writes_by_pool
from connectors.recordings.excerpt import Excerpt
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from dlmm.accounts import decode_account
from dlmm.errors import AccountError, DlmmError
from dlmm.records import Account, Record
from dlmm.struct_arrays import taken
from dlmm.tokens import MINT_LENGTH, TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from operators.blocks import ROW, AccountWrite, Block, Rows
from operators.orders.execution_reports import REPORT_OWNER, decode_report

Blocks = list[tuple[str, Block]]
"""Those of one slice, keyed by pool."""


class InboxState(Record, frozen=True):
    """Where a replay stands."""

    offset: int
    slice_no: int
    good: int
    not_chosen: int
    undecodable: int
    inspector: bytes


class SliceReader:
    """Read one slice after the other.

    :arg block_rows: Rows in a slice, of all pools together.

    :arg pools: Indices of the pools that were chosen.

    :arg state: Where to go on; `None`: at the first row.

    """

    def __init__(
        self, recording: Recording | Excerpt, block_rows: int, pools: frozenset[int], state: InboxState | None
    ) -> None:
        self._recording = recording
        self._block_rows = block_rows
        self._is_chosen = np.array([index in pools for index in range(len(recording.pools))])
        self._inspector = Inspector(recording.pools)
        self._offset = self._slice_no = self._good = self._not_chosen = self._undecodable = 0
        if state is not None:
            self._offset, self._slice_no, self._good = state.offset, state.slice_no, state.good
            self._not_chosen, self._undecodable = state.not_chosen, state.undecodable
            self._inspector.restore(state.inspector)

    @property
    def is_over(self) -> bool:
        """Whether all rows were read."""
        return self._offset >= len(self._recording)

    @property
    def state(self) -> InboxState:
        """Where the next slice begins."""
        return InboxState(
            self._offset, self._slice_no, self._good, self._not_chosen, self._undecodable, self._inspector.snapshot()
        )

    def read(self) -> Blocks:
        """Return the blocks of the next slice; none where no row of it was chosen.

        What is wrong with the recording ends the input, and is said with an empty last block.
        """
        try:
            return self._next_slice()
        except DlmmError as error:
            # An exception would end the process in the runner's own words; the end of the input is said in ours.
            self._offset = len(self._recording)
            return self._blocks(np.zeros(0, ROW), {}, is_last=True, failure=str(error))

    def _next_slice(self) -> Blocks:
        start = self._offset
        rows = self._recording.rows(start, self._block_rows)
        self._offset += len(rows)
        is_last = self.is_over
        is_good = self._inspector.check(rows)
        rows = taken(rows, is_good) if not is_good.all() else rows
        if not self._is_chosen.all():
            is_chosen = self._is_chosen[rows["pool"]]
            self._not_chosen += len(rows) - int(is_chosen.sum())
            rows = taken(rows, is_chosen)
        self._good += len(rows)
        if is_last and not self._good:
            reasons = ", ".join(f"{kind} in {count}" for kind, is_refused, count in self._findings() if is_refused)
            raise DlmmError(f"{self._recording.path}: no row may be traded on: {reasons}")
        if not len(rows) and not is_last:
            return []
        blocks = self._blocks(rows, self._writes(start, rows), is_last=is_last)
        self._slice_no += 1
        return blocks

    def _writes(self, start: int, rows: Rows) -> dict[int, list[AccountWrite]]:
        """Return the account bytes that came with rows, by pool."""
        if not self._recording.has_accounts:
            return {}
        found = writes_by_pool(rows, self._recording.writes(start, self._offset - start))
        sound = {pool: [write for write in writes if _is_sound(write)] for pool, writes in found.items()}
        self._undecodable += sum(map(len, found.values())) - sum(map(len, sound.values()))
        return sound

    def _blocks(self, rows: Rows, writes: dict[int, list[AccountWrite]], *, is_last: bool, failure: str = "") -> Blocks:
        return blocks_of(
            rows,
            writes,
            len(self._recording.pools),
            self._slice_no,
            is_last=is_last,
            findings=self._findings() if is_last else (),
            failure=failure,
        )

    def _findings(self) -> tuple[tuple[str, bool, int], ...]:
        found = [(finding.kind, finding.is_refused, finding.count) for finding in self._inspector.findings]
        if self._undecodable:
            found.append(("account_undecodable", True, self._undecodable))
        if self._not_chosen:
            found.append(("pool_not_chosen", True, self._not_chosen))
        return tuple(found)


def _is_sound(write: AccountWrite) -> bool:
    """Tell whether an account's bytes are what its owner's program keeps."""
    if write.owner == REPORT_OWNER:
        return _is_report(write.data)
    if write.owner in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
        return len(write.data) >= MINT_LENGTH  # mints are read when a pool is first built of them
    try:
        decode_account(write.address, Account(write.owner, write.data))
    except AccountError:
        return False
    return True


def _is_report(data: bytes) -> bool:
    try:
        decode_report(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
