"""Liquidity commands as transactions: on the model always, on the true programs where they are at hand."""

import struct

import numpy as np
import pytest
from solders.account import Account as ChainAccount
from solders.pubkey import Pubkey

from connectors.execution.building.lookup_tables import LookupTable
from connectors.execution.building.messages import PACKET_BYTES, step_message, wire_length
from connectors.execution.building.planning import needs, step
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.positions import UnbuildableCommand
from connectors.execution.building.steps import BuildError
from connectors.execution.building.swaps import fixed_keys
from dlmm.errors import DlmmError
from dlmm.meteora.layout import BIN_ARRAY as METEORA_ARRAY
from dlmm.meteora.layout import LB_PAIR, POSITION
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bitmap_extension_address
from dlmm.programs import associated_token_account
from dlmm.records import Account, Venue
from dlmm.saros.layout import BIN_ARRAY as SAROS_ARRAY
from dlmm.saros.layout import HOOK_PROGRAM_ID, PAIR
from dlmm.saros.liquidity import position_shares
from dlmm.saros.pdas import PROGRAM as SAROS_PROGRAM
from dlmm.saros.pdas import bin_array_address as saros_array
from dlmm.shapes import Shape, weights
from operators.orders.commands import (
    AddLiquidity,
    ClaimFees,
    ClosePosition,
    CreatePosition,
    LiquidityCommand,
    RemoveLiquidity,
)
from tests.connectors.execution.building.exchange_floor import BLOCKHASH, ENGINES, WALLET
from tests.connectors.execution.building.liquidity_floor import LiquidityFloor, Sent, fits

X, Y = 10**12, 10**11
WIDE = {Venue.METEORA: 100, Venue.SAROS: 30}
PARTS = {Venue.METEORA: 3, Venue.SAROS: 3}
ROUNDING = 300

venues = pytest.mark.parametrize("venue", list(Venue))
engines = pytest.mark.parametrize("engine", ENGINES)


class Life:
    """One position of a floor, by its commands."""

    def __init__(self, floor: LiquidityFloor, lower: int, upper: int, position: int = 9) -> None:
        self.floor, self.lower, self.upper, self.position = floor, lower, upper, position

    def create(self) -> CreatePosition:
        return CreatePosition(pool=self.floor.pool, position=self.position, lower=self.lower, upper=self.upper)

    def add(self, x: int = X, y: int = Y, shape: Shape = Shape.SPOT, slip: int = 5) -> AddLiquidity:
        return AddLiquidity(
            pool=self.floor.pool,
            position=self.position,
            lower=self.lower,
            upper=self.upper,
            amount_x=x,
            amount_y=y,
            active_id=self.floor.active_id,
            shape=shape,
            max_active_slip=slip,
        )

    def remove(self, bps: int) -> RemoveLiquidity:
        return RemoveLiquidity(
            pool=self.floor.pool, position=self.position, lower=self.lower, upper=self.upper, bps=bps
        )

    def claim(self) -> ClaimFees:
        return ClaimFees(pool=self.floor.pool, position=self.position, lower=self.lower, upper=self.upper)

    def close(self) -> ClosePosition:
        return ClosePosition(pool=self.floor.pool, position=self.position, lower=self.lower, upper=self.upper)


def about(floor: LiquidityFloor, reach: int | None = None, position: int = 9) -> Life:
    """Take bins about the active one."""
    reach = WIDE[floor.venue] if reach is None else reach
    active_id = floor.active_id
    return Life(floor, active_id - reach, active_id + reach, position)


def opened(engine: str, venue: Venue, reach: int | None = None, shape: Shape = Shape.SPOT) -> Life:
    """Open a position about the price, with tokens in it."""
    life = about(LiquidityFloor(engine, venue), reach)
    life.floor.carry_out(life.create())
    life.floor.carry_out(life.add(shape=shape))
    return life


def move_the_price(floor: LiquidityFloor) -> None:
    floor.swap(10**12, swap_for_y=True)
    floor.swap(2 * 10**11, swap_for_y=False)


def shares(life: Life) -> list[int]:
    """Return the shares of the position, bin by bin over all its parts."""
    found: list[int] = []
    for one in life.floor.standing(life.create()):
        if life.floor.venue is Venue.SAROS:
            found += position_shares(one.data)
        else:
            found += [
                int.from_bytes(one.data[72 + 16 * place : 88 + 16 * place], "little") for place in range(one.width)
            ]
    return found


def refusal(floor: LiquidityFloor, command: LiquidityCommand, index: int = 0) -> str:
    with pytest.raises(UnbuildableCommand) as refused:
        floor.next(command, index)
    assert isinstance(refused.value, DlmmError)
    assert refused.value.reason
    return refused.value.kind


def error_code(sent: Sent) -> object:
    assert isinstance(sent.done.error, dict)
    return sent.done.error["InstructionError"][1]


@engines
@venues
@pytest.mark.parametrize("shape", list(Shape))
def test_the_life_of_a_wide_position(engine: str, venue: Venue, shape: Shape) -> None:
    floor = LiquidityFloor(engine, venue)
    life, before = about(floor), floor.holdings()
    assert len(floor.carry_out(life.create())) == PARTS[venue] == len(floor.standing(life.create()))

    deposits = floor.carry_out(life.add(shape=shape))
    assert PARTS[venue] <= len(deposits) <= PARTS[venue] + 1  # two strategies of a part may be too much for one
    spent = [was - now for was, now in zip(before, floor.holdings(), strict=True)]
    assert X - ROUNDING < spent[0] <= X
    assert Y - ROUNDING < spent[1] <= Y

    move_the_price(floor)
    held = shares(life)
    assert all(held)
    parts_left = floor.carry_out(life.remove(2_500))
    assert len(parts_left) == PARTS[venue]
    assert shares(life) == [share - share * 2_500 // 10_000 for share in held]

    floor.carry_out(life.close())
    assert floor.standing(life.create()) == []
    after = floor.holdings()
    price_moved = 0.2
    assert after[0] > before[0] - 1.3 * X - X * price_moved
    assert floor.next(life.close(), PARTS[venue]) is None


@engines
@venues
def test_closing_gives_back_what_was_put_in_where_nobody_traded(engine: str, venue: Venue) -> None:
    floor = LiquidityFloor(engine, venue)
    before = floor.holdings()
    # on Meteora the active bin takes Y alone, which pays a fee there; a range beside it pays none
    life = Life(floor, floor.active_id + 1, floor.active_id + WIDE[venue])
    floor.carry_out(life.create())
    floor.carry_out(life.add(y=0))
    assert before[0] - floor.holdings()[0] > X - ROUNDING
    floor.carry_out(life.close())
    assert before[0] - floor.holdings()[0] < ROUNDING
    assert before[1] == floor.holdings()[1]


@engines
@venues
def test_withdrawing_everything_leaves_positions_that_close(engine: str, venue: Venue) -> None:
    life = opened(engine, venue)
    move_the_price(life.floor)
    assert len(life.floor.carry_out(life.remove(10_000))) == PARTS[venue]
    assert not any(shares(life))
    assert life.floor.next(life.remove(10_000), 0) is None
    life.floor.carry_out(life.close())
    assert life.floor.standing(life.create()) == []


@engines
@venues
def test_a_landing_that_nobody_noticed_is_not_repeated(engine: str, venue: Venue) -> None:
    life = about(LiquidityFloor(engine, venue))
    floor = life.floor
    first = floor.next(life.create(), 0)
    assert first is not None
    assert floor.send(first).done.error is None
    second = floor.next(life.create(), 0)
    assert second is not None
    assert second.extra != first.extra
    floor.carry_out(life.create())
    assert floor.next(life.create(), 0) is None
    closing = floor.next(life.close(), 0)
    assert closing is not None
    assert floor.send(closing).done.error is None
    assert len(floor.standing(life.create())) == PARTS[venue] - 1
    floor.carry_out(life.close())
    assert floor.next(life.close(), 0) is None
    assert floor.next(life.remove(10_000), 0) is None


@engines
@venues
def test_fees_are_claimed_on_meteora_and_come_with_the_liquidity_on_saros(engine: str, venue: Venue) -> None:
    life = opened(engine, venue)
    floor = life.floor
    assert floor.next(life.claim(), 0) is None
    move_the_price(floor)
    before = floor.holdings()
    claims = floor.carry_out(life.claim())
    gained = [now - was for was, now in zip(before, floor.holdings(), strict=True)]
    if venue is Venue.SAROS:
        assert claims == []
        assert gained == [0, 0]
    else:
        assert claims
        assert min(gained) > 0
    assert floor.next(life.claim(), 0) is None


@engines
def test_missing_arrays_and_the_extension_are_made_in_front_on_meteora(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.METEORA)
    life = Life(floor, 511 * 70 + 40, 512 * 70 + 60)
    (only, _) = floor.carry_out(life.create())
    assert len(only.step.instructions) == 4
    pair = Pubkey.from_string(floor.pool)
    assert floor.floor.account(str(bitmap_extension_address(pair))) is not None
    assert floor.floor.account(str(meteora_array(pair, 512))) is not None
    floor.carry_out(life.add(y=0))
    floor.carry_out(life.close())


@engines
def test_missing_arrays_are_made_in_front_on_saros(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.SAROS)
    far = (floor.active_id // 256 + 40) * 256
    life = Life(floor, far - 5, far + 5)
    (only,) = floor.carry_out(life.create())
    assert len(only.step.instructions) == 3
    floor.carry_out(life.add(y=0))
    # two arrays stand there now, and serve what lies in the upper one alone
    beside = Life(floor, far + 20, far + 40, position=10)
    (only,) = floor.carry_out(beside.create())
    assert len(only.step.instructions) == 1
    floor.carry_out(beside.add(y=0))
    for one in (life, beside):
        floor.carry_out(one.close())
    assert floor.floor.account(str(saros_array(Pubkey.from_string(floor.pool), far // 256 + 1))) is None


@engines
def test_a_curve_on_chain_has_the_shape_of_the_whole_range(engine: str) -> None:
    floor = LiquidityFloor(engine, Venue.METEORA)
    active_id = floor.active_id
    lower = (active_id // 70 - 60) * 70
    life = Life(floor, lower, lower + 179)
    floor.carry_out(life.create())
    floor.carry_out(life.add(x=0, shape=Shape.CURVE))
    found: list[int] = []
    for index in range(lower // 70, (lower + 179) // 70 + 1):
        account = floor.floor.account(str(meteora_array(Pubkey.from_string(floor.pool), index)))
        assert account is not None
        found += [int(amount) for amount in np.frombuffer(account.data, METEORA_ARRAY)[0]["bins"]["amount_y"]]
    wanted = weights(Shape.CURVE, active_id - lower + 1)[::-1][:180]
    assert np.allclose(found[:180], [Y * weight / sum(wanted) for weight in wanted], atol=3, rtol=0)


@engines
@venues
def test_a_deposit_is_built_of_the_price_as_it_is_and_within_its_slip(engine: str, venue: Venue) -> None:
    life = about(LiquidityFloor(engine, venue), 10)
    floor = life.floor
    floor.carry_out(life.create())
    seen, now = life.add(slip=3), floor.active_id
    amount = 2 * 10**10
    while floor.active_id == now:
        floor.swap(amount, swap_for_y=True)
    assert abs(floor.active_id - now) <= 3
    (sent,) = floor.carry_out(seen)
    assert sent.done.error is None
    late = life.add(slip=1)
    stale = floor.next(late, 0)
    assert stale is not None
    while abs(floor.active_id - late.active_id) <= 1:
        floor.swap(amount, swap_for_y=True)
    assert refusal(floor, late) == "active_moved"
    refused = floor.send(stale)
    assert error_code(refused) == {"Custom": 6004 if venue is Venue.METEORA else 6000}


@engines
@venues
def test_what_was_built_before_the_price_moved_still_closes(engine: str, venue: Venue) -> None:
    life = opened(engine, venue, reach=10)
    closing = life.floor.next(life.close(), 0)
    assert closing is not None
    move_the_price(life.floor)
    assert life.floor.send(closing).done.error is None
    assert life.floor.next(life.close(), 1) is None


@engines
def test_a_position_that_came_to_lie_beside_its_bins_is_believed(engine: str) -> None:
    life = about(LiquidityFloor(engine, Venue.SAROS))
    floor, planned = life.floor, floor_active(life)
    late = floor.next(life.create(), 0)
    assert late is not None
    while floor.active_id == planned:
        floor.swap(10**11, swap_for_y=False)
    assert floor.send(late).done.error is None
    shift = floor.active_id - planned
    floor.carry_out(life.create())
    first, *others = floor.standing(life.create())
    assert (first.lower, first.upper) == (first.part.lower + shift, first.part.upper + shift)
    assert [(one.lower, one.upper) for one in others] == [(one.part.lower, one.part.upper) for one in others]
    before = floor.holdings()
    floor.carry_out(life.add())
    spent = [was - now for was, now in zip(before, floor.holdings(), strict=True)]
    assert X - ROUNDING < spent[0] <= X
    assert Y - ROUNDING < spent[1] <= Y
    floor.carry_out(life.remove(5_000))
    floor.carry_out(life.close())
    assert floor.standing(life.create()) == []


def floor_active(life: Life) -> int:
    return life.floor.active_id


@engines
@venues
def test_token_accounts_that_are_gone_are_made_before_something_is_paid(engine: str, venue: Venue) -> None:
    life = opened(engine, venue, reach=8)
    floor, engine_ = life.floor, life.floor.floor.engine
    facts = floor.floor.facts[floor.place]
    accounts = [associated_token_account(WALLET.address, mint) for mint in (facts.mint_x, facts.mint_y)]
    for account in accounts:
        engine_.set(account, None)
    floor.carry_out(life.remove(5_000))
    assert min(floor.holdings()) > 0
    for account in accounts:
        engine_.set(account, None)
    floor.carry_out(life.close())
    assert min(floor.holdings()) > 0


@engines
def test_a_share_that_is_worth_nothing_does_not_keep_a_saros_position_open(engine: str) -> None:
    life = opened(engine, Venue.SAROS, reach=8)
    floor, engine_ = life.floor, life.floor.floor.engine
    for bin_id in (life.lower, life.upper):  # a bin on either side, of which others now own nearly everything
        index, inside = divmod(bin_id, 256)
        key = saros_array(Pubkey.from_string(floor.pool), index)
        held = engine_.get(key)
        assert held is not None
        rows = np.frombuffer(bytearray(held.data), SAROS_ARRAY)
        rows[0]["bins"][inside]["liquidity_supply_high"] = 1 << 40
        engine_.set(key, ChainAccount(held.lamports, rows.tobytes(), held.owner, False, 0))
    (partial,) = floor.carry_out(life.remove(10_000))
    assert partial.done.error is None
    left = shares(life)
    assert left[0]
    assert left[-1]
    assert not any(left[1:-1])
    assert floor.next(life.remove(10_000), 1) is None
    (closed,) = floor.carry_out(life.close())
    assert len(closed.step.instructions) == 2
    assert floor.standing(life.create()) == []


@venues
def test_deposits_that_would_be_refused_are_not_built(venue: Venue) -> None:
    floor = LiquidityFloor("model", venue)
    active_id = floor.active_id
    above = Life(floor, active_id + 5, active_id + 15)
    assert refusal(floor, above.add()) == "no_position"
    floor.carry_out(above.create())
    assert refusal(floor, above.add(x=0)) == "wrong_side"
    assert refusal(floor, above.add()) == "wrong_side"
    assert refusal(floor, above.add(x=0, y=0)) == "bad_amount"
    assert refusal(floor, above.add(x=10**18, y=0)) == "insufficient_tokens"
    if venue is Venue.METEORA:  # Saros takes a single unit in a single bin
        assert refusal(floor, above.add(x=1, y=0)) == "nothing_deposited"
    assert refusal(floor, above.remove(0)) == "bad_amount"
    assert refusal(floor, above.remove(10_001)) == "bad_amount"
    assert refusal(floor, above.add(x=1 << 70, y=0)) == "insufficient_tokens"


def test_bins_beyond_a_meteora_pool_are_refused() -> None:
    floor = LiquidityFloor("model", Venue.METEORA)
    assert refusal(floor, Life(floor, 400_000, 400_010).create()) == "bad_range"


def test_a_number_whose_position_was_closed_is_refused_on_saros_and_free_on_meteora() -> None:
    for venue in Venue:
        life = opened("model", venue, reach=5)
        life.floor.carry_out(life.close())
        if venue is Venue.SAROS:
            assert refusal(life.floor, life.create()) == "key_taken"
        else:
            assert life.floor.next(life.create(), 0) is not None


@venues
def test_a_pool_that_is_not_at_hand_is_refused(venue: Venue) -> None:
    life = about(LiquidityFloor("model", venue), 5)
    with pytest.raises(BuildError) as refused:
        step(life.create(), 0, {}, WALLET, fits)
    assert refused.value.kind == "missing_account"
    state = life.floor.state(life.create())
    bare = PoolAccounts(state.info, {state.info.pool: state.account(state.info.pool)}, 1, 1)
    with pytest.raises(BuildError) as refused:
        step(life.create(), 0, {life.floor.pool: bare}, WALLET, fits)
    assert refused.value.kind == "missing_account"


@venues
def test_a_damaged_account_is_refused(venue: Venue) -> None:
    life = opened("model", venue, reach=5)
    state = life.floor.state(life.add())
    refusals = 0
    for address, account in state.accounts.items():
        cut = PoolAccounts(
            state.info, {**state.accounts, address: Account(account.owner, account.data[:20])}, 1, 1_735_700_000
        )
        for command in (life.add(), life.remove(5_000), life.remove(10_000), life.claim(), life.close()):
            try:
                step(command, 0, {life.floor.pool: cut}, WALLET, fits)
            except BuildError:
                refusals += 1
    assert refusals > 10  # the pool, the mints, the position, the arrays


@venues
def test_needs_names_every_account_that_its_steps_write(venue: Venue) -> None:
    life = opened("model", venue)
    named = set(needs(life.close(), life.floor.state(life.close()), WALLET))
    first = life.floor.next(life.close(), 0)
    assert first is not None
    written = {str(meta.pubkey) for one in first.instructions for meta in one.accounts if meta.is_writable}
    facts = life.floor.floor.facts[life.floor.place]
    others = {str(key) for key in (WALLET.address, facts.vault_x, facts.vault_y)}
    position_tokens = {key for key in written - named - others if life.floor.venue is Venue.SAROS}
    assert len(position_tokens) <= 1  # the account of the position's own token
    assert not written - named - others - position_tokens


def hooked(life: Life) -> tuple[PoolAccounts, Pubkey]:
    """Give the pair a hook whose program nobody has."""
    hook = Pubkey(bytes([8]) * 32)
    state = life.floor.floor.read(life.floor.place)
    pair = np.frombuffer(bytearray(state.account(state.info.pool).data), PAIR)
    pair[0]["has_hook"], pair[0]["hook"] = 1, np.frombuffer(bytes(hook), np.uint8)
    changed = {**state.accounts, state.info.pool: Account(str(SAROS_PROGRAM), pair.tobytes())}
    bare = PoolAccounts(state.info, changed, state.slot, state.unix_timestamp)
    named = needs(life.create(), bare, WALLET)
    found = {key: there for key in named if (there := life.floor.floor.account(key)) is not None}
    return PoolAccounts(state.info, {**found, state.info.pool: changed[state.info.pool]}, 1, 1), hook


def test_a_hook_gets_its_arrays_and_its_record_of_the_position() -> None:
    life = about(LiquidityFloor("model", Venue.SAROS), 5)
    pool, _ = hooked(life)
    made = step(life.create(), 0, {life.floor.pool: pool}, WALLET, fits)
    assert made is not None
    programs = [str(one.program_id) for one in made.instructions]
    assert programs == [HOOK_PROGRAM_ID] * 2 + [str(SAROS_PROGRAM), HOOK_PROGRAM_ID]
    life.floor.carry_out(life.create())
    hook_accounts = {str(meta.pubkey) for one in made.instructions for meta in one.accounts if meta.is_writable}
    pool, hook = hooked(life)
    deposit = step(life.add(), 0, {life.floor.pool: pool}, WALLET, fits)
    assert deposit is not None
    passed = {str(meta.pubkey) for meta in deposit.instructions[-1].accounts}
    assert str(hook) in passed
    assert len(hook_accounts & passed) >= 5  # the arrays, the position, and the hook's records of both
    assert deposit.compute_units > 200_000


def test_a_hook_makes_a_withdrawal_too_long_but_for_a_lookup_table() -> None:
    life = about(LiquidityFloor("model", Venue.SAROS), 11)
    life.floor.carry_out(life.create())
    life.floor.carry_out(life.add())
    pool, _ = hooked(life)
    wanted = step(life.remove(5_000), 0, {life.floor.pool: pool}, WALLET, fits)
    assert wanted is not None
    with pytest.raises(BuildError) as refused:
        step_message(wanted, WALLET.address, BLOCKHASH, 1_000)
    assert refused.value.kind == "too_long"
    table = LookupTable(Pubkey(bytes([5]) * 32), fixed_keys([pool], WALLET.address))
    message = step_message(wanted, WALLET.address, BLOCKHASH, 1_000, [table])
    assert wire_length(message) <= PACKET_BYTES
    closing = step(life.close(), 0, {life.floor.pool: pool}, WALLET, fits)
    assert closing is not None
    step_message(closing, WALLET.address, BLOCKHASH, 1_000)


def test_a_transfer_hook_is_refused() -> None:
    life = about(LiquidityFloor("model", Venue.METEORA), 5)
    state = life.floor.state(life.create())
    mint = state.account(state.info.mint_y)
    extension = struct.pack("<HH32s32s", 14, 64, bytes(32), bytes([3]) * 32)
    data = mint.data + bytes(165 - len(mint.data)) + b"\1" + extension
    token_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
    changed = {**state.accounts, state.info.mint_y: Account(token_2022, data)}
    with pytest.raises(BuildError) as refused:
        step(life.create(), 0, {life.floor.pool: PoolAccounts(state.info, changed, 1, 1)}, WALLET, fits)
    assert refused.value.kind == "transfer_hook"


def test_no_step_is_longer_than_a_packet() -> None:
    for venue in Venue:
        life = opened("model", venue, shape=Shape.CURVE)
        assert all(sent.length <= PACKET_BYTES for sent in life.floor.carry_out(life.close()))


@engines
def test_rewards_that_are_owed_keep_a_position_but_not_what_it_holds(engine: str) -> None:
    life = opened(engine, Venue.METEORA, reach=8)
    floor, engine_ = life.floor, life.floor.floor.engine
    (one,) = floor.standing(life.create())
    for key, row, field in (
        (Pubkey.from_string(floor.pool), LB_PAIR, "rewards"),
        (one.address, POSITION, "position"),
    ):
        held = engine_.get(key)
        assert held is not None
        rows = np.frombuffer(bytearray(held.data), row)
        if field == "rewards":
            rows[0]["rewards"][0]["mint"] = 7
        else:
            rows[0]["rewards"][0]["pending_0"] = 9
        engine_.set(key, ChainAccount(held.lamports, rows.tobytes(), held.owner, False, 0))
    (only,) = floor.carry_out(life.close())
    assert only.done.error is None
    assert len(floor.standing(life.create())) == 1
    assert not any(shares(life))


@engines
def test_a_farmed_position_without_rewards_is_closed(engine: str) -> None:
    life = opened(engine, Venue.METEORA, reach=8)
    floor, engine_ = life.floor, life.floor.floor.engine
    key = Pubkey.from_string(floor.pool)
    held = engine_.get(key)
    assert held is not None
    rows = np.frombuffer(bytearray(held.data), LB_PAIR)
    rows[0]["rewards"][0]["mint"] = 7
    engine_.set(key, ChainAccount(held.lamports, rows.tobytes(), held.owner, False, 0))
    floor.carry_out(life.close())
    assert floor.standing(life.create()) == []
