"""Measure the replay: 1,000,000 rows of ten pools from Parquet to the result, on one worker.

    python -m benchmarks.replay [RUNS] [mm | liquidity | swaps]

Every row passes the data check, arbitration, view, volatility and the strategy; every requote becomes two cancels and
two orders held against the limits; fills are exact swaps on the synthetic profile; results are written to a run folder.
The first run, which compiles or loads the kernels, is not counted.

`mm` is the workload that other engines were measured on, its strategy written as a user writes one. `liquidity` and
`swaps` run the three strategies that come with the system in all ten pools, the market maker in either form.
"""

import contextlib
import io
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bytewax.testing import run_main

from benchmarks.mm_tape import REQUOTES, pools, tape, traded_tape
from connectors.recordings.recording import write_recording
from flows.replay import replay
from flows.settings.load import load_settings

SETTINGS = """
[replay]
recording = "{recording}"
name = "mm"
[results]
runs_dir = "{runs}"
[portfolio]
capital = 10000000.0
[trading]
max_position_size = 1000000.0
[risk_limits]
max_pool_exposure = 5000000.0
max_total_exposure = 20000000.0
max_drawdown = 0.9
max_value_at_risk = 20000000.0
correlation_limit = 1.0
max_orders_per_slot = 1000000
emergency_stop_loss = 0.95
"""
STRATEGIES = {
    "mm": """
[strategies.market_making]
enabled = false
[[strategies.custom]]
class = "benchmarks.mm_vol:MmVol"
""",
    **{
        form: f"""
[strategies.market_making]
quote_with = "{form}"
[strategies.statistical_arbitrage]
enabled = true
[strategies.momentum_trading]
enabled = true
"""
        for form in ("liquidity", "swaps")
    },
}


def measure(folder: Path, runs: int, workload: str) -> list[float]:
    """Return the seconds of each counted run, from opening the recording to the written result."""
    recording = folder / "mm.parquet"
    rows = tape() if workload == "mm" else traded_tape()
    write_recording(recording, rows, pools(), "mm workload", "uncompressed")
    config = folder / "mm.toml"
    config.write_text(SETTINGS.format(recording=recording, runs=folder / "runs") + STRATEGIES[workload])
    seconds = []
    for number in range(runs + 1):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            run_main(replay(load_settings({"HFT_CONFIG": str(config)})))
        elapsed = time.perf_counter() - started
        if number == 0:
            print(f"first run, kernels included: {elapsed:.2f} s")
        else:
            seconds.append(elapsed)
    return seconds


def main() -> None:
    """Print the figures."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    workload = sys.argv[2] if len(sys.argv) > 2 else "mm"
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder), runs, workload)
        last = sorted((Path(folder) / "runs").iterdir())[-1]
        summary = json.loads((last / "summary.json").read_text())
    rows = summary["updates"]
    median = statistics.median(seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    reference = f" (reference {REQUOTES:,})" if workload == "mm" else ""
    print(
        f"{rows:,} rows, signals {summary['signals']}{reference},"
        f" {summary['orders']:,} orders {summary['orders_by_status']}, {summary['fills']:,} fills"
    )
    print(
        f"median {median:.3f} s = {rows / median:,.0f} rows/s; best {rows / min(seconds):,.0f},"
        f" worst {rows / max(seconds):,.0f}; {memory} MB"
    )


if __name__ == "__main__":
    main()
