"""A node in the test's own event loop, whose slots the test makes, and unmodified clients of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from solana.rpc.async_api import AsyncClient
from solana.rpc.websocket_api import SolanaWsClient
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from sandbox.chain import Chain, Terms
from sandbox.engine import Engine
from sandbox.faults import Faults
from sandbox.model.engine import ModelEngine
from sandbox.node.cheats import Cheats
from sandbox.node.server import Addresses, Node
from sandbox.pools.plans import PoolFacts
from sandbox.prices import PriceBoard
from sandbox.real import RealEngine

SOL = 10**9
SLOW_S = 30.0
"""Longest time that any scenario may take; a deadline, never waited for."""

ENGINES: dict[str, Callable[[], Engine]] = {"model": lambda: ModelEngine({}), "real": RealEngine}
START = 1_735_700_000


class Watch:
    """A wall clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


def chain_of(engine: Engine, faults: str = "", terms: Terms | None = None) -> Chain:
    return Chain(engine, terms, Faults(faults), Watch())


class Served:
    """A node that answers on loopback."""

    def __init__(self, node: Node, addresses: Addresses, session: aiohttp.ClientSession) -> None:
        self.node = node
        self.chain = node.chain
        self.urls = addresses
        self.session = session

    def steps(self, count: int = 1) -> None:
        for _ in range(count):
            self.node.step()

    def client(self) -> AsyncClient:
        return AsyncClient(self.urls.rpc_url)

    def listener(self) -> SolanaWsClient:
        return SolanaWsClient(self.urls.ws_url)

    async def send(self, body: object) -> Any:
        text = body if isinstance(body, str) else json.dumps(body)
        async with self.session.post(self.urls.rpc_url, data=text) as response:
            return await response.json()

    async def call(self, method: str, *params: object) -> Any:
        return await self.send({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})

    async def result(self, method: str, *params: object) -> Any:
        answer = await self.call(method, *params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, *params: object) -> Any:
        return (await self.call(method, *params))["error"]

    @asynccontextmanager
    async def socket(self, url: str | None = None) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.session.ws_connect(url or self.urls.ws_url, max_msg_size=1 << 26) as socket:
            yield socket

    async def funded(self, lamports: int = 5 * SOL) -> Keypair:
        """A wallet whose airdrop has just landed, and is confirmed."""
        wallet = Keypair()
        async with self.client() as client:
            await client.request_airdrop(wallet.pubkey(), lamports)
        self.steps(2)
        return wallet

    def blockhash(self) -> Hash:
        return self.chain.blocks[self.chain.confirmed].hash


def payment(wallet: Keypair, blockhash: Hash, lamports: int, to: Pubkey | None = None) -> VersionedTransaction:
    target = to if to is not None else Keypair().pubkey()
    paid = transfer(TransferParams(from_pubkey=wallet.pubkey(), to_pubkey=target, lamports=lamports))
    return VersionedTransaction(MessageV0.try_compile(wallet.pubkey(), [paid], [], blockhash), [wallet])


@asynccontextmanager
async def served(engine: Engine, pools: tuple[PoolFacts, ...] = ()) -> AsyncIterator[Served]:
    board = PriceBoard(str(pool.address) for pool in pools)
    node = Node(chain_of(engine), board, slot_s=0.01)
    node.dispatcher.add(Cheats(node, pools).methods)
    addresses = await node.listen()
    try:
        async with aiohttp.ClientSession() as session:
            yield Served(node, addresses, session)
    finally:
        await node.close()


def play(scenario: Awaitable[None]) -> None:
    """Run a scenario to its end, or fail when it hangs."""

    async def run() -> None:
        await asyncio.wait_for(scenario, SLOW_S)

    asyncio.run(run())


async def told(client: SolanaWsClient) -> Any:
    return await asyncio.wait_for(client.recv(), SLOW_S)


async def heard(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return json.loads(await socket.receive_str(timeout=SLOW_S))
