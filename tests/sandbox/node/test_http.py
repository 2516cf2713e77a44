import asyncio
import json

import aiohttp
import pytest

from tests.sandbox.nodes import ENGINES, SLOW_S, Served, play, served

SLOT = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}


async def post(node: Served, body: object = SLOT) -> tuple[int, str, dict[str, str]]:
    async with node.session.post(node.urls.rpc_url, json=body) as response:
        return response.status, await response.text(), dict(response.headers)


def test_a_batch_is_answered_in_order() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            batch = [{**SLOT, "id": "a"}, {**SLOT, "id": 2, "method": "nope"}, 7]
            answers = await node.send(batch)
            assert [answer["id"] for answer in answers] == ["a", 2, None]
            assert answers[0]["result"] == node.chain.finalized
            assert [answer["error"]["code"] for answer in answers[1:]] == [-32601, -32600]

    play(scenario())


def test_what_is_no_request_is_named() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            assert (await node.send("{nope"))["error"] == {"code": -32700, "message": "Parse error"}
            assert (await node.send("\udcff".encode("utf-8", "surrogatepass").decode("latin-1")))["error"][
                "code"
            ] == -32700
            bodies: list[object] = [[], {}, {"jsonrpc": "1.0", "id": 1, "method": "getSlot"}, "7"]
            for body in bodies:
                assert (await node.send(body))["error"]["code"] == -32600
            named = {**SLOT, "params": {"commitment": "processed"}}
            assert (await node.send(named))["error"]["message"] == "`params` should be an array"

    play(scenario())


def test_health_is_told_and_other_methods_of_http_are_refused() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            async with node.session.get(f"{node.urls.rpc_url}/health") as response:
                assert (response.status, await response.text()) == (200, "ok")
            async with node.session.get(node.urls.rpc_url) as response:
                assert response.status == 405

    play(scenario())


def test_too_many_requests_say_when_to_come_back() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            for spec in ("http.429=1", "http.rps=0.000001"):
                node.chain.faults.set(spec)
                status, text, headers = await post(node)
                assert (status, headers["Retry-After"]) == (429, "1")
                assert json.loads(text)["error"]["code"] == 429
                assert node.chain.faults.hits

    play(scenario())


def test_a_bad_gateway_answers_in_html() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            node.chain.faults.set("http.5xx=1")
            status, text, headers = await post(node)
            assert status == 502
            assert headers["Content-Type"].startswith("text/html")
            assert "Bad Gateway" in text

    play(scenario())


def test_an_answer_is_cut_or_truncated() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            node.chain.faults.set("http.malformed=1")
            status, text, _ = await post(node)
            assert status == 200
            with pytest.raises(ValueError, match="line 1"):
                json.loads(text)
            node.chain.faults.set("http.reset=1")
            with pytest.raises(aiohttp.ClientError):
                await post(node)

    play(scenario())


def test_a_hanging_answer_never_comes() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            node.chain.faults.set("http.hang=1")
            with pytest.raises(TimeoutError):
                await node.session.post(node.urls.rpc_url, json=SLOT, timeout=aiohttp.ClientTimeout(total=0.05))
            assert node.chain.faults.hits["http.hang"] == 1

    play(scenario())


def test_stale_reads_answer_from_an_older_slot() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            node.steps(20)
            node.chain.faults.set("http.lag=15")
            options = {"commitment": "processed"}
            assert await node.result("getSlot", options) == node.chain.processed - 15
            least = {**options, "minContextSlot": node.chain.processed}
            error = await node.error("getSlot", least)
            assert error == {
                "code": -32016,
                "message": "Minimum context slot has not been reached",
                "data": {"contextSlot": node.chain.processed - 15},
            }

    play(scenario())


def test_cheats_suffer_no_faults() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            node.chain.faults.set("http.429=1,http.unhealthy=1,http.malformed=1,http.5xx=1,http.reset=1,http.delay=9e9")
            stats = await node.result("sandbox_stats")
            assert stats["slot"] == node.chain.processed

    play(scenario())


def test_an_answer_can_be_late() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            node.chain.faults.set("http.delay=1:2")
            status, _, _ = await post(node)
            assert status == 200

    play(scenario())


def test_a_body_beyond_all_bounds_is_refused() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            limit = aiohttp.ClientTimeout(total=SLOW_S)
            async with node.session.post(node.urls.rpc_url, data=b" " * (3 << 20), timeout=limit) as response:
                assert response.status == 413

    play(scenario())


def test_clients_that_vanish_leave_the_node_answering() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            port = int(node.urls.rpc_url.rpartition(":")[2])
            whole = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n" + b" " * 50
            for sent in (b"", b"\x00\xff" * 50, whole[:30], whole[:-20], whole):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                await writer.drain()
                writer.transport.abort()
            assert (await post(node))[0] == 200

    play(scenario())


def test_a_block_engines_path_refuses_by_http_status_too() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            url = f"{node.urls.rpc_url}/api/v1/bundles?uuid=key"
            tips = {"jsonrpc": "2.0", "id": 1, "method": "getTipAccounts"}
            async with node.session.post(url, json=tips) as response:
                assert response.status == 200
                assert len((await response.json())["result"]) == 8
            async with node.session.post(url, json={**tips, "method": "sendBundle", "params": [[]]}) as response:
                assert response.status == 400
                assert (await response.json())["error"]["code"] == -32602
            node.chain.faults.set("http.429=1")
            async with node.session.post(url, json=tips) as response:
                assert response.status == 429
                assert (await response.json())["error"]["code"] == -32097

    play(scenario())
