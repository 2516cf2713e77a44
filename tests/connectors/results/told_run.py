"""A run folder written by hand, with an order for each thing that can be said of one."""

import json
from pathlib import Path

import numpy as np

from connectors.results.result_frames import table_frame
from connectors.results.run_labels import RunLabels, Wording
from operators.blocks import QUOTE, TAKE, Rows
from operators.orders.records import (
    BUY,
    CANCELLED,
    FILL,
    FILLED,
    IMMEDIATE,
    NO_EDGE,
    ORDER,
    REFUSED,
    RESTING,
    SELL,
    SIZED_BY_HOLDINGS,
    SIZED_BY_KELLY,
    STALE_FEED,
    WITHHELD,
)
from operators.strategies.runner import BLANK
from tests.operators.markets import POOLS, START_NS

LABELS = RunLabels(
    name="told",
    infos=POOLS,
    strategies=("quoting", "following"),
    quote="USDC",
    capital=1.0,
    equity_interval_s=1.0,
    configuration="",
    recording="",
    wordings=(Wording(), Wording(("it rose", "it fell"), ("return", "z-score"))),
)
BOUGHT, SOLD, QUOTED, STALE, EDGELESS, UNWOUND = range(1, 7)


def signals() -> Rows:
    rows = np.repeat(BLANK, 4)
    rows["seq"], rows["strategy"], rows["kind"] = (10, 20, 30, 40), (1, 1, 0, 1), (TAKE, TAKE, QUOTE, TAKE)
    rows["reason"], rows["confidence"], rows["urgency"] = (0, 1, 0, 0), (0.95, 1.0, 0.0, 0.5), (1, 2, 0, 1)
    rows["figures"][:2, :2] = [[0.0061, 2.5], [-0.002, -1.0]]
    rows["expected_profit"][3] = 0.25
    return rows


def orders() -> Rows:
    rows = np.zeros(6, ORDER)
    rows["order"] = np.arange(1, 7)
    rows["seq"] = 10, 20, 30, 40, 40, 50
    rows["strategy"] = 1, 1, 0, 1, 1, -1
    rows["side"] = BUY, SELL, BUY, BUY, BUY, SELL
    rows["kind"] = IMMEDIATE, IMMEDIATE, RESTING, IMMEDIATE, IMMEDIATE, IMMEDIATE
    rows["status"] = FILLED, FILLED, CANCELLED, REFUSED, WITHHELD, FILLED
    rows["rule"] = 0, 0, 0, STALE_FEED, NO_EDGE, 0
    rows["figure"], rows["bound"] = (0, 0, 0, 31, -0.02, 0), (0, 0, 0, 25, 0, 0)
    rows["sized_by"] = SIZED_BY_KELLY, SIZED_BY_HOLDINGS, 0, 0, SIZED_BY_KELLY, 0
    rows["size_fraction"] = 0.0475, np.nan, np.nan, np.nan, -0.005, np.nan
    rows["value"] = 4_750.0, 4_700.0, 10.0, 1.0, np.nan, 5.0
    rows["limit"], rows["fair"] = 101.0, 100.0
    rows["slot"], rows["end_slot"] = 1_000, 1_002
    rows["ts_event_ns"] = START_NS
    rows["third_pool"] = -1
    return rows


def fills() -> Rows:
    rows = np.zeros(2, FILL)
    rows["order"], rows["slot"], rows["ts_event_ns"] = (BOUGHT, SOLD), 1_002, START_NS
    rows["price"], rows["fair"], rows["fee"], rows["realised"] = (100.5, 99.5), 100.0, (9.4, 9.5), (0.0, -47.25)
    rows["strategy"], rows["side"] = 1, (BUY, SELL)
    rows["amount_in"], rows["amount_out"] = (4_750_000_000, 47_500_000_000), (47_263_681_593, 4_726_250_001)
    return rows


def write_run(runs_dir: Path, name: str = "20260101-000000-told", wallet: str | None = None) -> Path:
    """Write the results that `connectors.results.run_folder` would."""
    run = runs_dir / name
    run.mkdir(parents=True)
    for table, rows in (("orders", orders()), ("signals", signals()), ("fills", fills())):
        table_frame(table, [rows], LABELS).write_parquet(run / f"{table}.parquet")
    tokens = {"base_symbol": "SOL", "quote_symbol": "USDC", "base_decimals": 9, "quote_decimals": 6}
    summary = {"quote": "USDC", "figures": {"following": ["return", "z-score"]}, "pools": {"sol": tokens}}
    (run / "summary.json").write_text(json.dumps({**summary, "wallet": {"address": wallet} if wallet else None}))
    return run
