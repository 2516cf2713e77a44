import base64
import json

import aiohttp
import pytest
import zstandard
from aiohttp import WSMsgType
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from dlmm.programs import SYSTEM_PROGRAM, TOKEN_PROGRAM
from sandbox.chain import FINALIZED_LAG
from tests.sandbox.nodes import ENGINES, SLOW_S, SOL, Served, heard, payment, play, served

KEY = Keypair.from_seed(bytes([5]) * 32).pubkey()


async def subscribe(socket: aiohttp.ClientWebSocketResponse, method: str, *params: object) -> int:
    await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    answer = await heard(socket)
    assert set(answer) == {"jsonrpc", "result", "id"}, answer
    return int(answer["result"])


async def refused(socket: aiohttp.ClientWebSocketResponse, method: str, *params: object) -> int:
    await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    return int((await heard(socket))["error"]["code"])


def write(node: Served, data: bytes = b"abc", owner: Pubkey = SYSTEM_PROGRAM, key: Pubkey = KEY) -> None:
    node.chain.set_account(key, Account(7, data, owner, False, 0))
    node.steps(1)


def test_an_account_notification_has_the_fields_of_a_node() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            options = {"encoding": "base64", "commitment": "processed"}
            number = await subscribe(socket, "accountSubscribe", str(KEY), options)
            write(node)
            assert await heard(socket) == {
                "jsonrpc": "2.0",
                "method": "accountNotification",
                "params": {
                    "result": {
                        "context": {"slot": node.chain.processed},
                        "value": {
                            "data": ["YWJj", "base64"],
                            "executable": False,
                            "lamports": 7,
                            "owner": str(SYSTEM_PROGRAM),
                            "rentEpoch": 2**64 - 1,
                            "space": 3,
                        },
                    },
                    "subscription": number,
                },
            }

    play(scenario())


def test_every_encoding_says_the_same_bytes() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            for encoding in ("base64", "base64+zstd", "base58", "jsonParsed", None):
                options = {"commitment": "processed", "encoding": encoding}
                await subscribe(socket, "accountSubscribe", str(KEY), options)
            sliced = {"commitment": "processed", "encoding": "base64", "dataSlice": {"offset": 1, "length": 1}}
            await subscribe(socket, "accountSubscribe", str(KEY), sliced)
            write(node)
            values = [(await heard(socket))["params"]["result"]["value"] for _ in range(6)]
            assert [value["data"] for value in values[2:]] == [
                ["ZiCa", "base58"],
                ["YWJj", "base64"],
                "ZiCa",
                ["Yg==", "base64"],
            ]
            assert values[0]["data"] == ["YWJj", "base64"]
            text, encoding = values[1]["data"]
            assert encoding == "base64+zstd"
            assert zstandard.decompress(base64.b64decode(text)) == b"abc"
            assert {value["space"] for value in values} == {3}
            write(node, bytes(200))
            values = [(await heard(socket))["params"]["result"]["value"] for _ in range(6)]
            assert values[2]["data"] == values[4]["data"] == "error: data too large for bs58 encoding"

    play(scenario())


def test_an_account_that_is_gone_is_shown_empty() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            write(node)
            await subscribe(socket, "accountSubscribe", str(KEY), {"encoding": "base64", "commitment": "processed"})
            node.chain.set_account(KEY, None)
            node.steps(1)
            value = (await heard(socket))["params"]["result"]["value"]
            assert (value["lamports"], value["owner"], value["data"]) == (0, str(SYSTEM_PROGRAM), ["", "base64"])

    play(scenario())


def test_each_commitment_is_notified_in_its_turn() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            numbers = [
                await subscribe(socket, "accountSubscribe", str(KEY), {"encoding": "base64", "commitment": level})
                for level in ("finalized", "confirmed", "processed")
            ]
            write(node)
            slot = node.chain.processed
            node.steps(FINALIZED_LAG)
            notes = [(await heard(socket))["params"] for _ in range(3)]
            assert [note["subscription"] for note in notes] == numbers[::-1]
            assert {note["result"]["context"]["slot"] for note in notes} == {slot}

    play(scenario())


def test_a_program_subscription_filters() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            options = {"commitment": "processed", "encoding": "base64"}
            sized = {**options, "filters": [{"dataSize": 3}]}
            matching = {**options, "filters": [{"memcmp": {"offset": 1, "bytes": "3a"}}]}  # base58 of b"bc" begins so
            await subscribe(socket, "programSubscribe", str(TOKEN_PROGRAM), sized)
            await subscribe(socket, "programSubscribe", str(TOKEN_PROGRAM), matching)
            everything = await subscribe(socket, "programSubscribe", str(TOKEN_PROGRAM), options)
            write(node, b"abcd", TOKEN_PROGRAM)
            note = (await heard(socket))["params"]
            assert (note["subscription"], note["result"]["value"]["pubkey"]) == (everything, str(KEY))

    play(scenario())


def test_a_signature_can_be_heard_of_when_it_is_received_and_after_it_landed() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            wallet = await node.funded()
            tx = payment(wallet, node.blockhash(), SOL)
            options = {"commitment": "processed", "enableReceivedNotification": True}
            first = await subscribe(socket, "signatureSubscribe", str(tx.signatures[0]), options)
            slot = node.chain.processed
            node.chain.submit(tx)
            received = (await heard(socket))["params"]
            assert received == {
                "result": {"context": {"slot": slot}, "value": "receivedSignature"},
                "subscription": first,
            }
            node.steps(1)
            ended = (await heard(socket))["params"]
            assert ended == {"result": {"context": {"slot": slot + 1}, "value": {"err": None}}, "subscription": first}
            late = await subscribe(socket, "signatureSubscribe", str(tx.signatures[0]), {"commitment": "processed"})
            assert (await heard(socket))["params"]["subscription"] == late
            assert await refused(socket, "signatureUnsubscribe", late) == -32602

    play(scenario())


def test_a_notification_may_lie_of_a_failed_transaction_and_its_status_tells_the_truth() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            node.chain.faults.set("status.lie=1")
            tx = payment(await node.funded(), node.blockhash(), 1_000 * SOL)
            signature = str(tx.signatures[0])
            await subscribe(socket, "signatureSubscribe", signature, {"commitment": "processed"})
            node.chain.submit(tx)
            node.steps(1)
            assert (await heard(socket))["params"]["result"]["value"] == {"err": None}
            (status,) = (await node.result("getSignatureStatuses", [signature]))["value"]
            assert status["err"] == {"InstructionError": [0, {"Custom": 1}]}

    play(scenario())


def test_nothing_is_notified_after_unsubscribing() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            number = await subscribe(socket, "slotSubscribe")
            node.steps(1)
            assert (await heard(socket))["params"]["result"] == {
                "parent": node.chain.processed - 1,
                "root": node.chain.finalized,
                "slot": node.chain.processed,
            }
            assert await refused(socket, "rootUnsubscribe", number) == -32602
            await socket.send_json({"jsonrpc": "2.0", "id": 2, "method": "slotUnsubscribe", "params": [number]})
            assert (await heard(socket))["result"] is True
            node.steps(3)
            assert await refused(socket, "slotUnsubscribe", number) == -32602

    play(scenario())


def test_bad_requests_are_named_and_the_connection_stays() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            await socket.send_str("{nope")
            assert (await heard(socket))["error"]["code"] == -32700
            await socket.send_str("[7]")
            assert (await heard(socket))["error"]["code"] == -32600
            assert await refused(socket, "nopeSubscribe") == -32601
            assert await refused(socket, "accountSubscribe") == -32602
            assert await refused(socket, "accountSubscribe", "nope") == -32602
            assert await refused(socket, "accountSubscribe", str(KEY), {"encoding": "rot13"}) == -32602
            assert await refused(socket, "accountSubscribe", str(KEY), {"commitment": "soon"}) == -32602
            assert await refused(socket, "signatureSubscribe", str(KEY)) == -32602
            assert await refused(socket, "logsSubscribe", {"mentions": []}) == -32602
            assert await refused(socket, "logsSubscribe", {"other": 1}) == -32602
            assert await refused(socket, "logsSubscribe", "nope") == -32602
            await subscribe(socket, "logsSubscribe", "all")

    play(scenario())


def test_a_connection_that_ends_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            async with node.socket() as socket:
                await subscribe(socket, "slotSubscribe")
                node.steps(1)
                sent = node.node.pubsub.sent
            async with node.socket() as socket:
                await subscribe(socket, "accountSubscribe", str(KEY))
                node.steps(1)
                assert node.node.pubsub.sent == sent
                assert len(node.node.pubsub.connections) == 1

    play(scenario())


def test_spoiled_notifications_come_before_the_true_one() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            options = {"encoding": "base64+zstd", "commitment": "processed"}
            number = await subscribe(socket, "accountSubscribe", str(KEY), options)
            node.chain.faults.set("ws.stray=1,ws.bomb=1,ws.oversize=1,ws.malformed=1,ws.dup=1")
            write(node)
            stray, bombed, oversized, cut, twin, true = [await socket.receive_str(timeout=SLOW_S) for _ in range(6)]
            assert json.loads(stray)["params"]["subscription"] != number
            data = json.loads(bombed)["params"]["result"]["value"]["data"]
            packed = base64.b64decode(data[0])
            assert len(packed) < 100_000
            with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
                assert reader.read(1 << 20) == bytes(1 << 20)
            assert len(oversized) > 20 << 20
            assert true == twin
            assert true.startswith(cut)
            assert len(cut) < len(true)
            assert json.loads(true)["params"]["subscription"] == number

    play(scenario())


def test_notifications_are_lost_and_reordered() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            await subscribe(socket, "slotSubscribe")
            first = node.chain.processed
            node.chain.faults.set("ws.reorder=1")
            node.steps(2)
            node.chain.faults.set("ws.lose=1")
            node.steps(2)
            node.chain.faults.set("")
            node.steps(1)
            slots = [(await heard(socket))["params"]["result"]["slot"] - first for _ in range(3)]
            assert slots == [2, 1, 5]

    play(scenario())


def test_a_muted_request_is_not_answered_and_a_deaf_subscription_never_notified() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            node.chain.faults.set("ws.mute=1")
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"})
            assert await refused(socket, "nope") == -32601
            node.chain.faults.set("ws.deaf=1")
            await subscribe(socket, "slotSubscribe")
            node.chain.faults.set("")
            node.steps(3)
            number = await subscribe(socket, "slotSubscribe")
            node.steps(1)
            assert (await heard(socket))["params"]["subscription"] == number

    play(scenario())


def test_a_silent_connection_answers_nothing_and_stays_open() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket() as socket:
            node.chain.faults.set("ws.stall=0.000001:1000")
            number = await subscribe(socket, "slotSubscribe")
            node.steps(2)
            while not (await node.result("sandbox_getFaults"))["hits"]:
                node.steps(1)
            node.chain.faults.set("")
            node.steps(1)
            note = (await heard(socket))["params"]
            assert note["subscription"] == number
            assert note["result"]["slot"] == node.chain.processed

    play(scenario())


def test_connections_are_cut_closed_and_refused() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            async with node.socket() as socket:
                await subscribe(socket, "slotSubscribe")
                assert node.node.drop_connections() == 1
                assert (await socket.receive(timeout=SLOW_S)).type == WSMsgType.CLOSED
                assert socket.close_code == 1006
            node.chain.faults.set("ws.close=0.001")
            async with node.socket() as socket:
                assert (await socket.receive(timeout=SLOW_S)).type == WSMsgType.CLOSE
                assert socket.close_code == 1013
            node.chain.faults.set("ws.drop=0.001")
            async with node.socket() as socket:
                assert (await socket.receive(timeout=SLOW_S)).type == WSMsgType.CLOSED
                assert socket.close_code == 1006
            node.chain.faults.set("ws.refuse=1")
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await node.session.ws_connect(node.urls.ws_url)

    play(scenario())
