import aiohttp

from sandbox.prices import PoolPrice
from tests.sandbox.nodes import ENGINES, Served, heard, play, served

POOL = "5bW1x2357HYPTkuw1mAe1PNT3M4bKcN8yUVYmRd1q9F4"
FIRST = PoolPrice(150.5, 2e6, 6e6)


async def ask(socket: aiohttp.ClientWebSocketResponse, pool: str, method: str = "subscribe") -> None:
    await socket.send_json({"method": method, "params": {"channel": "pools", "pool_address": pool}})


def say(node: Served, price: float) -> None:
    node.node.board.put(POOL, PoolPrice(price, 2e6, 6e6))


async def settled(node: Served, socket: aiohttp.ClientWebSocketResponse) -> None:
    """Come back when the server has taken what was sent before."""
    await socket.send_str("?")
    assert "error" in await heard(socket)


def test_a_subscriber_hears_the_price_now_and_each_change_once_a_slot() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket(node.urls.prices_url) as socket:
            node.node.board.put(POOL, FIRST)
            node.steps(1)
            await ask(socket, POOL)
            assert await heard(socket) == {
                "pool_address": POOL,
                "price": 150.5,
                "liquidity": 2e6,
                "volume_24h": 6e6,
            }
            say(node, 151.0)
            say(node, 152.0)
            node.steps(3)
            say(node, 153.0)
            node.steps(1)
            assert [(await heard(socket))["price"] for _ in range(2)] == [152.0, 153.0]

    play(scenario())


def test_a_known_pool_without_a_price_is_heard_of_later() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket(node.urls.prices_url) as socket:
            node.node.board.put(POOL, FIRST)
            await ask(socket, POOL)
            assert (await heard(socket))["price"] == 150.5
            await ask(socket, POOL, "unsubscribe")
            await settled(node, socket)
            say(node, 151.0)
            node.steps(1)
            await ask(socket, POOL)
            assert (await heard(socket))["price"] == 151.0

    play(scenario())


def test_unknown_pools_channels_and_requests_are_errors() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket(node.urls.prices_url) as socket:
            node.node.board.put(POOL, FIRST)
            await ask(socket, "nope")
            assert (await heard(socket))["error"] == {"message": "unknown pool", "pool_address": "nope"}
            await ask(socket, POOL, "shout")
            assert "shout" in (await heard(socket))["error"]["message"]
            await socket.send_json({"method": "subscribe", "params": {"channel": "tea", "pool_address": POOL}})
            assert "tea" in (await heard(socket))["error"]["message"]
            for text in ("{", "[]", '{"method":"subscribe"}'):
                await socket.send_str(text)
                assert "invalid request" in (await heard(socket))["error"]["message"]

    play(scenario())


def test_faults_of_websockets_hold_here_too() -> None:
    async def scenario() -> None:
        async with served(ENGINES["model"]()) as node, node.socket(node.urls.prices_url) as socket:
            node.node.board.put(POOL, FIRST)
            node.chain.faults.set("ws.stray=1,ws.dup=1")
            await ask(socket, POOL)
            messages = [await heard(socket) for _ in range(3)]
            assert messages[0]["pool_address"] != POOL
            assert messages[1] == messages[2]
            assert node.node.drop_connections() == 1

    play(scenario())
