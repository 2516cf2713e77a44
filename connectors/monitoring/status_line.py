"""The line at the foot of a terminal that says how a live run is doing."""

import shutil
import sys
import threading
import time
from typing import TextIO

from connectors.monitoring.logs import CLEAR_LINE
from connectors.monitoring.telemetry import Telemetry

EVERY_S = 0.5


class StatusLine:
    """Write slot, updates, feed ages, equity and orders, twice a second, over the line before.

    :arg quote: Currency of the equity.

    """

    def __init__(self, telemetry: Telemetry, quote: str, stream: TextIO = sys.stdout) -> None:
        """Prepare; `start` begins."""
        self._telemetry = telemetry
        self._quote = quote
        self._stream = stream
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status line", daemon=True)
        self._updates = (0, 0.0)

    def start(self) -> None:
        """Begin, if the stream is a terminal."""
        if self._stream.isatty():
            self._thread.start()

    def stop(self) -> None:
        """Clear the line and write no more."""
        if self._thread.is_alive():
            self._ended.set()
            self._thread.join()
            self._stream.write(CLEAR_LINE)
            self._stream.flush()

    def _run(self) -> None:
        while not self._ended.wait(EVERY_S):
            text = self.text(time.time_ns())
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(CLEAR_LINE + text[:width])
            self._stream.flush()

    def text(self, now_ns: int) -> str:
        """Return the line.

        :arg now_ns: Nanoseconds since 1970.

        """
        telemetry = self._telemetry
        ledger = telemetry.ledger[0]
        updates, at_s = int(ledger["updates"]), now_ns * 1e-9
        before, before_s = self._updates
        per_s = (updates - before) / (at_s - before_s) if 0.0 < before_s < at_s else 0.0
        self._updates = (updates, at_s)
        ages = " ".join(f"{outlet.feed} {_age(now_ns, outlet.last_event_ns)}" for outlet in telemetry.outlets)
        stopped = "  EMERGENCY STOP" if ledger["stopped"] else ""
        sent = f" {int(ledger['in_flight'])} sent," if ledger["is_signed"] else ""
        return (
            f"slot {int(ledger['slot'])}  equity {ledger['equity']:,.2f} {self._quote}"
            f"  P&L {ledger['equity'] - ledger['start']:+,.2f}{stopped}"
            f"  {int(ledger['open_orders'])} open,{sent} {telemetry.fills} filled"
            f"  {-100.0 * ledger['drawdown']:.2f} % off the peak  {per_s:.0f} rows/s  {ages}"
        )


def _age(now_ns: int, then_ns: int) -> str:
    return f"{(now_ns - then_ns) * 1e-9:.1f}s" if then_ns else "-"
