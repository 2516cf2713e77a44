"""A candidate changes the keys that it names, and nothing else."""

import pytest

from flows.research.swept_keys import allowed_at, base_of, steps_of, with_values
from flows.settings.load import load_settings
from flows.settings.tree import Settings

CUSTOM = {"HFT__STRATEGIES__CUSTOM": '[{class = "docs.examples.breakout:Breakout", params = {warm_up = 10}}]'}


def test_paths_are_names_and_places_in_lists() -> None:
    assert steps_of("strategies.custom[0].params.x") == ["strategies", "custom", 0, "params", "x"]
    assert steps_of("a[1][2]") == ["a", 1, 2]
    assert steps_of("a..b") == steps_of("[0]") == steps_of("") == []


def test_values_change_their_keys_alone() -> None:
    base = base_of(Settings())
    same, problem = with_values(base, {})
    assert problem == ""
    changed, problem = with_values(base, {"strategies.market_making.spread_target": 0.004, "paper.latency_slots": 3})
    assert problem == ""
    assert changed.strategies.market_making.spread_target == 0.004
    assert changed.paper.latency_slots == 3
    assert changed.risk_limits == same.risk_limits == Settings().risk_limits


def test_a_users_own_parameters_are_reached_by_their_place() -> None:
    key = "strategies.custom[0].params.warm_up"
    assert allowed_at("grid", key) is object
    settings, problem = with_values(base_of(load_settings(CUSTOM)), {key: 50})
    assert problem == ""
    assert settings.strategies.custom[0].params == {"warm_up": 50}


def test_a_place_that_is_not_there_is_named() -> None:
    for key in ("strategies.custom[1].params.warm_up", "strategies.market_making.pools[0]"):
        assert "items" in with_values(base_of(load_settings(CUSTOM)), {key: "x"})[1]


def test_what_two_values_make_impossible_together_is_said_of_the_two() -> None:
    _, problem = with_values(base_of(Settings()), {"volatility.window": 5, "volatility.min_samples": 9})
    assert "volatility.min_samples" in problem


@pytest.mark.parametrize("mode", ["signed", "paper"])
def test_runs_are_on_paper_and_their_settings_hold_no_key(mode: str) -> None:
    url = "https://node.example/secret-key"
    base = base_of(load_settings({"HFT__EXECUTION__MODE": mode, "HFT__NETWORK__RPC_URL": url}))
    assert with_values(base, {})[0].execution.mode == "paper"
    assert "secret-key" not in base
