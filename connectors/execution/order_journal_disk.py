"""The order journal's file: begun whole, appended to with one system call an entry, and kept by the disk."""

import os
from contextlib import suppress
from pathlib import Path

from connectors.recordings.journal_disk import Disk
from connectors.recordings.journal_format import JournalError

_FOR_OWNER = 0o600
"""What it holds can be sent by whoever reads it."""


def begin_file(path: Path, head: bytes) -> None:
    """Make a file that has its head from its first moment on, on the disk too.

    :raises JournalError: It cannot be written.

    """
    unfinished = path.with_suffix(".part")
    try:
        with open(unfinished, "wb", opener=_open_for_owner) as file:
            file.write(head)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise JournalError(path, f"cannot be written: {error.strerror}") from None


class OrderFile:
    """Append to a file. A thread asks the disk once a second for what the system holds in memory.

    :arg path: An existing file.

    :arg length: Where to go on; what stands behind is cut off.

    :raises JournalError: It cannot be written.

    """

    def __init__(self, path: Path, length: int) -> None:
        """Open it and start the thread."""
        self._path = path
        self._length = length
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise JournalError(path, f"cannot be written: {error.strerror}") from None
        try:
            os.ftruncate(self._fd, length)
            self._disk = Disk(path.parent)
        except OSError as error:
            os.close(self._fd)
            raise JournalError(path, f"cannot be written: {error.strerror}") from None
        self._disk.follow(self._fd)

    def append(self, record: bytes, *, sync: bool) -> None:
        """Write a record whole or not at all.

        :arg sync: Whether to wait until the disk has it, and all before it.

        :raises JournalError: It cannot be written: the disk is full or gone.

        """
        if self._disk.failure:
            raise JournalError(self._path, self._disk.failure)
        try:
            written = os.write(self._fd, record)
            if written == len(record):
                if sync:
                    os.fdatasync(self._fd)
                self._length += written
                return
            reason = f"{written} of {len(record)} bytes found room"
        except OSError as error:
            reason = str(error.strerror)
        with suppress(OSError):
            os.ftruncate(self._fd, self._length)
        raise JournalError(self._path, f"cannot be written: {reason}")

    def close(self) -> None:
        """Have the disk keep all of it, and end the thread."""
        self._disk.close(0, self._fd)


def _open_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, _FOR_OWNER)
