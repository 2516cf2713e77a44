"""The executor against a sandbox: each order on chain once, and told as the chain has it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.execution.rig import Market, Rig, changes, rig_on, without_zeros
from tests.processes import SandboxNode, sandbox


@pytest.fixture(scope="module")
def started() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50", "--market", "off") as node:
        yield node


@pytest.fixture(scope="module")
def market(started: SandboxNode) -> Market:
    return Market(started)


@pytest.fixture
def node(started: SandboxNode) -> Iterator[SandboxNode]:
    yield started
    started.call("sandbox_setFaults", "")


@pytest.fixture
def rig(node: SandboxNode, market: Market, tmp_path: Path) -> Iterator[Rig]:
    with rig_on(node, market, tmp_path) as rig:
        yield rig


def test_swaps_on_both_venues_land_and_are_told_as_balances_have_it(rig: Rig) -> None:
    before = rig.balances()
    order = 0
    for pool in rig.market.pools:
        for swap_for_y in (True, False):
            order += 1
            rig.submit(rig.market.swap(pool, swap_for_y=swap_for_y), order)
    last = rig.settle(*range(1, order + 1))
    assert [report.status for report in last] == ["landed"] * order
    assert without_zeros(rig.booked()) == changes(before, rig.balances())
    assert all(len(report.flows) == 1 and len(report.changes) == 2 for report in last)
