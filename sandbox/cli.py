"""The command line of the sandbox."""

import asyncio
import contextlib
import gc
import os
import signal
import stat
import sys
from typing import Any

import click
import msgspec

from dlmm.errors import DlmmError
from sandbox.cluster import ClusterOptions, build_cluster
from sandbox.faults import KNOBS
from sandbox.node.cheats import pool_json
from sandbox.node.server import Addresses, Node
from sandbox.pools.plans import PoolFacts

_READ_SIZE = 4096


class ParentPipeError(DlmmError):
    """Refuse to wait for the end of something that is no pipe."""

    def __init__(self) -> None:
        super().__init__("--parent-pipe needs a pipe as standard input")


class _Command(click.Command):
    """A command that lists the knobs of faults, and ends in one line where our own errors end it."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Faults"):
            formatter.write_dl([(name, f"{knob.kind}: {knob.meaning}") for name, knob in KNOBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DlmmError as error:
            click.echo(f"error: {' '.join(str(error).splitlines())}", err=True)
            ctx.exit(1)


def announcement(node: Node, addresses: Addresses, pools: list[PoolFacts]) -> bytes:
    """Write the line that tells whoever started the sandbox that it answers, and where."""
    fields = {
        **msgspec.structs.asdict(addresses),
        "genesis_hash": str(node.chain.genesis_hash),
        "pools": [pool_json(pool) for pool in pools],
    }
    return msgspec.json.encode(fields)


def _end_with_parent(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """End when standard input does: whoever started the sandbox is gone.

    :raises ParentPipeError: Standard input is a file or a terminal.

    """
    stdin = sys.stdin.fileno()

    if not stat.S_ISFIFO(os.fstat(stdin).st_mode) and not stat.S_ISSOCK(os.fstat(stdin).st_mode):
        raise ParentPipeError

    def read() -> None:
        if not os.read(stdin, _READ_SIZE):
            loop.remove_reader(stdin)
            ended.set()

    loop.add_reader(stdin, read)


async def _serve(
    node: Node, pools: list[PoolFacts], *, host: str, port: int, ws_port: int | None, parent_pipe: bool
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if parent_pipe:
        _end_with_parent(loop, ended)
    addresses = await node.listen(host, port, ws_port)
    slots = asyncio.create_task(node.run())
    slots.add_done_callback(lambda _: ended.set())
    click.echo(announcement(node, addresses, pools))
    try:
        await ended.wait()
    finally:
        slots.cancel()
        await node.close()
    with contextlib.suppress(asyncio.CancelledError):
        await slots


@click.command(cls=_Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", default=8899, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
@click.option("--ws-port", type=click.IntRange(0, 65_535), help="Serve on a second port too.")
@click.option("--slot-ms", default=400, show_default=True, type=click.IntRange(1, 60_000), help="Length of a slot.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of genesis, prices and traders.")
@click.option(
    "--first-slot", default=400_000_000, show_default=True, type=click.IntRange(1, 1 << 60), help="Of genesis."
)
@click.option("--faults", default="", metavar="SPEC", help="What goes wrong: key=value,...; see below.")
@click.option("--program", multiple=True, metavar="ID=FILE", help="Run a true program; may be repeated.")
@click.option("--accounts", multiple=True, metavar="DIR", help="Load accounts from files; may be repeated.")
@click.option("--clone", metavar="URL", help="Take pools and their programs from a cluster.")
@click.option("--clone-pool", multiple=True, metavar="ADDRESS", help="Take these of its pools only.")
@click.option("--pool", multiple=True, metavar="VENUE:PAIR:BIN_STEP[:PRICE[:DEPTH]]", help="Plant these pools only.")
@click.option("--market", default="", metavar="SPEC", help="Prices and traders: key=value,..., or off.")
@click.option("--parent-pipe", is_flag=True, help="End when standard input does.")
def main(
    *,
    host: str,
    port: int,
    ws_port: int | None,
    slot_ms: int,
    seed: int,
    first_slot: int,
    faults: str,
    program: tuple[str, ...],
    accounts: tuple[str, ...],
    clone: str | None,
    clone_pool: tuple[str, ...],
    pool: tuple[str, ...],
    market: str,
    parent_pipe: bool,
) -> None:
    """Run a Solana cluster with DLMM pools and a market, on loopback.

    Once it answers, it writes one line of JSON with its addresses and its pools to standard output.
    """
    options = ClusterOptions(
        seed=seed,
        slot_ms=slot_ms,
        faults=faults,
        market=market,
        programs=program,
        pools=pool,
        accounts=accounts,
        clone=clone,
        clone_pools=clone_pool,
        first_slot=first_slot,
    )
    node, pools = build_cluster(options)
    gc.freeze()
    asyncio.run(_serve(node, pools, host=host, port=port, ws_port=ws_port, parent_pipe=parent_pipe))
