"""Puts a sandbox together: engine, pools, market, chain and node."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError
from dlmm.records import Record
from dlmm.saros.pdas import PROGRAM as SAROS_PROGRAM
from sandbox.chain import Chain, Terms
from sandbox.engine import Engine
from sandbox.faults import Faults
from sandbox.market.market import Market
from sandbox.market.spec import parse_market
from sandbox.model.engine import ModelEngine
from sandbox.model.invocation import Program
from sandbox.model.meteora.program import PROGRAMS as METEORA_PROGRAMS
from sandbox.model.saros.program import liquidity_book
from sandbox.node.cheats import Cheats
from sandbox.node.server import Node
from sandbox.pools.accounts_dir import load_accounts
from sandbox.pools.clone import clone_pools, clone_programs, find_pools
from sandbox.pools.cluster_reader import ClusterReader
from sandbox.pools.genesis import plant
from sandbox.pools.plans import PoolFacts
from sandbox.pools.spec import parse_pools
from sandbox.prices import PriceBoard
from sandbox.real import RealEngine, read_program

MODEL_PROGRAMS: Mapping[Pubkey, Program] = {**METEORA_PROGRAMS, SAROS_PROGRAM: liquidity_book}
"""What the model engine runs, beside what every cluster has."""

NO_MARKET = "off"
"""Market of a cluster on which nobody trades."""


class ClusterError(DlmmError):
    """Refuse options that make no cluster together."""


class ClusterOptions(Record, frozen=True):
    """What a sandbox is made of.

    :arg seed: Of genesis, prices and traders; its genesis hash follows from it.

    :arg slot_ms: Length of a slot.

    :arg faults: What goes wrong; see `sandbox.faults`.

    :arg market: How prices move and who trades, as `key=value,...`; `off` for a market without traders.

    :arg programs: True programs to run, as `ID=FILE`; any makes the engine the real one.

    :arg pools: Pools to plant; see `sandbox.pools.spec`. None named are the default ones, unless others come from
        elsewhere.

    :arg accounts: Folders of accounts to load.

    :arg clone: URL of a cluster whose pools, and programs, to take.

    :arg clone_pools: Addresses of those pools; none named are all that a small cluster has.

    :arg confirm_lag: Blocks from processed to confirmed.

    :arg first_slot: Slot of the state at the start; one that comes back after another starts behind the last of that.

    """

    seed: Annotated[int, Meta(ge=0)] = 1
    slot_ms: Annotated[int, Meta(ge=1)] = 400
    faults: str = ""
    market: str = ""
    programs: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    clone: str | None = None
    clone_pools: tuple[str, ...] = ()
    confirm_lag: Annotated[int, Meta(ge=1)] = 1
    first_slot: Annotated[int, Meta(ge=1)] = 400_000_000


def build_engine(options: ClusterOptions) -> Engine:
    """Make the real engine where true programs are named or cloned, else the model engine.

    :raises ProgramFileError: A program cannot be read or loaded.

    """
    if not options.programs and options.clone is None:
        return ModelEngine(MODEL_PROGRAMS)
    return RealEngine(dict(map(read_program, options.programs)))


def _address(text: str) -> Pubkey:
    try:
        return Pubkey.from_string(text)
    except ValueError:
        raise ClusterError(f"{text!r} is not the address of a pool") from None


def _cloned(engine: Engine, options: ClusterOptions) -> list[PoolFacts]:
    """Take pools from a cluster, and the programs that own them unless a file has been named for them."""
    if options.clone is None:
        if options.clone_pools:
            raise ClusterError("pools to clone are named, but no cluster to clone them from")
        return []
    reader = ClusterReader(options.clone)
    wanted = [_address(text) for text in options.clone_pools] or find_pools(reader)
    pools = clone_pools(engine, reader, wanted)
    named = {program for program, _ in map(read_program, options.programs)}
    if isinstance(engine, RealEngine):
        missing = sorted({pool.program for pool in pools} - named, key=str)
        for program, executable in clone_programs(reader, missing).items():
            engine.add_program(program, executable)
    return pools


def gather_pools(engine: Engine, options: ClusterOptions) -> list[PoolFacts]:
    """Write pools into an engine: from files, from a cluster, and planted ones.

    :raises DlmmError: Something that the options name cannot be had.

    """
    pools = [pool for folder in options.accounts for pool in load_accounts(engine, Path(folder), seed=options.seed)]
    pools += _cloned(engine, options)
    if options.pools or not pools:
        pools += plant(engine, options.seed, plans=parse_pools(options.pools))
    addresses = [pool.address for pool in pools]
    for address in set(addresses):
        if addresses.count(address) > 1:
            raise ClusterError(f"pool {address} comes from two sources")
    return pools


def build_node(engine: Engine, pools: Sequence[PoolFacts], options: ClusterOptions) -> Node:
    """Put a chain and a node around an engine that holds these pools.

    :raises FaultSpecError: The faults cannot be read.

    :raises MarketSpecError: The market cannot be read.

    """
    faults = Faults(options.faults)
    terms = Terms(seed=options.seed, confirm_lag=options.confirm_lag, first_slot=options.first_slot)
    chain = Chain(engine, terms, faults)
    node = Node(chain, PriceBoard(str(pool.address) for pool in pools), options.slot_ms / 1000.0)
    if options.market != NO_MARKET:
        node.market = Market(chain, pools, parse_market(options.market, seed=options.seed), node.board)
    node.dispatcher.add(Cheats(node, pools).methods)
    return node


def build_cluster(options: ClusterOptions) -> tuple[Node, list[PoolFacts]]:
    """Make a whole sandbox, which no socket serves yet.

    :raises DlmmError: Something that the options name cannot be had.

    """
    engine = build_engine(options)
    pools = gather_pools(engine, options)
    return build_node(engine, pools, options), pools
