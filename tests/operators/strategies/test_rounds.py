"""Which pools make rounds, whatever their venue, the order of their tokens and their decimals."""

import math

import msgspec
import pytest

from dlmm.records import Venue
from operators.pools import PoolInfo
from operators.strategies.interface import StrategyError
from operators.strategies.rounds import Round, find_rounds, groups_of, log_cost, tokens_of


def pool(base: str, quote: str, **facts: object) -> PoolInfo:
    info = PoolInfo(f"{base}/{quote}", Venue.METEORA, base, quote, 10, 10_000)
    return msgspec.structs.replace(info, **facts)


SOL = pool("SOL", "USDC")
SAROS_SOL = pool("SOL", "USDC", pool="saros", venue=Venue.SAROS, decimals_x=6, bin_step=20)
TURNED_SOL = pool("USDC", "SOL", decimals_x=6, decimals_y=9)
MSOL, MSOL_SOL, JUP = pool("mSOL", "USDC"), pool("mSOL", "SOL"), pool("JUP", "USDC")


def rounds(*pools: PoolInfo, triangles: bool = True) -> tuple[Round, ...]:
    return find_rounds(pools, frozenset(range(len(pools))), "USDC", triangles=triangles)


def test_two_pools_of_a_pair_make_one_round_on_any_venue_with_any_decimals() -> None:
    assert rounds(SOL, SAROS_SOL, JUP) == (Round((0, 1), (False, True)),)


def test_a_pool_with_its_tokens_the_other_way_round_takes_them_the_other_way() -> None:
    assert rounds(SOL, TURNED_SOL) == (Round((0, 1), (False, False)),)
    assert rounds(TURNED_SOL, SOL) == (Round((0, 1), (True, True)),)


def test_one_pool_of_a_pair_makes_no_round() -> None:
    assert rounds(SOL, JUP, MSOL) == ()
    assert rounds(SOL) == ()
    assert rounds() == ()


def test_a_pool_that_is_not_traded_is_in_no_round() -> None:
    assert find_rounds((SOL, SAROS_SOL), frozenset({0}), "USDC", triangles=True) == ()


def test_rounds_begin_with_the_quote_currency_or_do_not_exist() -> None:
    assert rounds(MSOL_SOL, msgspec.structs.replace(MSOL_SOL, pool="saros")) == ()
    assert find_rounds((SOL, TURNED_SOL), frozenset({0, 1}), "SOL", triangles=True) == (Round((0, 1), (True, True)),)


def test_one_end_of_a_pair_and_both_of_a_triangle_keep_the_quote_currency_as_y() -> None:
    assert rounds(TURNED_SOL, msgspec.structs.replace(TURNED_SOL, pool="again")) == ()
    assert rounds(TURNED_SOL, MSOL, MSOL_SOL) == ()
    assert [one.pools for one in rounds(SOL, TURNED_SOL, MSOL, MSOL_SOL)] == [(0, 1), (2, 3, 0)]


def test_three_pools_close_a_triangle_once() -> None:
    # Buy mSOL, give it for SOL, sell the SOL.
    assert rounds(SOL, MSOL, MSOL_SOL) == (Round((1, 2, 0), (False, True, True)),)
    turned = pool("SOL", "mSOL")
    assert rounds(SOL, MSOL, turned) == (Round((0, 2, 1), (False, True, True)),)
    assert rounds(SOL, MSOL, MSOL_SOL, triangles=False) == ()


def test_every_choice_of_pools_is_a_triangle_of_its_own() -> None:
    made = rounds(SOL, MSOL, MSOL_SOL, SAROS_SOL)
    assert sorted(one.pools for one in made) == [(0, 3), (1, 2, 0), (1, 2, 3)]


def test_mints_tell_tokens_apart_that_have_one_symbol() -> None:
    real, false = (
        msgspec.structs.replace(SOL, mint_x=mint, mint_y="usdc-mint", pool=mint) for mint in ("sol-mint", "false-mint")
    )
    assert rounds(real, false) == ()
    assert rounds(real, msgspec.structs.replace(real, base="WSOL", pool="other")) == (Round((0, 1), (False, True)),)
    assert tokens_of(real) == ("sol-mint", "usdc-mint")


def test_a_pool_of_one_token_against_itself_is_left_out() -> None:
    assert rounds(SOL, pool("USDC", "USDC"), pool("USDC", "USDC", pool="again")) == ()


def test_pools_joined_by_rounds_are_one_group() -> None:
    pools = (SOL, MSOL, JUP, MSOL_SOL, SAROS_SOL, msgspec.structs.replace(JUP, pool="other"), pool("BONK", "USDC"))
    assert groups_of(rounds(*pools), pools) == ((0, 1, 3, 4), (2, 5))
    assert groups_of(rounds(*pools, triangles=False), pools) == ((0, 4), (2, 5))


@pytest.mark.parametrize(("count", "fits"), [(11, True), (12, False)])
def test_more_rounds_than_are_followed_are_refused_with_the_pools_names(count: int, fits: bool) -> None:
    pools = tuple(msgspec.structs.replace(SOL, pool=f"sol-{index}") for index in range(count))
    if fits:
        assert len(groups_of(rounds(*pools), pools)) == 1
    else:
        with pytest.raises(StrategyError, match=r"sol-0, sol-1, .*sol-11 make 66 rounds; 16 pools and 64 rounds"):
            groups_of(rounds(*pools), pools)


def test_the_cost_of_a_swap_is_its_base_fee() -> None:
    assert log_cost(SOL) == pytest.approx(-math.log(1.0 - 0.001))
    assert log_cost(SAROS_SOL) == pytest.approx(-math.log(1.0 - 0.002))
    assert log_cost(pool("A", "B", base_fee_power_factor=1)) == pytest.approx(-math.log(0.99))
    assert math.isfinite(log_cost(pool("A", "B", base_factor=60_000, bin_step=10_000)))
