import asyncio
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from dlmm import swap
from dlmm.meteora.pdas import PROGRAM_ID as METEORA_PROGRAM
from dlmm.programs import SYSTEM_PROGRAM, TOKEN_PROGRAM
from dlmm.records import SwapQuote
from dlmm.saros.pdas import PROGRAM as SAROS_PROGRAM
from sandbox.chain import Chain
from sandbox.engine import Engine
from sandbox.market.pool_access import access
from sandbox.model.engine import ModelEngine
from sandbox.node.server import Node
from sandbox.pools.clone import MOST_POOLS, clone_pools, clone_programs, find_pools
from sandbox.pools.cluster_reader import ClusterReader, ClusterReadError
from sandbox.pools.genesis import plant
from sandbox.pools.plans import PoolFacts
from sandbox.pools.planting import put_data
from sandbox.prices import PriceBoard
from sandbox.real import RealEngine
from tests.sandbox.true_programs import Runner, programs

MISSING = Pubkey.from_string("11111111111111111111111111111112")


@contextmanager
def served(engine: Engine) -> Iterator[str]:
    """Serve a chain over an engine from a thread; no slot passes."""
    ready, addresses = threading.Event(), []
    loop = asyncio.new_event_loop()

    async def run() -> None:
        node = Node(Chain(engine), PriceBoard(), 3_600.0)
        addresses.append(await node.listen())
        ready.set()
        await ended.wait()
        await node.close()

    ended = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10.0)
    yield addresses[0].rpc_url
    loop.call_soon_threadsafe(ended.set)
    thread.join(10.0)
    loop.close()


@pytest.fixture(scope="module")
def source() -> Iterator[tuple[RealEngine, list[PoolFacts], str]]:
    engine = RealEngine()
    pools = plant(engine)
    with served(engine) as url:
        yield engine, pools, url


def test_cloned_pools_are_those_of_the_cluster(source: tuple[RealEngine, list[PoolFacts], str]) -> None:
    engine, pools, url = source
    other = RealEngine()
    taken = clone_pools(other, ClusterReader(url), [facts.address for facts in pools])
    for facts, again in zip(pools, taken, strict=True):
        assert (again.address, again.venue, again.pair) == (facts.address, facts.venue, facts.pair)
        assert again.price == pytest.approx(facts.price)
        here, there = (access(one, side.get).read() for one, side in ((again, other), (facts, engine)))
        assert here.to_accounts() == there.to_accounts()
        for key in (facts.vault_x, facts.vault_y, facts.mint_x, facts.mint_y):
            assert other.get(key) == engine.get(key)


def test_a_small_cluster_needs_no_names(source: tuple[RealEngine, list[PoolFacts], str]) -> None:
    _, pools, url = source
    assert set(find_pools(ClusterReader(url))) == {facts.address for facts in pools}


def test_a_cluster_with_many_pools_asks_for_names() -> None:
    engine = RealEngine()
    (facts, *_) = plant(engine)
    pair = engine.get(facts.address)
    assert pair is not None
    for number in range(MOST_POOLS):
        put_data(engine, Pubkey(bytes([1, number]) * 16), pair.data, METEORA_PROGRAM)
    with served(engine) as url, pytest.raises(ClusterReadError, match="name those"):
        find_pools(ClusterReader(url))


def test_what_is_no_pool_is_refused(source: tuple[RealEngine, list[PoolFacts], str]) -> None:
    _, pools, url = source
    for key in (pools[0].vault_x, pools[0].mint_y):
        with pytest.raises(ClusterReadError, match="no pool of"):
            clone_pools(RealEngine(), ClusterReader(url), [key])
    with pytest.raises(ClusterReadError, match=f"has no pool {MISSING}"):
        clone_pools(RealEngine(), ClusterReader(url), [MISSING])


def test_executables_are_found_behind_the_upgradeable_loader(source: tuple[RealEngine, list[PoolFacts], str]) -> None:
    url = source[2]
    (executable,) = clone_programs(ClusterReader(url), [TOKEN_PROGRAM]).values()
    assert executable.startswith(b"\x7fELF")
    RealEngine({TOKEN_PROGRAM: executable})


def test_what_is_no_program_is_refused(source: tuple[RealEngine, list[PoolFacts], str]) -> None:
    _, pools, url = source
    with pytest.raises(ClusterReadError, match="is no program"):
        clone_programs(ClusterReader(url), [pools[0].address])
    with pytest.raises(ClusterReadError, match="has no program"):
        clone_programs(ClusterReader(url), [MISSING])


def test_a_program_that_is_only_modelled_cannot_be_cloned() -> None:
    with served(ModelEngine({})) as url, pytest.raises(ClusterReadError, match="without an executable"):
        clone_programs(ClusterReader(url), [TOKEN_PROGRAM])


def test_true_programs_swap_in_a_clone() -> None:
    source = RealEngine(programs())
    pools = plant(source)
    with served(source) as url:
        reader = ClusterReader(url)
        engine = RealEngine(clone_programs(reader, [METEORA_PROGRAM, SAROS_PROGRAM]))
        taken = clone_pools(engine, reader, [facts.address for facts in pools])
    runner = Runner(engine)
    for facts in taken:
        pool_access = access(facts, engine.get)
        user = runner.wallet(5, facts.mint_x, facts.mint_y)
        pool = pool_access.read()
        wanted = pool_access.request(pool, 10**facts.decimals_x, swap_for_y=True, exact_in=True, threshold=0)
        quote = swap.quote(pool, wanted, runner.clock)
        assert isinstance(quote, SwapQuote)
        before = runner.balance(facts.vault_y)
        assert runner.run([pool_access.swap(user.pubkey(), wanted)], user).error is None
        assert before - runner.balance(facts.vault_y) == quote.amount_out


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives canned answers, one after another, then the last again."""

    canned: list[tuple[int, bytes]]

    def do_POST(self) -> None:
        status, body = self.canned.pop(0) if len(self.canned) > 1 else self.canned[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def answering(*canned: tuple[int, bytes]) -> Iterator[ClusterReader]:
    handler = type("Canned", (Answers,), {"canned": list(canned)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield ClusterReader(f"http://127.0.0.1:{server.server_port}", pause_s=0.001)
        server.shutdown()


def given(value: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"context": {"slot": 1}, "value": value}}).encode()


ONE = {"lamports": 5, "data": ["AAE=", "base64"], "owner": str(SYSTEM_PROGRAM), "executable": False}


def test_a_busy_cluster_is_asked_again() -> None:
    with answering((429, b""), (503, b""), (200, given([ONE]))) as reader:
        assert reader.accounts([MISSING]) == {MISSING: Account(5, b"\0\1", SYSTEM_PROGRAM, False, 0)}


def test_an_account_that_is_not_there_is_left_out() -> None:
    with answering((200, given([None]))) as reader:
        assert reader.accounts([MISSING]) == {}


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (429, b"", "HTTP 429"),
        (401, b"", "HTTP 401"),
        (200, b"<html>", "no JSON"),
        (200, b"[]", "refused"),
        (200, b'{"error": {"code": -32601, "message": "Method not found"}}', "Method not found"),
        (200, given([]), "something else"),
        (200, given("x"), "something else"),
        (200, b'{"result": 3}', "something else"),
        (200, given([7]), "account that is none"),
        (200, given([{**ONE, "data": ["!", "base64"]}]), "account that is none"),
        (200, given([{**ONE, "owner": "x"}]), "account that is none"),
        (200, given([{**ONE, "lamports": -1}]), "account that is none"),
    ],
)
def test_a_bad_answer_has_a_name(status: int, body: bytes, reason: str) -> None:
    with answering((status, body)) as reader, pytest.raises(ClusterReadError, match=reason):
        reader.accounts([MISSING])


@pytest.mark.parametrize("body", [b'{"result": 3}', b'{"result": [{}]}', b'{"result": [{"pubkey": "x"}]}'])
def test_a_bad_list_has_a_name(body: bytes) -> None:
    with answering((200, body)) as reader, pytest.raises(ClusterReadError, match="something else"):
        reader.owned_by(SYSTEM_PROGRAM, size=1)


@pytest.mark.parametrize("url", ["", "ws://127.0.0.1:1", "127.0.0.1:1", "file:///etc/passwd", "http://"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(ClusterReadError, match="no address"):
        ClusterReader(url)


def test_nobody_at_the_address_has_a_name() -> None:
    with answering((200, b"")) as reader:
        url = reader.url
    with pytest.raises(ClusterReadError, match="no answer"):
        ClusterReader(url, pause_s=0.001).accounts([MISSING])
