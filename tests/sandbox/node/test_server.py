"""The clients of solana-py, unmodified, against a node of each engine."""

import base64

import pytest
from solana.exceptions import SolanaRpcException
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solders.keypair import Keypair
from solders.rpc.config import RpcTransactionLogsFilterMentions
from solders.transaction_status import TransactionConfirmationStatus

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.chain import FINALIZED_LAG
from sandbox.ledger.blockhashes import MAX_AGE
from sandbox.node.server import ListenError, Node
from sandbox.prices import PriceBoard
from tests.sandbox.nodes import ENGINES, SOL, chain_of, payment, play, served, told

CONFIRMED = TxOpts(preflight_commitment=Confirmed)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_transfer_is_sent_confirmed_notified_and_read_back(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client, node.listener() as listener:
            wallet, target = await node.funded(), Keypair().pubkey()
            account = await listener.account_subscribe(pubkey=target, commitment=Processed, encoding="base64+zstd")
            blockhash = (await client.get_latest_blockhash(Confirmed)).value.blockhash
            tx = payment(wallet, blockhash, SOL, target)
            ended = await listener.signature_subscribe(signature=tx.signatures[0], commitment=Confirmed)
            assert (await client.send_transaction(tx, CONFIRMED)).value == tx.signatures[0]
            node.steps(2)
            notes = {note.subscription: note.result for note in [await told(listener), await told(listener)]}
            seen = notes[account.subscription_id]
            assert (seen.value.lamports, bytes(seen.value.data), seen.value.owner) == (SOL, b"", SYSTEM_PROGRAM)
            assert notes[ended.subscription_id].value.err is None
            (status,) = (await client.get_signature_statuses([tx.signatures[0]])).value
            assert status is not None
            assert status.err is None
            assert status.slot == seen.context.slot
            assert status.confirmation_status == TransactionConfirmationStatus.Confirmed
            await client.confirm_transaction(tx.signatures[0], Confirmed)
            landed = (await client.get_transaction(tx.signatures[0], "json", Confirmed, 0)).value
            assert landed is not None
            meta = landed.transaction.meta
            assert meta is not None
            assert (landed.slot, meta.fee) == (status.slot, 5000)
            assert meta.post_balances[1] - meta.pre_balances[1] == SOL
            for encoding in ("jsonParsed", "base64"):
                again = (await client.get_transaction(tx.signatures[0], encoding, Confirmed, 0)).value
                assert again is not None
                assert again.slot == status.slot
            assert (await client.get_balance(target, Confirmed)).value == SOL
            assert (await client.get_balance(target)).value == 0
            (listed,) = (await client.get_signatures_for_address(target, commitment=Confirmed)).value
            assert listed.signature == tx.signatures[0]

    play(scenario())


def test_an_airdrop_reaches_its_wallet(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client:
            wallet = Keypair().pubkey()
            signature = (await client.request_airdrop(wallet, 3 * SOL)).value
            node.steps(2)
            await client.confirm_transaction(signature, Confirmed)
            assert (await client.get_balance(wallet, Confirmed)).value == 3 * SOL

    play(scenario())


def test_a_failing_preflight_gives_the_code_and_the_logs(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client:
            wallet = await node.funded(SOL)
            with pytest.raises(RPCException) as raised:
                await client.send_transaction(payment(wallet, node.blockhash(), 100 * SOL), CONFIRMED)
            text = str(raised.value)
            assert "custom program error: 0x1" in text
            assert "insufficient lamports" in text

    play(scenario())


def test_the_errors_have_the_shapes_of_a_node(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node:
            node.steps(2)
            stranger = Keypair()

            async def refused(tx: bytes, **options: object) -> dict[str, object]:
                encoded = base64.b64encode(tx).decode()
                error = await node.error("sendTransaction", encoded, {"encoding": "base64", **options})
                assert isinstance(error, dict)
                return error

            poor = payment(stranger, node.blockhash(), 1)
            error = await refused(bytes(poor), preflightCommitment="confirmed")
            assert error["code"] == -32002
            assert error["message"] == (
                "Transaction simulation failed: Attempt to debit an account but found no record of a prior credit."
            )
            data = error["data"]
            assert isinstance(data, dict)
            assert (data["err"], data["logs"], data["unitsConsumed"]) == ("AccountNotFound", [], 0)
            # the usual trap: preflight runs at finalized, which does not know a confirmed blockhash yet
            error = await refused(bytes(poor))
            assert error["message"] == "Transaction simulation failed: Blockhash not found"
            forged = bytearray(bytes(poor))
            forged[5] ^= 1
            assert await refused(bytes(forged), preflightCommitment="confirmed") == {
                "code": -32003,
                "message": "Transaction signature verification failure",
            }
            assert (await refused(b"\x01\x02"))["code"] == -32602
            node.chain.faults.set("http.unhealthy=1")
            assert await node.error("getSlot") == {
                "code": -32005,
                "message": "Node is behind by 160 slots",
                "data": {"numSlotsBehind": 160},
            }

    play(scenario())


def test_an_expired_blockhash_is_refused(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client:
            wallet = await node.funded()
            old = (await client.get_latest_blockhash(Confirmed)).value
            node.steps(MAX_AGE - 1)
            question = ("isBlockhashValid", str(old.blockhash), {"commitment": "processed"})
            assert (await node.result(*question))["value"]
            node.steps(1)
            assert not (await node.result(*question))["value"]
            assert (await client.get_block_height(Processed)).value > old.last_valid_block_height
            with pytest.raises(RPCException, match=r"BlockhashNotFound|Blockhash not found"):
                await client.send_transaction(payment(wallet, old.blockhash, 1), CONFIRMED)

    play(scenario())


def test_a_duplicate_is_refused_in_preflight_and_lands_once_without(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client:
            wallet, target = await node.funded(), Keypair().pubkey()
            tx = payment(wallet, node.blockhash(), SOL, target)
            await client.send_transaction(tx, CONFIRMED)
            node.steps(1)
            with pytest.raises(RPCException, match=r"AlreadyProcessed|already been processed"):
                await client.send_transaction(tx, CONFIRMED)
            await client.send_transaction(tx, TxOpts(skip_preflight=True))
            node.steps(1)
            assert (await client.get_balance(target, Processed)).value == SOL

    play(scenario())


def test_a_fork_takes_back_what_processed_had_shown(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client, node.listener() as listener:
            wallet, target = await node.funded(), Keypair().pubkey()
            await listener.account_subscribe(pubkey=target, commitment=Processed, encoding="base64")
            await listener.account_subscribe(pubkey=target, commitment=Confirmed, encoding="base64")
            tx = payment(wallet, node.blockhash(), SOL, target)
            await client.send_transaction(tx, CONFIRMED)
            node.chain.faults.set("fork=1")
            node.steps(1)
            node.chain.faults.set("")
            shown = await told(listener)
            assert shown.result.value.lamports == SOL
            assert (await client.get_balance(target, Processed)).value == 0
            assert (await client.get_signature_statuses([tx.signatures[0]])).value == [None]
            node.steps(2)
            notes = [await told(listener), await told(listener)]
            assert [note.result.context.slot for note in notes] == [shown.result.context.slot + 1] * 2
            assert (await client.get_balance(target, Confirmed)).value == SOL
            assert (await client.get_balance(wallet.pubkey(), Confirmed)).value == 4 * SOL - 5000

    play(scenario())


def test_simulation_shows_the_accounts_it_would_leave(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client:
            wallet, target = await node.funded(), Keypair().pubkey()
            tx = payment(wallet, node.blockhash(), SOL, target)
            shown = (await client.simulate_transaction(tx, commitment=Confirmed)).value
            assert shown.err is None
            assert shown.units_consumed == 150
            encoded = base64.b64encode(bytes(tx)).decode()
            options = {"encoding": "base64", "commitment": "processed", "accounts": {"addresses": [str(target)]}}
            after = await node.result("simulateTransaction", encoded, options)
            assert after["value"]["accounts"][0]["lamports"] == SOL
            assert (await client.get_balance(target, Processed)).value == 0

    play(scenario())


def test_logs_programs_slots_and_roots_are_notified(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client, node.listener() as listener:
            wallet, target = await node.funded(), Keypair().pubkey()
            mentions = RpcTransactionLogsFilterMentions(target)
            logs = await listener.logs_subscribe(filter_=mentions, commitment=Processed)
            owned = await listener.program_subscribe(program_id=SYSTEM_PROGRAM, commitment=Processed, encoding="base64")
            slots = await listener.slot_subscribe()
            roots = await listener.root_subscribe()
            tx = payment(wallet, node.blockhash(), SOL, target)
            await client.send_transaction(tx, CONFIRMED)
            first = node.chain.processed
            node.steps(FINALIZED_LAG)
            heard: dict[int, list[object]] = {}
            for _ in range(FINALIZED_LAG + 1 + 2 + 2):
                note = await told(listener)
                heard.setdefault(note.subscription, []).append(note.result)
            (log,) = heard[logs.subscription_id]
            assert log.value.signature == tx.signatures[0]  # type: ignore[attr-defined]
            assert log.value.logs[-1].endswith("success")  # type: ignore[attr-defined]
            assert {note.value.pubkey for note in heard[owned.subscription_id]} == {  # type: ignore[attr-defined]
                wallet.pubkey(),
                target,
            }
            assert [note.slot for note in heard[slots.subscription_id]] == list(  # type: ignore[attr-defined]
                range(first + 1, first + FINALIZED_LAG + 1)
            )
            assert heard[roots.subscription_id] == [first - 1, first]

    play(scenario())


def test_every_question_about_the_cluster_is_answered(engine: str) -> None:
    async def scenario() -> None:
        async with served(ENGINES[engine]()) as node, node.client() as client:
            await node.funded()
            assert (await client.get_genesis_hash()).value == node.chain.genesis_hash
            assert (await client.get_slot(Processed)).value == node.chain.processed
            assert (await client.get_slot(Finalized)).value == node.chain.finalized
            assert (await client.get_epoch_info(Processed)).value.absolute_slot == node.chain.processed
            assert (await client.get_minimum_balance_for_rent_exemption(165)).value == 2_039_280
            assert (
                await client.get_block(node.chain.confirmed, max_supported_transaction_version=0, commitment=Confirmed)
            ).value is not None
            assert (await client.get_transaction_count()).value == 1
            for ask in (
                client.get_version,
                client.get_epoch_schedule,
                client.get_identity,
                client.get_cluster_nodes,
                client.get_recent_performance_samples,
                client.get_first_available_block,
                client.get_slot_leader,
            ):
                assert await ask() is not None
            assert await client.is_connected()

    play(scenario())


def test_a_lost_server_is_an_error_of_the_client() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            client = node.client()
        with pytest.raises(SolanaRpcException):
            await client.get_slot()
        await client.close()

    play(scenario())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_only_loopback_is_served(host: str) -> None:
    async def scenario() -> None:
        node = Node(chain_of(ENGINES["model"]()), PriceBoard(), 0.4)
        with pytest.raises(ListenError, match="loopback only"):
            await node.listen(host)

    play(scenario())


def test_a_taken_port_is_named() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as first:
            port = int(first.urls.rpc_url.rpartition(":")[2])
            other = Node(chain_of(ENGINES["model"]()), PriceBoard(), 0.4)
            with pytest.raises(ListenError, match=str(port)):
                await other.listen(port=port)
            with pytest.raises(ListenError, match=str(port)):
                await other.listen(port=0, ws_port=port)

    play(scenario())


def test_two_ports_serve_the_same() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as spare:
            free = int(spare.urls.rpc_url.rpartition(":")[2])
        node = Node(chain_of(ENGINES["model"]()), PriceBoard(), 0.4)
        addresses = await node.listen(port=0, ws_port=free)
        assert addresses.ws_url.endswith(f":{free}")
        assert addresses.rpc_url.removeprefix("http") != addresses.ws_url.removeprefix("ws")
        await node.close()

    play(scenario())
