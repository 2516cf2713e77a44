import pytest

from dlmm.records import Venue
from sandbox.pools.plans import DEFAULT_PLANS, SOL, USDC
from sandbox.pools.spec import PoolSpecError, parse_pools


def test_none_named_are_the_default_pools() -> None:
    assert parse_pools(()) == DEFAULT_PLANS


def test_a_pool_takes_what_is_not_said_from_its_like() -> None:
    short, full = parse_pools(("saros:SOL-USDC:25", "meteora:SOL-USDC:8:99.5:1e4"))
    assert (short.venue, short.bin_step, short.price, short.depth) == (Venue.SAROS, 25, 150.0, 6_000.0)
    assert (full.venue, full.token_x, full.token_y) == (Venue.METEORA, SOL, USDC)
    assert (full.bin_step, full.price, full.depth) == (8, 99.5, 1e4)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("meteora", "form"),
        ("orca:SOL-USDC:4", "no venue"),
        ("meteora:SOL-ETH:4", "no pair"),
        ("meteora:SOL-SOL:4", "no pair"),
        ("meteora:SOL-USDC:0", "bin step"),
        ("meteora:SOL-USDC:x", "bin step"),
        ("meteora:SOL-USDC:4:zero", "not a number"),
        ("meteora:SOL-USDC:4:-1", "not above 0"),
        ("meteora:SOL-USDC:4:nan", "not above 0"),
        ("meteora:SOL-JUP:4", "needs a price"),
    ],
)
def test_a_bad_pool_is_refused_by_name(spec: str, reason: str) -> None:
    with pytest.raises(PoolSpecError, match=reason) as raised:
        parse_pools((spec,))
    assert raised.value.spec == spec


def test_the_same_pool_twice_is_refused() -> None:
    with pytest.raises(PoolSpecError, match="already"):
        parse_pools(("meteora:SOL-USDC:10", "meteora:SOL-USDC:10:120"))
