"""Paper fills meet the pool that the market last showed, and our own fills change it only until it moves on."""

import math
import pickle

import msgspec
import pytest

from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import ANSWER, Account, Clock, SwapFailure, SwapQuote, SwapRequest, Venue
from dlmm.swap import Pool, apply, quote
from operators.blocks import AccountWrite, Rows
from operators.books.ledger import open_books
from operators.paper.pools import PaperPools, clock_of
from operators.paper.pools_at_hand import SLOTS_IN_EPOCH
from tests.operators.markets import ORIGINS, POOLS, SOL, bin_price
from tests.operators.paper.chain_pool import RECORDED, ChainPool
from tests.operators.paper.pool_swaps import swap_on

CLOCK = Clock(slot=1_000, unix_timestamp=1_700_000_000)
SELL_ONE = SwapRequest(exact_in=True, amount=1_000_000_000, swap_for_y=True, threshold=0)
BOTH = pytest.mark.parametrize("pool", [0, 1], ids=["meteora", "saros"])


def book(pool: int, seq: int, bins: int = 0, liquidity: float = 1_000_000.0) -> Rows:
    """Return the books of all pools, of which one had a row."""
    books = open_books(POOLS, {}, 1.0)
    made = books[pool]
    made["seq"], made["active_id"], made["liquidity"] = seq, ORIGINS[pool] + bins, liquidity
    return books


def thin(pool: int, seq: int) -> Rows:
    """A pool in which each bin is worth about 140 Y."""
    return book(pool, seq, liquidity=10_000.0)


def large(pool: int) -> SwapRequest:
    """Sell for about 200 Y: more than the active bin can pay."""
    amount = 200.0 / bin_price(pool, ORIGINS[pool]) * 10 ** POOLS[pool].decimals_x
    return msgspec.structs.replace(SELL_ONE, amount=int(amount))


def out_of(pools: PaperPools, at: Rows, pool: int = 0, request: SwapRequest = SELL_ONE) -> int:
    answer = swap_on(pools, pool, request, at, CLOCK)
    assert answer["is_filled"]
    return int(answer["amount_out"])


def is_refused(pools: PaperPools, at: Rows, pool: int = 0, request: SwapRequest = SELL_ONE) -> bool:
    return not swap_on(pools, pool, request, at, CLOCK)["is_filled"]


def stand_in(pool: int, bins: int, value: float) -> Pool:
    info = POOLS[pool]
    terms = PoolTerms(**{name: getattr(info, name) for name in PoolTerms.__struct_fields__ if name != "address"})
    return synthetic_pool(terms, ORIGINS[pool] + bins, int(value / 10.0**-info.decimals_y), 35)


@BOTH
def test_without_accounts_the_stand_in_of_the_rows_liquidity_answers(pool: int) -> None:
    expected = quote(stand_in(pool, 3, 50_000.0), SELL_ONE, CLOCK)
    assert isinstance(expected, SwapQuote)
    answer = swap_on(PaperPools(POOLS, 35), pool, SELL_ONE, book(pool, 7, bins=3, liquidity=50_000.0), CLOCK)
    assert answer["is_filled"] == 1
    for field in ANSWER.names[1:] if ANSWER.names else ():
        assert answer[field] == getattr(expected, field)


@BOTH
def test_a_second_fill_in_the_same_state_pays_for_the_first(pool: int) -> None:
    pools = PaperPools(POOLS, 35)
    assert out_of(pools, thin(pool, 7), pool, large(pool)) > out_of(pools, thin(pool, 7), pool, large(pool))


@BOTH
def test_the_next_row_shows_the_pool_as_recorded_again(pool: int) -> None:
    pools = PaperPools(POOLS, 35)
    first = out_of(pools, thin(pool, 7), pool, large(pool))
    out_of(pools, thin(pool, 7), pool, large(pool))
    assert out_of(pools, thin(pool, 8), pool, large(pool)) == first


def test_a_failure_changes_nothing() -> None:
    pools = PaperPools(POOLS, 35)
    greedy = msgspec.structs.replace(SELL_ONE, threshold=1 << 60)
    assert is_refused(pools, book(0, 7), request=greedy)
    assert out_of(pools, book(0, 7)) == out_of(PaperPools(POOLS, 35), book(0, 7))


def test_more_than_the_pool_holds_is_a_failure() -> None:
    huge = msgspec.structs.replace(SELL_ONE, amount=1 << 60)
    assert is_refused(PaperPools(POOLS, 35), book(0, 7), request=huge)


@BOTH
def test_a_pool_without_liquidity_fails_and_kills_nothing(pool: int) -> None:
    assert is_refused(PaperPools(POOLS, 35), book(pool, 7, liquidity=0.0), pool)


@pytest.mark.parametrize("liquidity", [1e18, 1e300, math.nan])
@BOTH
def test_a_liquidity_beyond_all_amounts_or_unknown_fails_and_is_told(pool: int, liquidity: float) -> None:
    pools = PaperPools(POOLS, 35)
    assert is_refused(pools, book(pool, 7, liquidity=liquidity), pool)
    assert pools.troubles


@BOTH
def test_going_on_from_a_snapshot_equals_going_on(pool: int) -> None:
    pools = PaperPools(POOLS, 35)
    out_of(pools, thin(pool, 7), pool, large(pool))
    state = pickle.loads(pickle.dumps(pools.snapshot()))
    again = PaperPools(POOLS, 35)
    again.restore(state)
    # Within the row of the fill the pool is still the one after it; from the next row on it is the recorded one.
    for seq in (7, 7, 8):
        at = thin(pool, seq)
        assert out_of(again, at, pool, large(pool)) == out_of(pools, at, pool, large(pool))


def test_a_snapshot_survives_what_comes_after() -> None:
    pools = PaperPools(POOLS, 35)
    pools.note(0, (AccountWrite(3, "one", "owner", b"a"), AccountWrite(9, "one", "owner", b"b")))
    pools.settle(0, 3)
    out_of(pools, book(0, 8))
    state = pools.snapshot()
    before = pickle.dumps(state)
    pools.note(0, (AccountWrite(11, "two", "owner", b"c"),))
    pools.settle(0, 20)
    out_of(pools, book(0, 8))
    assert pickle.dumps(state) == before


def test_account_bytes_count_from_their_own_row_on() -> None:
    pools = PaperPools(POOLS, 35)
    pools.note(0, (AccountWrite(3, "one", "owner", b"a"), AccountWrite(9, "one", "owner", b"b")))
    pools.settle(0, 8)
    assert pools.snapshot().accounts[0] == {"one": Account("owner", b"a")}
    assert [write.seq for write in pools.snapshot().writes[0]] == [9]
    pools.settle(0, 9)
    assert pools.snapshot().accounts[0] == {"one": Account("owner", b"b")}


def test_account_bytes_that_are_no_pool_fail_and_kill_nothing() -> None:
    pools = PaperPools(POOLS, 35)
    pools.note(0, (AccountWrite(3, SOL.pool, "owner", b"short"),))
    assert is_refused(pools, book(0, 4))
    assert is_refused(pools, book(0, 2))


@BOTH
def test_a_pair_under_a_name_that_is_no_address_fails_and_kills_nothing(pool: int) -> None:
    pools, made = PaperPools(POOLS, 35), stand_in(pool, 0, 1e6)
    (account,) = [account for account in made.to_accounts().values() if account.data == made.pair.tobytes()]
    pools.note(pool, (AccountWrite(3, POOLS[pool].pool, account.owner, account.data),))
    assert is_refused(pools, book(pool, 4), pool)
    assert "is not an address" in pools.troubles[0]


def test_the_clock_counts_epochs_as_on_mainnet() -> None:
    assert clock_of(432_000 * 700 + 5, 1_700_000_000_999_999_999) == Clock(432_000 * 700 + 5, 1_700_000_000, 700)


def test_the_stand_in_is_of_the_pools_own_venue() -> None:
    assert [stand_in(pool, 0, 1e6).venue for pool in (0, 1)] == [Venue.METEORA, Venue.SAROS]


@BOTH
def test_a_stand_in_moves_with_the_rows_price_wherever_that_goes(pool: int) -> None:
    pools = PaperPools(POOLS, 35)
    for seq, bins in enumerate((0, 1, 1, -40, -41, 90, 5_000, 0), start=7):
        fresh = swap_on(PaperPools(POOLS, 35), pool, SELL_ONE, book(pool, seq, bins), CLOCK)
        assert swap_on(pools, pool, SELL_ONE, book(pool, seq, bins), CLOCK) == fresh


@BOTH
def test_fills_one_after_the_other_leave_the_pool_as_apply_does(pool: int) -> None:
    # 30 bins below the next block of a Saros pool's: the purchases lead into it.
    pools, bins = PaperPools(POOLS, 35), 225
    buy = SwapRequest(exact_in=True, amount=3_000_000_000, swap_for_y=False, threshold=0)
    expected = stand_in(pool, bins, 10_000.0)
    at = book(pool, 7, bins, liquidity=10_000.0)
    for request in (buy, SELL_ONE, buy, buy):
        applied = apply(expected, request, CLOCK)
        filled = swap_on(pools, pool, request, at, CLOCK)
        assert bool(filled["is_filled"]) == (not isinstance(applied, SwapFailure))
        if not isinstance(applied, SwapFailure):
            assert (filled["amount_in"], filled["amount_out"]) == (applied[0].amount_in, applied[0].amount_out)
            expected = applied[1]


@BOTH
def test_fills_stay_when_the_epoch_changes(pool: int) -> None:
    pools, later = PaperPools(POOLS, 35), Clock(CLOCK.slot + SLOTS_IN_EPOCH, CLOCK.unix_timestamp, 1)
    first = out_of(pools, thin(pool, 7), pool, large(pool))
    assert swap_on(pools, pool, large(pool), thin(pool, 7), later)["amount_out"] < first
    assert swap_on(pools, pool, large(pool), thin(pool, 8), later)["amount_out"] == first


def test_once_accounts_arrive_the_stand_in_is_over() -> None:
    pools = PaperPools(POOLS, 35)
    assert out_of(pools, book(0, 7))
    pools.note(0, (AccountWrite(9, SOL.pool, "owner", b"short"),))
    assert out_of(pools, book(0, 8))
    assert is_refused(pools, book(0, 9))


@BOTH
def test_recorded_bins_are_swapped_on_as_their_last_account_bytes_have_them(pool: int) -> None:
    # Another's swaps change the accounts row by row; ours, within a row, change it for each other alone.
    chain, pools, infos = ChainPool(pool), PaperPools(RECORDED, 35), open_books(RECORDED, {}, 1.0)
    ask = msgspec.structs.replace(SELL_ONE, amount=40_000 * 10 ** RECORDED[pool].decimals_x // 130)
    for seq in range(3, 9):
        state = chain.pool
        writes = chain.accounts if seq == 3 else state.to_accounts()
        pools.note(pool, tuple(AccountWrite(seq, key, at.owner, at.data) for key, at in writes.items()))
        infos["seq"][pool] = seq
        for _ in range(3 if seq % 2 else 1):
            applied = apply(state, ask, CLOCK)
            assert not isinstance(applied, SwapFailure)
            filled = swap_on(pools, pool, ask, infos, CLOCK)
            assert (filled["is_filled"], filled["amount_out"]) == (1, applied[0].amount_out)
            state = applied[1]
        assert chain.swap(10**9 * seq, for_y=seq % 3 == 0)
