"""Deposits by strategy are spread exactly as the program spreads them."""

import json
from pathlib import Path
from typing import Any

import pytest

from dlmm.liquidity import Amounts, LiquidityFailure
from dlmm.meteora.instructions.liquidity import Strategy
from dlmm.meteora.strategies import spread

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "meteora_strategies.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[f"{index}-{case['strategy']}" for index, case in enumerate(CASES)])
def test_the_program_spreads_it_like_this(case: dict[str, Any]) -> None:
    reserves = Amounts(case["reserve_x"], case["reserve_y"])
    parts = spread(
        Strategy[case["strategy"]],
        Amounts(case["amount_x"], case["amount_y"]),
        min_bin_id=case["min_bin_id"],
        max_bin_id=case["max_bin_id"],
        active_id=case["active_id"],
        bin_step=case["bin_step"],
        active_reserves=reserves,
        favor_x=case["favor_x"],
    )
    if "code" in case:
        assert isinstance(parts, LiquidityFailure)
        assert parts.code == case["code"]
        return
    assert not isinstance(parts, LiquidityFailure)
    skips_active = case["strategy"].endswith("_BALANCED") and any((reserves.x, reserves.y))
    ours = [
        [bin_id, part.x, part.y]
        for bin_id, part in parts
        if (part.x or part.y) and not (skips_active and bin_id == case["active_id"])
    ]
    assert ours == case["amounts"]


@pytest.mark.parametrize("strategy", [Strategy.SPOT_ONE_SIDE, Strategy.CURVE_ONE_SIDE, Strategy.BID_ASK_ONE_SIDE])
def test_one_sided_kinds_belong_to_another_instruction(strategy: Strategy) -> None:
    failure = spread(strategy, Amounts(1, 1), min_bin_id=0, max_bin_id=1, active_id=0, bin_step=1)
    assert isinstance(failure, LiquidityFailure)
    assert failure.code == 6054
