"""What a person sees when a live run cannot begin: one line that names why, exit status 1, and no traceback."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from dlmm.meteora.layout import LB_PAIR
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.meteora.pdas import bin_array_address, bin_array_index
from dlmm.tokens import TOKEN_2022_PROGRAM
from tests.processes import Ended, SandboxNode, live, run_live, sandbox

HOOK = Keypair.from_seed(bytes([7]) * 32).pubkey()
WALLET = str(Keypair.from_seed(bytes([8]) * 32).pubkey())
NOBODY = str(Keypair.from_seed(bytes([9]) * 32).pubkey())
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50", "--market", "off") as node:
        node.call("requestAirdrop", WALLET, 10**9)
        yield node


def meteora_pool(node: SandboxNode) -> str:
    return pool_of(node, "meteora")


def pool_of(node: SandboxNode, venue: str) -> str:
    return str(next(pool["address"] for pool in node.facts["pools"] if pool["venue"] == venue))


def its_bin_array(node: SandboxNode) -> str:
    pool = meteora_pool(node)
    pair = np.frombuffer(node.data_of(pool), LB_PAIR)[0]
    return str(bin_array_address(Pubkey.from_string(pool), bin_array_index(int(pair["active_id"]))))


def disabled(node: SandboxNode) -> AbstractContextManager[None]:
    pair = np.frombuffer(node.data_of(meteora_pool(node)), LB_PAIR).copy()
    pair["status"] = 1
    return node.written(meteora_pool(node), pair.tobytes())


def mint_with_a_hook(mint: bytes) -> bytes:
    """Extend a mint as Token-2022 does: padding, account type 1, then extension 14 with authority and program."""
    extension = (14).to_bytes(2, "little") + (64).to_bytes(2, "little") + bytes(32) + bytes(HOOK)
    return mint + bytes(165 - len(mint)) + b"\x01" + extension


def hooked(node: SandboxNode) -> AbstractContextManager[None]:
    return node.written(USDC, mint_with_a_hook(node.data_of(USDC)), TOKEN_2022_PROGRAM)


def beyond_any_price(node: SandboxNode) -> AbstractContextManager[None]:
    pair = np.frombuffer(node.data_of(meteora_pool(node)), LB_PAIR).copy()
    pair["active_id"] = 1 << 30
    return node.written(meteora_pool(node), pair.tobytes())


def settings_of(node: SandboxNode, *pools: str, **settings: str) -> dict[str, str]:
    names = ", ".join(f'"{pool}"' for pool in pools)
    return {"HFT__NETWORK__RPC_URL": node.url, "HFT__TARGET_POOLS__POOLS": f"[{names}]", **settings}


def the_line_of(ended: Ended) -> str:
    """Return what a run that could not begin said besides its log."""
    assert (ended.status, ended.stdout) == (1, "")
    (line,) = ended.others
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("sol-usdc", "not an address"),
        (NOBODY, "there is no such account on this cluster"),
        (WALLET, "not a pool: its owner 11111111111111111111111111111111"),
        (USDC, "not a pool: its owner Tokenkeg"),
        (METEORA, "not a pool"),
    ],
)
def test_an_address_that_is_no_pool_is_named(address: str, said: str, node: SandboxNode, tmp_path: Path) -> None:
    line = the_line_of(run_live(tmp_path, settings_of(node, address)))
    assert f"target_pools.pools: none of them can be traded: {address}: {said}" in line


def test_a_bin_array_is_told_from_a_pool(node: SandboxNode, tmp_path: Path) -> None:
    line = the_line_of(run_live(tmp_path, settings_of(node, its_bin_array(node))))
    assert f"{its_bin_array(node)}: not a pool: another account of meteora, 10136 bytes long" in line


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (disabled, "it is disabled (status 1)"),
        (hooked, f"its token {USDC} runs a transfer hook, program {HOOK}"),
        (beyond_any_price, "it has no bins around its price"),
    ],
)
def test_a_pool_that_cannot_be_traded_is_named_with_its_reason(
    spoil: Callable[[SandboxNode], AbstractContextManager[None]], said: str, node: SandboxNode, tmp_path: Path
) -> None:
    with spoil(node):
        line = the_line_of(run_live(tmp_path, settings_of(node, meteora_pool(node))))
    assert f"{meteora_pool(node)}: " in line
    assert said in line


def test_the_other_pools_are_traded_where_some_cannot_be(node: SandboxNode, tmp_path: Path) -> None:
    chosen = settings_of(node, WALLET, pool_of(node, "saros"), meteora_pool(node))
    with disabled(node), live(tmp_path, chosen) as run:
        run.wait_for_rows()
        run.process.terminate()
        ended = run.end()
    assert (ended.status, ended.others) == (0, [])
    left_out = [message for message in ended.messages("warning") if "is left out" in message]
    assert [message.split()[1] for message in left_out] == [WALLET, meteora_pool(node)]
    (result,) = run.results
    assert (result / "summary.json").exists()


def port_of_nobody() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HFT__TARGET_POOLS__POOLS": "[]"}, "target_pools.pools: names no pool"),
        ({"HFT__NETWORK__GENESIS_HASH": NOBODY}, f"not {NOBODY}"),
        ({"HFT__NETWORK__RPC_URL": "http://[::1/secret"}, "network.rpc_url: "),
        ({"HFT__NETWORK__WS_URL": "ws://user:secret@127.0.0.1"}, "network.ws_url: "),
        ({"HFT__NETWORK__BACKUP_RPC_URLS": '["http://127.0.0.1:70000/secret"]'}, "network.backup_rpc_urls: "),
        ({"HFT__FEEDS__CHAIN": "false", "HFT__FEEDS__POLLING": "false"}, "feeds: none is switched on"),
        ({"HFT__RESULTS__RUNS_DIR": "/proc/nowhere"}, "results.runs_dir: /proc/nowhere: cannot be made"),
        ({"HFT__NETWORK__RPC": "x"}, "network.rpc: no such key"),
        ({"HFT__PORTFOLIO__QUOTE": "EURC"}, "quotes in USDC"),
    ],
)
def test_settings_that_no_run_can_begin_with_are_named(
    settings: dict[str, str], said: str, node: SandboxNode, tmp_path: Path
) -> None:
    ended = run_live(tmp_path, {**settings_of(node, *node.pools), **settings})
    line = the_line_of(ended)
    assert said in line
    assert "secret" not in line + str(ended.log)
    assert not (tmp_path / "recordings").exists()


def test_another_cluster_than_the_configured_one_is_named_with_both_hashes(node: SandboxNode, tmp_path: Path) -> None:
    line = the_line_of(run_live(tmp_path, settings_of(node, *node.pools, HFT__NETWORK__GENESIS_HASH=NOBODY)))
    assert line == (
        f"error: network.genesis_hash: {node.url} is the cluster {node.facts['genesis_hash']}, not {NOBODY}"
    )


def test_a_node_that_is_down_is_named_without_what_is_secret_in_its_address(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{port_of_nobody()}"
    settings = {"HFT__NETWORK__RPC_URL": f"{url}/secret", "HFT__TARGET_POOLS__POOLS": f'["{NOBODY}"]'}
    ended = run_live(tmp_path, settings)
    line = the_line_of(ended)
    assert line.startswith(f"error: {url} did not answer getGenesisHash in 6 attempts: connect: ")
    assert "Connection refused" in line
    assert "secret" not in line + str(ended.log)


def test_a_metrics_port_in_use_is_named(node: SandboxNode, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = str(held.getsockname()[1])
        settings = settings_of(node, *node.pools, HFT__MONITORING__METRICS_PORT=port)
        line = the_line_of(run_live(tmp_path, settings))
    assert line == f"error: metrics on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HFT__SANDBOX__MARKET": "nonsense=1"}, "nonsense"),
        ({"HFT__SANDBOX__FAULTS": "nonsense=1"}, "nonsense"),
        ({"HFT__NETWORK__GENESIS_HASH": NOBODY}, f"not {NOBODY}"),
        ({"HFT__TARGET_POOLS__POOLS": f'["{NOBODY}"]'}, f"{NOBODY}: there is no such account"),
    ],
)
def test_a_sandbox_that_cannot_be_used_is_named(settings: dict[str, str], said: str, tmp_path: Path) -> None:
    assert said in the_line_of(run_live(tmp_path, settings))


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ('name = "mine"\nclass = "no_such_module:Thing"', "feed no_such_module:Thing: cannot import no_such_module"),
        ('name = "mine"\nclass = "pathlib:Path"\nparams = {}', "feed pathlib:Path: "),
        ('name = "chain"\nclass = "tests.flows.test_feeds:Silent"', "feeds: two have the same name"),
    ],
)
def test_a_feed_of_the_users_own_that_cannot_run_is_named(
    feed: str, said: str, node: SandboxNode, tmp_path: Path
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(f"[[feeds.custom]]\n{feed}\n")
    line = the_line_of(run_live(tmp_path, settings_of(node, *node.pools, HFT_CONFIG=str(file))))
    assert said in line


def test_the_command_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[feeds]\nchains = true\n")
    entry = "import sys; from flows.cli import main; main(prog_name='dlmm-hft')"
    ended = run_live(tmp_path, {}, ("-c", entry, "live", "--config", os.fspath(file)))
    assert the_line_of(ended) == "error: feeds.chains: no such key; did you mean feeds.chain?"
