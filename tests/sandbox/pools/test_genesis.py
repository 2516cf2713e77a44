from collections import defaultdict

import numpy as np
import pytest
from solders.pubkey import Pubkey

from dlmm import swap
from dlmm.liquidity import Amounts, LiquidityChange, LiquidityFailure, LiquidityState, PoolTokens
from dlmm.meteora import liquidity as meteora_liquidity
from dlmm.meteora import positions as meteora_positions
from dlmm.meteora.instructions import liquidity as meteora_instructions
from dlmm.meteora.instructions import position as meteora_position
from dlmm.meteora.instructions.liquidity import BinShare, Strategy, StrategyDeposit
from dlmm.meteora.layout import POSITION as METEORA_POSITION
from dlmm.meteora.layout import POSITION_DISCRIMINATOR as METEORA_POSITION_DISCRIMINATOR
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Account, SwapFailure, Venue
from dlmm.saros import instructions as saros_instructions
from dlmm.saros import liquidity as saros_liquidity
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import POSITION_DISCRIMINATOR as SAROS_POSITION_DISCRIMINATOR
from dlmm.saros.pdas import bin_array_index, position_address, swap_arrays
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool
from sandbox.market.pool_access import MeteoraAccess, PoolAccess, SarosAccess, access
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS, PoolFacts
from sandbox.real import RealEngine
from sandbox.wallets import keypair_of
from tests.sandbox.true_programs import Runner, real_runner

POOLS = range(len(DEFAULT_PLANS))
METEORA = [number for number in POOLS if DEFAULT_PLANS[number].venue is Venue.METEORA]
SAROS = [number for number in POOLS if DEFAULT_PLANS[number].venue is Venue.SAROS]


@pytest.fixture(scope="module")
def planted() -> tuple[RealEngine, list[PoolFacts]]:
    engine = RealEngine()
    return engine, plant(engine)


def whole_pool(engine: RealEngine, facts: PoolFacts) -> Pool:
    owned = {
        str(key): Account(str(account.owner), account.data)
        for key, account in engine.owned_by(facts.program)
        if key == facts.address or bytes(facts.address) in account.data[8:56]
    }
    for key in (facts.mint_x, facts.mint_y):
        mint = engine.get(key)
        assert mint is not None
        owned[str(key)] = Account(str(mint.owner), mint.data)
    if facts.venue is Venue.METEORA:
        return MeteoraPool.from_accounts(str(facts.address), owned)
    return SarosPool.from_accounts(str(facts.address), owned)


def shares_held(engine: RealEngine, facts: PoolFacts) -> dict[int, int]:
    """Shares of each bin that positions hold."""
    held: dict[int, int] = defaultdict(int)
    for _, account in engine.owned_by(facts.program):
        if account.data[8:40] != bytes(facts.address):
            continue
        if facts.venue is Venue.METEORA and account.data[:8] == METEORA_POSITION_DISCRIMINATOR:
            row = np.frombuffer(account.data, METEORA_POSITION, count=1)[0]
            for bin_id, share in enumerate(row["shares"], int(row["lower_bin_id"])):
                held[bin_id] += int(share["low"]) | int(share["high"]) << 64
        elif facts.venue is Venue.SAROS and account.data[:8] == SAROS_POSITION_DISCRIMINATOR:
            lower = int.from_bytes(account.data[1096:1100], "little")
            for bin_id, share in enumerate(saros_liquidity.position_shares(account.data), lower):
                held[bin_id] += share
    return held


def bins_of(pool: Pool) -> dict[int, tuple[int, int, int]]:
    """Amounts and supply of each bin that has any."""
    meteora = isinstance(pool, MeteoraPool)
    names = ("amount_x", "amount_y", "supply") if meteora else ("reserve_x", "reserve_y", "liquidity_supply")
    found = {}
    for array in pool.arrays:
        rows = array["bins"]
        for place, row in enumerate(rows):
            supply = int(row[f"{names[2]}_low"]) | int(row[f"{names[2]}_high"]) << 64
            if supply or row[names[0]] or row[names[1]]:
                found[int(array["index"]) * len(rows) + place] = (int(row[names[0]]), int(row[names[1]]), supply)
    return found


def balance(engine: RealEngine, key: Pubkey) -> int:
    account = engine.get(key)
    assert account is not None
    return int.from_bytes(account.data[64:72], "little")


def test_there_are_two_pairs_of_tokens_on_both_venues(planted: tuple[RealEngine, list[PoolFacts]]) -> None:
    kinds = {(facts.venue, facts.symbol_x, facts.symbol_y) for facts in planted[1]}
    assert kinds == {(venue, symbol, "USDC") for venue in Venue for symbol in ("SOL", "JUP")}


def test_a_seed_decides_every_byte(planted: tuple[RealEngine, list[PoolFacts]]) -> None:
    engine, pools = planted
    again = RealEngine()
    assert plant(again) == pools
    for facts in pools:
        before = {key: account.data for key, account in engine.owned_by(facts.program)}
        assert before == {key: account.data for key, account in again.owned_by(facts.program)}


def test_another_seed_gives_other_pools(planted: tuple[RealEngine, list[PoolFacts]]) -> None:
    others = plant(RealEngine(), seed=2)
    assert not {facts.address for facts in planted[1]} & {facts.address for facts in others}


@pytest.mark.parametrize("number", POOLS)
def test_vaults_hold_what_the_bins_hold(planted: tuple[RealEngine, list[PoolFacts]], number: int) -> None:
    engine, facts = planted[0], planted[1][number]
    bins = bins_of(whole_pool(engine, facts)).values()
    assert balance(engine, facts.vault_x) == sum(x for x, _, _ in bins)
    assert balance(engine, facts.vault_y) == sum(y for _, y, _ in bins)


@pytest.mark.parametrize("number", POOLS)
def test_positions_own_every_share(planted: tuple[RealEngine, list[PoolFacts]], number: int) -> None:
    engine, facts = planted[0], planted[1][number]
    supplies = {bin_id: supply for bin_id, (_, _, supply) in bins_of(whole_pool(engine, facts)).items()}
    assert all(supplies.values())
    assert supplies == shares_held(engine, facts)


@pytest.mark.parametrize("number", POOLS)
def test_the_price_is_that_of_the_active_bin(planted: tuple[RealEngine, list[PoolFacts]], number: int) -> None:
    engine, facts = planted[0], planted[1][number]
    pool = access(facts, engine.get).read()
    raw = pool.price_x64 / 2**64 * 10 ** (facts.decimals_x - facts.decimals_y)
    assert facts.price == pytest.approx(raw)
    assert facts.price == pytest.approx(DEFAULT_PLANS[number].price, rel=0.002)


# the rest runs the true programs


def opened(runner: Runner, number: int) -> PoolAccess:
    return access(plant(runner.engine)[number], runner.engine.get)


def data_of(runner: Runner, key: str | Pubkey) -> bytes:
    account = runner.engine.get(Pubkey.from_string(key) if isinstance(key, str) else key)
    return b"" if account is None else account.data


def check_swap(runner: Runner, pool_access: PoolAccess, *, swap_for_y: bool, exact_in: bool, amount: int) -> None:
    runner.tick()
    facts = pool_access.facts
    user = runner.wallet(7, facts.mint_x, facts.mint_y)
    before = pool_access.read()
    threshold = 0 if exact_in else 2**63
    wanted = pool_access.request(before, amount, swap_for_y=swap_for_y, exact_in=exact_in, threshold=threshold)
    predicted = swap.apply(before, wanted, runner.clock)
    assert not isinstance(predicted, SwapFailure), predicted
    quote, after = predicted
    vaults = [runner.balance(vault) for vault in (facts.vault_x, facts.vault_y)]
    done = runner.run([pool_access.swap(user.pubkey(), wanted)], user)
    assert done.error is None, done.logs
    moves = [runner.balance(vault) - old for vault, old in zip((facts.vault_x, facts.vault_y), vaults, strict=True)]
    assert moves == ([quote.amount_in, -quote.amount_out] if swap_for_y else [-quote.amount_out, quote.amount_in])
    for key, account in after.to_accounts().items():
        assert data_of(runner, key) == account.data, key


@pytest.mark.parametrize("number", POOLS)
def test_true_programs_swap_as_quoted(number: int) -> None:
    runner = real_runner()
    pool_access = opened(runner, number)
    one_x, one_y = 10**pool_access.facts.decimals_x, 10**pool_access.facts.decimals_y
    price = pool_access.facts.price
    for dollars in (1, 50, 20_000):
        x, y = int(dollars / price * one_x), dollars * one_y
        check_swap(runner, pool_access, swap_for_y=True, exact_in=True, amount=x)
        check_swap(runner, pool_access, swap_for_y=False, exact_in=True, amount=2 * y)
        check_swap(runner, pool_access, swap_for_y=True, exact_in=False, amount=y)
        check_swap(runner, pool_access, swap_for_y=False, exact_in=False, amount=x)


def tokens_of(pool: Pool) -> PoolTokens:
    return PoolTokens(pool.mint_x, pool.mint_y, 0)


def changed(change: LiquidityChange | LiquidityFailure) -> LiquidityChange:
    assert isinstance(change, LiquidityChange), change
    return change


@pytest.mark.parametrize("number", METEORA)
def test_true_meteora_positions_live_as_predicted(number: int) -> None:
    runner = real_runner()
    pool_access = opened(runner, number)
    assert isinstance(pool_access, MeteoraAccess)
    facts, keys = pool_access.facts, pool_access.keys
    user, position = runner.wallet(8, facts.mint_x, facts.mint_y), keypair_of(9, "position")
    pool = pool_access.read()
    assert isinstance(pool, MeteoraPool)
    lower, width = pool.active_id - 20, 41
    opening = meteora_position.initialize_position2(
        lb_pair=facts.address, position=position.pubkey(), lower_bin_id=lower, width=width, owner=user.pubkey()
    )
    assert runner.run([opening], user, position).error is None
    assert data_of(runner, position.pubkey()) == meteora_positions.new_position(
        lb_pair=bytes(facts.address),
        owner=bytes(user.pubkey()),
        lower_bin_id=lower,
        width=width,
        time=runner.clock.unix_timestamp,
    )
    accounts = meteora_instructions.PositionAccounts(keys, position.pubkey(), user.pubkey())

    def before() -> LiquidityState:
        now = pool_access.read()
        arrays = {int(array["index"]): array.tobytes() for array in now.arrays}
        return LiquidityState(data_of(runner, facts.address), data_of(runner, position.pubkey()), arrays)

    def same(change: LiquidityChange, balances: Amounts) -> None:
        assert data_of(runner, facts.address) == change.after.pair
        assert data_of(runner, position.pubkey()) == change.after.position
        now = pool_access.read()
        assert {int(array["index"]): array.tobytes() for array in now.arrays} == change.after.bin_arrays
        assert held() - balances == change.user

    def held() -> Amounts:
        mine = (keys.user_token_x(user.pubkey()), keys.user_token_y(user.pubkey()))
        return Amounts(*(runner.balance(key) for key in mine))

    tokens, amounts = tokens_of(pool), (3 * 10**facts.decimals_x, 400 * 10**facts.decimals_y)
    shares = [
        BinShare(bin_id, 500 if bin_id > pool.active_id else 0, 500 if bin_id < pool.active_id else 0)
        for bin_id in range(lower, lower + width)
    ]
    runner.tick()
    state, old = before(), held()
    change = changed(
        meteora_liquidity.add_liquidity(
            state,
            amount_x=amounts[0],
            amount_y=amounts[1],
            shares=shares,
            tokens=tokens,
            time=runner.clock.unix_timestamp,
        )
    )
    adding = meteora_instructions.add_liquidity2(accounts, amount_x=amounts[0], amount_y=amounts[1], shares=shares)
    done = runner.run([adding], user)
    assert done.error is None, done.logs
    same(change, old)

    wanted = StrategyDeposit(*amounts, pool.active_id, 5, lower, lower + width - 1, Strategy.SPOT_IMBALANCED)
    runner.tick()
    state, old = before(), held()
    change = changed(
        meteora_liquidity.add_liquidity_by_strategy(state, wanted, tokens=tokens, time=runner.clock.unix_timestamp)
    )
    done = runner.run([meteora_instructions.add_liquidity_by_strategy2(accounts, wanted)], user)
    assert done.error is None, done.logs
    same(change, old)

    for swap_for_y in (True, False):
        amount = 100 * 10**facts.decimals_x if swap_for_y else 20_000 * 10**facts.decimals_y
        check_swap(runner, pool_access, swap_for_y=swap_for_y, exact_in=True, amount=amount)
    span = (lower, lower + width - 1)
    runner.tick()
    state, old = before(), held()
    change = changed(
        meteora_liquidity.claim_fees(
            state, min_bin_id=span[0], max_bin_id=span[1], tokens=tokens, time=runner.clock.unix_timestamp
        )
    )
    assert change.user != Amounts(0, 0)
    done = runner.run([meteora_instructions.claim_fee2(accounts, min_bin_id=span[0], max_bin_id=span[1])], user)
    assert done.error is None, done.logs
    same(change, old)

    runner.tick()
    state, old = before(), held()
    change = changed(
        meteora_liquidity.remove_liquidity(
            state,
            from_bin_id=span[0],
            to_bin_id=span[1],
            bps=10_000,
            tokens=tokens,
            time=runner.clock.unix_timestamp,
        )
    )
    removing = meteora_instructions.remove_liquidity_by_range2(
        accounts, from_bin_id=span[0], to_bin_id=span[1], bps_to_remove=10_000
    )
    done = runner.run([removing], user)
    assert done.error is None, done.logs
    same(change, old)
    done = runner.run([meteora_position.close_position2(position=position.pubkey(), owner=user.pubkey())], user)
    assert done.error is None, done.logs
    assert runner.engine.get(position.pubkey()) is None


@pytest.mark.parametrize("number", SAROS)
def test_true_saros_positions_live_as_predicted(number: int) -> None:
    runner = real_runner()
    pool_access = opened(runner, number)
    assert isinstance(pool_access, SarosAccess)
    facts, keys = pool_access.facts, pool_access.keys
    user, mint = runner.wallet(8, facts.mint_x, facts.mint_y), keypair_of(9, "position")
    pool = pool_access.read()
    opening = saros_instructions.create_position(
        keys=keys,
        position_mint=mint.pubkey(),
        relative_bin_id_left=-8,
        relative_bin_id_right=8,
        user=user.pubkey(),
    )
    done = runner.run([opening], user, mint)
    assert done.error is None, done.logs
    position = position_address(mint.pubkey())
    lower = pool.active_id - 8
    accounts = saros_instructions.PositionAccounts(
        keys, user.pubkey(), mint.pubkey(), lower, swap_arrays(pool.active_id)
    )

    def state() -> LiquidityState:
        arrays = {int(array["index"]): array.tobytes() for array in pool_access.read().arrays}
        return LiquidityState(data_of(runner, facts.address), data_of(runner, position), arrays)

    def held() -> Amounts:
        mine = (keys.user_vault_x(user.pubkey()), keys.user_vault_y(user.pubkey()))
        return Amounts(*(runner.balance(key) for key in mine))

    tokens, amounts = tokens_of(pool), Amounts(3 * 10**facts.decimals_x, 400 * 10**facts.decimals_y)
    shares = [LiquidityShare(place, 1100 if place >= 0 else 0, 1100 if place <= 0 else 0) for place in range(-8, 9)]
    old = held()
    change = changed(
        saros_liquidity.increase_position(state(), amount_x=amounts.x, amount_y=amounts.y, shares=shares, tokens=tokens)
    )
    adding = saros_instructions.increase_position(accounts, amount_x=amounts.x, amount_y=amounts.y, shares=shares)
    done = runner.run([adding], user)
    assert done.error is None, done.logs
    assert state() == change.after
    assert held() - old == change.user

    half = [share // 2 for share in saros_liquidity.position_shares(data_of(runner, position))]
    old, change = held(), changed(saros_liquidity.decrease_position(state(), shares=half, tokens=tokens))
    done = runner.run([saros_instructions.decrease_position(accounts, shares=half)], user)
    assert done.error is None, done.logs
    assert state() == change.after
    assert held() - old == change.user

    check_swap(runner, pool_access, swap_for_y=True, exact_in=True, amount=20 * 10**facts.decimals_x)
    old, change = held(), changed(saros_liquidity.close_position(state(), tokens=tokens))
    done = runner.run([saros_instructions.close_position(accounts)], user)
    assert done.error is None, done.logs
    assert runner.engine.get(position) is None
    assert held() - old == change.user


@pytest.mark.parametrize("number", METEORA)
def test_the_provider_can_take_a_meteora_position_out(number: int) -> None:
    runner = real_runner()
    pool_access = opened(runner, number)
    assert isinstance(pool_access, MeteoraAccess)
    plan = DEFAULT_PLANS[number]
    provider = keypair_of(1, plan.name, "provider")
    position = keypair_of(1, plan.name, "position", str(plan.positions // 2)).pubkey()
    row = np.frombuffer(data_of(runner, position), METEORA_POSITION)[0]
    span = (int(row["lower_bin_id"]), int(row["upper_bin_id"]))
    accounts = meteora_instructions.PositionAccounts(pool_access.keys, position, provider.pubkey())
    removing = meteora_instructions.remove_liquidity_by_range2(
        accounts, from_bin_id=span[0], to_bin_id=span[1], bps_to_remove=10_000
    )
    claiming = meteora_instructions.claim_fee2(accounts, min_bin_id=span[0], max_bin_id=span[1])
    closing = meteora_position.close_position2(position=position, owner=provider.pubkey())
    done = runner.run([removing, claiming, closing], provider)
    assert done.error is None, done.logs
    assert runner.engine.get(position) is None


@pytest.mark.parametrize("number", SAROS)
def test_the_provider_can_close_a_saros_position(number: int) -> None:
    runner = real_runner()
    pool_access = opened(runner, number)
    assert isinstance(pool_access, SarosAccess)
    plan = DEFAULT_PLANS[number]
    provider = keypair_of(1, plan.name, "provider")
    mint = keypair_of(1, plan.name, "position", "0").pubkey()
    lower = int.from_bytes(data_of(runner, position_address(mint))[1096:1100], "little")
    accounts = saros_instructions.PositionAccounts(
        pool_access.keys, provider.pubkey(), mint, lower, swap_arrays(pool_access.read().active_id)
    )
    assert bin_array_index(lower) >= 0
    done = runner.run([saros_instructions.close_position(accounts)], provider)
    assert done.error is None, done.logs
    assert runner.engine.get(position_address(mint)) is None
