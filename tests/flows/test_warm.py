"""Set-up compiles what runs call, so that no run waits for a compiler."""

import os
import subprocess
import sys
from pathlib import Path

from tests.shared import ROOT

SCRIPT = """
import gc, os, sys
from bytewax.testing import run_main
from numba.core.dispatcher import Dispatcher

def compiled():
    return {(each.py_func.__qualname__, str(types)) for each in gc.get_objects() if isinstance(each, Dispatcher)
            for types in each.signatures}

from flows.warm import warm
print(warm())
before = compiled()

from flows.live import Run, live
from flows.planted import planted_pools
from flows.settings.load import load_settings
from tests.connectors.scripted_feed import ScriptedFeed
from tests.live_market import swaps

pools, run = planted_pools(1_000, 2), Run()
script = swaps(pools, 60, worth=60_000.0)
run_main(live(load_settings(os.environ), "test", pools, lambda: [ScriptedFeed("one", script, run.stop)], run))
assert not run.outcome.failure, run.outcome.failure
assert run.telemetry.fills
print(sorted(compiled() - before))
"""


def test_a_live_run_compiles_nothing_that_set_up_has_not(tmp_path: Path) -> None:
    environ = {
        "HFT__RESULTS__RUNS_DIR": str(tmp_path / "runs"),
        "HFT__RECORDING__FOLDER": str(tmp_path / "recordings"),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("4", "[]")
