"""Ladders that take each other's place: on the model always, on the true programs where they are at hand."""

import pytest
from msgspec.structs import replace

from connectors.execution.building.positions import UnbuildableCommand
from dlmm.records import Venue
from dlmm.shapes import Shape
from operators.commands import ClosePosition, Rebalance
from tests.connectors.execution.building.exchange_floor import ENGINES
from tests.connectors.execution.building.liquidity_floor import LiquidityFloor, Sent

X, Y = 10**11, 10**10
venues = pytest.mark.parametrize("venue", list(Venue))
engines = pytest.mark.parametrize("engine", ENGINES)


def ladder(floor: LiquidityFloor, position: int, each: int = 10, gap: int = 1, **fields: object) -> Rebalance:
    """Place bids below and asks above the active bin."""
    active_id = floor.active_id
    usual = Rebalance(
        pool=floor.pool,
        position=position,
        lower=active_id - gap - each + 1,
        upper=active_id + gap + each - 1,
        bid_upper=active_id - gap,
        ask_lower=active_id + gap,
        amount_x=X,
        amount_y=Y,
        active_id=active_id,
    )
    return replace(usual, **fields)


def after(old: Rebalance, new: Rebalance) -> Rebalance:
    """Have a ladder take the place of another one."""
    return replace(new, old_position=old.position, old_lower=old.lower, old_upper=old.upper)


@engines
@venues
def test_figures(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    old = ladder(floor, 1)
    before = floor.holdings()
    sent = floor.carry_out(old)
    print([(len(s.step.instructions), s.length, s.done.units, s.step.compute_units) for s in sent])
    print([was - now for was, now in zip(before, floor.holdings(), strict=True)])
    floor.swap(5 * 10**10, swap_for_y=True)
    new = after(old, ladder(floor, 2))
    sent = floor.carry_out(new)
    print([(len(s.step.instructions), s.length, s.done.units, s.step.compute_units) for s in sent])
    print([was - now for was, now in zip(before, floor.holdings(), strict=True)])
