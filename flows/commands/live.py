"""`dlmm-hft live`: set what the options say and hand over to Bytewax's runner."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from bytewax.recovery import init_db_dir

from dlmm.errors import DlmmError
from flows.settings.load import load_settings

FLOW = "flows.live"

SNAPSHOT_S = 5
"""Between two snapshots. A restart reads the journal back from the last one: seconds of market, which it walks faster
than they passed. Each snapshot costs some milliseconds."""

KEPT_S = 0
"""How long older snapshots are kept. They would serve a copy of the folder, which the order journal is ahead of."""


class RecoveryError(DlmmError):
    """A folder or a cluster that a run cannot be taken up again with.

    :arg subject: The folder, or the option.

    :arg reason: What is wrong.

    """

    def __init__(self, subject: Path | str, reason: str) -> None:
        """Keep both values, and name the subject first."""
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
        self.reason = reason


@click.command("live", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file; instead of HFT_CONFIG.")
@click.option("--dry-run", is_flag=True, help="Have the cluster simulate signed transactions, and send none.")
@click.option("--paper", is_flag=True, help="Keep every order on paper: no wallet, nothing signed.")
@click.option(
    "--recovery",
    type=click.Path(path_type=Path),
    help="Folder that keeps the run's state, made where it is not there; a run that died is taken up again with it.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="How much to log.")
@click.option("--pools", help="Addresses of the pools to trade, separated by commas; instead of target_pools.pools.")
@click.pass_context
def live_command(
    context: click.Context,
    config: Path | None,
    dry_run: bool,
    paper: bool,
    recovery: Path | None,
    log_level: str | None,
    pools: str | None,
) -> None:
    """Follow a live market and trade on it.

    Without settings this runs on the embedded sandbox, with signed transactions and a key of its own. Options of
    Bytewax's runner, such as `-s 10`, are passed on.
    """
    environ = dict(os.environ)
    if config is not None:
        environ["HFT_CONFIG"] = str(config)
    if dry_run:
        environ["HFT__TRADING__DRY_RUN"] = "true"
    if paper:
        environ["HFT__EXECUTION__MODE"] = "paper"
    if log_level is not None:
        environ["HFT__MONITORING__LOG_LEVEL"] = log_level
    if pools is not None:
        names = [name.strip() for name in pools.split(",") if name.strip()]
        environ["HFT__TARGET_POOLS__POOLS"] = json.dumps(names)  # an array of TOML too
    command = [sys.executable, "-m", "bytewax.run", FLOW]
    if recovery is not None:
        _prepare_recovery(recovery, environ)
        # A run that goes on later would only wrap again what its end unwrapped, and pay for both.
        environ["HFT__WALLET__UNWRAP_AT_END"] = "false"
        command += ["-r", str(recovery), "-s", str(SNAPSHOT_S), "-b", str(KEPT_S)]
    sys.stdout.flush()
    os.execve(sys.executable, [*command, *context.args], environ)


def _prepare_recovery(folder: Path, environ: Mapping[str, str]) -> None:
    """Have a folder for the runner's state, new or as an earlier run left it.

    :raises DlmmError: The settings are wrong, or no run on their cluster can be taken up again, or the folder is not
        one for that.

    """
    settings = load_settings(environ)
    if settings.network.rpc_url is None:
        raise RecoveryError(
            "--recovery",
            "the embedded sandbox ends with its run, and its key with it: the next run has another cluster and another"
            ' wallet. Start a sandbox of its own (make sandbox) and name it: network.rpc_url = "http://127.0.0.1:8899"',
        )
    if not settings.recording.record:
        raise RecoveryError(
            "--recovery", "recording.record is off: a run is taken up again by reading its journal back"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise RecoveryError(folder, "cannot be written")
        is_empty = not any(folder.iterdir())
        if is_empty:
            init_db_dir(folder, 1)
    except OSError as error:
        raise RecoveryError(folder, f"cannot be used: {error.strerror or error}") from None
    if not is_empty and not any(folder.glob("part-*.sqlite3")):
        raise RecoveryError(folder, "holds something else than the state of runs; name an empty folder, or a new one")
