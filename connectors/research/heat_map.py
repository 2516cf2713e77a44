"""Two swept keys against each other: a map of what each pair of values came to."""

import bisect
import itertools
import json
import math
from collections.abc import Callable, Sequence
from html import escape
from statistics import fmean

from rich.console import Group
from rich.table import Table
from rich.text import Text

from connectors.research.ranking import Score, Verdict
from connectors.research.trials import SweepPlan, Value
from dlmm.records import Record

BINS = 6
"""Into which a range is cut."""
_CELL, _LEFT, _TOP = (96, 34), 150, 84


class HeatMap(Record, frozen=True):
    """One map; a cell is the mean over its candidates, `None` where there are none.

    :arg cells: Rows from the first value of the second key on.

    """

    title: str
    keys: tuple[str, str]
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]


def heat_maps(plan: SweepPlan, verdict: Verdict) -> list[HeatMap]:
    """Map the first two swept keys, on what was chosen on and on what was not; nothing where fewer were swept."""
    if len(plan.keys) < 2:  # noqa: PLR2004 - a map has two sides
        return []
    across, down = _axis(plan, plan.keys[0]), _axis(plan, plan.keys[1])
    figures: list[tuple[str, Callable[[Score], float | None]]] = [
        ("train", lambda score: score.train),
        ("test", lambda score: score.test),
    ]
    return [
        HeatMap(title, (plan.keys[0], plan.keys[1]), across[0], down[0], _cells(plan, verdict, across, down, figure))
        for title, figure in figures
    ]


Axis = tuple[tuple[str, ...], Callable[[Value], int]]


def _axis(plan: SweepPlan, key: str) -> Axis:
    """Return an axis: its labels, and where on it a value is."""
    if key in plan.ranges:
        low, high, is_log = plan.ranges[key]
        steps = [step / BINS for step in range(1, BINS)]
        edges = [low * (high / low) ** step if is_log else low + (high - low) * step for step in steps]
        ends = [low, *edges, high]
        labels = tuple(f"{begin:.3g} to {end:.3g}" for begin, end in itertools.pairwise(ends))
        return labels, lambda value: bisect.bisect_right(edges, float(value) if isinstance(value, int | float) else low)
    texts = list(dict.fromkeys(shown(candidate[key]) for candidate in plan.candidates))
    return tuple(texts), lambda value: texts.index(shown(value))


def shown(value: Value) -> str:
    """Write a setting's value as people would."""
    match value:
        case bool() | str():
            return str(value).lower() if isinstance(value, bool) else value
        case float():
            return f"{value:.6g}"
        case int():
            return str(value)
        case _:
            return json.dumps(value)


def _cells(
    plan: SweepPlan, verdict: Verdict, across: Axis, down: Axis, figure: Callable[[Score], float | None]
) -> tuple[tuple[float | None, ...], ...]:
    found: dict[tuple[int, int], list[float]] = {}
    for score in verdict.scores:
        value, candidate = figure(score), plan.candidates[score.candidate]
        if value is not None:
            place = down[1](candidate[plan.keys[1]]), across[1](candidate[plan.keys[0]])
            found.setdefault(place, []).append(value)
    return tuple(
        tuple(fmean(found[row, column]) if (row, column) in found else None for column in range(len(across[0])))
        for row in range(len(down[0]))
    )


def _colour(value: float | None, largest: float) -> tuple[int, int, int]:
    """Green for a gain, red for a loss, the stronger the larger."""
    if value is None or largest <= 0.0:
        return 238, 238, 238
    part = min(abs(value) / largest, 1.0)
    faded = round(238 - 150 * math.sqrt(part))
    return (faded, 200, faded) if value >= 0.0 else (225, faded, faded)


def _largest(maps: Sequence[HeatMap]) -> float:
    return max((abs(cell) for each in maps for row in each.cells for cell in row if cell is not None), default=0.0)


def as_tables(maps: Sequence[HeatMap]) -> list[Group]:
    """Draw maps for a terminal, in one scale of colours."""
    largest = _largest(maps)
    drawn = []
    for each in maps:
        title = Text(f"{each.title}: {each.keys[0]} across, {each.keys[1]} down", no_wrap=True, style="italic")
        table = Table()
        table.add_column("")
        for column in each.columns:
            table.add_column(column, justify="right")
        for label, row in zip(each.rows, each.cells, strict=True):
            table.add_row(label, *[_terminal_cell(cell, largest) for cell in row])
        drawn.append(Group(title, table))
    return drawn


def _terminal_cell(cell: float | None, largest: float) -> Text:
    red, green, blue = _colour(cell, largest)
    return Text("" if cell is None else f"{cell:,.2f}", style=f"black on rgb({red},{green},{blue})")


def as_svg(maps: Sequence[HeatMap], unit: str) -> str:
    """Draw maps side by side as one SVG that needs nothing else."""
    largest = _largest(maps)
    width = _LEFT + len(maps[0].columns) * _CELL[0] + 20
    height = _TOP + len(maps[0].rows) * _CELL[1] + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(maps)}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, each in enumerate(maps):
        parts.append(f'<g transform="translate({number * width},0)">')
        parts.append(_text(10, 18, f"{each.title}, {unit}", weight="bold"))
        parts.append(_text(10, 36, f"across: {each.keys[0]}"))
        parts.append(_text(10, 52, f"down: {each.keys[1]}"))
        for place, label in enumerate(each.columns):
            parts.append(_text(_LEFT + (place + 0.5) * _CELL[0], _TOP - 8, label, anchor="middle"))
        for line, (label, row) in enumerate(zip(each.rows, each.cells, strict=True)):
            y = _TOP + line * _CELL[1]
            parts.append(_text(_LEFT - 8, y + 22, label, anchor="end"))
            for place, cell in enumerate(row):
                x = _LEFT + place * _CELL[0]
                red, green, blue = _colour(cell, largest)
                parts.append(
                    f'<rect x="{x}" y="{y}" width="{_CELL[0]}" height="{_CELL[1]}" fill="rgb({red},{green},{blue})"'
                    ' stroke="white"/>'
                )
                if cell is not None:
                    parts.append(_text(x + _CELL[0] / 2, y + 22, f"{cell:,.2f}", anchor="middle"))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
