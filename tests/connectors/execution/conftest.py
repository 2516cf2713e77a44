"""What the tests of execution share: a reactor, and a sandbox whose slots tests can hold still."""

from collections.abc import Iterator

import pytest

from tests.connectors.feeds.conftest import certificate, client_tls, reactor, server_tls
from tests.processes import SandboxNode, sandbox

__all__ = ["certificate", "client_tls", "reactor", "server_tls"]

SLOT_MS = 50


@pytest.fixture(scope="session")
def started_node() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", str(SLOT_MS)) as node:
        node.call("sandbox_market", False)
        yield node


@pytest.fixture
def node(started_node: SandboxNode) -> Iterator[SandboxNode]:
    """A sandbox without a market and without faults."""
    yield started_node
    started_node.call("sandbox_setFaults", "")
    started_node.call("sandbox_resume")
