"""Hold the direction of imports, and with it what each layer can reach: the core has no way to the world.

A new package joins by a line in `LAYERS`; a new outside library of a pure layer by a line here and a reason in review.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOW_PACKAGES = frozenset({"dlmm", "operators", "connectors", "flows", "sandbox", "benchmarks", "tests"})

LAYERS = {
    "dlmm": {"dlmm"},
    "operators": {"dlmm", "operators"},
    "connectors": {"dlmm", "operators", "connectors"},
    "sandbox": {"dlmm", "sandbox"},
    "flows": {"dlmm", "operators", "connectors", "sandbox", "flows"},
}
"""Which of our own packages each of them may import."""

LIBRARIES = {
    "dlmm": {"numpy", "numba", "msgspec", "solders"},
    "operators": {"numpy", "numba", "msgspec", "solders", "bytewax"},
    "connectors/wire": {"numpy", "numba", "msgspec", "solders", "zstandard"},
}
"""Which outside libraries the pure layers may import; the others may import any."""

SOCKETS = {"asyncio", "ftplib", "http", "select", "selectors", "smtplib", "socket", "socketserver", "ssl", "urllib"}
CLOCKS = {"datetime", "sched", "time"}
CHANCE = {"random", "secrets", "uuid"}
WORLD = SOCKETS | CLOCKS | CHANCE
PURE = ("dlmm", "operators", "connectors/wire")


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Every module that the tree imports, by its full name, with the line; relative ones are resolved."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = package[: len(package) - level + 1] if level else ()
                start = ".".join((*base, *([module] if module else [])))
                yield node.lineno, start
                yield from ((node.lineno, f"{start}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Name(id="__import__") | ast.Attribute(attr="import_module")):
                match node.args:
                    case [ast.Constant(value=str(name)), *_]:
                        yield node.lineno, name


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    relative = path.relative_to(ROOT)
    for line, name in imports(ast.parse(path.read_bytes()), relative.parent.parts):
        yield f"{relative}:{line}", name


def top(name: str) -> str:
    return name.partition(".")[0]


def misdirected(layer: str) -> set[str]:
    """Say which top-level packages of ours the layer imports against its rule, with where."""
    return {
        f"{where} imports {name}"
        for path in sources(layer)
        for where, name in imports_of(path)
        if top(name) in FLOW_PACKAGES - LAYERS[layer]
    }


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_inwards(layer: str) -> None:
    assert misdirected(layer) == set()


@pytest.mark.parametrize("layer", LIBRARIES)
def test_pure_layers_import_only_their_libraries(layer: str) -> None:
    allowed = LIBRARIES[layer] | FLOW_PACKAGES | sys.stdlib_module_names
    strange = {f"{where} imports {name}" for p in sources(layer) for where, name in imports_of(p)}
    assert {line for line in strange if top(line.rpartition(" ")[2]) not in allowed} == set()


@pytest.mark.parametrize("layer", PURE)
def test_pure_layers_reach_no_socket_no_clock_and_no_chance(layer: str) -> None:
    found = {f"{where} imports {name}" for p in sources(layer) for where, name in imports_of(p) if top(name) in WORLD}
    assert found == set()


@pytest.mark.parametrize("layer", PURE)
def test_pure_layers_draw_no_random_numbers_from_numpy(layer: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources(layer)
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"np.random", "numpy.random"}
    }
    assert found == set()


RECORDS = ("operators.orders.execution_reports", "operators.orders.commands")
"""Values that travel, and nothing that decides."""


def test_wire_sees_of_the_operators_only_their_records() -> None:
    found = {
        f"{where} imports {name}"
        for path in sources("connectors/wire")
        for where, name in imports_of(path)
        if top(name) == "operators" and name != "operators" and not name.startswith(RECORDS)
    }
    assert found == set()


def test_every_package_has_a_rule() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests", "benchmarks"} <= set(LAYERS)


def test_root_is_no_package() -> None:
    assert not (ROOT / "__init__.py").exists()


@pytest.mark.parametrize(
    "path",
    sorted(p for layer in LAYERS for p in sources(layer) if p.name == "__init__.py"),
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_package_files_hold_a_docstring_and_no_more(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    assert ast.get_docstring(tree)
    assert len(tree.body) == 1


def test_the_walk_sees_every_form_of_import() -> None:
    text = (
        "import a.b\n"
        "from c import d\n"
        "from . import e\n"
        "from ..f import g\n"
        "def late():\n"
        "    import h\n"
        "    importlib.import_module('i.j')\n"
    )
    names = {name for _, name in imports(ast.parse(text), ("pkg", "sub"))}
    assert names >= {"a.b", "c", "c.d", "pkg.sub.e", "pkg.f.g", "h", "i.j"}
