"""The one way to compile a kernel: cached on disk, without the GIL, and never stale.

Numba keys a cached kernel by the file that defines it, not by the files of the kernels it calls, so an edit to a
shared routine would leave callers running the old arithmetic. The cache of a module's kernels therefore lives in a
folder named by a hash of that module and of all of our modules that it imports, directly or not; an edit to any of them
starts a new folder, and an edit elsewhere leaves it as it is.

A record is no more than a place in its array, and numba frees an array that a kernel has made after the last use of its
name: a record that is read later reads what has come into its place. So what a kernel has written into an array of its
own is read by another one, to which it hands the array; or the name is used once more behind all of its records.
"""

import hashlib
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numba
from numba.core import config

F = TypeVar("F", bound=Callable[..., object])

_ROOT = Path(__file__).resolve().parent.parent
_KERNEL_PACKAGES = ("dlmm", "operators")
_OWN_FOLDER = "NUMBA_CACHE_DIR" not in os.environ
_IMPORT = re.compile(
    rf"^\s*(?:from|import)\s+((?:{'|'.join(_KERNEL_PACKAGES)})[\w.]*)(?:\s+import\s+([^\n(]+|\([^)]*\)))?", re.M
)


@lru_cache(maxsize=1024)
def _imports(path: Path) -> frozenset[Path]:
    """Return our modules that a source file imports by name."""
    found = set()
    for module, names in _IMPORT.findall(path.read_text()):
        folder = _ROOT.joinpath(*module.split("."))
        for place in (folder, *(folder / name for name in re.findall(r"\w+", names))):
            if place.with_suffix(".py").is_file():
                found.add(place.with_suffix(".py"))
    return frozenset(found)


@lru_cache(maxsize=1024)
def _hash(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@lru_cache(maxsize=1024)
def _digest(path: Path) -> str:
    """Hash a source file together with all of ours that it may be made of."""
    seen = {path}
    waiting = [path]
    while waiting:
        for imported in _imports(waiting.pop()) - seen:
            seen.add(imported)
            waiting.append(imported)
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(seen):
        digest.update(_hash(source))
    return digest.hexdigest()[:16]


def _cache_folder(source: Path) -> str:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return str(Path(base) / "dlmm-hft" / "kernels" / _digest(source))


def kernel(function: F) -> F:
    """Compile a function on first use, for any thread, from the disk cache when it is there.

    :arg function: A plain sequential loop over arrays and records. No `fastmath`: results must not depend on how the
        compiler reorders sums.

    :returns: The compiled function, typed as the original.

    """
    if _OWN_FOLDER:
        source = Path(function.__code__.co_filename).resolve()
        config.CACHE_DIR = _cache_folder(source)  # type: ignore[attr-defined] # numba makes its options at run time
    compiled: F = numba.njit(function, cache=True, nogil=True)
    return compiled
