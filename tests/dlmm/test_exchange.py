"""A bin rounds for itself, either way."""

from hypothesis import given
from hypothesis import strategies as st

from dlmm.exchange import cost, proceeds
from dlmm.price import price_x64
from dlmm.records import MAX_U64
from dlmm.wide import U64
from tests.exact import exact_cost

amounts = st.one_of(st.integers(0, 1000), st.integers(0, MAX_U64))
prices = st.builds(price_x64, st.integers(-6000, 6000), st.sampled_from([1, 10, 25]))


def halves(price: int) -> tuple[U64, U64]:
    return U64(price >> 64), U64(price & MAX_U64)


@given(amounts, prices, st.booleans())
def test_cost_rounds_up_and_proceeds_round_down(amount: int, price: int, swap_for_y: bool) -> None:
    paid, fits = cost(U64(amount), *halves(price), swap_for_y)
    want = exact_cost(amount, price, swap_for_y=swap_for_y)
    assert fits == (want <= MAX_U64)
    assert not fits or int(paid) == want
    got, fits = proceeds(U64(amount), *halves(price), swap_for_y)
    want = amount * price >> 64 if swap_for_y else (amount << 64) // price
    assert fits == (want <= MAX_U64)
    assert not fits or int(got) == want
