"""A run folder ends with readable results in which nothing appears twice, however often the run was stopped."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from connectors.results.run_folder import Outcome, RunFolderSink, usable_runs_dir
from connectors.results.run_labels import RunLabels
from dlmm.errors import DlmmError
from operators.portfolio import Portfolio
from operators.portfolio_records import Report
from tests.operators.test_portfolio import POOLS, ROWS, params, slices, take

TABLES = ("orders", "fills", "equity", "signals")
LABELS = RunLabels(
    name="test",
    infos=POOLS,
    strategies=("making",),
    quote="USDC",
    capital=90_000.0,
    equity_interval_s=10.0,
    configuration='[replay]\nname = "test"\n',
    recording="somewhere/tape.parquet",
    notes=("a note",),
)


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    portfolio = Portfolio(params())
    return [report for blocks in slices(ROWS, 500) for report in take(portfolio, blocks)]


def sink(folder: Path) -> RunFolderSink:
    return RunFolderSink(folder, LABELS, Outcome())


def part(folder: Path, state: Any = None) -> Any:
    """Build the sink's only part, from a snapshot as a recovery store gives it back."""
    return sink(folder).build_part("step", "result", pickle.loads(pickle.dumps(state)))


def only_run(folder: Path) -> Path:
    (run,) = folder.iterdir()
    return run


def tables(run: Path) -> dict[str, pl.DataFrame]:
    return {table: pl.read_parquet(run / f"{table}.parquet") for table in TABLES}


def summary_of(run: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return {key: value for key, value in read.items() if key not in {"seconds", "updates_per_s"}}


@pytest.fixture(scope="module")
def finished(reports: list[Report], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    run = part(folder)
    run.write_batch(reports)
    run.close()
    return only_run(folder)


def test_a_finished_run_leaves_its_results_and_nothing_else(finished: Path) -> None:
    assert sorted(entry.name for entry in finished.iterdir()) == [
        "config.toml",
        "equity.parquet",
        "fills.parquet",
        "orders.parquet",
        "signals.parquet",
        "summary.json",
    ]
    assert finished.name.endswith("-test")
    assert (finished / "config.toml").read_text() == LABELS.configuration


def test_tables_hold_every_row_under_names_that_speak(finished: Path, reports: list[Report]) -> None:
    made = tables(finished)
    for table in TABLES:
        assert made[table].height == sum(len(getattr(report, table)) for report in reports)
    fills, orders = made["fills"], made["orders"]
    assert set(fills["pool"].unique()) == {info.pool for info in POOLS}
    assert set(fills["strategy"].unique()) == {"making"}
    assert set(fills["side"].unique()) == {"buy", "sell"}
    assert set(orders["kind"].unique()) == {"resting"}
    assert {"filled", "cancelled"} <= set(orders["status"].unique())
    assert "none" in orders["rule"].unique()
    said = made["signals"]
    assert set(said["kind"].unique()) == {"quote"}
    assert orders.join(said, on=["seq", "strategy", "pool"]).height == orders.height
    assert not [name for frame in made.values() for name in frame.columns if name.startswith("_")]
    first = reports[next(index for index, report in enumerate(reports) if len(report.fills))].fills[0]
    row = fills.row(0, named=True)
    assert row["pool"] == POOLS[first["pool"]].pool
    assert (row["order"], row["amount_in"], row["price"]) == (first["order"], first["amount_in"], first["price"])
    assert fills.join(orders, on="order")["status"].unique().to_list() == ["filled"]


def test_the_summary_adds_up(finished: Path) -> None:
    made, summary = tables(finished), summary_of(finished)
    assert summary["updates"] == len(ROWS)
    assert summary["fills"] == made["fills"].height
    assert sum(summary["orders_by_status"].values()) == made["orders"].height == summary["orders"]
    assert summary["fees"] == pytest.approx(made["fills"]["fee"].sum())
    assert summary["realised"] == pytest.approx(made["fills"]["realised"].sum())
    assert summary["profit"] == pytest.approx(summary["end_equity"] - LABELS.capital)
    assert summary["end_equity"] == pytest.approx(made["equity"]["equity"][-1])
    assert summary["max_drawdown"] >= made["equity"]["drawdown"].max()
    assert summary["signals"].keys() == {"making"}
    assert summary["pools"].keys() == {info.pool for info in POOLS}
    for info in POOLS:
        of_pool = summary["pools"][info.pool]
        assert (of_pool["base_symbol"], of_pool["base_decimals"]) == (info.base, info.decimals_x)
        assert (of_pool["quote_symbol"], of_pool["quote_decimals"]) == (info.quote, info.decimals_y)
    assert summary["notes"] == ["a note"]


def test_the_summary_says_what_each_strategy_came_to(finished: Path) -> None:
    summary = summary_of(finished)
    (alone,) = summary["strategies"].values()
    assert summary["strategies"].keys() == {"making"}
    assert (alone["signals"], alone["orders"], alone["fills"]) == (
        summary["signals"]["making"],
        summary["orders"],
        summary["fills"],
    )
    for figure in ("fees", "realised", "volume", "win_rate", "transaction_costs"):
        assert alone[figure] == pytest.approx(summary[figure]), figure
    assert alone["pnl"] == pytest.approx(summary["profit"], abs=1e-4)


@pytest.mark.parametrize("stop", [0, 1, 5, 11])
def test_what_a_killed_run_wrote_after_its_snapshot_does_not_appear_twice(
    stop: int, reports: list[Report], finished: Path, tmp_path: Path
) -> None:
    killed = part(tmp_path)
    killed.write_batch(reports[:stop])
    state = killed.snapshot()
    killed.write_batch(reports[stop : stop + 3])
    for log in killed._logs.values():
        log.close()
    for path in only_run(tmp_path).glob("*.rows"):  # a process that dies may leave half of a row behind
        with path.open("ab") as rows:
            rows.write(b"torn")
    again = part(tmp_path, state)
    for report in reports[stop:]:
        again.write_batch([report])
    again.close()
    for table, frame in tables(only_run(tmp_path)).items():
        assert frame.equals(tables(finished)[table]), table
    assert summary_of(only_run(tmp_path)) == summary_of(finished)


def test_a_run_killed_after_its_last_snapshot_is_finished_by_a_restart(
    reports: list[Report], finished: Path, tmp_path: Path
) -> None:
    killed = part(tmp_path)
    killed.write_batch(reports)
    state = killed.snapshot()
    # The input has ended: the restart brings no report any more.
    part(tmp_path, state).close()
    assert summary_of(only_run(tmp_path)) == summary_of(finished)
    for table, frame in tables(only_run(tmp_path)).items():
        assert frame.equals(tables(finished)[table]), table


def test_a_restart_of_a_finished_run_changes_nothing(reports: list[Report], finished: Path, tmp_path: Path) -> None:
    run = part(tmp_path)
    run.write_batch(reports[:7])
    early = run.snapshot()
    run.write_batch(reports[7:])
    late = run.snapshot()
    run.close()
    before = {entry.name: entry.read_bytes() for entry in only_run(tmp_path).iterdir()}
    for state, rest in ((late, []), (early, reports[7:])):
        again = part(tmp_path, state)
        again.write_batch(rest)
        again.snapshot()
        again.close()
        assert {entry.name: entry.read_bytes() for entry in only_run(tmp_path).iterdir()} == before
    assert summary_of(only_run(tmp_path)) == summary_of(finished)


@pytest.mark.parametrize("harm", ["folder", "file", "length"])
def test_rows_that_are_gone_are_not_made_up(harm: str, reports: list[Report], tmp_path: Path) -> None:
    run = part(tmp_path)
    run.write_batch(reports[:7])
    state = run.snapshot()
    run.close()
    path = only_run(tmp_path) / "orders.rows"
    if harm == "folder":
        shutil.rmtree(path.parent)
    elif harm == "file":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DlmmError, match=r"orders\.rows"):
        part(tmp_path, state)


def test_a_run_that_goes_on_from_one_that_ended_counts_that_ones_orders_too(
    reports: list[Report], finished: Path, tmp_path: Path
) -> None:
    def begun(state: Any) -> Any:
        going_on = RunFolderSink(tmp_path, LABELS, Outcome(), goes_on=True)
        return going_on.build_part("step", "result", pickle.loads(pickle.dumps(state)))

    cuts = len(reports) // 3, 2 * len(reports) // 3
    state: Any = None
    for mine in (reports[: cuts[0]], reports[cuts[0] : cuts[1]], reports[cuts[1] :]):
        begun(state)  # dies before it has done anything
        run = begun(state)
        run.write_batch(mine[:-1])
        run = begun(run.snapshot())  # dies on the way
        run.write_batch([msgspec.structs.replace(mine[-1], totals=reports[-1].totals)])
        state = run.snapshot()
        run.close()
    ended = sorted(folder for folder in tmp_path.iterdir() if (folder / "summary.json").exists())
    assert len(ended) == 3
    last = json.loads((Path(state.folder) / "summary.json").read_text())
    whole = summary_of(finished)
    for figure in ("orders", "orders_by_status", "objections", "strategies"):
        assert last[figure] == whole[figure]
    assert sum(last["orders_by_status"].values()) == last["orders"]
    assert last["seconds"] > max(json.loads((folder / "summary.json").read_text())["seconds"] for folder in ended[:2])


def test_a_run_cut_short_keeps_its_rows_and_claims_no_result(reports: list[Report], tmp_path: Path) -> None:
    run = part(tmp_path)
    run.write_batch(reports[:7])
    run.close()
    names = {entry.name for entry in only_run(tmp_path).iterdir()}
    assert names == {"config.toml", "orders.rows", "fills.rows", "equity.rows", "signals.rows"}


def test_runs_that_start_in_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    for _ in range(3):
        part(tmp_path).close()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_run_without_a_trade_has_empty_tables_and_no_made_up_figures(tmp_path: Path) -> None:
    (blocks,) = slices(ROWS[:50], 50)
    silent = [msgspec.structs.replace(block, signals=block.signals[:0]) for block in blocks]
    run = part(tmp_path)
    run.write_batch(take(Portfolio(params()), silent))
    run.close()
    made, summary = tables(only_run(tmp_path)), summary_of(only_run(tmp_path))
    assert (made["orders"].height, made["fills"].height) == (0, 0)
    assert (summary["win_rate"], summary["profit_factor"]) == (None, None)
    assert made["fills"].schema["pool"] == pl.Enum([info.pool for info in POOLS])


def test_how_the_input_ended_is_handed_on(reports: list[Report], tmp_path: Path) -> None:
    totals = reports[-1].totals
    assert totals is not None
    failed = msgspec.structs.replace(reports[-1], totals=msgspec.structs.replace(totals, failure="cut in half"))
    made = sink(tmp_path)
    run = made.build_part("step", "result", None)
    run.write_batch([*reports[:-1], failed])
    run.close()
    assert made.outcome.failure == "cut in half"


def test_a_folder_for_results_is_made_or_refused_by_name(tmp_path: Path) -> None:
    wanted = tmp_path / "new" / "runs"
    assert usable_runs_dir(str(wanted)) == usable_runs_dir(str(wanted)) == wanted
    assert wanted.is_dir()
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(DlmmError, match=rf"results\.runs_dir: {path}: cannot be made"):
            usable_runs_dir(str(path))
