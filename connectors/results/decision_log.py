"""Read from a run's results why an order came about: the order, the signal behind it, what it came to."""

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from connectors.execution.order_journal_format import NAME
from connectors.execution.order_phases import Order
from connectors.execution.orders_report import report_orders
from connectors.results.order_contents import PoolTokens
from dlmm.errors import DlmmError
from dlmm.records import Record

SUMMARY = "summary.json"
_OF_ONE_SIGNAL = ("seq", "strategy", "pool")


class ResultError(DlmmError):
    """A run folder that cannot answer what it was asked.

    :arg path: The folder or file.

    :arg reason: What is wrong.

    """

    def __init__(self, path: Path, reason: str) -> None:
        """Keep both values, and name the path first."""
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Decision(Record, frozen=True):
    """All that a run's results say of one order.

    :arg order: Its row of `orders.parquet`.

    :arg signal: The row of `signals.parquet` that it was made for; `None` where no strategy spoke at that row.

    :arg fills: Its rows of `fills.parquet`.

    :arg figures: Names of the signal's figures.

    :arg quote: Currency of values.

    :arg attempts: What the order journal has of it; with signed execution only.

    :arg tokens: Those of each pool that the results know; none of a run that was made before they were kept.

    :arg wish: Of a ladder that no signal asked for at that row: the strategy's last wish before it.

    :arg retried: Of a ladder: the order for the same wish that came to nothing right before; `None` for a first try.

    """

    order: dict[str, Any]
    signal: dict[str, Any] | None
    fills: tuple[dict[str, Any], ...]
    figures: tuple[str, ...]
    quote: str
    attempts: tuple[Order, ...] = ()
    tokens: dict[str, PoolTokens] = msgspec.field(default_factory=dict)
    wish: dict[str, Any] | None = None
    retried: dict[str, Any] | None = None


def newest_run(runs_dir: Path) -> Path:
    """Return the run folder that ended last, of those that have a result.

    :raises ResultError: There is none.

    """
    try:
        ended = [(path.stat().st_mtime_ns, path.parent) for path in runs_dir.glob(f"*/{SUMMARY}")]
    except OSError as error:
        raise ResultError(runs_dir, f"cannot be read: {error.strerror}") from None
    if not ended:
        raise ResultError(runs_dir, "there is no run with a result; results.runs_dir says where to look")
    return max(ended)[1]


def read_decision(run: Path, number: int, journals: Path | None = None) -> Decision:
    """Read what a run's results say of one order.

    :arg number: The order's id.

    :arg journals: Folder of the wallets' folders, where the order journal of a signed run is looked for if it is not
        with the results.

    :raises DlmmError: The run has no such order, or no result, or its order journal cannot be read.

    """
    summary = _summary(run)
    orders = _table(run, "orders").filter(pl.col("order") == number).collect().to_dicts()
    if not orders:
        raise ResultError(run, f"has no order {number}; `dlmm-hft explain` lists the last ones of the newest run")
    (order,) = orders
    is_behind = [pl.col(name) == pl.lit(order[name]) for name in _OF_ONE_SIGNAL]
    found = _table(run, "signals").filter(is_behind).collect().to_dicts()
    return Decision(
        order=order,
        signal=found[0] if found else None,
        fills=tuple(_table(run, "fills").filter(pl.col("order") == number).collect().to_dicts()),
        figures=tuple(summary.get("figures", {}).get(order["strategy"], ())),
        quote=summary["quote"],
        attempts=_attempts(run, number, summary, journals),
        tokens=_tokens(run, summary),
        wish=_wish_before(run, order) if not found else None,
        retried=_retried(run, order),
    )


def last_orders(run: Path, count: int) -> list[dict[str, Any]]:
    """Return a run's last orders in order of their ids, each with the `said` that its signal gave as its reason.

    :raises ResultError: The run has no result.

    """
    _summary(run)
    signals = _table(run, "signals")
    said = pl.col("reason").cast(pl.String) if "reason" in signals.collect_schema() else pl.lit(None, pl.String)
    orders = _table(run, "orders").sort("order").tail(count)
    joined = orders.join(signals.select(*_OF_ONE_SIGNAL, said.alias("said")), on=_OF_ONE_SIGNAL, how="left")
    return joined.sort("order").collect().to_dicts()


def quote_of(run: Path) -> str:
    """Return the currency in which a run's values are.

    :raises ResultError: The run has no result.

    """
    return str(_summary(run)["quote"])


def tokens_of(run: Path) -> dict[str, PoolTokens]:
    """Return the tokens of each pool that a run's results know.

    :raises ResultError: The run has no result, or not what it should have of its pools.

    """
    return _tokens(run, _summary(run))


def _summary(run: Path) -> dict[str, Any]:
    path = run / SUMMARY
    if not run.is_dir():
        raise ResultError(run, "is no run folder")
    try:
        summary: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise ResultError(run, f"has no {SUMMARY}: the run goes on, or was cut short") from None
    except OSError as error:
        raise ResultError(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise ResultError(path, "is no summary of a run") from None
    if not isinstance(summary, dict) or "quote" not in summary:
        raise ResultError(path, "is no summary of a run")
    return summary


def _table(run: Path, table: str) -> pl.LazyFrame:
    path = run / f"{table}.parquet"
    if not path.exists():
        why = "; it was made before signals were kept, so that nothing says why" if table == "signals" else ""
        raise ResultError(run, f"has no {path.name}{why}")
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ResultError(path, f"cannot be read: {' '.join(str(error).split())}") from None
    return frame.lazy()


def _tokens(run: Path, summary: dict[str, Any]) -> dict[str, PoolTokens]:
    try:
        pools = msgspec.convert(summary.get("pools", {}), dict[str, dict[str, Any]])
        return {name: msgspec.convert(pool, PoolTokens) for name, pool in pools.items() if "base_decimals" in pool}
    except msgspec.ValidationError as error:
        raise ResultError(run / SUMMARY, f"pools: {error}") from None


def _wish_before(run: Path, order: dict[str, Any]) -> dict[str, Any] | None:
    if order["action"] != "rebalance":
        return None
    mine = [pl.col(name) == pl.lit(order[name]) for name in ("strategy", "pool")]
    earlier = (pl.col("kind") == "rebalance") & (pl.col("seq") < order["seq"])
    last = _table(run, "signals").filter(*mine, earlier).sort("seq").tail(1).collect().to_dicts()
    return last[0] if last else None


def _retried(run: Path, order: dict[str, Any]) -> dict[str, Any] | None:
    """Find what an order tries again: that has the row of the one that failed."""
    if order["action"] != "rebalance":
        return None
    mine = [pl.col(name) == pl.lit(order[name]) for name in (*_OF_ONE_SIGNAL, "action")]
    came_to_nothing = pl.col("status").cast(pl.String).is_in(["failed", "expired"])
    before = (pl.col("order") < order["order"]) & came_to_nothing
    last = _table(run, "orders").filter(*mine, before).sort("order").tail(1).collect().to_dicts()
    return last[0] if last else None


def _attempts(run: Path, number: int, summary: dict[str, Any], journals: Path | None) -> tuple[Order, ...]:
    folders = [run]
    wallet = (summary.get("wallet") or {}).get("address")
    if wallet and journals is not None:
        folders.append(journals / wallet)
    for folder in folders:
        if (folder / NAME).exists():
            of_order = [order for order in report_orders(folder).orders if order.key.split(".")[0] == str(number)]
            return tuple(of_order)
    return ()
