"""From settings to a market: a configured cluster, or the sandbox."""

import atexit
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from connectors.stopping import Stop
from dlmm.errors import DlmmError
from flows.market import find_market, load_market
from flows.settings.tree import Settings
from tests.processes import SandboxNode, sandbox

NOBODY = "J2xccRtuG43drESLYznHhLhQkLTdfepcKYbiQ9BsJVaf"
QUICK = {"slot_ms": 50, "market": "off"}


def asked(**sections: dict[str, Any]) -> Settings:
    return msgspec.convert(sections, Settings)


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50", "--market", "off") as node:
        yield node


@pytest.fixture
def at_the_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """Do at the end of the test what is to be done at that of the process."""
    calls: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", calls.append)
    yield calls
    for call in calls:
        call()


def test_a_configured_cluster_is_found_at_its_addresses(node: SandboxNode) -> None:
    network = {"rpc_url": f"{node.url}/key", "backup_rpc_urls": ["http://127.0.0.1:1"]}
    market = find_market(asked(network=network, target_pools={"pools": node.pools}), Stop())
    assert market.rpc_urls == (f"{node.url}/key", "http://127.0.0.1:1")
    assert market.ws_url == f"ws{node.url.removeprefix('http')}/key"
    assert market.prices_url is None
    assert market.pools == tuple(node.pools)
    assert market.genesis_hash == node.facts["genesis_hash"]
    assert market.source == f"live: {node.url}"


def test_what_is_configured_beside_it_is_taken(node: SandboxNode) -> None:
    network = {"rpc_url": node.url, "ws_url": "ws://127.0.0.1:2", "genesis_hash": node.facts["genesis_hash"]}
    settings = asked(network=network, target_pools={"pools": ["x"]}, feeds={"prices_url": "ws://127.0.0.1:3"})
    market = find_market(settings, Stop())
    assert (market.ws_url, market.prices_url) == ("ws://127.0.0.1:2", "ws://127.0.0.1:3")


def test_its_pools_are_loaded_and_a_stranger_is_left_out(node: SandboxNode) -> None:
    settings = asked(network={"rpc_url": node.url}, target_pools={"pools": [NOBODY, *node.pools]})
    loaded = load_market(find_market(settings, Stop()), settings, Stop())
    assert [pool.info.pool for pool in loaded] == node.pools


def test_no_pool_that_can_be_traded_is_refused_with_the_first_reasons(node: SandboxNode) -> None:
    settings = asked(network={"rpc_url": node.url}, target_pools={"pools": ["a", "b", NOBODY, "d", "e"]})
    with pytest.raises(DlmmError) as error:
        load_market(find_market(settings, Stop()), settings, Stop())
    assert str(error.value) == (
        "target_pools.pools: none of them can be traded: a: not an address; b: not an address;"
        f" {NOBODY}: there is no such account on this cluster; and 2 more"
    )


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"network": {"rpc_url": "http://127.0.0.1:1"}}, "target_pools.pools: names no pool"),
        ({"network": {"rpc_url": "http://127.0.0.1:0/key"}}, "network.rpc_url: port 0"),
        ({"network": {"ws_url": "ws:///x"}}, "network.ws_url: it names no host"),
        ({"network": {"backup_rpc_urls": ["http://ok", "http://a:key@b"]}}, "network.backup_rpc_urls: user and"),
        ({"feeds": {"prices_url": "wss://:1"}}, "feeds.prices_url: it names no host"),
    ],
)
def test_settings_that_lead_nowhere_are_refused_by_name(sections: dict[str, Any], said: str) -> None:
    with pytest.raises(DlmmError) as error:
        find_market(asked(**sections), Stop())
    assert str(error.value).startswith(said)
    assert "key" not in str(error.value).replace("keys belong", "")


def test_without_a_cluster_the_sandbox_is_started(at_the_end: list[Callable[[], None]]) -> None:
    market = find_market(asked(sandbox=QUICK), Stop())
    assert len(at_the_end) == 1
    assert market.source == "sandbox: seed 1, 50 ms a slot"
    assert market.prices_url is not None
    assert len(market.pools) == 4
    assert len(load_market(market, Settings(), Stop())) == 4


@pytest.mark.usefixtures("at_the_end")
def test_what_is_configured_holds_for_the_sandbox_too() -> None:
    settings = asked(sandbox={**QUICK, "seed": 7}, target_pools={"pools": [NOBODY]}, feeds={"prices_url": "ws://x"})
    market = find_market(settings, Stop())
    assert (market.pools, market.prices_url) == ((NOBODY,), "ws://x")
    assert market.source.startswith("sandbox: seed 7")
    with pytest.raises(DlmmError, match=r"network\.genesis_hash"):
        find_market(asked(sandbox=QUICK, network={"genesis_hash": NOBODY}), Stop())
