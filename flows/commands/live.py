"""`dlmm-hft live`: set what the options say and hand over to Bytewax's runner."""

import json
import os
import sys
from pathlib import Path

import click

FLOW = "flows.live"


@click.command("live", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--config", type=click.Path(path_type=Path), help="Settings file; instead of HFT_CONFIG.")
@click.option("--dry-run", is_flag=True, help="Keep every order on paper, whatever the settings say.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="How much to log.")
@click.option("--pools", help="Addresses of the pools to trade, separated by commas; instead of target_pools.pools.")
@click.pass_context
def live_command(
    context: click.Context, config: Path | None, dry_run: bool, log_level: str | None, pools: str | None
) -> None:
    """Follow a live market and trade on it.

    Without settings this runs on the embedded sandbox. Options of Bytewax's runner, such as `-r STATE`, are passed on.
    """
    environ = dict(os.environ)
    if config is not None:
        environ["HFT_CONFIG"] = str(config)
    if dry_run:
        environ["HFT__TRADING__DRY_RUN"] = "true"
        environ["HFT__EXECUTION__MODE"] = "paper"
    if log_level is not None:
        environ["HFT__MONITORING__LOG_LEVEL"] = log_level
    if pools is not None:
        names = [name.strip() for name in pools.split(",") if name.strip()]
        environ["HFT__TARGET_POOLS__POOLS"] = json.dumps(names)  # an array of TOML too
    command = [sys.executable, "-m", "bytewax.run", FLOW, *context.args]
    sys.stdout.flush()
    os.execve(sys.executable, command, environ)
