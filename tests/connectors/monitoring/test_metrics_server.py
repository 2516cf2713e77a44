"""The port for those who watch, asked over loopback."""

import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from connectors.feeds.outlet import Outlet
from connectors.inboxes.intake import Intake
from connectors.monitoring.metrics_server import MetricsPortError, MetricsServer
from connectors.monitoring.telemetry import Telemetry


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def server(telemetry: Telemetry) -> Iterator[MetricsServer]:
    server = MetricsServer(telemetry, 0, stall_s=60.0)
    yield server
    server.close()


def ask(server: MetricsServer, path: str, method: str = "GET", accept: str = "*/*") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, headers={"Accept": accept})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], body


def test_metrics_are_served_in_both_formats(server: MetricsServer, telemetry: Telemetry) -> None:
    telemetry.ledger["equity"] = 42.0
    status, content_type, body = ask(server, "/metrics")
    assert (status, content_type.partition(";")[0]) == (200, "text/plain")
    assert "dlmm_equity 42.0" in body
    status, content_type, body = ask(server, "/metrics?x", accept="application/openmetrics-text; version=1.0.0")
    assert (status, content_type.partition(";")[0]) == (200, "application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_health_follows_the_turns_of_the_inbox(server: MetricsServer, telemetry: Telemetry) -> None:
    assert ask(server, "/healthz")[::2] == (503, "the inbox has not turned yet\n")
    telemetry.turned(time.time_ns())
    assert ask(server, "/healthz")[::2] == (200, "ok\n")
    telemetry.turned(time.time_ns() - 100_000_000_000)
    status, _, body = ask(server, "/healthz")
    assert status == 503
    assert body.startswith("the inbox has not turned for 100.")


def test_readiness_comes_with_the_first_states(server: MetricsServer, telemetry: Telemetry) -> None:
    assert ask(server, "/readyz")[::2] == (503, "pools are being loaded and kernels warmed up\n")
    telemetry.attach((), Intake((), (Outlet("chain"),), 1))
    assert ask(server, "/readyz")[::2] == (503, "no pool has a state yet\n")
    telemetry.ledger["updates"] = 4
    assert ask(server, "/readyz")[::2] == (200, "ok\n")


def test_other_paths_and_methods_are_refused(server: MetricsServer) -> None:
    assert ask(server, "/")[0] == 404
    assert ask(server, "/metrics", "POST")[0] == 501
    assert ask(server, "/healthz", "HEAD")[::2] == (503, "")


def test_a_port_in_use_is_named(server: MetricsServer, telemetry: Telemetry) -> None:
    with pytest.raises(MetricsPortError, match=f"metrics on 127.0.0.1:{server.port}: Address already in use"):
        MetricsServer(telemetry, server.port)


def test_an_address_that_is_none_is_named(telemetry: Telemetry) -> None:
    with pytest.raises(MetricsPortError, match=r"metrics on 127\.0\.0\.1:70000"):
        MetricsServer(telemetry, 70_000)


def test_a_client_that_says_garbage_or_goes_away_disturbs_nobody(
    server: MetricsServer, capfd: pytest.CaptureFixture[str]
) -> None:
    for words in (b"\x00\xff\r\n\r\n", b"GET /metrics HTTP/1.1\r\n", b"GET " + b"x" * 70_000):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(words)
    with socket.create_connection(("127.0.0.1", server.port)):  # one that says nothing at all
        assert ask(server, "/metrics")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_closed_server_gives_its_port_back(telemetry: Telemetry) -> None:
    server = MetricsServer(telemetry, 0)
    server.close()
    again = MetricsServer(telemetry, server.port)
    again.close()
    assert again.port == server.port
