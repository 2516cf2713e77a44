"""Swaps of Whirlpools: prices and liquidity worked out from amounts, against pools whose state is known."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from connectors.importers.concentrated import liquidity_from_swaps, price_after, value_near
from connectors.importers.detect import detect_kind
from connectors.importers.terms import PoolTerms
from connectors.importers.whirlpool import NEEDS, import_whirlpool_swaps
from connectors.recordings.inspection import Inspector
from connectors.recordings.recording import Recording
from connectors.recordings.schema import RecordingError
from dlmm.records import Venue
from tests.shared import need_shared

SWAPS = "data/onchain/whirlpool_swaps_20220406.parquet"
SOL_USDC = "65shmpuYmxx5p7ggNCZbyrGLCXVqbBR1ZD5aAocRBUNG"
LIQUIDITY = 2e13
FEE_PPM = 2_500


def made_swaps(count: int, pool: str = "P", pair: str = "SOL/USDC", first_slot: int = 100) -> pl.DataFrame:
    """Swaps of a pool of constant liquidity, by the formulas of its program in floats."""
    generator = np.random.default_rng(7)
    root = np.sqrt(0.12)
    rows = []
    for number in range(count):
        move = float(generator.normal(0.0, 5e-4)) or 1e-4
        after = root * np.exp(move)
        x, y = LIQUIDITY * (1.0 / after - 1.0 / root), LIQUIDITY * (after - root)  # what enters the pool
        a_to_b = move < 0.0
        paid, taken = (x, -y) if a_to_b else (y, -x)
        amount_in, amount_out = round(paid / (1.0 - FEE_PPM / 1e6)), round(taken)
        gross = amount_out / amount_in if a_to_b else amount_in / amount_out
        rows.append((first_slot + number, 1_649_203_200 + number // 2, number, 0, pool, pair, FEE_PPM, a_to_b,
                     amount_in, amount_out, gross * 1e3, after**2 * 1e3))  # fmt: skip
        root = after
    return pl.DataFrame(rows, [*NEEDS, "truth"], orient="row")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "swaps.parquet"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "market.parquet"


def test_price_and_liquidity_come_out_as_they_were(source: Path, out: Path) -> None:
    swaps = made_swaps(200)
    swaps.write_parquet(source)
    assert detect_kind(source) == "whirlpool"
    summary = import_whirlpool_swaps(source, out)
    recording = Recording.open(out)
    rows = recording.rows()
    assert summary.rows == {"P": 200}
    error = np.abs(np.log(rows["price"] / swaps["truth"].to_numpy()))
    assert error[10:].max() < 1e-6
    assert error[:10].max() < 1e-3  # before there are enough swaps the average price stands in
    half = 1.0 - 1.0004 ** (-35 / 2)
    depth = 2.0 * LIQUIDITY * np.sqrt(rows["price"] / 1e3) * half / 1e6
    assert np.isnan(rows["liquidity"][:4]).all()
    assert rows["liquidity"][10:] == pytest.approx(depth[10:], rel=1e-3)
    (info,) = recording.pools
    assert info.base_factor * info.bin_step * 10 * 10**info.base_fee_power_factor == FEE_PPM * 1_000
    assert (info.base, info.quote, info.decimals_x, info.decimals_y) == ("SOL", "USDC", 9, 6)
    assert rows["write_order"].tolist() == [number * 256 for number in range(200)]
    assert Inspector(recording.pools).check(rows).all()


def test_no_later_swap_changes_an_earlier_row(source: Path, out: Path, tmp_path: Path) -> None:
    swaps = made_swaps(60)
    swaps.write_parquet(source)
    import_whirlpool_swaps(source, out, min_swaps=1)
    whole = Recording.open(out).rows()
    for count in (3, 5, 6, 30, 59):
        swaps.head(count).write_parquet(tmp_path / "part.parquet")
        import_whirlpool_swaps(tmp_path / "part.parquet", tmp_path / "out.parquet", min_swaps=1)
        part = Recording.open(tmp_path / "out.parquet").rows()
        assert part.tobytes() == whole[:count].tobytes()


def test_bad_swaps_are_refused_under_their_names(source: Path, out: Path) -> None:
    swaps = made_swaps(40)
    bad = swaps.head(5).with_columns(
        tx_index=pl.int_range(5).cast(pl.Int64) + 1_000,
        amount_in=pl.Series([5, 10**9, None, 10**9, -1]),
        block_time=pl.Series([1_649_203_200, 0, 1_649_203_200, 1_649_203_200, 1_649_203_200]),
        fee_rate_ppm=pl.Series([2_500, 2_500, 2_500, 1_000_000, 2_500]),
    )
    pl.concat([swaps, bad, swaps.tail(1)]).write_parquet(source)
    summary = import_whirlpool_swaps(source, out, min_swaps=1)
    assert summary.rows == {"P": 40}
    assert summary.refused == {
        "value_missing": 1,
        "time_unreadable": 1,
        "fee_impossible": 1,
        "dust_swap": 2,
        "duplicate": 1,
    }


def test_pools_are_chosen_by_address_pair_and_quote(source: Path, out: Path) -> None:
    others = [made_swaps(120, "Q", "ORCA/USDC", 500), made_swaps(120, "R", "SOL/USDT", 900), made_swaps(20, "S")]
    pl.concat([made_swaps(120), *others]).write_parquet(source)
    everything = import_whirlpool_swaps(source, out)
    assert everything.rows == {"P": 120, "Q": 120, "R": 120}
    assert everything.passed_over == {"pool_with_few_swaps": 20}
    assert any("USDC, USDT" in note for note in everything.notes)
    assert import_whirlpool_swaps(source, out, quote="USDT").rows == {"R": 120}
    assert import_whirlpool_swaps(source, out, pools=["SOL/USDC"]).rows == {"P": 120}
    assert import_whirlpool_swaps(source, out, pools=["S", "ORCA/USDC"]).rows == {"S": 20, "Q": 120}
    with pytest.raises(RecordingError, match="has no swaps of 'BTC/USDC'; its pairs are SOL/USDC"):
        import_whirlpool_swaps(source, out, pools=["BTC/USDC"])


def test_decimals_of_an_unknown_token_follow_from_the_price(source: Path, out: Path) -> None:
    made_swaps(30, pair="MOON/USDC").write_parquet(source)
    import_whirlpool_swaps(source, out, min_swaps=1)
    assert Recording.open(out).pools[0].decimals_x == 9


def test_a_missing_column_is_named(source: Path, out: Path) -> None:
    made_swaps(3).drop("fee_rate_ppm").write_parquet(source)
    with pytest.raises(RecordingError, match="has no column 'fee_rate_ppm'; its columns are slot, block_time"):
        import_whirlpool_swaps(source, out)


def test_liquidity_is_unknown_where_swaps_say_nothing() -> None:
    average = np.full(20, 0.12)
    assert np.isnan(liquidity_from_swaps(average, np.full(20, 1e9))).all()
    assert np.isnan(liquidity_from_swaps(average[:3], np.full(3, 1e9))).all()
    assert price_after(average, np.full(20, 1e9), np.full(20, np.nan)).tolist() == average.tolist()


def test_depth_of_a_range_is_what_its_two_ends_hold() -> None:
    price, factor = 0.12, 1.0004**35
    y = LIQUIDITY * (np.sqrt(price) - np.sqrt(price / factor))
    x = LIQUIDITY * (1.0 / np.sqrt(price) - 1.0 / np.sqrt(price * factor))
    (depth,) = value_near(np.array([LIQUIDITY]), np.array([price]), 4)
    assert depth == pytest.approx(y + x * price, rel=1e-12)


@pytest.mark.parametrize("venue", list(Venue))
def test_the_day_of_real_swaps_ends_at_the_state_stored_on_chain(out: Path, venue: Venue) -> None:
    snapshots = pl.read_parquet(need_shared("data/onchain/whirlpool_pool_snapshots.parquet"))
    terms = PoolTerms(venue=venue, bin_step=4)
    summary = import_whirlpool_swaps(need_shared(SWAPS), out, terms=terms)
    assert summary.rows[SOL_USDC] == 4_691
    assert summary.refused == {"dust_swap": 1}
    recording = Recording.open(out)
    rows = recording.rows()
    assert Inspector(recording.pools).check(rows).all()
    for index, info in enumerate(recording.pools):
        stored = snapshots.filter(pl.col("pool") == info.pool).sort("slot").row(0, named=True)
        last = rows[rows["pool"] == index][-1]
        assert last["price"] == pytest.approx(stored["price"], rel=1e-5)
        raw_price = stored["price"] * 10.0 ** (info.decimals_y - info.decimals_x)
        depth = value_near(np.array([float(stored["liquidity"])]), np.array([raw_price]), 4)[0] / 1e6
        assert last["liquidity"] == pytest.approx(depth, rel=0.02)
