"""What docs/strategies.md shows is what docs/examples has, and all of it runs, in replay and live."""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bytewax.testing import run_main

from flows.live import Run, live
from flows.planted import planted_pools
from flows.replay import replay
from flows.settings.check import check
from flows.settings.tree import Settings
from operators.strategies.loading import load_strategy
from tests.connectors.scripted_feed import ScriptedFeed
from tests.live_market import swaps
from tests.shared import ROOT

TEXT = (ROOT / "docs" / "strategies.md").read_text()
EXAMPLES = ROOT / "docs" / "examples"
CLASSES = {
    "reversion": "docs.examples.reversion:Reversion",
    "breakout": "docs.examples.breakout:Breakout",
    "resting_ladder": "docs.examples.resting_ladder:RestingLadder",
    "laggard": "docs.examples.laggard:Laggard",
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def custom(runs_dir: Path, *classes: dict[str, Any], **sections: dict[str, Any]) -> Settings:
    wanted = {
        "strategies": {"market_making": {"enabled": False}, "custom": list(classes)},
        "results": {"runs_dir": str(runs_dir)},
        "replay": {"recording": str(ROOT / "replay_data" / "sandbox.parquet")},
        **sections,
    }
    return msgspec.convert(wanted, Settings)


def summary(runs_dir: Path) -> dict[str, Any]:
    (path,) = runs_dir.glob("*/summary.json")
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_each_piece_of_code_is_from_an_example() -> None:
    sources = [path.read_text() for path in EXAMPLES.glob("*.py")]
    assert len(blocks("python")) == 5
    for block in blocks("python"):
        assert any(block in source for source in sources), block


@pytest.mark.parametrize(("example", "lines"), [("reversion", 20), ("breakout", 40)])
def test_a_whole_strategy_is_as_short_as_its_heading_says(example: str, lines: int) -> None:
    source = (EXAMPLES / f"{example}.py").read_text()
    assert source in blocks("python")
    assert len([line for line in source.splitlines() if line.strip()]) <= lines
    assert f"{lines} lines" in TEXT


def test_the_settings_shown_are_settings_and_the_entry_point_is_one() -> None:
    settings, points = (tomllib.loads(block) for block in blocks("toml"))
    made, problems = check(settings)
    assert problems == []
    assert made.strategies.custom[0].class_path == "my_strategy:Reversion"
    assert points == {"project": {"entry-points": {"dlmm_hft.strategies": {"reversion": "my_strategy:Reversion"}}}}


def test_from_an_empty_file_to_a_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_strategy.py").write_text(blocks("python")[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_strategy", raising=False)
    shown = tomllib.loads(blocks("toml")[0])["strategies"]["custom"][0]
    run_main(replay(custom(tmp_path / "runs", shown)))
    came_to = summary(tmp_path / "runs")
    assert came_to["signals"]["reversion"] > 0
    assert came_to["orders_by_status"]["filled"] > 0


def test_all_examples_run_in_replay_and_say_why(tmp_path: Path) -> None:
    run_main(replay(custom(tmp_path, *({"class": path} for path in CLASSES.values()))))
    came_to = summary(tmp_path)
    assert came_to["failure"] is None
    assert set(came_to["signals"]) == set(CLASSES)
    assert all(came_to["signals"].values())
    assert came_to["figures"]["laggard"] == ["distance of the other pool"]


@pytest.mark.parametrize("name", ["reversion", "breakout"])
def test_the_same_classes_run_live(name: str, tmp_path: Path) -> None:
    pools, run = planted_pools(1_000, 2), Run()
    script = swaps(pools, 80, worth=60_000.0)
    sections: dict[str, dict[str, Any]] = {"execution": {"mode": "paper"}, "recording": {"record": False}}
    settings = custom(tmp_path, {"class": CLASSES[name]}, **sections)
    run_main(live(settings, "test", pools, lambda: [ScriptedFeed("one", script, run.stop)], run))
    assert not run.outcome.failure
    assert summary(tmp_path)["signals"][name] > 0


@pytest.mark.parametrize("class_path", CLASSES.values())
def test_each_example_has_a_name_and_its_words(class_path: str) -> None:
    strategy = load_strategy(class_path, {"name": "mine"})
    assert strategy.name == "mine"
