"""A map shows the mean of what each pair of values came to, and where nothing was tried."""

from xml.etree import ElementTree

import msgspec
import pytest
from rich.console import Console

from connectors.research.heat_map import BINS, as_svg, as_tables, heat_maps, shown
from connectors.research.ranking import judge
from connectors.research.trials import RunRow, SweepPlan, Value
from tests.connectors.research.sweeps import KEY, OTHER, plan, run


def swept(candidates: list[dict[str, Value]], **changes: object) -> tuple[SweepPlan, list[RunRow]]:
    made = plan(len(candidates), folds=1)
    fields = {"candidates": tuple(candidates), "keys": (KEY, OTHER), **changes}
    rows = [run(number, 0, part, float(number)) for number in range(len(candidates)) for part in ("train", "test")]
    return msgspec.structs.replace(made, **fields), rows


GRID: list[dict[str, Value]] = [{KEY: x, OTHER: y} for x in (0.1, 0.2) for y in (1, 2, 3)]


def test_each_pair_has_its_cell() -> None:
    made, rows = swept(GRID)
    train, test = heat_maps(made, judge(made, rows, "pnl"))
    assert (train.columns, train.rows) == (("0.1", "0.2"), ("1", "2", "3"))
    assert train.cells == ((0.0, 3.0), (1.0, 4.0), (2.0, 5.0))
    assert test.cells == ((0.0, 6.0), (2.0, 8.0), (4.0, 10.0))


def test_further_keys_are_averaged_and_gaps_stay_empty() -> None:
    made, rows = swept([{KEY: 0.1, OTHER: 1, "z": 1}, {KEY: 0.1, OTHER: 1, "z": 2}, {KEY: 0.2, OTHER: 2, "z": 1}])
    train, _ = heat_maps(made, judge(made, rows, "pnl"))
    assert train.cells == ((0.5, None), (None, 2.0))


def test_ranges_are_cut_into_bins_by_their_own_scale() -> None:
    drawn: list[dict[str, Value]] = [{KEY: 1e-6, OTHER: 0}, {KEY: 0.9, OTHER: 6}, {KEY: 1.0, OTHER: 5}]
    made, rows = swept(drawn, ranges={KEY: (1e-6, 1.0, True), OTHER: (0, 6, False)})
    train, _ = heat_maps(made, judge(made, rows, "pnl"))
    assert len(train.columns) == len(train.rows) == BINS
    assert train.columns[0] == "1e-06 to 1e-05"
    assert train.cells[0][0] == 0.0
    assert train.cells[BINS - 1][BINS - 1] == pytest.approx(1.5)


def test_one_key_makes_no_map() -> None:
    made, rows = swept(GRID, keys=(KEY,))
    assert heat_maps(made, judge(made, rows, "pnl")) == []


def test_the_picture_is_xml_that_needs_nothing_from_elsewhere() -> None:
    made, rows = swept([{KEY: x, OTHER: "<&>"} for x in (0.1, 0.2)])
    text = as_svg(heat_maps(made, judge(made, rows, "pnl")), "USDC an hour")
    root = ElementTree.fromstring(text)
    assert len([each for each in root.iter() if each.tag.endswith("rect")]) == 1 + 2 * 2
    assert "href" not in text
    assert "&lt;&amp;&gt;" in text


def test_a_terminal_gets_colours() -> None:
    made, rows = swept(GRID)
    console = Console(force_terminal=True, color_system="truecolor", width=100, record=True)
    with console.capture() as captured:
        for each in as_tables(heat_maps(made, judge(made, rows, "pnl"))):
            console.print(each)
    assert "10.00" in captured.get()
    assert "48;2;" in captured.get()


def test_values_are_shown_as_they_are_written() -> None:
    values: list[Value] = [True, "swaps", 0.001, 3, [1, 2]]
    assert [shown(value) for value in values] == ["true", "swaps", "0.001", "3", "[1, 2]"]
