import numpy as np
import pytest

from dlmm.liquidity import Amounts, liquidity_of
from dlmm.price import price_x64
from sandbox.pools.depth import bin_amounts
from sandbox.pools.plans import DEFAULT_PLANS, PoolPlan

PLANS = pytest.mark.parametrize("plan", DEFAULT_PLANS, ids=lambda plan: plan.name)


def drawn(plan: PoolPlan, count: int = 400, seed: int = 1) -> list[Amounts]:
    lower = plan.exponent - count // 2
    return bin_amounts(plan, lower=lower, count=count, generator=np.random.default_rng(seed))


def value(plan: PoolPlan, place: int, amounts: Amounts, count: int = 400) -> float:
    price = price_x64(plan.exponent - count // 2 + place, plan.bin_step)
    return float(liquidity_of(amounts, price) / 2**64 / 10**plan.token_y.decimals)


@PLANS
def test_each_side_holds_its_own_token_and_the_active_bin_both(plan: PoolPlan) -> None:
    amounts = drawn(plan)
    assert all(one.x == 0 and one.y > 0 for one in amounts[:200])
    assert amounts[200].x > 0
    assert amounts[200].y > 0
    assert all(one.x > 0 and one.y == 0 for one in amounts[201:])


@PLANS
def test_bins_near_the_price_are_as_deep_as_planned_and_the_outer_ones_thinner(plan: PoolPlan) -> None:
    values = [value(plan, place, one) for place, one in enumerate(drawn(plan))]
    near, far = np.mean(values[190:211]), np.mean(values[:20] + values[-20:])
    assert near == pytest.approx(plan.depth, rel=0.1)
    assert far == pytest.approx(plan.depth * (plan.floor + (1 - plan.floor) * np.exp(-190 / 70)), rel=0.15)


@PLANS
def test_a_generator_decides_how_uneven_it_is(plan: PoolPlan) -> None:
    assert drawn(plan) == drawn(plan)
    assert drawn(plan) != drawn(plan, seed=2)
