"""A spec is refused by the place that is wrong, and gives the same candidates each time."""

import math
from pathlib import Path

import pytest

from dlmm.errors import DlmmError
from flows.research.spec import MAX_CANDIDATES, SweepSpec, candidates_of, ranges_of, read_spec, swept_keys

SPREAD = "strategies.market_making.spread_target"
SLOTS = "paper.latency_slots"


def spec(folder: Path, text: str) -> SweepSpec:
    path = folder / "sweep.toml"
    path.write_text(text)
    return read_spec(str(path))


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    read = spec(tmp_path, f'[grid]\n"{SPREAD}" = [0.001, 0.002]\n"{SLOTS}" = [1, 2, 3]')
    made = candidates_of(read)
    assert len(made) == 6
    assert made[0] == {SPREAD: 0.001, SLOTS: 1}
    assert made[-1] == {SPREAD: 0.002, SLOTS: 3}
    assert swept_keys(read) == (SPREAD, SLOTS)


def test_keys_may_be_written_without_quotes(tmp_path: Path) -> None:
    read = spec(
        tmp_path, f"[grid]\n{SPREAD} = [0.001]\n[random]\nsamples = 2\nseed = 1\n{SLOTS} = {{low = 1, high = 9}}"
    )
    assert list(read.grid) == [SPREAD]
    assert ranges_of(read) == {SLOTS: (1, 9, False)}
    assert swept_keys(read) == (SLOTS,)  # the other takes one value


def test_draws_are_the_same_each_time_and_within_their_bounds(tmp_path: Path) -> None:
    text = f"""
        [random]
        samples = 300
        seed = 7
        "{SPREAD}" = {{low = 0.0001, high = 0.1, log = true}}
        "{SLOTS}" = {{low = 1, high = 4}}
        "strategies.market_making.order_expiry_slots" = {{low = 1, high = 1000, log = true}}
        "strategies.market_making.kelly_fraction" = {{low = 0.1, high = 0.5}}
        "volatility.estimator" = ["rolling", "ewma"]
    """
    made = candidates_of(spec(tmp_path, text))
    assert made == candidates_of(spec(tmp_path, text))
    assert made != candidates_of(spec(tmp_path, text.replace("seed = 7", "seed = 8")))
    spreads = [float(str(each[SPREAD])) for each in made]
    assert all(0.0001 <= spread <= 0.1 for spread in spreads)
    assert sum(map(math.log, spreads)) / 300 == pytest.approx(math.log(0.1 * 0.0001) / 2, abs=0.4)
    assert {each[SLOTS] for each in made} == {1, 2, 3, 4}
    assert {each["volatility.estimator"] for each in made} == {"rolling", "ewma"}
    assert all(isinstance(each["strategies.market_making.order_expiry_slots"], int) for each in made)


def test_grid_and_draws_multiply(tmp_path: Path) -> None:
    text = f'[grid]\n"{SPREAD}" = [0.001, 0.002]\n[random]\nsamples = 5\nseed = 1\n"{SLOTS}" = {{low = 1, high = 9}}'
    made = candidates_of(spec(tmp_path, text))
    assert len(made) == 10
    assert [each[SLOTS] for each in made[:5]] == [each[SLOTS] for each in made[5:]]


def test_paths_begin_at_the_specs_folder(tmp_path: Path) -> None:
    read = spec(tmp_path, f'recordings = ["tape.parquet"]\n[grid]\n"{SLOTS}" = [1]')
    assert read.recordings == (str(tmp_path / "tape.parquet"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[grid]\n"strategies.market_making.spread_targt" = [1]',
            "did you mean strategies.market_making.spread_target",
        ),
        (f'[grid]\n"{SPREAD}" = []', f'grid."{SPREAD}": an empty list'),
        (f'[grid]\n"{SPREAD}" = [0.1, 2.0]', f'grid."{SPREAD}": found 2.0, allowed: a number above 0 and below 1'),
        (f'[grid]\n"{SPREAD}" = 0.1', "allowed: a list of values to try"),
        ('[grid]\n"strategies.market_making" = [1]', "a section, not a key"),
        ('[grid]\n"replay.recording" = ["a"]', "cannot be swept: replay decides nothing"),
        ('[grid]\n"strategies.custom.params.x" = [1]', "strategies.custom is a list; name an item"),
        ('[grid]\n"portfolio.quote.x" = [1]', "portfolio.quote is no section"),
        ('[grid]\n"portfolio[0]" = [1]', "portfolio is no list"),
        ('[grid]\n".." = [1]', "not the path of a key"),
        ("grid = 3", "grid: found 3, allowed: a table"),
        ("[walk_forward]\nfolds = 2", "there is nothing to try"),
        (f'[walk_forward]\nfolds = 0\n[grid]\n"{SLOTS}" = [1]', "walk_forward.folds: "),
        (f'[walk_forward]\ntrain = 1.0\n[grid]\n"{SLOTS}" = [1]', "walk_forward.train: "),
        (f'metric = "luck"\n[grid]\n"{SLOTS}" = [1]', "metric: "),
        (f'recording = "x"\n[grid]\n"{SLOTS}" = [1]', "unknown field `recording`"),
        (f'[random]\nsamples = 1\n"{SLOTS}" = [1]', "random: Object missing required field `seed`"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = []', f'random."{SLOTS}": an empty list'),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = 3', "allowed: a list, or a table of low, high and log"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 4, high = 1}}', "low 4 is not below high 1"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 0, high = 1}}', "found 0, allowed: a whole number"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 1}}', "needs two numbers, low and high"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 1, high = nan}}', "needs two numbers"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 1, high = 2, steps = 3}}', ".steps: no such key"),
        (f'[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 1, high = 2, log = 1}}', ".log: found 1"),
        (
            '[random]\nsamples = 1\nseed = 1\n"paper.slippage_bps" = {low = 0, high = 2, log = true}',
            "low 0 has no logarithm",
        ),
        (
            f'[grid]\n"{SLOTS}" = [1]\n[random]\nsamples = 1\nseed = 1\n"{SLOTS}" = {{low = 1, high = 2}}',
            "is in the grid already",
        ),
        ("[grid", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DlmmError) as refused:
        spec(tmp_path, text)
    assert said in str(refused.value)


def test_too_many_candidates_are_refused(tmp_path: Path) -> None:
    many = spec(tmp_path, f'[random]\nsamples = {MAX_CANDIDATES}\nseed = 1\n[grid]\n"{SLOTS}" = [1, 2]')
    with pytest.raises(DlmmError, match="200,000 candidates"):
        candidates_of(many)
