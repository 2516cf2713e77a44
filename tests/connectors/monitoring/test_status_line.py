import io
import threading

import pytest

from connectors.feeds.outlet import Outlet
from connectors.inboxes.intake import Intake
from connectors.monitoring.logs import CLEAR_LINE
from connectors.monitoring.status_line import StatusLine
from connectors.monitoring.telemetry import Telemetry
from connectors.wire.events import SlotUpdate
from tests.processes import wait_until

S = 1_000_000_000
NOW = 1_700_000_000 * S


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def test_it_says_how_the_run_is_doing(telemetry: Telemetry) -> None:
    ledger = telemetry.ledger
    ledger["slot"], ledger["equity"], ledger["drawdown"], ledger["open_orders"] = 1_234, 100_250.5, 0.0123, 8
    ledger["start"] = 100_000.0
    telemetry.fills = 22
    text = StatusLine(telemetry, "USDC").text(NOW)
    assert text.startswith("slot 1234  equity 100,250.50 USDC  P&L +250.50  8 open, 22 filled  -1.23 % off the peak")


def test_rows_are_counted_by_the_second_since_the_line_before(telemetry: Telemetry) -> None:
    line = StatusLine(telemetry, "USDC")
    rates = []
    for at_s, updates in ((0.0, 500), (0.5, 600), (2.5, 700)):
        telemetry.ledger["updates"] = updates
        rates.append(line.text(NOW + int(at_s * S)).split("  ")[5])
    assert rates == ["0 rows/s", "200 rows/s", "50 rows/s"]


@pytest.mark.parametrize("later", [0, -S])
def test_a_clock_that_stands_or_goes_back_gives_no_rate(later: int, telemetry: Telemetry) -> None:
    line = StatusLine(telemetry, "USDC")
    line.text(NOW)
    telemetry.ledger["updates"] = 100
    assert " 0 rows/s " in line.text(NOW + later)


def test_each_feed_has_its_age(telemetry: Telemetry) -> None:
    chain, prices = Outlet("chain"), Outlet("prices")
    chain.put(SlotUpdate(1))
    telemetry.attach((chain, prices), Intake((), (chain, prices), 1))
    text = StatusLine(telemetry, "USDC").text(chain.last_event_ns + 3 * S // 2)
    assert text.endswith("  chain 1.5s prices -")


def test_the_emergency_stop_is_seen(telemetry: Telemetry) -> None:
    line = StatusLine(telemetry, "USDC")
    assert "STOP" not in line.text(NOW)
    telemetry.ledger["stopped"] = 1
    assert "  EMERGENCY STOP  " in line.text(NOW + S)


def test_a_terminal_shows_it_over_the_line_before_and_is_left_clean(telemetry: Telemetry) -> None:
    screen = Terminal()
    line = StatusLine(telemetry, "USDC", screen)
    line.start()
    wait_until(lambda: screen.getvalue().count("slot 0") > 1, "two lines have been written")
    line.stop()
    shown = screen.getvalue()
    assert shown.startswith(CLEAR_LINE + "slot 0")
    assert shown.endswith(CLEAR_LINE)
    assert "\n" not in shown
    line.stop()
    assert screen.getvalue() == shown


def test_it_fits_a_narrow_terminal(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    screen = Terminal()
    line = StatusLine(telemetry, "USDC", screen)
    line.start()
    wait_until(lambda: "slot 0" in screen.getvalue(), "a line has been written")
    line.stop()
    assert max(map(len, screen.getvalue().split(CLEAR_LINE))) == 19


def test_what_is_no_terminal_gets_nothing(telemetry: Telemetry) -> None:
    stream = io.StringIO()
    line = StatusLine(telemetry, "USDC", stream)
    before = threading.active_count()
    line.start()
    assert threading.active_count() == before
    line.stop()
    assert stream.getvalue() == ""


def test_it_says_how_many_orders_are_on_their_way_where_orders_are_real(telemetry: Telemetry) -> None:
    telemetry.ledger["is_signed"], telemetry.ledger["in_flight"] = 1, 3
    assert "0 open, 3 sent, 0 filled" in StatusLine(telemetry, "USDC").text(NOW)
