"""A user's strategy loads by its name, or is refused in one line that says why."""

from pathlib import Path

import pytest

from operators.strategies.interface import StrategyError
from operators.strategies.loading import installed_strategies, load_strategy
from operators.strategies.momentum import Momentum

GOOD = "tests.operators.strategies.test_runner:EverySecond"


def test_a_class_with_a_kernel_loads() -> None:
    assert load_strategy("operators.strategies.swap_quotes:SwapQuotes", {"spread_target": 0.5}).name == (
        "market_making"
    )


def test_a_class_with_a_python_function_loads() -> None:
    assert load_strategy("tests.operators.strategies.test_runner:EveryThird", {"name": "mine"}).name == "mine"


@pytest.mark.parametrize(
    ("class_path", "params", "reason"),
    [
        ("no_such_module_anywhere:Thing", {}, "cannot import no_such_module_anywhere"),
        ("operators.strategies.no_such_part:Thing", {}, "cannot import"),
        ("operators.strategies.swap_quotes:Nothing", {}, "has no class Nothing"),
        ("operators.strategies.swap_quotes:quote_around", {}, "has no class quote_around"),
        ("breakout_of_nobody", {}, "none of that name is installed (there are market_making, momentum_trading"),
        ("momentum_trading", {"no_such_key": 1}, "no_such_key"),
        (":SwapQuotes", {}, "cannot import"),
        ("operators.strategies.swap_quotes:SwapQuotes", {"no_such_key": 1}, "no_such_key"),
        ("operators.strategies.interface:Policy", {}, "neither a KernelStrategy"),
        ("operators.strategies.interface:KernelStrategy", {}, "KernelStrategy"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(class_path: str, params: dict[str, object], reason: str) -> None:
    with pytest.raises(StrategyError) as refusal:
        load_strategy(class_path, params)
    text = str(refusal.value)
    assert reason in text
    assert class_path in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def broken(:\n    pass\n", "SyntaxError"),
        ("print(undefined_name)\n", "undefined_name"),
        ("import no_such_module_inside\n", "no_such_module_inside"),
        ("class Mine:\n    def __init__(self):\n        raise KeyError('figure')\n", "KeyError: 'figure'"),
        ("class Mine:\n    def __init__(self):\n        raise ValueError('two\\nlines')\n", "two lines"),
        ("class Mine:\n    name = 'mine'\n    def start(self, pool): ...\n", "neither"),
    ],
)
def test_a_users_broken_module_is_refused_and_not_thrown_at_him(
    source: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"a_users_module_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StrategyError) as refusal:
        load_strategy(f"{name}:Mine", {})
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


BROUGHT = """[dlmm_hft.strategies]
third = tests.operators.strategies.test_runner:EveryThird
"""


def bring(folder: Path, package: str, entry_points: str) -> None:
    """Lay down what an installed package leaves on Python's path."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_what_this_project_brings_is_installed_with_it() -> None:
    ours = {each.name: each for each in installed_strategies() if each.package.startswith("dlmm-hft ")}
    assert sorted(ours) == ["market_making", "momentum_trading", "statistical_arbitrage", "swap_quotes"]
    assert isinstance(load_strategy("momentum_trading", {"min_zscore": 3.0}), Momentum)


def test_a_strategy_of_another_package_loads_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(tmp_path, "bought", BROUGHT)
    monkeypatch.syspath_prepend(tmp_path)
    assert load_strategy("third", {"name": "mine"}).name == "mine"
    third = next(each for each in installed_strategies() if each.name == "third")
    assert (third.class_path, third.package) == ("tests.operators.strategies.test_runner:EveryThird", "bought 1.0")


def test_a_name_that_two_packages_give_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(tmp_path, "bought", BROUGHT)
    bring(tmp_path, "found", BROUGHT.replace("Third", "Second"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StrategyError, match=r"EverySecond of found 1\.0 and .*EveryThird of bought 1\.0 both have"):
        load_strategy("third", {})


def test_an_installed_class_that_is_gone_is_refused_by_both_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(tmp_path, "bought", "[dlmm_hft.strategies]\nlost = no_such_module_anywhere:Lost\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StrategyError, match="strategy lost, no_such_module_anywhere:Lost: cannot import"):
        load_strategy("lost", {})


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("figures = ('a', 'b', 'c', 'd', 'e')", "its figures are no tuple of at most 4 texts"),
        ("reasons = 'one text'", "its reasons are no tuple of at most 128 texts"),
        ("reasons = (1, 2)", "its reasons are no tuple of at most 128 texts"),
    ],
)
def test_words_that_explain_nothing_are_refused(
    words: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"a_users_words_{abs(hash(words))}"
    source = (
        f"class Mine:\n    name = 'mine'\n    {words}\n    def start(self, p): ...\n    def on_row(self, r, m): ...\n"
    )
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StrategyError, match=reason):
        load_strategy(f"{name}:Mine", {})
