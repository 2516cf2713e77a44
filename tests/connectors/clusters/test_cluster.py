"""A cluster before a run: a sandbox that answers, and peers that do not answer as they should."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import zstandard
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from connectors.clusters.cluster import LARGEST_ACCOUNT, Cluster, ClusterError
from connectors.feeds.endpoint import EndpointError
from connectors.stopping import Stop
from dlmm.meteora.layout import PROGRAM
from flows.planted import planted_pools
from sandbox.model.engine import ModelEngine
from sandbox.pools.genesis import plant
from tests.sandbox.nodes import play, served

PLANTED = planted_pools()
NOBODY = str(Keypair.from_seed(bytes([9]) * 32).pubkey())
HASH = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
SHOWN = "http://shown"
Answer = tuple[int, bytes]


@contextmanager
def peer(*answers: Answer | Callable[[], None]) -> Iterator[tuple[str, list[str]]]:
    """Serve one answer after the other, the last for ever; what is called instead gives none.

    :returns: The address, with a key in it, and the methods asked for so far.

    """
    asked: list[str] = []

    class Peer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(question["method"])
            answer = answers[min(len(asked), len(answers)) - 1]
            if callable(answer):
                answer()
                self.rfile.read(1)  # until the other side has had enough
                return
            status, body = answer
            body = body.replace(b'"id":0', b'"id":%d' % question["id"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def result(value: object) -> Answer:
    return 200, json.dumps({"jsonrpc": "2.0", "result": value, "id": 0}, separators=(",", ":")).encode()


def accounts(*data: bytes) -> Answer:
    value = [
        {
            "data": [base64.b64encode(each).decode(), "base64+zstd"],
            "owner": PROGRAM,
            "lamports": 1,
            "executable": False,
            "rentEpoch": 0,
        }
        for each in data
    ]
    return result({"context": {"slot": 5}, "value": value})


def cluster(url: str, attempts: int = 1, stop: Stop | None = None) -> Cluster:
    return Cluster(url, SHOWN, "confirmed", attempts=attempts, stop=stop)


def test_pools_are_loaded_in_order_and_the_others_skipped_with_their_reasons() -> None:
    async def scenario() -> None:
        engine = ModelEngine({})
        addresses = [str(pool.address) for pool in plant(engine)]
        asked = [addresses[2], NOBODY, "sol-usdc", addresses[0], addresses[2]]
        async with served(engine) as node:
            node.steps(3)
            there = cluster(node.urls.rpc_url)
            loaded, skipped = await asyncio.to_thread(there.load_pools, asked, 1)
            assert await asyncio.to_thread(there.load_pools, [], 1) == ([], [])
        assert [pool.info.pool for pool in loaded] == [addresses[2], addresses[0]]
        assert [(skip.address, skip.reason) for skip in skipped] == [
            (NOBODY, "there is no such account on this cluster"),
            ("sol-usdc", "not an address"),
        ]
        of_address = {pool.info.pool: pool for pool in PLANTED}
        for pool in loaded:
            assert pool.slot > 0
            assert pool.info == of_address[pool.info.pool].info
            assert pool.accounts == of_address[pool.info.pool].accounts

    play(scenario())


def test_more_pools_than_fit_one_question_are_each_asked_for_at_once() -> None:
    async def scenario() -> None:
        engine = ModelEngine({})
        addresses = [str(pool.address) for pool in plant(engine)]
        async with served(engine) as node:
            node.steps(3)
            loaded, skipped = await asyncio.to_thread(cluster(node.urls.rpc_url).load_pools, addresses, 20)
            assert node.node.dispatcher.calls["getMultipleAccounts"] == 1 + 2  # of 4 pools with 44 accounts, 2 fit
        assert [pool.info.pool for pool in loaded] == addresses
        assert skipped == []

    play(scenario())


def test_a_wallet_is_told_from_nothing() -> None:
    async def scenario() -> None:
        engine = ModelEngine({})
        engine.set(Pubkey.from_string(NOBODY), Account(10**9, b"", Pubkey.default()))
        async with served(engine) as node:
            node.steps(3)
            _, (skip,) = await asyncio.to_thread(cluster(node.urls.rpc_url).load_pools, [NOBODY], 1)
        assert skip.reason.startswith("not a pool: its owner 1111")

    play(scenario())


def test_a_cluster_is_known_by_its_genesis_hash() -> None:
    with peer(result(HASH)) as (url, asked):
        assert cluster(url).check_genesis(None) == HASH
        assert cluster(url).check_genesis(HASH) == HASH
        with pytest.raises(ClusterError) as error:
            cluster(url).check_genesis(NOBODY)
    assert str(error.value) == f"network.genesis_hash: {SHOWN} is the cluster {HASH}, not {NOBODY}"
    assert asked == ["getGenesisHash"] * 3


def test_a_node_that_is_busy_is_asked_again() -> None:
    busy = 200, b'{"jsonrpc":"2.0","error":{"code":-32005,"message":"Node is behind"},"id":0}'
    with peer((429, b""), busy, (502, b"<html>"), result(HASH)) as (url, asked):
        assert cluster(url, attempts=4).check_genesis(HASH) == HASH
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>hello</html>"), "not_json"),
        ((200, b""), "not_json"),
        ((200, b"\xff\xfe"), "not_json"),
        ((200, b"[1, 2]"), "answer_shape"),
        (result(12), "answer_shape"),
        (result({}), "answer_shape"),
        ((200, b'{"jsonrpc":"2.0","result":"x","id":77}'), "foreign_answer"),
        ((200, b'{"jsonrpc":"2.0","error":{"code":-1,"message":"odd\\nly"},"id":0}'), r"rpc_error: -1: odd\nly"),
        ((401, b"who are you?"), "http_status: HTTP 401: who are you?"),
        ((301, b""), "http_status: HTTP 301"),
        ((429, b""), "rate_limited"),
    ],
)
def test_an_answer_that_is_none_is_named_without_the_address_key(answer: Answer, said: str) -> None:
    with peer(answer) as (url, _):
        for ask in (lambda: cluster(url).check_genesis(None), lambda: cluster(url).load_pools([NOBODY], 1)):
            with pytest.raises(ClusterError) as error:
                ask()
            text = str(error.value)
            assert text.startswith(f"{SHOWN} did not answer get")
            assert " in 1 attempts: " in text
            assert text.isprintable()
            assert "secret" not in text
    assert said in text or said.startswith(("answer", "foreign"))


def test_another_number_of_accounts_than_asked_for_is_no_answer() -> None:
    with peer(accounts()) as (url, _), pytest.raises(ClusterError, match="answer_count: 0 accounts instead of 1"):
        cluster(url).load_pools([NOBODY], 1)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no frame", "account_garbled"),
        (zstandard.compress(b"x" * 1_000)[:-3], "account_truncated"),
        (zstandard.compress(bytes(LARGEST_ACCOUNT + 1)), "account_oversized"),
    ],
)
def test_an_account_that_cannot_be_read_costs_only_its_own_pool(data: bytes, said: str) -> None:
    with peer(accounts(data, zstandard.compress(b"pool"))) as (url, _):
        loaded, skipped = cluster(url).load_pools([NOBODY, PROGRAM], 1)
    assert loaded == []
    assert skipped[0].reason.startswith(f"account {NOBODY}: {said}: ")
    assert skipped[1].reason == "not a pool: another account of meteora, 4 bytes long"


def test_nobody_waits_for_a_node_once_the_run_is_to_end() -> None:
    stop = Stop()
    with peer(lambda: stop.request("SIGTERM")) as (url, _), pytest.raises(ClusterError) as error:
        cluster(url, attempts=6, stop=stop).check_genesis(None)
    assert str(error.value) == f"SIGTERM while {SHOWN} was asked for getGenesisHash"


def test_what_had_failed_is_said_when_the_run_is_to_end() -> None:
    stop = Stop()
    with peer((500, b"oops"), lambda: stop.request("SIGINT")) as (url, _), pytest.raises(ClusterError) as error:
        cluster(url, attempts=6, stop=stop).check_genesis(None)
    assert str(error.value).endswith("getGenesisHash, which had failed with http_status: HTTP 500: oops")


def test_an_address_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(EndpointError):
        cluster("http://[::1/secret").check_genesis(None)
