"""Find the folder of shared vectors and recordings that lies beside some checkouts."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_path(name: str) -> Path | None:
    """Return the named file or folder of `../shared`, or `None` where it is not there."""
    path = ROOT.parent / "shared" / name
    return path if path.exists() else None


def need_shared(name: str) -> Path:
    """Return the named file or folder of `../shared`, or skip the calling test."""
    path = shared_path(name)
    if path is None:
        pytest.skip(f"../shared/{name} is not beside this checkout")
    return path
