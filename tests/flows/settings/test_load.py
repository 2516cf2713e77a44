"""Reading the settings: the file, the environment over it, and every way either can be refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.errors import DlmmError
from flows.settings.errors import SettingsError
from flows.settings.explain import paths_of
from flows.settings.load import LARGEST_FILE, check_file, load_settings
from flows.settings.tree import Settings
from tests.shared import ROOT

SEED = ROOT / "tests/golden/seed_config.toml"
VARIABLES = sorted("HFT__" + path.replace(".", "__").upper() for path in paths_of(Settings))


def write(folder: Path, text: str | bytes) -> str:
    file = folder / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def refusal(environ: dict[str, str]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert "\n" not in str(caught.value)
    return caught.value


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings({"HOME": "/nowhere", "HFT_CONFIG": ""})
    assert settings.trading.dry_run is None
    assert settings.execution.mode is None
    assert settings.wallet.keypair_path is None
    assert settings.strategies == Settings().strategies
    assert settings.replay.recording == str(Path.cwd() / "replay_data/sandbox.parquet")
    assert settings.execution.folder == str(Path.cwd() / "orders")


def test_seed_configuration_loads_unchanged() -> None:
    settings, problems = check_file(str(SEED))
    assert problems == []
    assert settings.network.commitment == "confirmed"
    assert settings.wallet.keypair_path == str(SEED.parent / "wallet.json")
    assert settings.trading.max_position_size == 10_000.0
    assert not settings.trading.dry_run
    assert settings.target_pools.pools[1] == "2wUvdZA8ZsY714Y5wUL9fkFmupJGGwzui2N74zqJWgty"
    assert settings.risk_limits.emergency_stop_loss == 0.10
    assert settings.strategies.statistical_arbitrage.enabled
    assert settings.strategies.momentum_trading.holding_period_minutes == 2
    assert settings.monitoring.alert_latency_threshold_us == 1_000


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[strategies.market_making]\nspread_target = 0.003\ninventory_target = 0.4\n")
    settings = load_settings(
        {
            "HFT_CONFIG": file,
            "HFT__STRATEGIES__MARKET_MAKING__SPREAD_TARGET": "0.002",
            "HFT__TRADING__DRY_RUN": "false",
            "HFT__TARGET_POOLS__POOLS": '["a", "b"]',
            "HFT__VOLATILITY__ESTIMATOR": "ewma",
            "HFT__PORTFOLIO__QUOTE": '"USDT"',
            "HFT__STRATEGIES__CUSTOM": '[{class = "mine:Breakout", params = {rows = 3}}]',
        }
    )
    assert settings.strategies.market_making.spread_target == 0.002
    assert settings.strategies.market_making.inventory_target == 0.4
    assert not settings.trading.dry_run
    assert settings.target_pools.pools == ("a", "b")
    assert settings.volatility.estimator == "ewma"
    assert settings.portfolio.quote == "USDT"
    assert settings.strategies.custom[0].label == "Breakout"
    assert settings.strategies.custom[0].params == {"rows": 3}


@pytest.mark.parametrize("text", ["2022", "true", "1e3", "2022-04-06"])
def test_override_of_a_text_stays_text(text: str) -> None:
    assert load_settings({"HFT__REPLAY__NAME": text}).replay.name == text


def test_override_cannot_smuggle_in_a_second_key() -> None:
    problem = refusal({"HFT__TRADING__DRY_RUN": "true\nother = 1"})
    assert problem.path == "trading.dry_run"


def test_paths_of_the_file_start_at_its_folder_and_others_at_the_current_one(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        '[replay]\nrecording = "tapes/a.parquet"\n[results]\nruns_dir = "/results"\n[execution]\nfolder = "o"\n',
    )
    settings = load_settings({"HFT_CONFIG": file})
    assert settings.execution.folder == str(tmp_path / "o")
    assert settings.replay.recording == str(tmp_path / "tapes/a.parquet")
    assert settings.results.runs_dir == "/results"
    settings = load_settings({"HFT_CONFIG": file, "HFT__REPLAY__RECORDING": "b.parquet"})
    assert settings.replay.recording == str(Path.cwd() / "b.parquet")


def test_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/trader")
    settings = load_settings({"HFT__WALLET__KEYPAIR_PATH": "~/id.json"})
    assert settings.wallet.keypair_path == "/home/trader/id.json"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"[replay]\nname = 'caf\xe9'\n", "not UTF-8 text: byte 20 is 0xe9"),
        ("[replay\n", "not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 8)"),
        ("a = 1\na = 2\n", "not valid TOML: Cannot overwrite a value (at line 2, column 6)"),
        ("a = " + "[" * 50_000, "not valid TOML"),
        ("a = " + "1" * 10_000, "not valid TOML"),
        ("#" * (LARGEST_FILE + 1), "larger than 1048576 bytes, which no configuration is"),
    ],
    ids=["encoding", "syntax", "twice", "depth", "digits", "size"],
)
def test_broken_file_is_refused_by_its_name(tmp_path: Path, text: str | bytes, reason: str) -> None:
    file = write(tmp_path, text)
    problem = refusal({"HFT_CONFIG": file})
    assert problem.path == file
    assert problem.reason.startswith(reason)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    assert refusal({"HFT_CONFIG": str(tmp_path / "no.toml")}).reason == "cannot be read: No such file or directory"
    assert refusal({"HFT_CONFIG": str(tmp_path)}).reason == "cannot be read: Is a directory"
    assert refusal({"HFT_CONFIG": "a\0b"}).reason.startswith("cannot be read")
    assert refusal({"HFT_CONFIG": "x" * 5000}).reason == "cannot be read: File name too long"


def test_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    assert load_settings({"HFT_CONFIG": write(tmp_path, b"\xef\xbb\xbf[replay]\nname = 'x'\n")}).replay.name == "x"


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (
            "HFT__RISK_LIMITS__MAX_DRAWDWN",
            "risk_limits.max_drawdwn: no such key; did you mean risk_limits.max_drawdown?"
            " (set by HFT__RISK_LIMITS__MAX_DRAWDWN)",
        ),
        ("HFT__MAX_DRAWDOWN", "max_drawdown: no such key; did you mean risk_limits.max_drawdown? (set by HFT__MAX_D"),
        ("HFT__REPLAY", "replay: a section, not a key; set its keys one by one, as HFT__REPLAY__RECORDING"),
        ("HFT__REPLAY__NAME__X", "replay.name.x: no such key: replay.name is no section"),
        ("HFT__", ": no such key; allowed here: network, feeds"),
        ("HFT__replay__name", "HFT__replay__name: no such key; variables are written in capitals: HFT__REPLAY__NAME"),
    ],
)
def test_override_that_names_no_key_is_refused(variable: str, message: str) -> None:
    assert str(refusal({variable: "1"})).startswith(message)


def test_refused_override_names_its_variable() -> None:
    assert str(refusal({"HFT__RISK_LIMITS__MAX_DRAWDOWN": "2"})) == (
        "risk_limits.max_drawdown: found 2, allowed: a number above 0 and at most 1"
        " (set by HFT__RISK_LIMITS__MAX_DRAWDOWN)"
    )


def test_override_under_a_misused_section_leaves_the_files_own_mistake(tmp_path: Path) -> None:
    file = write(tmp_path, "replay = 5\n")
    problem = refusal({"HFT_CONFIG": file, "HFT__REPLAY__NAME": "x"})
    assert str(problem) == "replay: found 5, allowed: a table"


def test_keys_in_the_wrong_place_are_not_repeated() -> None:
    seed_phrase = "abandon " * 11 + "about"
    for text in ("[12, 34, 56]", "5" * 88, seed_phrase):
        problem = refusal({"HFT__WALLET__KEYPAIR_PATH": text})
        assert problem.path == "wallet.keypair_path"
        assert text not in str(problem)
        assert "34" not in str(problem)


def test_address_with_a_providers_key_is_not_repeated() -> None:
    problem = refusal({"HFT__NETWORK__RPC_URL": "htps://node.example/SECRET"})
    assert str(problem).startswith("network.rpc_url: found a text of 26 characters, allowed: an http:// or https://")


@given(st.dictionaries(st.sampled_from(VARIABLES), st.text(st.characters(exclude_characters="\0")), max_size=4))
def test_no_environment_gets_past_or_through(environ: dict[str, str]) -> None:
    try:
        outcome: Settings | DlmmError = load_settings(environ)
    except DlmmError as problem:
        outcome = problem
    assert isinstance(outcome, Settings) or len(str(outcome).splitlines()) == 1


@given(st.binary() | st.text().map(str.encode))
def test_no_file_gets_past_or_through(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = write(tmp_path_factory.getbasetemp(), data)
    _, problems = check_file(file)
    assert all(len(str(problem).splitlines()) == 1 for problem in problems)
