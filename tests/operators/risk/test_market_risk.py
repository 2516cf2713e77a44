"""Tails, correlations and value at risk, against the definitions written out over plain lists of prices."""

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dlmm.errors import DlmmError
from operators.blocks import Rows
from operators.books.ledger import BOOK, LEDGER
from operators.risk.market_risk import (
    MIN_SAMPLES,
    RING,
    Risk,
    books_changed,
    bring_up_to_date,
    observe,
    open_risk,
    refresh,
    restore_risk,
    snapshot_risk,
)

SAMPLE_S, HORIZON_S, DEFAULT = 10.0, 90.0, 0.01
SAMPLE_NS = 10_000_000_000
SCALE = 3.0
START_NS = 1_700_000_000_000_000_000


class Market:
    """Books whose prices a test sets, and what is measured of them."""

    def __init__(self, pools: int) -> None:
        self.books = np.zeros(pools, BOOK)
        self.books["unit_x"] = self.books["unit_y"] = 1e-6
        self.ledger = np.zeros(1, LEDGER)
        self.now_ns = START_NS
        self.risk = open_risk(pools, SAMPLE_S, HORIZON_S, DEFAULT)

    def sample(self, prices: NDArray[np.float64]) -> None:
        """Set prices, NaN standing for a pool that has none yet, and let the sample pass that takes them."""
        has_price = ~np.isnan(prices)
        self.books["price"] = np.where(has_price, prices, 0.0)
        self.books["is_open"] = has_price
        self.ledger["ts_event_ns"] = self.now_ns
        observe(self.ledger[0], self.books, self.risk)
        self.now_ns += SAMPLE_NS

    def hold(self, *whole_x: float) -> None:
        self.books["base"] = np.array(whole_x) * 1e6

    @property
    def header(self) -> Rows:
        return self.risk[0]

    @property
    def tails(self) -> NDArray[np.float64]:
        return self.risk[2]

    @property
    def correlation(self) -> NDArray[np.float64]:
        return self.risk[3]

    @property
    def value_at_risk(self) -> float:
        return float(self.header["value_at_risk"][0])


def tail(losses: list[float]) -> float:
    """The loss that at most one in twenty exceeds, over the horizon; a gain is a loss of nothing."""
    return max(0.0, sorted(losses, reverse=True)[len(losses) // 20]) * SCALE


def walk(seed: int, samples: int, starts: tuple[int, ...]) -> NDArray[np.float64]:
    """Prices that move together in part, stand still at times, and begin at the sample given for each pool."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0.0, 0.002, samples)[:, None]
    own = rng.normal(0.0, 0.003, (samples, len(starts)))
    steps = (common * rng.uniform(-1.0, 2.0, len(starts)) + own) * (rng.random((samples, len(starts))) < 0.8)
    prices: NDArray[np.float64] = np.exp(np.cumsum(steps, axis=0)) * rng.uniform(0.1, 200.0, len(starts))
    for pool, start in enumerate(starts):
        prices[:start, pool] = np.nan
    return prices


def returns_of(prices: NDArray[np.float64], pool: int, count: int) -> list[float]:
    """The last so many log returns of a pool."""
    column = prices[-count - 1 :, pool].tolist()
    return [math.log(after / before) for before, after in itertools.pairwise(column)]


def expected(prices: NDArray[np.float64], whole_x: tuple[float, ...]) -> tuple[list[float], list[list[float]], float]:
    """Tails, correlations and value at risk after all of these samples."""
    pools = prices.shape[1]
    known = [min(max(int(np.sum(~np.isnan(prices[:, pool]))) - 1, 0), RING) for pool in range(pools)]
    parametric = 1.645 * DEFAULT * SCALE
    tails = [
        tail([-move for move in returns_of(prices, pool, known[pool])]) if known[pool] >= MIN_SAMPLES else parametric
        for pool in range(pools)
    ]
    correlation = [[float(one == other) for other in range(pools)] for one in range(pools)]
    for one, other in itertools.permutations(range(pools), 2):
        common = min(known[one], known[other])
        if common >= MIN_SAMPLES:
            correlation[one][other] = np.corrcoef(returns_of(prices, one, common), returns_of(prices, other, common))[
                0, 1
            ]
    at_risk = {pool: x * prices[-1, pool] for pool, x in enumerate(whole_x) if x and not np.isnan(prices[-1, pool])}
    common = min([known[pool] for pool in at_risk], default=0)
    if common < MIN_SAMPLES:
        return tails, correlation, parametric * sum(at_risk.values())
    moves = {pool: returns_of(prices, pool, common) for pool in at_risk}
    losses = [-sum(value * moves[pool][sample] for pool, value in at_risk.items()) for sample in range(common)]
    return tails, correlation, tail(losses)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_measured_is_what_the_definitions_say(seed: int) -> None:
    starts = (0, 0, 17, 120)
    whole_x = (30.0, 5.0, 400.0, 0.0 if seed % 2 else 70.0)
    prices = walk(seed, RING + 150, starts)
    market = Market(len(starts))
    market.hold(*whole_x)
    for count in range(1, len(prices) + 1):
        market.sample(prices[count - 1])
        if count % 7 and count not in {30, 31, 32, 47, 48, 150, 151, RING, RING + 1, RING + 2}:
            continue
        tails, correlation, value_at_risk = expected(prices[:count], whole_x)
        np.testing.assert_allclose(market.tails, tails, rtol=1e-12)
        np.testing.assert_allclose(market.correlation, correlation, rtol=1e-9, atol=1e-12)
        assert market.value_at_risk == pytest.approx(value_at_risk, rel=1e-12)


@pytest.mark.parametrize("samples", [30, 39, 40, 100, 255, RING])
def test_the_quantile_is_numpys_inverted_distribution(samples: int) -> None:
    prices = walk(11, samples + 1, (0,))
    market = Market(1)
    market.hold(50.0)
    for row in prices:
        market.sample(row)
    losses = -np.diff(np.log(prices[:, 0]))
    quantile = np.quantile(losses, 0.95, method="inverted_cdf")
    assert market.tails[0] == pytest.approx(quantile * SCALE, rel=1e-12)
    assert np.mean(losses * SCALE > market.tails[0] * (1.0 + 1e-12)) <= 0.05
    assert market.value_at_risk == pytest.approx(market.tails[0] * 50.0 * prices[-1, 0], rel=1e-12)


def test_thirty_samples_take_the_place_of_the_default_at_once() -> None:
    prices = walk(3, 32, (0, 0))
    market = Market(2)
    market.hold(10.0, 20.0)
    parametric = 1.645 * DEFAULT * SCALE
    for count, row in enumerate(prices[: MIN_SAMPLES + 1]):
        market.sample(row)
        if count < MIN_SAMPLES:
            assert market.tails.tolist() == pytest.approx([parametric] * 2)
            assert market.correlation.tolist() == [[1.0, 0.0], [0.0, 1.0]]
            assert market.value_at_risk == pytest.approx(parametric * (10.0 * row[0] + 20.0 * row[1]))
    assert (market.tails < parametric).all()
    assert market.correlation[0, 1] == market.correlation[1, 0] != 0.0


def test_nothing_held_is_nothing_at_risk_before_and_after_the_first_samples() -> None:
    market = Market(2)
    for row in walk(4, 40, (0, 0)):
        market.sample(row)
        assert market.value_at_risk == 0.0


def test_pools_that_move_against_each_other_are_set_off() -> None:
    moves = np.random.default_rng(5).normal(0.0, 0.01, 60).cumsum()
    market = Market(2)
    for move in moves:
        market.sample(np.exp([move, -move]))
    assert market.correlation[0, 1] == pytest.approx(-1.0)
    market.hold(1 / market.books["price"][0], 1 / market.books["price"][1])
    refresh(market.books, market.risk)
    assert market.value_at_risk == pytest.approx(0.0, abs=1e-6)
    market.hold(1 / market.books["price"][0], 0.0)
    refresh(market.books, market.risk)
    assert market.value_at_risk == pytest.approx(market.tails[0], rel=1e-4)


def test_a_change_of_the_books_that_was_noted_counts_when_it_is_asked_for() -> None:
    market = Market(1)
    market.hold(10.0)
    for row in walk(6, 50, (0,)):
        market.sample(row)
    before = market.value_at_risk
    market.books["position_x"] = market.books["base"]
    bring_up_to_date(market.books, market.risk)
    assert market.value_at_risk == before
    books_changed(market.risk)
    bring_up_to_date(market.books, market.risk)
    assert market.value_at_risk == pytest.approx(2 * before)


def test_a_price_that_stands_still_has_no_tail_and_no_correlation() -> None:
    prices = walk(7, 60, (0, 0))
    prices[:, 1] = 137.0
    market = Market(2)
    for row in prices:
        market.sample(row)
    assert market.tails[1] == 0.0
    assert market.correlation[0, 1] == 0.0
    assert market.correlation[1, 1] == 1.0


def test_a_steady_climb_is_no_correlation_either() -> None:
    market = Market(2)
    for k in range(60):
        market.sample(np.array([1.001**k, 1.002**k]))
    assert market.correlation[0, 1] == 0.0
    assert market.tails.tolist() == [0.0, 0.0]


def test_a_price_that_is_none_is_carried_forward() -> None:
    market, clean = Market(1), Market(1)
    prices = walk(8, 60, (0,))
    for count, row in enumerate(prices):
        bad = count in {20, 21, 40}
        clean.sample(prices[19] if bad and count < 40 else prices[39] if bad else row)
        market.sample(np.array([(0.0, math.inf, -1.0)[count % 3]]) if bad else row)
    assert market.risk[1].tobytes() == clean.risk[1].tobytes()
    assert market.tails.tolist() == clean.tails.tolist()


def test_a_sample_is_taken_when_market_time_reaches_it_and_not_before() -> None:
    market = Market(1)
    for at_s, due_s, samples in [
        (0.0, 10, 1),
        (9.9, 10, 1),
        (10.0, 20, 2),
        (10.1, 20, 2),
        (25.0, 30, 3),
        (30.0, 40, 4),
    ]:
        market.now_ns = START_NS + round(at_s * 1e9)
        market.sample(np.array([2.0]))
        assert market.header["samples"].tolist() == [samples]
        assert market.header["next_ns"].tolist() == [START_NS + due_s * 1_000_000_000]


def test_a_stretch_in_which_nothing_came_is_one_sample() -> None:
    market = Market(1)
    market.sample(np.array([2.0]))
    market.now_ns += 3_600_000_000_000
    market.sample(np.array([3.0]))
    assert market.risk[1][0]["samples"] == 1
    assert market.risk[1][0]["ring"][1] == pytest.approx(math.log(1.5))


def test_what_is_measured_does_not_hang_on_what_comes_later() -> None:
    prices = walk(9, 120, (0, 0, 30))
    other = prices.copy()
    other[80:] *= np.random.default_rng(10).uniform(0.5, 2.0, (40, 3))
    one, two = Market(3), Market(3)
    one.hold(1.0, 2.0, 3.0)
    two.hold(1.0, 2.0, 3.0)
    for count in range(120):
        one.sample(prices[count])
        two.sample(other[count])
        assert (snapshot_risk(one.risk) == snapshot_risk(two.risk)) == (count < 80)


def test_prices_between_samples_leave_no_trace() -> None:
    market, restless = Market(2), Market(2)
    for row in walk(12, 60, (0, 0)):
        market.sample(row)
        restless.sample(row)
        restless.books["price"] *= 1.5
        restless.ledger["ts_event_ns"] = restless.now_ns - 1
        observe(restless.ledger[0], restless.books, restless.risk)
    assert snapshot_risk(market.risk) == snapshot_risk(restless.risk)


def test_going_on_from_a_snapshot_is_going_on() -> None:
    prices = walk(13, 330, (0, 100))
    whole = Market(2)
    whole.hold(5.0, 6.0)
    broken = Market(2)
    broken.hold(5.0, 6.0)
    for count, row in enumerate(prices):
        whole.sample(row)
        if count in {0, 25, 131, 290}:
            broken.risk = restored(broken.risk, 2)
        broken.sample(row)
    assert snapshot_risk(whole.risk) == snapshot_risk(broken.risk)


def test_a_snapshot_does_not_change_with_later_samples() -> None:
    market = Market(1)
    market.sample(np.array([2.0]))
    state = snapshot_risk(market.risk)
    kept = bytes(state)
    market.sample(np.array([3.0]))
    assert state == kept != snapshot_risk(market.risk)


def test_a_snapshot_of_other_pools_is_refused() -> None:
    state = snapshot_risk(open_risk(2, SAMPLE_S, HORIZON_S, DEFAULT))
    with pytest.raises(DlmmError, match="market risk of 3 pools takes"):
        restore_risk(state, 3)


def restored(risk: Risk, pools: int) -> Risk:
    return restore_risk(snapshot_risk(risk), pools)
