"""The best is chosen on train alone, and judged on test; luck has its share."""

import math

import numpy as np
import pytest

from connectors.research.ranking import best_by_luck, judge
from connectors.research.trials import RunRow
from tests.connectors.research.sweeps import plan, run


def rows(*profits: tuple[float | None, float | None, float | None, float | None]) -> list[RunRow]:
    """Runs of one candidate each: train and test of the first fold, then of the second."""
    found = []
    for candidate, (train, test, train_2, test_2) in enumerate(profits):
        found += [run(candidate, 0, "train", train), run(candidate, 0, "test", test)]
        found += [run(candidate, 1, "train", train_2), run(candidate, 1, "test", test_2)]
    return found


def test_money_counts_by_the_hour() -> None:
    verdict = judge(plan(1), rows((10.0, 4.0, 20.0, 2.0)), "pnl")
    assert verdict.winner is not None
    assert verdict.winner.train == pytest.approx(15.0)  # 30 in two hours
    assert verdict.winner.test == pytest.approx(6.0)  # 6 in one
    assert verdict.winner.profits == (30.0, 6.0)


def test_train_decides_and_test_does_not() -> None:
    verdict = judge(plan(3), rows((1.0, 50.0, 1.0, 50.0), (3.0, -9.0, 3.0, -9.0), (2.0, 0.0, 2.0, 0.0)), "pnl")
    assert [score.candidate for score in verdict.scores] == [1, 2, 0]
    assert verdict.winner is not None
    assert verdict.winner.test == pytest.approx(-18.0)


def test_equals_stand_in_their_own_order() -> None:
    verdict = judge(plan(3), rows(*[(1.0, 1.0, 1.0, 1.0)] * 3), "pnl")
    assert [score.candidate for score in verdict.scores] == [0, 1, 2]
    assert verdict.by_luck == 0.0


def test_walking_forward_chooses_anew_in_each_fold() -> None:
    verdict = judge(plan(2), rows((5.0, 1.0, 0.0, 2.0), (0.0, 3.0, 6.0, 4.0)), "pnl")
    assert [(pick.fold, pick.candidate, pick.train, pick.test) for pick in verdict.picks] == [
        (0, 0, 5.0, 2.0),
        (1, 1, 6.0, 8.0),
    ]


def test_a_failure_on_train_ranks_last_and_is_counted() -> None:
    verdict = judge(plan(2), rows((None, 5.0, 9.0, 9.0), (-7.0, 0.0, -7.0, None)), "pnl")
    assert [(score.candidate, score.failed) for score in verdict.scores] == [(1, 1), (0, 1)]
    assert verdict.trials == 1
    assert verdict.winner is not None
    assert verdict.winner.test is None
    assert verdict.picks[0].candidate == 1


def test_nothing_wins_where_all_failed() -> None:
    verdict = judge(plan(1), rows((None, None, None, None)), "pnl")
    assert verdict.winner is None
    assert verdict.baselines == {}
    assert verdict.picks[0].candidate is None


def test_the_metric_may_be_the_sharpe_ratio_and_a_flat_curve_counts_as_zero() -> None:
    found = [run(0, 0, "train", 1.0, 4.0), run(0, 1, "train", 1.0, None)]
    found += [run(0, fold, "test", 1.0, 1.0) for fold in range(2)]
    verdict = judge(plan(1), found, "sharpe")
    assert verdict.winner is not None
    assert verdict.winner.train == 2.0
    assert verdict.winner.test == 1.0


def test_baselines_stand_beside_the_winners_runs() -> None:
    verdict = judge(plan(1), rows((1.0, 1.0, 1.0, 1.0)), "pnl")
    assert verdict.baselines["hold"] == (0.0, 0.0)
    assert verdict.baselines["passive_lp"] == (2.0, 4.0)


def test_luck_is_what_the_best_of_so_many_normal_draws_comes_to() -> None:
    draws = np.random.default_rng(1).standard_normal((4_000, 50))
    draws = (draws - draws.mean(1, keepdims=True)) / draws.std(1, ddof=1, keepdims=True)
    assert best_by_luck(draws[0].tolist()) == pytest.approx(draws.max(1).mean(), abs=0.05)


def test_luck_needs_two_and_grows_with_the_number() -> None:
    assert best_by_luck([]) is None
    assert best_by_luck([1.0]) is None
    few, many = best_by_luck([-1.0, 1.0] * 2), best_by_luck([-1.0, 1.0] * 500)
    assert few is not None
    assert many is not None
    assert 0.0 < few < many < math.sqrt(2 * math.log(1_000))
