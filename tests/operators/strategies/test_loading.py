"""A user's strategy loads by its name, or is refused in one line that says why."""

from pathlib import Path

import pytest

from operators.strategies.interface import StrategyError
from operators.strategies.loading import load_strategy

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
        ("operators.strategies.swap_quotes", {}, "has no class"),
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
