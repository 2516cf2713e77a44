from pathlib import Path

import numpy as np
import polars as pl
import pytest

from sandbox.market.price_process import prices_of
from sandbox.market.spec import MarketSpec, MarketSpecError

START = {"SOL/USDC": 150.0, "JUP/USDC": 0.9}


def path_of(spec: MarketSpec, steps: int, seed: int = 3) -> np.ndarray:
    prices = prices_of(START, spec, np.random.default_rng(seed))
    return np.array([list(prices.step().values()) for _ in range(steps)])


def recorded(tmp_path: Path, rows: list[float], suffix: str = ".parquet") -> Path:
    file = tmp_path / f"path{suffix}"
    frame = pl.DataFrame({"slot": range(len(rows)), "price": rows})
    if suffix == ".parquet":
        frame.write_parquet(file)
    else:
        frame.write_csv(file)
    return file


def test_a_seed_decides_the_path() -> None:
    assert (path_of(MarketSpec(), 50) == path_of(MarketSpec(), 50)).all()
    assert (path_of(MarketSpec(), 50) != path_of(MarketSpec(), 50, seed=4)).any()


def test_the_volatility_is_the_one_asked_for() -> None:
    spec = MarketSpec(sigma=0.002, jumps=0.0)
    moves = np.diff(np.log(path_of(spec, 60_000)), axis=0)
    assert moves.std() * np.sqrt(150.0) == pytest.approx(0.002, rel=0.15)


def test_pairs_move_together_as_much_as_asked() -> None:
    spec = MarketSpec(correlation=0.5, jumps=0.0, storms=0.0)
    moves = np.diff(np.log(path_of(spec, 20_000)), axis=0)
    assert np.corrcoef(moves.T)[0, 1] == pytest.approx(0.5, abs=0.05)


def test_prices_come_back_however_wild_the_market() -> None:
    spec = MarketSpec(sigma=0.01, jumps=50.0, revert_s=1_800.0)
    distance = np.abs(np.log(path_of(spec, 50_000) / list(START.values())))
    assert distance.max() < 0.5


def test_nothing_moves_without_volatility_and_jumps() -> None:
    assert (path_of(MarketSpec(sigma=0.0, jumps=0.0), 20) == list(START.values())).all()


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_recorded_path_begins_at_the_start_price_and_turns_at_its_end(tmp_path: Path, suffix: str) -> None:
    file = recorded(tmp_path, [100.0, 101.0, 102.0], suffix)
    path = path_of(MarketSpec(path=str(file), sigma=0.0, jumps=0.0), 6)
    assert path[:, 0] == pytest.approx([150.0, 151.5, 153.0, 151.5, 150.0, 151.5])
    assert (path[:, 1] == 0.9).all()


def test_a_path_moves_the_pair_it_is_for_with_its_stride(tmp_path: Path) -> None:
    file = recorded(tmp_path, [9.0, 9.0, 1.0, 1.5, 2.0])
    spec = MarketSpec(path=str(file), pair="JUP/USDC", skip=2, stride=2, scale=False, sigma=0.0, jumps=0.0)
    assert path_of(spec, 3)[:, 1] == pytest.approx([1.0, 2.0, 1.0])


def test_a_path_of_one_row_stands_still(tmp_path: Path) -> None:
    file = recorded(tmp_path, [7.0])
    assert path_of(MarketSpec(path=str(file)), 3)[:, 0] == pytest.approx([150.0] * 3)


def test_bad_paths_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.parquet"
    text.write_text("nothing")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    good = recorded(tmp_path, [1.0])
    bad = [
        MarketSpec(path="/nowhere/at/all.csv"),
        MarketSpec(path=str(text)),
        MarketSpec(path=str(other)),
        MarketSpec(path=str(good), skip=1),
        MarketSpec(path=str(good), pair="BTC/USDC"),
    ]
    for spec in bad:
        with pytest.raises(MarketSpecError):
            path_of(spec, 1)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_path_with_a_price_that_is_none_is_refused(tmp_path: Path, price: float | None) -> None:
    file = tmp_path / "path.parquet"
    pl.DataFrame({"price": [1.0, price]}).write_parquet(file)
    with pytest.raises(MarketSpecError, match="price"):
        path_of(MarketSpec(path=str(file)), 1)
