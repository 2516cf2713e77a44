"""The emergency stop on disk: a file that keeps it on across restarts, and one that says what happened."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from connectors.execution.stop_file import FILE_NAME

_log = logging.getLogger(__name__)

FIGURES = ("slot", "equity", "peak", "drawdown", "open_orders", "in_flight", "lamports")


class Incidents:
    """Write down that the emergency stop came on.

    :arg folder: Keeps the order journal and the operator's stop file.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def stop_file(self) -> Path:
        """The file that keeps the stop on until somebody removes it."""
        return self._folder / FILE_NAME

    def stopped(self, ledger: np.void) -> None:
        """Keep the stop on from now on, and write an incident file with the ledger's figures.

        :arg ledger: `LEDGER` record.

        """
        now = datetime.now(UTC)
        figures = {name: ledger[name].item() for name in FIGURES}
        reason = f"drawdown {figures['drawdown']:.2%} at slot {figures['slot']}"
        _log.error("emergency stop: %s; it stays on until `dlmm-hft clear`", reason)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            incident = self._folder / f"incident-{now:%Y%m%d-%H%M%S}.json"
            text = json.dumps({"at": now.isoformat(), "what": "emergency stop", **figures}, indent=2)
            incident.write_text(f"{text}\n")
            if not self.stop_file.exists():
                self.stop_file.write_text(f"{reason}\n")
        except OSError as error:
            _log.error("emergency stop: %s cannot be written: %s", self._folder, error.strerror)
