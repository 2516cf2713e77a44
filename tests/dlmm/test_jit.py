"""Kernels are found again until something they may be made of is edited, and whatever else is edited."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import ROOT

SOURCES = {
    "operators/top.py": "from operators.middle import twice\n",
    "operators/middle.py": "import math\n\nfrom dlmm import (\n    low,\n    deep,\n)\n",
    "operators/aside.py": "from dlmm.low import ONE\n",
    "operators/ring.py": "import operators.round_about\n",
    "operators/round_about.py": "from operators.ring import half\n",
    "dlmm/low.py": "ONE = 1\n",
    "dlmm/deep.py": "from dlmm.package.part import TWO\n",
    "dlmm/package/part.py": "TWO = 2\n",
    "dlmm/package/__init__.py": "",
    "elsewhere/other.py": "",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Lay out a small project around a copy of the module under test, so that it is the copy's own."""
    for name, text in SOURCES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "dlmm" / "jit.py", tmp_path / "dlmm" / "jit.py")
    return tmp_path


def folders(tree: Path) -> dict[str, str]:
    """Return the folder of each module's kernels, as a process that starts now would choose it."""
    spec = importlib.util.spec_from_file_location("copied_jit", tree / "dlmm" / "jit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: module._cache_folder(tree / name) for name in SOURCES if name.endswith(".py")}


def changed_by(tree: Path, name: str) -> set[str]:
    before = folders(tree)
    path = tree / name
    path.write_text(path.read_text() + "# edited\n")
    after = folders(tree)
    return {each for each in before if before[each] != after[each]}


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("operators/top.py", {"operators/top.py"}),
        ("operators/middle.py", {"operators/middle.py", "operators/top.py"}),
        ("dlmm/low.py", {"dlmm/low.py", "operators/middle.py", "operators/top.py", "operators/aside.py"}),
        (
            "dlmm/package/part.py",
            {"dlmm/package/part.py", "dlmm/deep.py", "operators/middle.py", "operators/top.py"},
        ),
        ("operators/aside.py", {"operators/aside.py"}),
        ("operators/ring.py", {"operators/ring.py", "operators/round_about.py"}),
        ("elsewhere/other.py", {"elsewhere/other.py"}),
    ],
)
def test_an_edit_moves_the_kernels_of_all_who_import_it_and_of_nobody_else(
    tree: Path, edited: str, changed: set[str]
) -> None:
    assert changed_by(tree, edited) == changed


def test_what_was_not_edited_stays_where_it_is(tree: Path) -> None:
    assert folders(tree) == folders(tree)


def test_an_edit_that_is_taken_back_finds_the_old_kernels(tree: Path) -> None:
    before = folders(tree)
    path = tree / "dlmm" / "low.py"
    path.write_text("ONE = 11\n")
    assert folders(tree) != before
    path.write_text(SOURCES["dlmm/low.py"])
    assert folders(tree) == before


KERNELS = {
    "dlmm/__init__.py": "",
    "dlmm/one.py": "from dlmm.jit import kernel\n\n\n@kernel\ndef one():\n    return 1\n",
    "dlmm/two.py": "from dlmm.jit import kernel\nfrom dlmm.one import one\n\n\n"
    "@kernel\ndef two():\n    return 2 * one()\n",
}


def test_a_kernel_that_calls_an_edited_one_is_compiled_anew(tree: Path) -> None:
    for name, text in KERNELS.items():
        (tree / name).write_text(text)

    def doubled() -> int:
        environ = {"XDG_CACHE_HOME": str(tree / "cache"), "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        call = "from dlmm.two import two; print(two())"
        done = subprocess.run([sys.executable, "-c", call], cwd=tree, env=environ, capture_output=True, check=True)
        return int(done.stdout)

    assert doubled() == doubled() == 2
    (tree / "dlmm" / "one.py").write_text(KERNELS["dlmm/one.py"].replace("return 1", "return 21"))
    assert doubled() == 42
