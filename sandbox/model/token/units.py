"""What the token programs' instructions consume, measured on their binaries.

SPL Token is the rewrite whose instructions cost a hundred units or two; it logs only errors. The figures of
instructions that succeed are exact for plain accounts, and within a few tens of units with extensions; those of
instructions that fail depend on where, and are one figure each.
"""

from collections.abc import Mapping

from sandbox.model.invocation import Invocation
from sandbox.model.token.rules import Rules

_SPL: Mapping[int, int] = {
    0: 87,
    1: 150,
    3: 76,
    4: 126,
    5: 108,
    6: 127,
    7: 119,
    8: 123,
    9: 120,
    10: 145,
    11: 141,
    12: 105,
    13: 163,
    14: 161,
    15: 126,
    16: 168,
    17: 201,
    18: 235,
    20: 201,
    21: 183,
    22: 38,
}
_EXTENDED: Mapping[int, int] = {
    0: 1_388,
    1: 1_893,
    3: 1_576,
    4: 1_121,
    5: 858,
    6: 956,
    7: 1_281,
    8: 1_370,
    9: 1_219,
    10: 1_151,
    11: 1_151,
    12: 1_910,
    13: 1_406,
    14: 1_288,
    15: 1_377,
    16: 1_687,
    17: 994,
    18: 1_567,
    20: 1_273,
    21: 820,
    22: 734,
    39: 908,
    0xD2: 3_464,
}


def of_success(call: Invocation, rules: Rules) -> int:
    """Units of an instruction that succeeds."""
    table = _EXTENDED if rules.is_extended else _SPL
    return table.get(call.data[0] if call.data else -1, 0)


def of_failure(call: Invocation, rules: Rules, cost: int, *, said: bool) -> int:
    """Units of an instruction that fails."""
    if not said and cost:
        return cost
    return 1_400 if rules.is_extended else 215
