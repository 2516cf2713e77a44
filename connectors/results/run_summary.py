"""A run in figures: what `summary.json` holds, those of the runs that it goes on from included."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from connectors.results.run_labels import RunLabels
from connectors.results.wallet_summary import summarise_wallet
from dlmm.records import Record
from dlmm.struct_arrays import join
from operators.blocks import Rows
from operators.books.performance import measure
from operators.market.arbitrate import CAUSES
from operators.orders.records import RULES, STATUSES
from operators.portfolio_records import Totals

SUMMARY = "summary.json"
UNENDED = ("open", "sent")


class Before(Record, frozen=True):
    """What the runs of a portfolio that ended before this one came to, of what is counted in a run's own tables.

    :arg orders_by_status: How many orders ended so; `objections` by rule, and `orders` by strategy. Those that had not
        ended are the next run's.

    """

    orders_by_status: Mapping[str, int] = {}
    objections: Mapping[str, int] = {}
    orders: Mapping[str, int] = {}
    seconds: float = 0.0

    @classmethod
    def read(cls, folder: Path) -> "Before":
        """Read it in the results of the last of them."""
        summary = json.loads((folder / SUMMARY).read_text())
        ended = {status: count for status, count in summary["orders_by_status"].items() if status not in UNENDED}
        table = pl.scan_parquet(folder / "orders.parquet").filter(pl.col("status").cast(pl.String).is_in(UNENDED))
        left = Counter(table.select(pl.col("strategy").cast(pl.String)).collect()["strategy"].to_list())
        orders = {name: strategy["orders"] - left[name] for name, strategy in summary["strategies"].items()}
        return cls(ended, summary["objections"], orders, summary["seconds"])


def summarise(
    labels: RunLabels, totals: Totals, tables: dict[str, list[Rows]], seconds: float, before: Before
) -> dict[str, object]:
    """Sum a run up.

    :arg totals: Those of the portfolio, which cover the runs before, too.

    :arg tables: Rows of each of the run's own tables, in parts.

    :arg seconds: Time spent, on those runs too.

    """
    ledger = totals.ledger
    statuses, rules, strategies = (
        np.concatenate([part[name] for part in tables["orders"]]) for name in ("status", "rule", "strategy")
    )
    equity = join(tables["equity"])
    performance = measure(equity, ledger, totals.books, ledger["start"], labels.equity_interval_s)
    by_status = np.bincount(statuses, minlength=len(STATUSES)).tolist()
    by_rule = np.bincount(rules, minlength=len(RULES)).tolist()
    return {
        "name": labels.name,
        "recording": labels.recording,
        "quote": labels.quote,
        "updates": int(ledger["updates"]),
        "dropped": dict(zip(CAUSES, totals.dropped, strict=True)),
        "refused_rows": {kind: count for kind, is_refused, count in totals.findings if is_refused},
        "noted_rows": {kind: count for kind, is_refused, count in totals.findings if not is_refused},
        "signals": dict(zip(labels.strategies, totals.signals, strict=True)),
        "figures": {
            name: wording.figures
            for name, wording in zip(labels.strategies, labels.wordings, strict=False)
            if wording.figures
        },
        "orders": int(ledger["orders"]),
        "orders_by_status": _counted(STATUSES, by_status, before.orders_by_status),
        "objections": _counted(RULES[1:], by_rule[1:], before.objections),
        "fills": int(ledger["fills"]),
        "equity_samples": len(equity),
        "volume": ledger["volume"],
        "transaction_costs": ledger["transaction_costs"],
        "emergency_stop": bool(ledger["stopped"]),
        **msgspec.to_builtins(performance),
        "pools": {
            info.pool: {
                "base_symbol": info.base,
                "quote_symbol": info.quote,
                "base_decimals": info.decimals_x,
                "quote_decimals": info.decimals_y,
                "price": book["price"],
                "base": book["base"] * book["unit_x"],
                "quote": book["quote"] * book["unit_y"],
                "base_in_bins": book["position_x"] * book["unit_x"],
                "quote_in_bins": book["position_y"] * book["unit_y"],
                "realised": book["realised"],
                "fees": book["fees"],
                "fees_earned": book["fees_earned"],
            }
            for info, book in zip(labels.infos, totals.books, strict=True)
            if book["is_open"]
        },
        "strategies": _by_strategy(labels, totals, strategies, before.orders),
        "baselines": [msgspec.to_builtins(baseline) for baseline in totals.baselines],
        "wallet": summarise_wallet(labels.infos, totals),
        "failure": totals.failure or None,
        "troubles": list(totals.troubles),
        "notes": list(labels.notes),
        "seconds": round(seconds, 6),
        "updates_per_s": round(ledger["updates"] / seconds) if seconds > 0 else None,
    }


def _counted(names: Sequence[str], counts: Sequence[int], before: Mapping[str, int]) -> dict[str, int]:
    """Name how many there were of each, those of before included; without those that there were none of."""
    totals = {name: before.get(name, 0) + count for name, count in zip(names, counts, strict=True)}
    return {name: count for name, count in totals.items() if count}


def _by_strategy(
    labels: RunLabels, totals: Totals, strategies: NDArray[np.int16], before: Mapping[str, int]
) -> dict[str, dict[str, object]]:
    """Say what each strategy did and came to."""
    made = np.bincount(strategies[strategies >= 0], minlength=len(labels.strategies)).tolist()
    each = zip(labels.strategies, totals.signals, made, totals.strategies, strict=True)
    return {
        name: {"signals": signals, "orders": before.get(name, 0) + count, **msgspec.to_builtins(strategy)}
        for name, signals, count, strategy in each
    }
