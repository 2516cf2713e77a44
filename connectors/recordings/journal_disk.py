"""What a journal does besides appending: have the disk keep it, and have closed segments sealed."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from dlmm.records import Record

SYNC_S = 1.0
_SEALING_DEADLINE_S = 60.0
_ROOT = Path(__file__).resolve().parents[2]


class _Closed(Record, frozen=True):
    """A segment that nobody writes to any more.

    :arg is_last: Whether the journal ends with it.

    """

    number: int
    fd: int
    is_last: bool


class Disk:
    """A thread that syncs the open segment once a second, closes those that ended, and tells the sealing process.

    None of it holds the interpreter's lock while it waits. The process is started when the first segment ends.

    :arg folder: The journal's.

    """

    def __init__(self, folder: Path) -> None:
        """Start the thread."""
        self.failure = ""
        """Why the disk does not keep the journal, if so."""
        self._folder = folder
        self._folder_fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        self._open_fd = self._named_fd = -1
        self._tasks: SimpleQueue[_Closed | None] = SimpleQueue()
        self._sealing: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def follow(self, fd: int) -> None:
        """Sync this segment from now on."""
        self._open_fd = fd

    def retire(self, number: int, fd: int) -> None:
        """Sync, close and seal a segment."""
        self._open_fd = -1
        self._tasks.put(_Closed(number, fd, is_last=False))

    def close(self, number: int, fd: int) -> None:
        """Do the same with the last one, if there is any, and wait for all of it.

        A journal of one segment has no sealing process by then, and needs none: the last segment is left to the caller.

        """
        if fd >= 0:
            self._open_fd = -1
            self._tasks.put(_Closed(number, fd, is_last=True))
        self._tasks.put(None)
        self._thread.join()
        os.close(self._folder_fd)
        if self._sealing is None:
            return
        try:
            self._sealing.communicate(timeout=_SEALING_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._sealing.kill()
            self._sealing.wait()

    def _run(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=SYNC_S)
            except Empty:
                fd = self._open_fd  # stays open until this thread closes it
                if fd >= 0:
                    self._sync(fd)
                continue
            if task is None:
                return
            self._sync(task.fd)
            os.close(task.fd)
            self._named_fd = -1  # its number may come again
            if self._sealing is not None or not task.is_last:
                self._seal(task.number)

    def _sync(self, fd: int) -> None:
        try:
            os.fdatasync(fd)
            if fd != self._named_fd:  # a new file is on the disk when its name is, too
                os.fsync(self._folder_fd)
                self._named_fd = fd
        except OSError as error:
            self.failure = f"cannot be kept: {error.strerror}"

    def _seal(self, number: int) -> None:
        """Have all segments up to one sealed; those of an earlier attempt that failed are among them."""
        if self._sealing is None or self._sealing.poll() is not None:
            self._sealing = self._start()
        pipe = self._sealing.stdin
        assert pipe is not None
        # Where it died, the next segment starts another one, and closing the journal seals what is left.
        with suppress(BrokenPipeError):
            pipe.write(f"{number}\n".encode())
            pipe.flush()

    def _start(self) -> subprocess.Popen[bytes]:
        path = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.Popen(
            [sys.executable, "-m", "connectors.recordings.sealing", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "POLARS_MAX_THREADS": "1"},
            process_group=0,  # an interrupt from the terminal is the flow's to handle
        )
