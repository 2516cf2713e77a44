"""Two and three swaps in one transaction: all of them happen, or nothing moves but the fee."""

import struct
from collections.abc import Sequence
from itertools import product

import pytest
from msgspec.structs import replace
from solders.address_lookup_table_account import ID as LOOKUP_TABLES
from solders.keypair import Keypair

from connectors.execution.building.lookup_tables import LookupTable
from connectors.execution.building.messages import step_message, wire_length
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.swaps import fixed_keys, pools_named, swap_step, swaps_of, units_of
from connectors.execution.building.templates import SwapTemplates, Terms
from dlmm.records import Account, SwapQuote, Venue
from operators.orders.commands import Rebalance, Swap, SwapRoute
from sandbox.engine import Execution
from sandbox.pools.plans import DEFAULT_PLANS, JUP, SOL, PoolPlan
from tests.connectors.execution.building.exchange_floor import (
    BLOCKHASH,
    ENGINES,
    METEORA_JUP,
    METEORA_SOL,
    SAROS_JUP,
    SAROS_SOL,
    WALLET,
    Floor,
    floor_on,
    quoted,
)

METEORA_CROSS, SAROS_CROSS = 4, 5
CROSSES = tuple(
    PoolPlan(
        venue=plan.venue,
        token_x=JUP,
        token_y=SOL,
        bin_step=10,
        fees=plan.fees,
        price=0.006,
        depth=20.0,
        positions=6,
    )
    for plan in DEFAULT_PLANS[:2]
)
PLANS = (*DEFAULT_PLANS, *CROSSES)
TABLE = Keypair.from_seed(bytes([3]) * 32).pubkey()

Ways = Sequence[tuple[int, bool]]
"""Of each leg: its pool's place, and whether X goes in."""

TWO: list[Ways] = [
    ((METEORA_SOL, False), (SAROS_SOL, True)),
    ((SAROS_SOL, False), (METEORA_SOL, True)),
    ((METEORA_SOL, True), (METEORA_JUP, False)),
    ((SAROS_SOL, True), (SAROS_JUP, False)),
]
THREE: list[Ways] = [
    ((first, False), (second, False), (third, True))
    for first, second, third in product(
        (METEORA_SOL, SAROS_SOL), (METEORA_CROSS, SAROS_CROSS), (METEORA_JUP, SAROS_JUP)
    )
]
"""USDC for SOL, SOL for JUP, JUP for USDC, on every mix of the venues."""


def floor_with(engine: str) -> tuple[Floor, LookupTable]:
    """Open a floor with a triangle on either venue, and a lookup table of all that its swaps name."""
    floor = floor_on(engine, PLANS)
    keys = fixed_keys(floor.pools().values(), WALLET.address)
    head = struct.pack("<IQQBB32sH", 1, (1 << 64) - 1, 0, 0, 1, bytes(WALLET.address), 0)
    floor.put(TABLE, Account(str(LOOKUP_TABLES), head + b"".join(map(bytes, keys))))
    return floor, LookupTable(TABLE, keys)


def chained(floor: Floor, ways: Ways, amount: int, *, exact_out: bool = False) -> tuple[SwapRoute, list[SwapQuote]]:
    """Make each leg take what the one before it brings, all limits to the unit."""
    legs: list[Swap] = []
    quotes: list[SwapQuote] = []
    for place, swap_for_y in ways:
        exact_in = bool(legs) or not exact_out
        leg, quote = quoted(floor.read(place), amount, exact_in=exact_in, swap_for_y=swap_for_y)
        legs.append(leg)
        quotes.append(quote)
        amount = quote.amount_out
    return SwapRoute(tuple(legs)), quotes


def send(floor: Floor, route: SwapRoute, table: LookupTable) -> Execution:
    step = swap_step(route, floor.pools(), WALLET.address)
    return floor.run(sign(WALLET, step_message(step, WALLET.address, BLOCKHASH, 1_000, [table]))[1])


def holdings(floor: Floor) -> dict[str, int]:
    return {mint: floor.balance(mint) for facts in floor.facts for mint in (str(facts.mint_x), str(facts.mint_y))}


def lamports(floor: Floor) -> int:
    held = floor.engine.get(WALLET.address)
    assert held is not None
    return held.lamports


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("exact_out", [False, True])
def test_a_route_moves_what_the_quotes_of_its_legs_say(engine: str, exact_out: bool) -> None:
    floor, table = floor_with(engine)
    for ways in (*TWO, *THREE):
        route, quotes = chained(floor, ways, 10**8, exact_out=exact_out)
        wanted = holdings(floor)
        for (place, swap_for_y), quote in zip(ways, quotes, strict=True):
            facts = floor.facts[place]
            paid, got = (facts.mint_x, facts.mint_y) if swap_for_y else (facts.mint_y, facts.mint_x)
            wanted[str(paid)] -= quote.amount_in
            wanted[str(got)] += quote.amount_out
        units = units_of(route, floor.pools())
        done = send(floor, route, table)
        assert done.error is None, done.logs
        assert holdings(floor) == wanted
        assert done.units <= units


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("failing", [1, 2])
def test_nothing_moves_but_the_fee_where_a_later_leg_gives_one_unit_less(engine: str, failing: int) -> None:
    floor, table = floor_with(engine)
    for ways in (*TWO, *THREE):
        if failing >= len(ways):
            continue
        route, quotes = chained(floor, ways, 10**8)
        legs = list(route.legs)
        legs[failing] = replace(legs[failing], threshold=quotes[failing].amount_out + 1)
        before, pools, paid = holdings(floor), floor.pools(), lamports(floor)
        done = send(floor, SwapRoute(tuple(legs)), table)
        code = 6003 if floor.facts[ways[failing][0]].venue is Venue.METEORA else 6004
        assert done.error == {"InstructionError": [2 + failing, {"Custom": code}]}
        assert holdings(floor) == before
        after = floor.pools()
        assert all(after[name].accounts == pool.accounts for name, pool in pools.items())
        assert paid - lamports(floor) == done.fee > 0


def test_small_routes_of_three_fit_a_packet_but_for_two_on_meteora_and_one_on_saros() -> None:
    floor, table = floor_with("model")
    pools, terms = floor.pools(), Terms(blockhash=BLOCKHASH, units=500_000, price=1_000)
    for ways in THREE:
        route, _ = chained(floor, ways, 10**8)
        alone, helped = SwapTemplates(WALLET.address), SwapTemplates(WALLET.address, [table])
        if sum(floor.facts[place].venue is Venue.METEORA for place, _ in ways) != 2:
            assert wire_length(alone.message(route, pools, terms)) <= 1_232
        else:
            with pytest.raises(BuildError, match=r"too_long.*no lookup table.*execution\.lookup_tables"):
                alone.message(route, pools, terms)
        step = swap_step(route, pools, WALLET.address)
        spliced = helped.message(route, pools, terms)
        assert spliced == step_message(
            Step(step.instructions, terms.units), WALLET.address, BLOCKHASH, terms.price, [table]
        )
        more = SwapRoute(tuple(replace(leg, amount=leg.amount + 1) for leg in route.legs))
        assert helped.message(more, pools, terms) != spliced
        assert len(helped) == 1


def test_a_route_of_another_number_of_legs_is_refused() -> None:
    leg = Swap(pool="pool", exact_in=True, swap_for_y=True, amount=1, threshold=1)
    for count in (0, 1, 4):
        with pytest.raises(BuildError, match=f"bad_route: {count} swaps"):
            swaps_of(SwapRoute((leg,) * count))
    assert swaps_of(SwapRoute((leg, leg))) == (leg, leg)


def test_every_pool_of_a_command_is_named_once() -> None:
    leg = Swap(pool="a", exact_in=True, swap_for_y=True, amount=1, threshold=1)
    other = replace(leg, pool="b")
    assert pools_named(leg) == ("a",)
    assert pools_named(SwapRoute((leg, other, leg))) == ("a", "b")
    assert pools_named(Rebalance("c", 1, 0, 9, 4, 6, 1, 1, 5)) == ("c",)
