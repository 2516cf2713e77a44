"""The one way to compile a kernel: cached on disk, without the GIL, and never stale.

Numba keys a cached kernel by the file that defines it, not by the files of the kernels it calls, so an edit to a
shared routine would leave callers running the old arithmetic. The cache therefore lives in a folder named by a hash of
every source file a kernel may be made of; an edit anywhere starts a new folder.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numba
from numba.core import config

F = TypeVar("F", bound=Callable[..., object])

_ROOT = Path(__file__).resolve().parent.parent
_KERNEL_PACKAGES = ("dlmm", "operators")


def _sources_digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for package in _KERNEL_PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(base) / "dlmm-hft" / "kernels" / _sources_digest())


if "NUMBA_CACHE_DIR" not in os.environ:
    config.CACHE_DIR = _cache_folder()  # type: ignore[attr-defined] # numba makes its options at run time


def kernel(function: F) -> F:
    """Compile a function on first use, for any thread, from the disk cache when it is there.

    :arg function: A plain sequential loop over arrays and records. No `fastmath`: results must not depend on how the
        compiler reorders sums.

    :returns: The compiled function, typed as the original.

    """
    compiled: F = numba.njit(function, cache=True, nogil=True)
    return compiled
