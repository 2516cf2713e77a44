"""What the documentation says in figures and names is what the code has."""

import re

import msgspec

from flows.settings.tree import Settings
from operators.orders.records import RULES
from tests.shared import ROOT

RISK = (ROOT / "docs" / "risk.md").read_text()
EXECUTION = (ROOT / "docs" / "execution.md").read_text()
GATE = re.compile(r"^\| `(\w+)` \| (?:`([\w.]+)` ([\d.,]+))? ?\| ", re.MULTILINE)


def test_every_rule_is_documented_with_its_default() -> None:
    documented = {rule: (key, bound) for rule, key, bound in GATE.findall(RISK)}
    assert tuple(documented) == RULES[1 : len(documented) + 1]
    assert all(f"`{rule}`" in RISK for rule in RULES[1:])
    defaults = msgspec.to_builtins(Settings())
    for key, bound in filter(all, documented.values()):
        section, _, name = key.rpartition(".")
        assert defaults[section or "risk_limits"][name] == float(bound.replace(",", "")), key


def test_every_setting_of_execution_and_wallet_is_documented() -> None:
    defaults = msgspec.to_builtins(Settings())
    for section in ("execution", "wallet"):
        for name in defaults[section]:
            assert name in EXECUTION, f"{section}.{name}"
