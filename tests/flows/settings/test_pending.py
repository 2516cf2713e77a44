"""What a release ignores is named, and nothing else is."""

from flows.settings.explain import paths_of
from flows.settings.load import check_file
from flows.settings.pending import not_yet_in_use
from flows.settings.tree import Settings
from tests.shared import ROOT


def paths(settings: Settings) -> list[str]:
    return [line.partition(" = ")[0] for line in not_yet_in_use(settings)]


def test_defaults_leave_nothing_undone() -> None:
    assert paths(Settings()) == []


def test_seed_configuration_hears_what_it_will_not_get() -> None:
    settings, _ = check_file(str(ROOT / "tests/golden/seed_config.toml"))
    asked = paths(settings)
    assert asked[0] == "strategies.statistical_arbitrage.enabled"
    assert set(asked) <= set(paths_of(Settings))
    assert "strategies.statistical_arbitrage.enabled = true: the strategy does not run" in not_yet_in_use(settings)
