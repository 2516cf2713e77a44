import base64

from solders.keypair import Keypair

from dlmm.programs import SYSTEM_PROGRAM, WRAPPED_SOL
from sandbox.model.engine import ModelEngine
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS
from tests.sandbox.nodes import ENGINES, play, served

KEY = str(Keypair.from_seed(bytes([5]) * 32).pubkey())
WRITTEN = {"lamports": 7, "owner": str(SYSTEM_PROGRAM), "data": base64.b64encode(b"abc").decode()}


def test_an_account_is_written_and_removed() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            assert await node.result("sandbox_setAccount", KEY, WRITTEN) is True
            slot = await node.result("sandbox_advance")
            found = await node.result("getAccountInfo", KEY, {"commitment": "processed", "encoding": "base64"})
            assert (found["value"]["lamports"], found["value"]["data"][0]) == (7, WRITTEN["data"])
            await node.result("sandbox_setAccount", KEY, None)
            assert await node.result("sandbox_advance", 2) == slot + 2
            found = await node.result("getAccountInfo", KEY, {"commitment": "processed"})
            assert found["value"] is None

    play(scenario())


def test_every_version_is_told_with_those_that_a_fork_abandoned() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            await node.result("sandbox_setAccount", KEY, WRITTEN)
            slot = await node.result("sandbox_advance")
            await node.result("sandbox_setAccount", KEY, {**WRITTEN, "data": ""})
            await node.result("sandbox_setFaults", "fork=1")
            assert await node.result("sandbox_advance") == slot
            await node.result("sandbox_setFaults", "")
            await node.result("sandbox_advance")
            versions = await node.result("sandbox_versions", KEY)
            told = [(one["slot"], one["data"], one["dead"]) for one in versions]
            assert told == [(0, "", False), (slot, "YWJj", False), (slot + 1, "", True), (slot + 2, "", False)]
            assert [one["owner"] for one in versions] == [None, *[str(SYSTEM_PROGRAM)] * 3]
            assert (await node.result("sandbox_accountAt", KEY, slot))["data"] == "YWJj"
            assert (await node.result("sandbox_accountAt", KEY))["slot"] == slot + 2

    play(scenario())


def test_pools_are_listed_and_wallets_funded() -> None:
    async def scenario() -> None:
        engine = ModelEngine({})
        pools = tuple(plant(engine, plans=DEFAULT_PLANS[:1]))
        async with served(engine, pools) as node:
            (pool,) = await node.result("sandbox_pools")
            assert pool["address"] == str(pools[0].address)
            assert (pool["venue"], pool["decimals_x"], pool["bin_step"]) == ("meteora", 9, 4)
            account = await node.result("sandbox_fund", KEY, str(WRAPPED_SOL), 12_345)
            await node.result("sandbox_advance")
            held = await node.result("getTokenAccountBalance", account, {"commitment": "processed"})
            assert held["value"] == {
                "amount": "12345",
                "decimals": 9,
                "uiAmount": 1.2345e-05,
                "uiAmountString": "0.000012345",
            }
            assert "no such mint" in (await node.error("sandbox_fund", KEY, KEY, 1))["message"]

    play(scenario())


def test_the_clock_pauses() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            await node.result("sandbox_pause")
            assert node.node.clock.is_paused
            await node.result("sandbox_resume")
            assert not node.node.clock.is_paused

    play(scenario())


def test_there_is_no_market_to_switch_where_nobody_trades() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            assert await node.result("sandbox_market", True) is False

    play(scenario())


def test_faults_are_switched_counted_and_refused_by_name() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            assert (await node.result("sandbox_setFaults", "slot.skip=1"))["spec"] == "slot.skip=1"
            await node.result("sandbox_advance", 3)
            assert (await node.result("sandbox_getFaults"))["hits"] == {"slot.skip": 3}
            assert "nope=1" in (await node.error("sandbox_setFaults", "nope=1"))["message"]
            assert (await node.result("sandbox_stats"))["skipped"] == 3

    play(scenario())


def test_bad_cheats_are_named() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node:
            for params in ([], ["nope", None], [KEY, {"lamports": -1, "owner": KEY}], [KEY, {**WRITTEN, "data": "?"}]):
                assert (await node.error("sandbox_setAccount", *params))["code"] == -32602
            assert (await node.error("sandbox_nope"))["code"] == -32601
            assert (await node.result("sandbox_dropConnections")) == 0

    play(scenario())
