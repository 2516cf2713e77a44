"""What a release ignores is named, and nothing else is."""

from flows.settings.explain import paths_of
from flows.settings.load import check_file
from flows.settings.pending import not_yet_in_use
from flows.settings.tree import Settings
from tests.shared import ROOT

NOT_ENFORCED = ["risk_limits.max_value_at_risk", "risk_limits.correlation_limit"]


def paths(settings: Settings) -> list[str]:
    return [line.partition(" = ")[0] for line in not_yet_in_use(settings)]


def test_defaults_leave_only_the_limits_that_are_not_enforced() -> None:
    assert paths(Settings()) == NOT_ENFORCED


def test_seed_configuration_hears_what_it_will_not_get() -> None:
    settings, _ = check_file(str(ROOT / "tests/golden/seed_config.toml"))
    asked = ["wallet.keypair_path", "trading.dry_run", "strategies.statistical_arbitrage.enabled"]
    assert paths(settings) == asked + NOT_ENFORCED
    assert set(paths(settings)) <= set(paths_of(Settings))
    assert "trading.dry_run = false: all fills are simulated" in not_yet_in_use(settings)
