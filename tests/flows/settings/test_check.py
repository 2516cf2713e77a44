"""Every kind of refusal, with its path, what was found and what is allowed; and all of them at once."""

import pickle
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.settings.check import check
from flows.settings.errors import SettingsError
from flows.settings.explain import paths_of
from flows.settings.tree import Settings


def objections(text: str) -> list[str]:
    return [str(problem) for problem in check(tomllib.loads(text))[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("risk_limits.max_drawdown = 1.5", "found 1.5, allowed: a number above 0 and at most 1"),
        ("risk_limits.max_drawdown = 0", "found 0, allowed: a number above 0 and at most 1"),
        ("risk_limits.max_pool_exposure = -1.0", "found -1.0, allowed: a number above 0 and at most 1e+15"),
        ("portfolio.capital = nan", "found nan, allowed: a number above 0 and at most 1000000000000"),
        ("portfolio.capital = inf", "found inf, allowed: a number above 0 and at most 1000000000000"),
        ("portfolio.capital = true", "found true, allowed: a number above 0 and at most 1000000000000"),
        ("portfolio.capital = '5'", "found the text '5', allowed: a number above 0 and at most 1000000000000"),
        ("volatility.window = true", "found true, allowed: a whole number at least 2 and at most 512"),
        ("volatility.window = 20.0", "found 20.0, allowed: a whole number at least 2 and at most 512"),
        ("volatility.window = 1", "found 1, allowed: a whole number at least 2 and at most 512"),
        (f"volatility.window = {10**200}", "found a number far too large, allowed: a whole number at least 2 and"),
        ("strategies.market_making.spread_target = 1.0", "found 1.0, allowed: a number above 0 and below 1"),
        ("trading.dry_run = 1", "found 1, allowed: true or false"),
        ("trading.dry_run = 'yes'", "found the text 'yes', allowed: true or false"),
        ("volatility.estimator = 'garch'", "found the text 'garch', allowed: 'ewma' or 'rolling'"),
        ("replay.name = '../x'", "found the text '../x', allowed: a name of letters, digits,"),
        ("replay.name = 2022-04-06", "found a date or time, allowed: a name of letters"),
        ("replay.recording = ''", "found the text '', allowed: a path"),
        ('replay.recording = "a\\u0000b"', "found the text 'a\\x00b', allowed: a path"),
        ("target_pools.pools = 'a'", "found the text 'a', allowed: a list, each item an address or name of a pool"),
        ("replay = 5", "found 5, allowed: a table"),
        ("results.runs_dir = ['a']", "found a list, allowed: a path"),
        ("results.runs_dir = {a = 1}", "found a table, allowed: a path"),
        ("trading.dlmm_program_id = 'LBUZ'", "found the text 'LBUZ', allowed: an address of 32 bytes in base58"),
        ("network.ws_url = 'https://x'", "found a text of 9 characters, allowed: a ws:// or wss:// address"),
    ],
)
def test_value_is_refused_with_its_path_and_what_is_allowed(text: str, message: str) -> None:
    (problem,) = objections(text)
    path = text.partition(" ")[0]
    assert problem.startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("risk_limits.max_drawdwn = 1", "risk_limits.max_drawdwn: no such key; did you mean risk_limits.max_drawdown?"),
        ("max_drawdown = 0.1", "max_drawdown: no such key; did you mean risk_limits.max_drawdown?"),
        ("risk_limit.max_drawdown = 0.1", "risk_limit: no such key; did you mean risk_limits?"),
        ("strategies.market_makin.enabled = true", "strategies.market_makin: no such key; did you mean strategies.mar"),
        ("volatility.zzz = 1", "volatility.zzz: no such key; allowed here: estimator, window, min_samples, default, h"),
        ('"a\\nb" = 1', "'a\\nb': no such key; allowed here: network"),
    ],
)
def test_unknown_key_is_refused_with_the_one_that_was_meant(text: str, message: str) -> None:
    (problem,) = objections(text)
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "volatility = {window = 5, min_samples = 6}",
            "volatility.min_samples: found 6, allowed: at most volatility.wi",
        ),
        (
            "strategies.market_making.inventory_target = 0.1",
            "strategies.market_making.max_inventory_deviation: found 0.2, allowed: at most 0.1, so that",
        ),
        ("strategies.market_making.inventory_target = 0.9", "strategies.market_making.max_inventory_deviation: found"),
        (
            "risk_limits.emergency_stop_loss = 0.04",
            "risk_limits.emergency_stop_loss: found 0.04, allowed: at least risk_limits.max_drawdown, 0.05",
        ),
        ("execution.bundles_only = true", "execution.bundles_only: found true, allowed: false, or name a block engine"),
        (
            "execution.fee_floor = 6_000_000",
            "execution.fee_floor: found 6000000, allowed: at most execution.fee_cap, 5000000",
        ),
        ("target_pools.pools = ['a', 'b', 'a']", "target_pools.pools: names a twice"),
        ("strategies.custom = [{class = 'm:A'}, {class = 'n:A'}]", "strategies.custom: names A twice"),
        ("strategies.custom = [{class = 'm:A', name = 'market_making'}]", "strategies.custom: names market_making tw"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(text: str, message: str) -> None:
    (problem,) = objections(text)
    assert problem.startswith(message)


@pytest.mark.parametrize("pair", [(0.0, 0.0), (1.0, 0.0), (0.3, 0.3), (0.9, 0.1), (0.5, 0.5)])
def test_inventory_may_touch_both_ends(pair: tuple[float, float]) -> None:
    target, deviation = pair
    making = {"inventory_target": target, "max_inventory_deviation": deviation}
    assert check({"strategies": {"market_making": making}})[1] == []


@pytest.mark.parametrize(
    ("custom", "message"),
    [
        ("{}", "strategies.custom[0].class: missing, allowed: 'module:Class'"),
        ("{class = 'no colon'}", "strategies.custom[0].class: found the text 'no colon', allowed: 'module:Class'"),
        ("{class = 'm:A', pols = []}", "strategies.custom[0].pols: no such key; did you mean strategies.custom[0].poo"),
        ("{class = 'm:A', pools = ['a', '']}", "strategies.custom[0].pools[1]: found the text '', allowed: an address"),
        ("{class = 'm:A', params = {x = nan}}", "strategies.custom[0].params.x: found nan, allowed: a finite number"),
        ("{class = 'm:A', params = {x = [inf]}}", "strategies.custom[0].params.x[0]: found inf, allowed: a finite"),
        ("{class = 'm:A', params = {x = 10:00:00}}", "strategies.custom[0].params.x: found a date or time, allowed:"),
        ("{class = 'm:A', params = {x = 9223372036854775808}}", "strategies.custom[0].params.x: found 92233720368547"),
        ("{class = 'm:A', params = {x = [[[[[[[[[]]]]]]]]]}}", "strategies.custom[0].params.x[0][0][0][0][0][0][0]: n"),
        ("{class = 'm:A', params = {\"\\n\" = 1}}", "strategies.custom[0].params: found the key '\\n', allowed: print"),
        ("5", "strategies.custom[0]: found 5, allowed: a table"),
    ],
)
def test_custom_strategy_is_refused_by_its_place_in_the_list(custom: str, message: str) -> None:
    (problem,) = objections(f"strategies.custom = [{custom}]")
    assert problem.startswith(message)


def test_everything_wrong_is_found_at_once() -> None:
    text = """
        nonsense = 1
        [volatility]
        window = 5
        min_samples = 6
        default = "low"
        [risk_limits]
        max_drawdown = 0.2
        emergency_stop_loss = 2.0
        [strategies.market_making]
        inventory_target = 0.9
        [[strategies.custom]]
        params = {x = nan}
    """
    assert [line.partition(":")[0] for line in objections(text)] == [
        "nonsense",
        "volatility.default",
        "risk_limits.emergency_stop_loss",
        "strategies.custom[0].params.x",
        "strategies.custom[0].class",
        "volatility.min_samples",
        "strategies.market_making.max_inventory_deviation",
    ]


def test_text_that_cannot_be_written_down_again_is_refused() -> None:
    assert len(check({"replay": {"runs_dir": "a\udcff"}})[1]) == 1
    assert len(check({"strategies": {"custom": [{"class": "m:A", "params": {"x": "\udcff"}}]}})[1]) == 1


def test_whole_numbers_are_taken_where_a_number_is_wanted() -> None:
    settings, problems = check({"portfolio": {"capital": 5}})
    assert problems == []
    assert type(settings.portfolio.capital) is float


def test_defaults_are_without_objection() -> None:
    assert check({}) == (Settings(), [])


def test_error_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(SettingsError("a.b", "wrong")))
    assert (error.path, error.reason, str(error)) == ("a.b", "wrong", "a.b: wrong")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3))


@given(st.sampled_from(list(paths_of(Settings))), VALUES)
def test_no_value_gets_past_or_through(path: str, value: object) -> None:
    for key in reversed(path.split(".")):
        value = {key: value}
    assert isinstance(value, dict)
    settings, problems = check(value)
    assert isinstance(settings, Settings)
    assert all(len(str(problem).splitlines()) == 1 for problem in problems)
