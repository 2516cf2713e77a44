"""No kernel reads a record of an array of its own behind that array's last use: numba has freed it by then.

Read from the sources: in each kernel, which names are records of arrays that it made, and where each is used last. An
array whose name is used in a loop that began behind it lives to the loop's end.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import ROOT

SOURCES = [
    path
    for package in ("dlmm", "operators", "benchmarks")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "@kernel" in path.read_text()
]


def kernels(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = (decorator.id for decorator in node.decorator_list if isinstance(decorator, ast.Name))
            if "kernel" in names:
                yield node


def assignments(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr, int]]:
    """Yield name, value and line of what is assigned to plain names, tuples taken apart."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        yield from ((name.id, value, node.lineno) for name, value in pairs if isinstance(name, ast.Name))


def last_use(function: ast.FunctionDef, name: str, made: int) -> int:
    """Return the last line in which a name is read, or the end of a loop that reads it and began behind its making."""
    reads = [node.lineno for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For | ast.While)]
    ends = [
        loop.end_lineno or 0
        for loop in loops
        if made < loop.lineno and any(loop.lineno <= line <= (loop.end_lineno or 0) for line in reads)
    ]
    return max([*reads, *ends])


def dangling(function: ast.FunctionDef) -> list[str]:
    made = {name: line for name, value, line in assignments(function) if isinstance(value, ast.Call)}
    found = []
    for record, value, line in assignments(function):
        if not isinstance(value, ast.Subscript) or isinstance(value.slice, ast.Slice):
            continue
        array = value.value
        if isinstance(array, ast.Call):
            found.append(f"{function.name}:{line} {record} is of an array without a name")
            continue
        ends = (
            last_use(function, array.id, made[array.id]) if isinstance(array, ast.Name) and array.id in made else None
        )
        if ends is not None and last_use(function, record, line) > ends:
            found.append(f"{function.name}:{line} {record} is read behind line {ends}, where its array is gone")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_records_are_read_while_their_array_lives(path: Path) -> None:
    assert [each for function in kernels(ast.parse(path.read_text())) for each in dangling(function)] == []


def test_one_that_is_read_too_late_is_found() -> None:
    source = """
@kernel
def late():
    rows = np.zeros(1, ROW)
    row, nameless = rows[0], made()[0]
    return row.price

@kernel
def in_time():
    rows = np.zeros(1, ROW)
    row = rows[0]
    total = row.price + row.volume
    keep(rows)
    return total
"""
    late, in_time = kernels(ast.parse(source))
    assert len(dangling(late)) == 2
    assert dangling(in_time) == []
