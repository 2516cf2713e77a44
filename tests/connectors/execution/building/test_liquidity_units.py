"""Limits of compute units against what the true programs use, over all kinds of mints and the golden pools."""

from collections.abc import Iterable
from itertools import product

from msgspec.structs import replace
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from connectors.execution.building.liquidity_units import limit, meteora_deposit
from connectors.execution.building.messages import PACKET_BYTES, step_message, wire_length
from connectors.execution.building.planning import needs, step
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.signing import sign
from dlmm.meteora.pdas import PROGRAM_ID as METEORA_PROGRAM
from dlmm.records import Account, Venue
from dlmm.saros.pdas import PROGRAM as SAROS_PROGRAM
from dlmm.shapes import Shape
from operators.orders.commands import (
    AddLiquidity,
    ClosePosition,
    CreatePosition,
    LiquidityCommand,
    Rebalance,
    RemoveLiquidity,
)
from operators.pools import PoolInfo
from sandbox.engine import Engine
from sandbox.ledger.keys import resolve
from sandbox.wallets import fund_lamports
from tests.connectors.execution.building.exchange_floor import BLOCKHASH, WALLET
from tests.connectors.execution.building.liquidity_floor import fits
from tests.golden_pools import vectors
from tests.sandbox.model import meteora_world, saros_world
from tests.sandbox.true_programs import programs

LEAST_MARGIN = 1.05
MOST_MARGIN = 3.0
FUNDS = 10**16
MOST_DISTANCE = 150_000
"""Bins times step of a pool that takes amounts of either token; the vectors have pools at the ends of the scale too."""


class Venture:
    """One pool on the true programs, and a wallet with its tokens."""

    def __init__(self, engine: Engine, info: PoolInfo, slot: int, time: int) -> None:
        self.engine, self.info, self.slot, self.time = engine, info, slot, time
        fund_lamports(engine, WALLET.address, 10**13)
        self.margins: list[float] = []

    def account(self, address: str) -> Account | None:
        found = self.engine.get(Pubkey.from_string(address))
        return None if found is None else Account(str(found.owner), bytes(found.data))

    def state(self, addresses: Iterable[str]) -> PoolAccounts:
        found = {key: there for key in addresses if (there := self.account(key)) is not None}
        return PoolAccounts(self.info, found, self.slot, self.time)

    def carry_out(self, command: LiquidityCommand) -> None:
        """Send all steps of a command that succeed, and note how far below its limit each of them stays."""
        for index in range(10):
            named = needs(command, self.state((self.info.pool, self.info.mint_x, self.info.mint_y)), WALLET)
            wanted = step(command, index, {self.info.pool: self.state(named)}, WALLET, fits)
            if wanted is None:
                return
            message = step_message(wanted, WALLET.address, BLOCKHASH, 1_000)
            assert wire_length(message) <= PACKET_BYTES
            tx = VersionedTransaction.from_bytes(sign(WALLET, message, wanted.extra)[1])
            done = self.engine.execute(tx, resolve(tx, self.engine.get))
            assert done.error is None, done.logs
            self.margins.append(wanted.compute_units / done.units)

    def live(self, position: int, lower: int, upper: int, active_id: int) -> None:
        """Open a position, fill it twice, empty it in part, and close it."""
        pool = self.info.pool
        add = AddLiquidity(
            pool=pool,
            position=position,
            lower=lower,
            upper=upper,
            amount_x=10**10 if upper >= active_id else 0,
            amount_y=10**10 if lower <= active_id else 0,
            active_id=active_id,
            shape=Shape.CURVE,
        )
        for command in (
            CreatePosition(pool, position, lower, upper),
            add,
            add,
            RemoveLiquidity(pool, position, lower, upper, 3_000),
            ClosePosition(pool, position, lower, upper),
        ):
            self.carry_out(command)

    def move_ladders(self, position: int, reach: int, active_id: int) -> None:
        """Place a ladder, have another one take its place, and close that."""
        lower, upper = active_id - reach, active_id + reach
        first = Rebalance(
            pool=self.info.pool,
            position=position,
            lower=lower,
            upper=upper,
            bid_upper=active_id - 1,
            ask_lower=active_id + 1,
            amount_x=10**10,
            amount_y=10**10,
            active_id=active_id,
            shape=Shape.BID_ASK,
        )
        self.carry_out(first)
        self.carry_out(replace(first, position=position + 1, old_position=position, old_lower=lower, old_upper=upper))
        self.carry_out(ClosePosition(self.info.pool, position + 1, lower, upper))


def test_the_limits_on_saros_bound_all_kinds_of_mints() -> None:
    kinds = list(product(range(4), range(4)))
    world = saros_world.World(3, programs()[SAROS_PROGRAM], kinds=kinds)
    position, margins = 0, []
    for pool in world.pools:
        keys = pool.keys
        for mint in (keys.mint_x, keys.mint_y):
            world.fund(WALLET.address, mint, FUNDS)
        info = PoolInfo(
            pool=str(keys.pair),
            venue=Venue.SAROS,
            base="X",
            quote="Y",
            bin_step=int.from_bytes(world.data(keys.pair)[41:42], "little"),
            base_factor=0,
            mint_x=str(keys.mint_x),
            mint_y=str(keys.mint_y),
        )
        venture = Venture(world.twins.real, info, 1_000, world.time)
        for lower, upper in ((-11, 10), (0, 21)):
            position += 1
            venture.live(position, pool.start + lower, pool.start + upper, pool.start)
        venture.move_ladders(1_000 + 2 * position, 10, pool.start)
        margins += venture.margins
    assert len(margins) > 8 * len(kinds)
    assert min(margins) > LEAST_MARGIN
    assert max(margins) < MOST_MARGIN


def test_the_limits_on_meteora_bound_the_golden_pools() -> None:
    executable = programs()[METEORA_PROGRAM]
    states = {vector.row["state"]: vector for vector in vectors() if vector.venue is Venue.METEORA}
    margins: list[float] = []
    tried = 0
    for vector in list(states.values())[::3]:
        world = meteora_world.World(1, executable, vector.state, tuple(vector.row["clock"]))
        keys, active_id = world.pool, int(world.pair["active_id"])
        if abs(active_id) * int(world.pair["bin_step"]) > MOST_DISTANCE:
            continue
        for mint in (keys.mint_x, keys.mint_y):
            world.fund(WALLET.address, mint, FUNDS)
        info = PoolInfo(
            pool=str(keys.lb_pair),
            venue=Venue.METEORA,
            base="X",
            quote="Y",
            bin_step=int(world.pair["bin_step"]),
            base_factor=0,
            mint_x=str(keys.mint_x),
            mint_y=str(keys.mint_y),
        )
        venture = Venture(world.twins.real, info, world.slot, world.time)
        for place, lower in enumerate((-34, 1)):
            venture.live(place, active_id + lower, active_id + lower + 69, active_id)
        venture.move_ladders(1_000, 30, active_id)
        margins += venture.margins
        tried += 1
    assert tried > 8
    assert min(margins) > LEAST_MARGIN
    assert max(margins) < MOST_MARGIN


def test_a_limit_is_never_above_the_runtimes() -> None:
    assert limit(meteora_deposit(asks=70, bids=0), meteora_deposit(asks=70, bids=0)) == 1_400_000
    assert limit(1_000) == 1_300
