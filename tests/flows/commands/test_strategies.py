"""`dlmm-hft strategies`: what is installed, what it takes, and whether the settings want it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows.cli import main
from tests.operators.strategies.test_loading import bring


def run(**environ: str | None) -> Result:
    return CliRunner().invoke(main, ("strategies",), env={"HFT_CONFIG": None, **environ})


def rows(result: Result) -> dict[str, list[list[str]]]:
    """Return the table's cells, line by line, by the name in the first column."""
    assert result.exit_code == 0, result.output
    found: dict[str, list[list[str]]] = {}
    name = ""
    for line in result.stdout.splitlines():
        if line.startswith("│"):
            cells = [cell.strip() for cell in line.split("│")[1:-1]]
            name = cells[0] or name
            found.setdefault(name, []).append(cells)
    return found


def config(folder: Path, text: str) -> str:
    path = folder / "my.toml"
    path.write_text(text)
    return str(path)


def test_ours_are_shown_with_kind_parameters_and_whether_they_are_enabled() -> None:
    shown = rows(run())
    assert {"market_making", "momentum_trading", "statistical_arbitrage", "swap_quotes"} <= shown.keys()
    assert {name: lines[0][1] for name, lines in shown.items() if name != "statistical_arbitrage"} == {
        "market_making": "kernel",
        "momentum_trading": "kernel",
        "swap_quotes": "kernel",
    }
    assert shown["statistical_arbitrage"][0][1] == "group"
    following = shown["momentum_trading"]
    assert "Buy a rise that goes on" in following[0][2]
    assert [line[3] for line in following][:2] == ["momentum_threshold = 0.005", "min_zscore = 2.0"]
    assert (following[0][4], shown["swap_quotes"][0][4]) == ("no", "strategies.market_making")
    assert "ladder_shape = 'spot'" in {line[3] for line in shown["market_making"]}


def test_the_settings_say_which_are_enabled(tmp_path: Path) -> None:
    text = """
    strategies.market_making.quote_with = "liquidity"
    strategies.momentum_trading.enabled = true
    [[strategies.custom]]
    class = "momentum_trading"
    name = "slow"
    [[strategies.custom]]
    class = "tests.operators.strategies.test_runner:EveryThird"
    """
    shown = rows(run(HFT_CONFIG=config(tmp_path, text)))
    assert shown["market_making"][0][4] == "strategies.market_making"
    assert shown["swap_quotes"][0][4] == "no"
    assert shown["momentum_trading"][0][4] == "strategies.momentum_trading, slow"
    users = shown["EveryThird"]
    assert (users[0][1], users[0][4], users[1][5]) == ("rows", "EveryThird", "named in the settings")


def test_those_of_other_packages_are_shown_and_one_that_cannot_be_loaded_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = "[dlmm_hft.strategies]\nthird = tests.operators.strategies.test_runner:EveryThird\nlost = no_such:Lost\n"
    bring(tmp_path, "bought", points)
    monkeypatch.syspath_prepend(tmp_path)
    shown = rows(run())
    assert shown["third"][0][2] == "A strategy without a kernel, that says each kind of wish in turn."
    assert shown["third"][1][5] == "bought 1.0"
    assert "strategy no_such:Lost: cannot import no_such" in " ".join(line[2] for line in shown["lost"])


def test_settings_that_cannot_be_read_end_in_one_line() -> None:
    result = run(HFT_CONFIG="/does/not/exist")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
