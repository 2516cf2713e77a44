"""The folders of wallets, one each below `execution.folder`, and the emergency stop that an operator puts there.

A run looks for the stop by itself (`connectors.execution.stop_file`); nothing here talks to it.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from connectors.execution.order_journal_format import NAME
from connectors.execution.stop_file import FILE_NAME, NO_REASON
from dlmm.errors import DlmmError

LONGEST_SHOWN = 200


class WalletFolderError(DlmmError):
    """A folder in which there is no wallet, or one that cannot be read or written.

    :arg path: The folder or file.

    :arg reason: What is wrong.

    """

    def __init__(self, path: Path, reason: str) -> None:
        """Keep both values, and name the path first."""
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def wallet_folders(folder: Path) -> tuple[Path, ...]:
    """Return the folders below that hold a wallet's order journal, in order of their names; or the folder itself.

    :raises WalletFolderError: There is none, or the folder cannot be read.

    """
    try:
        if (folder / NAME).exists():
            return (folder,)
        found = tuple(sorted(path.parent for path in folder.glob(f"*/{NAME}")))
    except OSError as error:
        raise WalletFolderError(folder, f"cannot be read: {error.strerror}") from None
    if not found:
        raise WalletFolderError(
            folder, f"there is no wallet's folder with an {NAME}; execution.folder says where to look"
        )
    return found


def folder_of(folders: Sequence[Path], wallet: str) -> Path:
    """Return the one that is named after a wallet's address.

    :raises WalletFolderError: None is.

    """
    for folder in folders:
        if folder.name == wallet:
            return folder
    raise WalletFolderError(folders[0].parent, f"there is no folder of wallet {wallet}")


def raise_stop(folder: Path, reason: str) -> str | None:
    """Put the stop into a wallet's folder, unless there is one already.

    :arg reason: Line breaks become spaces; empty for none.

    :returns: The reason of the stop that was there before, which stays; `None` where there was none.

    :raises WalletFolderError: It cannot be read or written.

    """
    path = folder / FILE_NAME
    if _exists(path):
        return _reason_in(path)
    # Written under another name first: a run that looks meanwhile shall find the reason in it.
    new = folder / f"{FILE_NAME}.{os.getpid()}"
    try:
        new.write_text(f"{' '.join(reason.split()) or NO_REASON}\n", encoding="utf-8", errors="backslashreplace")
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise WalletFolderError(path, f"cannot be written: {error.strerror}") from None
    return None


def clear_stop(folder: Path) -> str | None:
    """Take the stop out of a wallet's folder, whoever put it there.

    :returns: The reason of the stop that was there; `None` where there was none.

    :raises WalletFolderError: It cannot be read or removed.

    """
    path = folder / FILE_NAME
    if not _exists(path):
        return None
    reason = _reason_in(path)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise WalletFolderError(path, f"cannot be removed: {error.strerror}") from None
    return reason


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise WalletFolderError(path, f"cannot be read: {error.strerror}") from None


def _reason_in(path: Path) -> str:
    try:
        lines = path.read_bytes().decode("utf-8", "replace").strip().splitlines()
    except OSError as error:
        return error.strerror or "cannot be read"
    line = lines[0][:LONGEST_SHOWN] if lines else NO_REASON
    return line if line.isprintable() else ascii(line)[1:-1]
