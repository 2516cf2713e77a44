"""Swaps are run on the model in process, and on the true programs where DLMM_PROGRAMS names a folder with them."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pytest
from solders.pubkey import Pubkey

from connectors.clusters.pool_loading import LoadedPool, load_pool
from connectors.execution.building.compute_budget import MAX_UNITS, UNKNOWN_UNITS, swap_units
from connectors.execution.building.messages import step_message
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError
from connectors.execution.building.swaps import (
    FEWEST_AHEAD,
    Route,
    fixed_keys,
    route_of,
    swap_instruction,
    swap_step,
    units_of,
)
from dlmm.meteora.layout import LB_PAIR
from dlmm.meteora.pdas import bin_array_address as meteora_array
from dlmm.meteora.pdas import bin_array_index, bitmap_extension_address
from dlmm.programs import TOKEN_2022_PROGRAM
from dlmm.records import MAX_U64, Account, Venue
from dlmm.saros.keys import PairKeys
from dlmm.saros.layout import PAIR
from dlmm.saros.pdas import bin_array_address as saros_array
from dlmm.saros.pdas import hook_bin_array_address, swap_arrays
from operators.orders.commands import Swap, SwapRoute
from sandbox.engine import Execution
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
from tests.golden_pools import vectors

PLACES = (METEORA_SOL, SAROS_SOL, METEORA_JUP, SAROS_JUP)
HOOK = Pubkey.from_bytes(bytes([9]) * 32)


@pytest.fixture(params=ENGINES)
def floor(request: pytest.FixtureRequest) -> Floor:
    return floor_on(request.param)


@pytest.fixture(scope="module")
def still() -> Floor:
    """Pools that nobody trades in."""
    return floor_on("model")


def carry_out(floor: Floor, command: Swap | SwapRoute) -> Execution:
    step = swap_step(command, floor.pools(), WALLET.address)
    return floor.run(sign(WALLET, step_message(step, WALLET.address, BLOCKHASH, 1_000))[1])


def amount_of(floor: Floor, place: int, *, in_x: bool, value: float = 3_000.0) -> int:
    facts = floor.facts[place]
    return int(value / facts.price * 10**facts.decimals_x) if in_x else int(value * 10**facts.decimals_y)


def swap_of(pool: PoolAccounts, *, swap_for_y: bool = True, exact_in: bool = True, **others: int) -> Swap:
    fields = {"amount": 10, "threshold": 0, **others}
    return Swap(pool=pool.info.pool, exact_in=exact_in, swap_for_y=swap_for_y, **fields)


def golden(venue: Venue, *, hooked: bool = False) -> Iterator[PoolAccounts]:
    """Pools of the golden vectors as a client loads them."""
    for vector in vectors():
        held = {account.pubkey: Account(account.owner, account.data) for account in vector.state.values()}
        role = "pair" if venue is Venue.SAROS else "lb_pair"
        if vector.venue is venue and role in vector.state and (not hooked or "hook" in vector.state):
            loaded = load_pool(vector.state[role].pubkey, held, 1)
            if isinstance(loaded, LoadedPool):
                yield PoolAccounts(loaded.info, loaded.accounts, 1, 1)


@pytest.mark.parametrize("swap_for_y", [True, False])
@pytest.mark.parametrize("exact_in", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_a_swap_moves_what_its_quote_says_and_meets_its_threshold(
    floor: Floor, place: int, exact_in: bool, swap_for_y: bool
) -> None:
    pool = floor.read(place)
    amount = amount_of(floor, place, in_x=exact_in == swap_for_y)
    command, quote = quoted(pool, amount, exact_in=exact_in, swap_for_y=swap_for_y)
    x, y = floor.balance(pool.info.mint_x), floor.balance(pool.info.mint_y)
    done = carry_out(floor, command)
    assert done.error is None, done.logs
    moved = floor.balance(pool.info.mint_x) - x, floor.balance(pool.info.mint_y) - y
    assert moved == ((-quote.amount_in, quote.amount_out) if swap_for_y else (quote.amount_out, -quote.amount_in))
    assert done.units <= units_of(command, {pool.info.pool: pool})


@pytest.mark.parametrize("exact_in", [True, False])
@pytest.mark.parametrize("place", PLACES)
def test_one_unit_beyond_the_quote_is_refused_on_chain(floor: Floor, place: int, exact_in: bool) -> None:
    pool = floor.read(place)
    command, _ = quoted(pool, amount_of(floor, place, in_x=exact_in), exact_in=exact_in, swap_for_y=True)
    threshold = command.threshold + (1 if exact_in else -1)
    done = carry_out(floor, msgspec.structs.replace(command, threshold=threshold))
    assert done.error == {"InstructionError": [2, {"Custom": slippage(pool.info.venue, exact_in)}]}


def slippage(venue: Venue, exact_in: bool) -> int:
    if venue is Venue.METEORA:
        return 6003 if exact_in else 6104
    return 6004 if exact_in else 6005


def test_a_pair_of_swaps_moves_what_both_quotes_say(floor: Floor) -> None:
    first_pool, second_pool = floor.read(METEORA_SOL), floor.read(SAROS_SOL)
    first, there = quoted(first_pool, 10**9, exact_in=True, swap_for_y=True)
    second, back = quoted(second_pool, 10**9, exact_in=False, swap_for_y=False)
    mints = first_pool.info.mint_x, first_pool.info.mint_y
    before = [floor.balance(mint) for mint in mints]
    done = carry_out(floor, SwapRoute((first, second)))
    assert done.error is None, done.logs
    after = [floor.balance(mint) for mint in mints]
    assert after[0] - before[0] == back.amount_out - there.amount_in
    assert after[1] - before[1] == there.amount_out - back.amount_in


def test_neither_of_a_pair_happens_where_one_fails(floor: Floor) -> None:
    first, _ = quoted(floor.read(METEORA_SOL), 10**9, exact_in=True, swap_for_y=True)
    second, _ = quoted(floor.read(SAROS_SOL), 10**9, exact_in=True, swap_for_y=True)
    mint = floor.read(METEORA_SOL).info.mint_x
    before = floor.balance(mint)
    done = carry_out(floor, SwapRoute((first, msgspec.structs.replace(second, threshold=second.threshold + 1))))
    assert done.error == {"InstructionError": [3, {"Custom": 6004}]}
    assert floor.balance(mint) == before


@pytest.mark.parametrize("swap_for_y", [True, False])
@pytest.mark.parametrize("place", [METEORA_SOL, METEORA_JUP])
def test_a_meteora_swap_lands_although_the_price_has_left_its_array(floor: Floor, place: int, swap_for_y: bool) -> None:
    """The swap is built, then the price goes over into the array behind it, which is passed for that reason."""
    for turn in range(40):
        seen = floor.pools()
        pool = floor.read(place)
        amount = amount_of(floor, place, in_x=swap_for_y)
        late = swap_step(swap_of(pool, swap_for_y=swap_for_y, amount=amount), seen, WALLET.address)
        away = amount_of(floor, place, in_x=not swap_for_y, value=20_000.0)
        assert carry_out(floor, swap_of(pool, swap_for_y=not swap_for_y, amount=away)).error is None
        if bin_array_index(floor.read(place).active_id) != bin_array_index(pool.active_id):
            done = floor.run(sign(WALLET, step_message(late, WALLET.address, BLOCKHASH, turn))[1])
            assert done.error is None, done.logs
            return
    pytest.fail("the price has not left its array")


@pytest.mark.parametrize("place", [METEORA_SOL, METEORA_JUP])
@pytest.mark.parametrize("swap_for_y", [True, False])
def test_meteora_arrays_come_in_walking_order_with_one_behind(still: Floor, place: int, swap_for_y: bool) -> None:
    pool = still.read(place)
    arrays = route_of(swap_of(pool, swap_for_y=swap_for_y), pool).arrays
    step = -1 if swap_for_y else 1
    active = bin_array_index(pool.active_id)
    assert arrays == tuple(range(active - step, active + step * FEWEST_AHEAD, step))


def test_a_longer_walk_passes_the_further_arrays_that_are_at_hand() -> None:
    far = floor_on("model", around=6)
    pool = far.read(METEORA_SOL)
    short, long = (route_of(swap_of(pool, compute_units=units), pool).arrays for units in (50_000, 110_000))
    assert len(long) == len(short) + 3
    assert long[: len(short)] == short


def test_a_meteora_pool_with_nothing_on_the_way_is_refused(still: Floor) -> None:
    pool = still.read(METEORA_SOL)
    data = np.frombuffer(pool.account(pool.info.pool).data, LB_PAIR).copy()
    data["bitmap"] = 0
    owner = pool.account(pool.info.pool).owner
    bare = {key: pool.account(key) for key in (pool.info.mint_x, pool.info.mint_y)}
    empty = with_accounts(pool, {**bare, pool.info.pool: Account(owner, data.tobytes())})
    with pytest.raises(BuildError, match="no_bin_arrays"):
        route_of(swap_of(empty), empty)


def with_accounts(pool: PoolAccounts, accounts: dict[str, Account]) -> PoolAccounts:
    return PoolAccounts(pool.info, accounts, pool.slot, pool.unix_timestamp)


@pytest.mark.parametrize("place", [SAROS_SOL, SAROS_JUP])
def test_saros_arrays_are_the_neighbours_nearest_to_the_price(still: Floor, place: int) -> None:
    pool = still.read(place)
    assert route_of(swap_of(pool), pool).arrays == swap_arrays(pool.active_id)


def test_saros_falls_back_to_the_other_neighbours_and_else_refuses(still: Floor) -> None:
    pool = still.read(SAROS_SOL)
    usual = swap_arrays(pool.active_id)
    index = pool.active_id // 256
    [missing] = set(usual) - {index}
    gone = str(saros_array(pool.address, missing, pool.program))
    present = str(saros_array(pool.address, 2 * index - missing, pool.program))
    array = pool.account(gone)
    others = {key: account for key, account in pool.accounts.items() if key != gone}
    other = with_accounts(pool, {**others, present: array})
    assert route_of(swap_of(other), other).arrays == tuple(sorted((index, 2 * index - missing)))
    alone = with_accounts(pool, {key: account for key, account in others.items() if key != present})
    with pytest.raises(BuildError, match="no_bin_arrays"):
        route_of(swap_of(alone), alone)


def test_a_hooked_saros_swap_passes_the_hook_and_its_arrays(still: Floor) -> None:
    pool = next(golden(Venue.SAROS, hooked=True))
    route = route_of(swap_of(pool), pool)
    instruction = swap_instruction(swap_of(pool), pool, route, WALLET.address)
    keys = [meta.pubkey for meta in instruction.accounts]
    hook = Pubkey.from_bytes(np.frombuffer(pool.account(pool.info.pool).data, PAIR)["hook"][0].tobytes())
    assert keys[-2:] == [hook_bin_array_address(hook, index) for index in route.arrays]
    assert hook in keys
    plain = still.read(SAROS_SOL)
    assert route_of(swap_of(plain), plain).hook != route.hook


def test_a_meteora_swap_passes_the_bitmap_extension_where_the_pool_has_one() -> None:
    seen = set()
    for pool in golden(Venue.METEORA):
        extension = bitmap_extension_address(pool.address)
        has_it = pool.has(extension)
        try:
            route = route_of(swap_of(pool), pool)
        except BuildError:
            continue
        instruction = swap_instruction(swap_of(pool), pool, route, WALLET.address)
        assert (instruction.accounts[1].pubkey == extension) is has_it is route.has_extension
        seen.add(has_it)
        if len(seen) == 2:
            return
    pytest.fail(f"the golden pools show only {seen}")


@pytest.mark.parametrize("place", PLACES)
def test_a_token_with_a_transfer_hook_is_refused_by_name(still: Floor, place: int) -> None:
    pool = still.read(place)
    mint = pool.account(pool.info.mint_y).data
    extension = (14).to_bytes(2, "little") + (64).to_bytes(2, "little") + bytes(32) + bytes(HOOK)
    hooked = Account(str(TOKEN_2022_PROGRAM), mint + bytes(165 - len(mint)) + b"\x01" + extension)
    pools = {pool.info.pool: with_accounts(pool, {**pool.accounts, pool.info.mint_y: hooked})}
    with pytest.raises(BuildError, match=f"transfer_hook: token {pool.info.mint_y} runs program {HOOK}") as refused:
        swap_step(swap_of(pool), pools, WALLET.address)
    assert refused.value.kind == "transfer_hook"


@pytest.mark.parametrize("place", [METEORA_SOL, SAROS_SOL])
@pytest.mark.parametrize(("amount", "threshold"), [(0, 0), (-1, 0), (MAX_U64 + 1, 0), (1, -1), (1, MAX_U64 + 1)])
def test_amounts_that_no_swap_can_have_are_refused(still: Floor, place: int, amount: int, threshold: int) -> None:
    pool = still.read(place)
    wanted = swap_of(pool, amount=amount, threshold=threshold)
    with pytest.raises(BuildError, match="bad_amount"):
        swap_step(wanted, still.pools(), WALLET.address)


@pytest.mark.parametrize("place", [METEORA_SOL, SAROS_SOL])
def test_a_missing_or_malformed_account_is_refused(still: Floor, place: int) -> None:
    pool = still.read(place)
    with pytest.raises(BuildError, match="missing_account"):
        swap_step(swap_of(pool), {}, WALLET.address)
    for key in (pool.info.pool, pool.info.mint_x):
        left = {name: account for name, account in pool.accounts.items() if name != key}
        with pytest.raises(BuildError, match="missing_account"):
            swap_step(swap_of(pool), {pool.info.pool: with_accounts(pool, left)}, WALLET.address)
        short = Account(pool.account(key).owner, pool.account(key).data[:40])
        cut = with_accounts(pool, {**left, key: short})
        with pytest.raises(BuildError, match="malformed_account"):
            swap_step(swap_of(pool), {pool.info.pool: cut}, WALLET.address)


def test_units_follow_the_quotes_and_stay_below_the_runtimes_limit(still: Floor) -> None:
    pools = still.pools()
    meteora, saros = still.read(METEORA_SOL), still.read(SAROS_SOL)
    known, unknown = swap_of(meteora, compute_units=60_000), swap_of(saros)
    assert units_of(known, pools) == swap_units(Venue.METEORA, 60_000) > 60_000
    assert units_of(unknown, pools) == UNKNOWN_UNITS
    assert units_of(SwapRoute((known, unknown)), pools) == swap_units(Venue.METEORA, 60_000) + UNKNOWN_UNITS
    assert units_of(swap_of(meteora, compute_units=1_390_000), pools) == MAX_UNITS


def test_fixed_keys_are_those_of_every_swap_but_for_wallet_arrays_and_programs(still: Floor) -> None:
    pools = [still.read(METEORA_SOL), still.read(SAROS_SOL)]
    keys = fixed_keys(pools, WALLET.address)
    for pool in pools:
        route = route_of(swap_of(pool), pool)
        arrays = {
            saros_array(pool.address, index) if pool.info.venue is Venue.SAROS else meteora_array(pool.address, index)
            for index in route.arrays
        }
        instruction = swap_instruction(swap_of(pool), pool, route, WALLET.address)
        named = {meta.pubkey for meta in instruction.accounts}
        assert named - arrays - {WALLET.address, instruction.program_id} <= set(keys)
        assert not {*arrays, WALLET.address, instruction.program_id} & set(keys)


def test_fixed_keys_of_a_hooked_pair_leave_out_the_hooks_arrays() -> None:
    pool = next(golden(Venue.SAROS, hooked=True))
    keys = fixed_keys([pool], WALLET.address)
    pair = PairKeys.of(
        pool.address,
        pool.account(pool.info.pool),
        token_program_x=TOKEN_2022_PROGRAM,
        token_program_y=TOKEN_2022_PROGRAM,
    )
    assert pair.hook in keys
    assert not set(keys) & {meta.pubkey for meta in pair.hook_bin_arrays((0, 1))}


def test_routes_with_the_same_accounts_are_one() -> None:
    assert hash(Route((1, 2), b"h")) == hash(Route((1, 2), b"h"))
    assert Route((1, 2)) != Route((2, 1))
