"""Positions in recorded bins come to what a true position does, but for what it would have diluted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlmm.liquidity import Amounts, liquidity_of
from dlmm.records import Account
from dlmm.shapes import Shape
from operators.blocks import CLAIM, CLOSE, DEPOSIT, OPEN, REBALANCE, WITHDRAW
from operators.orders.records import FAILED, FILLED, RULES
from operators.paper.spreading import PaperDeposit, spread_deposit
from tests.operators.paper.chain_pool import RECORDED, ChainPool
from tests.operators.paper.paper_market import PaperMarket, outcome, paper_params, wish

BOTH = pytest.mark.parametrize("pool", [0, 1], ids=["meteora", "saros"])
REACH = 5


def begun(chain: ChainPool, pool: int, *, x: float = 0.0, y: float = 0.0, restarts: bool = False) -> PaperMarket:
    """A market with a position on both sides of the price, which the recording does not know of."""
    made = PaperMarket(paper_params(RECORDED), restarts=restarts)
    made.row(pool, chain.bins, accounts=chain.accounts)
    made.row(pool, chain.bins, wish(OPEN, lower=chain.origin - REACH, upper=chain.origin + REACH))
    made.row(pool, chain.bins, wish(DEPOSIT, amount_x=x, amount_y=y))
    made.row(pool, chain.bins)
    assert made.orders()["status"].tolist() == [FILLED, FILLED], made.troubles
    return made


def truly(chain: ChainPool, *, x: float, y: float) -> Amounts:
    """Put the same into the pool itself."""
    lower, upper = chain.origin - REACH, chain.origin + REACH
    amounts = round(x * 10**chain.info.decimals_x), round(y * 10**6)
    deposit = PaperDeposit(lower, upper, *amounts, chain.pool.active_id, Shape.SPOT)
    wanted = dict(spread_deposit(chain.info.venue, deposit, chain.pool.active_id, chain.info.bin_step))
    return chain.put(lower, upper, wanted)


def closed(made: PaperMarket, chain: ChainPool, pool: int) -> Amounts:
    """Close the position on paper, and return what came of it."""
    before = made.book(pool)
    made.row(pool, chain.bins, wish(CLOSE))
    made.row(pool, chain.bins)
    after = made.book(pool)
    assert made.orders()["status"][-1] == FILLED
    assert after["has_positions"] == 0 == after["position_x"] == after["position_y"]
    assert made.adds_up()
    return Amounts(int(after["base"] - before["base"]), int(after["quote"] - before["quote"]))


def token_x(pool: int) -> float:
    """X worth two whole Y a bin on one side."""
    return (2.0 * REACH / 137.0, 2.0 * REACH / 0.61)[pool]


@BOTH
def test_a_deposit_costs_what_the_program_takes(pool: int) -> None:
    chain, true = ChainPool(pool), ChainPool(pool)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    paid = truly(true, x=token_x(pool), y=12.0)
    start = PaperMarket(paper_params(RECORDED))
    start.row(pool, chain.bins, accounts=chain.accounts)
    assert start.book(pool)["base"] - made.book(pool)["base"] == paid.x
    assert start.book(pool)["quote"] - made.book(pool)["quote"] == paid.y
    assert made.book(pool)["has_positions"] == 1
    assert made.adds_up()


@BOTH
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_after_any_swaps_it_is_worth_what_a_true_position_is_but_for_the_dilution(
    pool: int, data: st.DataObject
) -> None:
    chain, true = ChainPool(pool), ChainPool(pool)
    x, y = token_x(pool), 12.0
    made = begun(chain, pool, x=x, y=y)
    truly(true, x=x, y=y)
    per_x = 10**chain.info.decimals_x / (137.0, 0.61)[pool]
    turnover = 0.0
    for _ in range(data.draw(st.integers(1, 12))):
        for_y, worth = data.draw(st.booleans()), data.draw(st.integers(1, 30_000))
        amount = round(worth * (per_x if for_y else 10**6))
        if chain.swap(amount, for_y=for_y):
            assert true.swap(amount, for_y=for_y)
            turnover += worth
        made.row(pool, chain.bins, accounts=chain.accounts)
    paper = closed(made, chain, pool)
    held, fees = true.take_out(chain.origin - REACH, chain.origin + REACH)
    out = held + fees
    price = chain.pool.price_x64
    mine, theirs = (liquidity_of(amounts, price) / 2**64 / 1e6 for amounts in (paper, out))
    part = 2.0 / 10_000.0  # of a bin that is ours, at most
    earned = turnover * chain.info.base_factor * chain.info.bin_step * 10 / 1e9 * part
    assert mine == pytest.approx(theirs, abs=part * (earned + 4.0) + 2e-5)


@BOTH
def test_swept_through_and_beyond_only_the_fees_differ_and_by_the_dilution(pool: int) -> None:
    chain, true = ChainPool(pool), ChainPool(pool)
    x, y = token_x(pool), 12.0
    made = begun(chain, pool, x=x, y=y)
    truly(true, x=x, y=y)
    for bins in (REACH + 3, -REACH - 3, REACH + 3):
        chain.reach(bins)
        true.reach(bins)
        made.row(pool, chain.bins, accounts=chain.accounts)
    paper = closed(made, chain, pool)
    held, fees = true.take_out(chain.origin - REACH, chain.origin + REACH)
    out = held + fees
    assert paper.y == pytest.approx(out.y, rel=4e-6, abs=100)
    assert paper.y <= out.y + 100
    assert paper.x == pytest.approx(out.x, rel=3e-4, abs=100)


@BOTH
def test_half_of_it_taken_out_leaves_half(pool: int) -> None:
    chain = ChainPool(pool)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    before = made.book(pool)
    made.row(pool, chain.bins, wish(WITHDRAW, fraction=0.5))
    made.row(pool, chain.bins)
    after = made.book(pool)
    assert after["quote"] - before["quote"] == pytest.approx(int(before["position_y"]) / 2, abs=20)
    assert after["position_y"] == pytest.approx(int(before["position_y"]) / 2, abs=20)
    assert made.adds_up()


@BOTH
def test_beyond_the_recorded_liquidity_bins_turn_by_the_place_of_the_price(pool: int) -> None:
    chain = ChainPool(pool, half_width=2)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    before = made.book(pool)
    far = chain.accounts | shown_at(chain, REACH + 3)
    made.row(pool, REACH + 3, accounts=far)
    book = made.book(pool)
    assert book["position_y"] > before["position_y"]
    assert book["position_x"] < before["position_x"]
    made.row(pool, chain.bins, accounts=chain.accounts)
    assert made.book(pool)["position_x"] > book["position_x"]
    assert made.adds_up()


def shown_at(chain: ChainPool, bins: int) -> dict[str, Account]:
    """The pair's account with another active bin: the recording jumps."""
    pair = chain.pool.pair.copy()
    pair["active_id"] = chain.origin + bins
    account = chain.accounts[chain.info.pool]
    return {chain.info.pool: Account(account.owner, pair.tobytes())}


@BOTH
def test_account_bytes_that_are_no_pool_are_told_and_move_nothing(pool: int) -> None:
    chain = ChainPool(pool)
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    before = made.book(pool)
    broken = Account(chain.accounts[chain.info.pool].owner, b"short")
    made.row(pool, chain.bins, accounts={chain.info.pool: broken})
    made.row(pool, chain.bins, wish(WITHDRAW, fraction=0.5))
    made.row(pool, chain.bins)
    assert made.orders()["status"][-1] == FAILED
    assert RULES[made.orders()["rule"][-1]] == "pool_unusable"
    assert len(made.troubles) == 1
    assert made.book(pool)["position_x"] == before["position_x"]


@BOTH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bins_of_any_bytes_kill_nothing_and_the_accounts_still_add_up(pool: int, data: st.DataObject) -> None:
    chain = ChainPool(pool)
    amounts = st.one_of(st.integers(0, 3), st.integers(0, 10**12), st.integers(0, (1 << 64) - 1))
    made = begun(chain, pool, x=token_x(pool), y=12.0)
    for _ in range(data.draw(st.integers(1, 3))):
        pool_now = chain.pool
        arrays = pool_now.arrays.copy()
        names = [name for name in arrays["bins"].dtype.names or () if arrays["bins"][name].dtype == np.uint64]
        width = arrays["bins"].shape[1]
        for bins in range(-REACH - 1, REACH + 2):
            index, inside = divmod(chain.origin + bins, width)
            place = arrays["index"].tolist().index(index)
            for name in data.draw(st.lists(st.sampled_from(names), max_size=3)):
                arrays["bins"][name][place, inside] = data.draw(amounts)
        owner = chain.accounts[chain.info.pool].owner
        told = {
            address: Account(owner, array.tobytes())
            for address, array in zip(pool_now.array_addresses, arrays, strict=True)
        }
        made.row(pool, data.draw(st.integers(-8, 8)), accounts=told)
        kind = data.draw(st.sampled_from((DEPOSIT, WITHDRAW, CLAIM, CLOSE)))
        made.row(pool, 0, wish(kind, amount_x=token_x(pool), amount_y=1.0, fraction=0.5))
        made.row(pool, 0)
        assert made.adds_up()


@BOTH
def test_a_wide_position_is_cut_as_it_would_be_on_chain(pool: int) -> None:
    chain = ChainPool(pool)
    made = PaperMarket(paper_params(RECORDED))
    made.row(pool, 0, accounts=chain.accounts)
    made.row(pool, 0, wish(OPEN, lower=chain.origin - 139, upper=chain.origin))
    made.row(pool, 0, wish(DEPOSIT, amount_y=1_400.0))
    before = made.book(pool)
    made.row(pool, 0)
    after = made.book(pool)
    paid = int(before["quote"] - after["quote"])
    assert 1_399_900_000 <= paid <= 1_400_000_000  # on Saros each part's bins get whole basis points
    assert int(after["position_y"]) + int(after["position_x"]) * chain.pool.price_x64 / 2**64 == pytest.approx(
        paid, rel=2e-5
    )
    assert closed(made, chain, pool).y == after["position_y"]


@BOTH
def test_a_ladder_stands_in_recorded_bins_too(pool: int) -> None:
    chain = ChainPool(pool)
    made = PaperMarket(paper_params(RECORDED))
    made.row(pool, 0, accounts=chain.accounts)
    bins = {"lower": chain.origin - 8, "bid_upper": chain.origin - 1}
    bins |= {"ask_lower": chain.origin + 1, "upper": chain.origin + 8}
    before = made.ledger["equity"]
    made.row(pool, 0, wish(REBALANCE, expected_profit=float("nan"), **bins))
    made.row(pool, 0)
    made.row(pool, 0)
    assert made.orders()["status"].tolist() == [FILLED]
    assert made.book(pool)["position_y"] > 0 < made.book(pool)["position_x"]
    assert made.ledger["equity"] == pytest.approx(before, rel=1e-6)
    assert made.adds_up()


@BOTH
def test_cut_in_any_way_and_restarted_at_any_row_it_is_the_same(pool: int) -> None:
    chain = ChainPool(pool)
    broken = begun(chain, pool, x=token_x(pool), y=12.0, restarts=True)
    for step, bins in enumerate((3, -2, 7, 0, -8, 1)):
        chain.reach(bins)
        broken.row(pool, chain.bins, accounts=chain.accounts)
        broken.row(pool, chain.bins, *([wish(WITHDRAW, fraction=0.3)] if step == 2 else []))
    unbroken = outcome(broken.again(len(broken.tape)))
    assert outcome(broken.reports) == unbroken
    for size in (1, 7, 1_000):
        assert outcome(broken.again(size)) == unbroken
