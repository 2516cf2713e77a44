"""Puts a sandbox together: engine, pools, market, chain and node."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta
from solders.pubkey import Pubkey

from dlmm.records import Record
from sandbox.chain import Chain, Terms
from sandbox.engine import Engine
from sandbox.faults import Faults
from sandbox.genesis import plant
from sandbox.market import Market
from sandbox.market_spec import parse_market
from sandbox.model.engine import ModelEngine
from sandbox.model.invocation import Program
from sandbox.model.meteora.program import PROGRAMS as METEORA_PROGRAMS
from sandbox.node.cheats import Cheats
from sandbox.node.server import Node
from sandbox.pool_spec import parse_pools
from sandbox.pools import PoolFacts
from sandbox.prices import PriceBoard
from sandbox.real import RealEngine, read_program

MODEL_PROGRAMS: Mapping[Pubkey, Program] = {**METEORA_PROGRAMS}
"""What the model engine runs, beside what every cluster has."""

NO_MARKET = "off"
"""Market of a cluster on which nobody trades."""


class ClusterOptions(Record, frozen=True):
    """What a sandbox is made of.

    :arg seed: Of genesis, prices and traders; its genesis hash follows from it.

    :arg slot_ms: Length of a slot.

    :arg faults: What goes wrong; see `sandbox.faults`.

    :arg market: How prices move and who trades, as `key=value,...`; `off` for a market without traders.

    :arg pools: Pools to plant; see `sandbox.pool_spec`.

    :arg programs: True programs to run, as `ID=FILE`; any makes the engine the real one.

    """

    seed: Annotated[int, Meta(ge=0)] = 1
    slot_ms: Annotated[int, Meta(ge=1)] = 400
    faults: str = ""
    programs: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    market: str = ""
    confirm_lag: Annotated[int, Meta(ge=1)] = 1


def build_engine(programs: Sequence[str]) -> Engine:
    """Make the real engine with these programs, or the model engine where there are none."""
    if not programs:
        return ModelEngine(MODEL_PROGRAMS)
    return RealEngine(dict(map(read_program, programs)))


def build_node(engine: Engine, pools: Sequence[PoolFacts], options: ClusterOptions) -> Node:
    """Put a chain and a node around an engine that holds these pools.

    :raises FaultSpecError: The faults cannot be read.

    :raises MarketSpecError: The market cannot be read.

    """
    faults = Faults(options.faults)
    chain = Chain(engine, Terms(seed=options.seed, confirm_lag=options.confirm_lag), faults)
    node = Node(chain, PriceBoard(str(pool.address) for pool in pools), options.slot_ms / 1000.0)
    if options.market != NO_MARKET:
        node.market = Market(chain, pools, parse_market(options.market, seed=options.seed), node.board)
    node.dispatcher.add(Cheats(node, pools).methods)
    return node


def build_cluster(options: ClusterOptions) -> tuple[Node, list[PoolFacts]]:
    """Make a whole sandbox, which no socket serves yet.

    :raises DlmmError: Something that the options name cannot be had.

    """
    engine = build_engine(options.programs)
    pools = plant(engine, options.seed, plans=parse_pools(options.pools))
    return build_node(engine, pools, options), pools
