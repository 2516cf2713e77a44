"""Ladders that take each other's place: on the model always, on the true programs where they are at hand."""

from collections.abc import Sequence

import numpy as np
import pytest
from msgspec.structs import replace
from solders.pubkey import Pubkey

from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import Placed, UnbuildableCommand, parts, placed
from connectors.execution.building.rebalancing import new_parts, old_parts
from connectors.execution.building.venues import ladders_of, liquidity_of
from dlmm.liquidity import Amounts
from dlmm.meteora.layout import BIN_ARRAY as METEORA_ARRAY
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.price import price_x64
from dlmm.programs import associated_token_account
from dlmm.records import Venue
from dlmm.saros.layout import BIN_ARRAY as SAROS_ARRAY
from dlmm.saros.liquidity import position_shares
from dlmm.saros.pdas import bin_array_address as saros_array
from dlmm.shapes import Shape, weights
from operators.orders.commands import ClosePosition, Rebalance
from sandbox.wallets import fund
from tests.connectors.execution.building.exchange_floor import ENGINES, WALLET
from tests.connectors.execution.building.liquidity_floor import LiquidityFloor, Sent

X, Y = 10**11, 10**10
ROUNDING = 30
WIDE = {Venue.METEORA: 60, Venue.SAROS: 20}
LEAST_MARGIN = 1.05

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


def closing(one: Rebalance) -> ClosePosition:
    return ClosePosition(one.pool, one.position, one.lower, one.upper)


def stands(floor: LiquidityFloor, one: Rebalance) -> Sequence[Placed]:
    """Return the ladder's positions on chain."""
    pool = floor.state(one)
    return [there for part in new_parts(one, pool) if (there := placed(pool, part, WALLET)) is not None]


def held(floor: LiquidityFloor, one: Rebalance) -> dict[int, Amounts]:
    """Return what each bin of a ladder holds, of those with shares."""
    pool, found = floor.state(one), {}
    for there in stands(floor, one):
        if floor.venue is Venue.SAROS:
            shares = position_shares(there.data)
        else:
            shares = [int.from_bytes(there.data[72 + 16 * i : 88 + 16 * i], "little") for i in range(there.width)]
        for bin_id, share in enumerate(shares, there.lower):
            if not share:
                continue
            layout, size = (SAROS_ARRAY, 256) if floor.venue is Venue.SAROS else (METEORA_ARRAY, 70)
            address = (saros_array if floor.venue is Venue.SAROS else meteora_array)(pool.address, bin_id // size)
            row = np.frombuffer(pool.account(str(address)).data, layout)[0]["bins"][bin_id % size]
            names = ("liquidity_supply", "reserve_x", "reserve_y")
            if floor.venue is Venue.METEORA:
                names = ("supply", "amount_x", "amount_y")
            supply = int(row[f"{names[0]}_low"]) | int(row[f"{names[0]}_high"]) << 64
            found[bin_id] = Amounts(*(share * int(row[name]) // supply for name in names[1:]))
    return found


def kind_of(floor: LiquidityFloor, command: Rebalance, *, is_apart: bool = False) -> str:
    with pytest.raises(UnbuildableCommand) as refused:
        floor.next(command, 0, is_apart=is_apart)
    assert refused.value.reason
    return refused.value.kind


@engines
@venues
def test_a_ladder_of_ten_bins_on_either_side_moves_in_one_transaction(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    first = ladder(floor, 1)
    before = floor.holdings()
    (placing,) = floor.carry_out(first)
    assert [was - now for was, now in zip(before, floor.holdings(), strict=True)] == pytest.approx([X, Y], abs=ROUNDING)
    push(floor, 4)
    gathered = sum((floor.holdings()[0], *(bin_.x for bin_ in held(floor, first).values())))
    second = after(first, ladder(floor, 2))
    (move,) = floor.carry_out(second)
    assert (len(stands(floor, first)), len(stands(floor, second))) == (0, 1)
    assert gathered - floor.holdings()[0] == pytest.approx(X, rel=0.01)  # less what fees gave
    for sent in (placing, move):
        assert sent.step.compute_units > LEAST_MARGIN * sent.done.units
    assert floor.next(second, 0) is None
    floor.carry_out(closing(second))
    assert stands(floor, second) == []


@engines
@venues
@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("is_wide", [False, True])
def test_the_sides_have_their_shape_and_nothing_lies_between(
    engine: str, venue: Venue, shape: Shape, is_wide: bool
) -> None:
    floor = LiquidityFloor(engine, venue)
    each = WIDE[venue] if is_wide else 9
    one = ladder(floor, 1, each, gap=2, shape=shape)
    floor.carry_out(one)
    count = len(stands(floor, one))
    assert count == len(parts(venue, 1, one.lower, one.upper))
    assert (count > 1) is is_wide
    found = held(floor, one)
    bids, asks = range(one.bid_upper, one.lower - 1, -1), range(one.ask_lower, one.upper + 1)
    assert set(found) == {*bids, *asks}
    steps, step = weights(shape, each), floor.floor.read(floor.place).info.bin_step
    y = [Y * value / sum(steps) for value in steps]
    values = [value / price_x64(place, step) for place, value in enumerate(steps)]
    x = [X * value / sum(values) for value in values]
    assert [found[bin_id].y for bin_id in bids] == pytest.approx(y, rel=0.02)
    assert [found[bin_id].x for bin_id in asks] == pytest.approx(x, rel=0.02)
    assert not any(found[bin_id].x for bin_id in bids)
    assert not any(found[bin_id].y for bin_id in asks)


@engines
@venues
@pytest.mark.parametrize("is_apart", [False, True])
def test_a_move_goes_on_from_wherever_it_was_left(engine: str, venue: Venue, is_apart: bool) -> None:
    """Each step is planned as if none had landed: what stands on chain tells the rest."""
    floor = LiquidityFloor(engine, venue)
    first = ladder(floor, 1, WIDE[venue], shape=Shape.CURVE)
    floor.carry_out(first)
    second = after(first, ladder(floor, 2, WIDE[venue], gap=2, shape=Shape.CURVE))
    before, spent = floor.holdings(), held(floor, first)
    steps = 0
    while (wanted := floor.next(second, 0, is_apart=is_apart)) is not None:
        left = len(stands(floor, first))
        assert floor.send(wanted).done.error is None
        steps += 1
        if left:  # nothing is placed before all is closed
            assert len(stands(floor, first)) < left
            assert not is_apart or not stands(floor, second)
        assert steps < 10
    assert stands(floor, first) == []
    assert set(held(floor, second)) == {
        *range(second.lower, second.bid_upper + 1),
        *range(second.ask_lower, second.upper + 1),
    }
    back = [sum(getattr(one, side) for one in spent.values()) for side in ("x", "y")]
    gained = [now - was for was, now in zip(before, floor.holdings(), strict=True)]
    assert gained == pytest.approx([back[0] - X, back[1] - Y], abs=10 * ROUNDING)


@engines
@venues
def test_what_is_worked_out_ahead_is_what_the_chain_has_then(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    first = ladder(floor, 1)
    floor.carry_out(first)
    push(floor, 4)
    floor.swap(10**11, swap_for_y=False)
    second = after(first, ladder(floor, 2))

    # of the mints of positions on Saros nothing is asked but that they are there
    tokens = {str(WALLET.derived(f"position {one.position} part 0").pubkey()) for one in (first, second)}

    def check(ahead: PoolAccounts) -> None:
        now = floor.state(second).accounts
        wanted = {key: account.data for key, account in now.items() if key not in tokens}
        assert {key: ahead.account(key).data for key in wanted} == wanted
        assert all((key in now) is (key in ahead.accounts) for key in floor.named(second))

    pool = floor.state(second)
    one, *_ = [placed(pool, part, WALLET) for part in old_parts(second, pool)]
    assert one is not None
    step, ahead = liquidity_of(pool, WALLET).close(one), ladders_of(pool, WALLET).closed(one)
    assert step is not None
    assert floor.send(step).done.error is None
    check(ahead)
    pool = floor.state(second)
    (part,) = new_parts(second, pool)
    step, ahead = liquidity_of(pool, WALLET).open(part), ladders_of(pool, WALLET).opened(part)
    assert floor.send(step).done.error is None
    check(ahead)
    for rungs in ladders_of(pool, WALLET).rungs(second, (part,)):
        pool = floor.state(second)
        there = placed(pool, part, WALLET)
        assert there is not None
        assert not ladders_of(pool, WALLET).is_filled(there, rungs)
        filling = ladders_of(pool, WALLET).fill(second, there, rungs, Amounts(X, Y))
        assert filling is not None
        assert floor.send(filling.step).done.error is None
        check(filling.after)
        there = placed(floor.state(second), part, WALLET)
        assert there is not None
        assert ladders_of(pool, WALLET).is_filled(there, rungs)


@engines
@venues
@pytest.mark.parametrize("side", ["x", "y"])
def test_a_ladder_may_have_one_side(engine: str, venue: Venue, side: str) -> None:
    floor = LiquidityFloor(engine, venue)
    one = ladder(floor, 1, **{"amount_y" if side == "x" else "amount_x": 0})
    floor.carry_out(one)
    wanted = range(one.ask_lower, one.upper + 1) if side == "x" else range(one.lower, one.bid_upper + 1)
    assert set(held(floor, one)) == set(wanted)
    active_id = floor.active_id
    bare = {"lower": active_id + 1, "bid_upper": active_id, "amount_y": 0}
    if side == "y":
        bare = {"upper": active_id - 1, "ask_lower": active_id, "amount_x": 0}
    other = after(one, ladder(floor, 2, **bare))
    floor.carry_out(other)
    assert set(held(floor, other)) == set(range(other.lower, other.upper + 1))
    assert stands(floor, one) == []


@engines
@venues
def test_a_side_may_begin_in_the_active_bin(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    for position, name in enumerate(("bid_upper", "ask_lower"), 1):
        one = ladder(floor, position, **{name: floor.active_id})
        floor.carry_out(one)
        assert floor.active_id in held(floor, one)


@engines
@venues
def test_no_more_is_placed_than_the_wallet_has_by_then(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    first = ladder(floor, 1)
    floor.carry_out(first)
    rich = floor.holdings()
    second = after(first, ladder(floor, 2, amount_x=100 * rich[0], amount_y=100 * rich[1]))
    (move,) = floor.carry_out(second)
    assert move.done.error is None
    left = floor.holdings()
    assert max(left) < 10 * ROUNDING  # all of it, with what the old ladder gave
    third = after(second, ladder(floor, 3, amount_x=1, amount_y=0))
    assert kind_of(floor, third) == "nothing_deposited"


@engines
@venues
def test_a_wallet_without_tokens_places_nothing_and_opens_nothing(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    facts = floor.floor.facts[floor.place]
    for mint in (facts.mint_x, facts.mint_y):
        fund(floor.floor.engine, WALLET.address, mint, 0)
    assert kind_of(floor, ladder(floor, 2)) == "insufficient_tokens"


@venues
def test_a_ladder_that_could_never_be_placed_is_refused_and_nothing_closed(venue: Venue) -> None:
    floor = LiquidityFloor("model", venue)
    first = ladder(floor, 1)
    floor.carry_out(first)
    good = after(first, ladder(floor, 2))
    active_id = good.active_id
    for kind, fields in (
        ("bad_amount", {"amount_x": 0, "amount_y": 0}),
        ("bad_amount", {"amount_x": -1}),
        ("bad_range", {"bid_upper": good.lower - 1}),
        ("bad_range", {"ask_lower": good.upper + 1}),
        ("bad_range", {"bid_upper": active_id, "ask_lower": active_id}),
        ("bad_range", {"lower": active_id + 1, "upper": active_id - 1}),
        ("bad_range", {"bid_upper": good.upper + 1, "amount_x": 0}),
        ("bad_range", {"ask_lower": good.lower - 1, "amount_y": 0}),
        ("bad_range", {"position": 1}),
        ("wrong_side", {"bid_upper": active_id + 1, "ask_lower": active_id + 2}),
        ("wrong_side", {"bid_upper": active_id - 2, "ask_lower": active_id - 1}),
    ):
        assert kind_of(floor, replace(good, **fields)) == kind, fields
    assert len(stands(floor, first)) == 1


def push(floor: LiquidityFloor, bins: int) -> None:
    """Move the price down by at least so many bins."""
    start = floor.active_id
    while start - floor.active_id < bins:
        floor.swap(2 * 10**10, swap_for_y=True)


@engines
@venues
def test_a_price_that_went_away_refuses_the_move_and_leaves_the_old_ladder(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    first = ladder(floor, 1, 8, gap=3)
    floor.carry_out(first)
    far = after(first, ladder(floor, 2, gap=8, max_active_slip=2))
    crossed = after(first, ladder(floor, 3, gap=1))
    still = after(first, ladder(floor, 4, gap=8))
    push(floor, 3)
    assert kind_of(floor, far) == kind_of(floor, crossed) == "active_moved"
    assert len(stands(floor, first)) == 1
    assert floor.carry_out(still)[-1].done.error is None


@engines
@venues
def test_a_price_that_goes_away_after_the_closing_ends_the_move(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    first = ladder(floor, 1)
    floor.carry_out(first)
    second = after(first, ladder(floor, 2))
    step = floor.next(second, 0, is_apart=True)
    assert step is not None
    assert floor.send(step).done.error is None
    assert stands(floor, first) == stands(floor, second) == []
    push(floor, 2)
    assert kind_of(floor, second) == "active_moved"


@engines
def test_meteora_itself_refuses_a_move_that_comes_too_late(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.METEORA)
    first = ladder(floor, 1)
    floor.carry_out(first)
    for gap, slip, moved in ((1, 5, 2), (8, 2, 3)):
        late = floor.next(after(first, ladder(floor, 2, gap=gap, max_active_slip=slip)), 0)
        assert late is not None
        push(floor, moved)
        before = floor.holdings()
        sent = floor.send(late)
        assert code_of(sent) == 6004
        assert floor.holdings() == before
        assert len(stands(floor, first)) == 1


@engines
def test_saros_moves_what_is_opened_and_filled_at_once_with_the_price(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.SAROS)
    one = ladder(floor, 1)
    late = floor.next(one, 0)
    assert late is not None
    push(floor, 1)
    shift = floor.active_id - one.active_id
    assert floor.send(late).done.error is None
    (there,) = stands(floor, one)
    assert (there.lower, there.upper) == (one.lower + shift, one.upper + shift)
    assert floor.next(one, 0) is None
    floor.carry_out(closing(one))


@engines
def test_a_saros_position_that_came_to_lie_beside_its_bins_takes_those_it_has(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.SAROS)
    one = ladder(floor, 1, 8, gap=3)
    pool = floor.state(one)
    late = liquidity_of(pool, WALLET).open(new_parts(one, pool)[0])
    push(floor, 1)
    shift = floor.active_id - one.active_id
    assert floor.send(late).done.error is None
    (filling,) = floor.carry_out(one)
    assert len(filling.step.instructions) == 1
    assert set(held(floor, one)) == {
        *range(one.lower, one.bid_upper + 1),
        *range(one.ask_lower, one.upper + 1 + shift),
    }


@engines
def test_positions_on_saros_that_came_to_lie_closer_together_are_all_closed(engine: str) -> None:
    """By the range that the chain shows they would be one; they were cut as two."""
    floor = LiquidityFloor(engine, Venue.SAROS)
    one = ladder(floor, 1, 11)
    first, second = new_parts(one, floor.state(one))
    for part, moved in ((second, 2), (first, 0)):
        late = liquidity_of(floor.state(one), WALLET).open(part)
        push(floor, moved)
        assert floor.send(late).done.error is None
    there = stands(floor, one)
    lower, upper = min(part.lower for part in there), max(part.upper for part in there)
    assert len(parts(Venue.SAROS, 1, lower, upper)) == 1
    seen = replace(one, lower=lower, upper=upper)
    for command in (closing(seen), after(seen, ladder(floor, 2, 8))):
        left = floor.next(command, 0)
        assert left is not None
        assert len(left.instructions) >= 1
    floor.carry_out(after(seen, ladder(floor, 2, 8)))
    assert stands(floor, one) == []


@engines
@venues
def test_positions_that_take_nothing_are_opened_with_the_others(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    one = ladder(floor, 1, WIDE[venue], amount_x=0)
    floor.carry_out(one)
    assert len(stands(floor, one)) == len(parts(venue, 1, one.lower, one.upper)) > 1
    assert set(held(floor, one)) == set(range(one.lower, one.bid_upper + 1))
    floor.carry_out(after(one, ladder(floor, 2)))
    assert stands(floor, one) == []


@engines
def test_a_deposit_into_a_saros_position_that_stands_fails_where_the_price_moves(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.SAROS)
    one = ladder(floor, 1, 8, gap=3)
    assert (
        floor.send(liquidity_of(floor.state(one), WALLET).open(new_parts(one, floor.state(one))[0])).done.error is None
    )
    late = floor.next(one, 0)
    assert late is not None
    push(floor, 1)
    assert code_of(floor.send(late)) == 6000


@engines
@venues
def test_a_move_that_came_short_of_tokens_closes_first_the_next_time(engine: str, venue: Venue) -> None:
    """All that the wallet has lies in the ladder, and a trade changes what the closing gives."""
    floor = LiquidityFloor(engine, venue)
    x, y = floor.holdings()
    first = ladder(floor, 1, amount_x=x, amount_y=y)
    floor.carry_out(first)
    second = after(first, ladder(floor, 2, amount_x=2 * x, amount_y=2 * y))
    late = floor.next(second, 0)
    assert late is not None
    trade_as_another(floor)
    assert code_of(floor.send(late)) == 1
    assert len(stands(floor, first)) == 1
    close = floor.next(second, 0, is_apart=True)
    assert close is not None
    assert floor.send(close).done.error is None
    floor.carry_out(second)
    assert max(floor.holdings()) < 10 * ROUNDING
    assert held(floor, second)


def trade_as_another(floor: LiquidityFloor) -> None:
    """Move the price into the bids; the wallet that trades for it ends with what it had."""
    kept = [(key, floor.floor.account(str(key))) for key in tokens_of(floor)]
    fund(floor.floor.engine, WALLET.address, floor.floor.facts[floor.place].mint_x, 10**12)
    floor.swap(10**12, swap_for_y=True)
    for key, account in kept:
        assert account is not None
        floor.floor.put(key, account)


def tokens_of(floor: LiquidityFloor) -> list[Pubkey]:
    facts = floor.floor.facts[floor.place]
    return [associated_token_account(WALLET.address, mint) for mint in (facts.mint_x, facts.mint_y)]


def code_of(sent: Sent) -> int:
    assert isinstance(sent.done.error, dict), sent.done
    return int(sent.done.error["InstructionError"][1]["Custom"])
