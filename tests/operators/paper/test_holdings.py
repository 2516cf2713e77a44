"""What one bin of a position follows, in closed form and to the unit."""

from hypothesis import given
from hypothesis import strategies as st

from dlmm.liquidity import NOTHING, Amounts
from operators.paper.conversion import FeeTerms
from operators.paper.holdings import ABOVE, ACTIVE, BELOW, Holding, RecordedBin, follow, withdrawn

ONE = 1 << 64
TERMS = FeeTerms(rate=2_000_000, protocol_share=2_000, compounds=False, spread_bins=61)

"""0.2 %, a fifth of it the protocol's."""

FREE = FeeTerms(rate=0, protocol_share=0, compounds=False, spread_bins=61)

TENTH = Holding(share=100, seen=RecordedBin(Amounts(10_000, 0), 900))
"""A share of a hundred beside nine hundred recorded ones: with it in the bin it would be a tenth."""


def test_a_share_is_worth_its_part_of_the_recorded_reserves_rounded_down() -> None:
    assert TENTH.worth == Amounts(1_111, 0)


def test_it_converts_as_the_recorded_reserves_do() -> None:
    now = RecordedBin(Amounts(4_000, 6_000), 900)
    held, fee, _ = follow(TENTH, now, ACTIVE, ONE, TERMS)
    assert (held.share, held.worth, fee) == (100, Amounts(444, 666), NOTHING)


def test_what_reserves_grow_by_is_earned_but_for_the_dilution() -> None:
    # The recorded swaps paid 900 to 900 parts: to a bin of 1,000 parts they pay 0.9 each, 90 for our hundred.
    part = 10**12
    begun = Holding(share=100 * part, seen=RecordedBin(Amounts(0, 9_000_000), 900 * part))
    held, _, _ = follow(begun, RecordedBin(Amounts(0, 9_000_900), 900 * part), BELOW, ONE, TERMS)
    assert held.worth.y == 1_000_000 + 90 - 1  # the share is rounded down
    assert held.share < begun.share


def test_a_deposit_of_others_changes_nothing() -> None:
    now = RecordedBin(Amounts(20_000, 0), 1_800)
    held, _, _ = follow(TENTH, now, ABOVE, ONE, TERMS)
    assert (held.share, held.worth) == (100, TENTH.worth)


def test_a_withdrawal_of_others_leaves_its_rounding_in_the_bin_and_nothing_else() -> None:
    now = RecordedBin(Amounts(1_000, 0), 90)
    assert follow(TENTH, now, ABOVE, ONE, TERMS)[0].share == 100


def test_fees_by_share_are_earned_but_for_the_dilution() -> None:
    begun = Holding(share=100 * ONE, seen=RecordedBin(Amounts(10**6, 0), 900 * ONE, fee_x=5 * ONE, fee_y=7 * ONE))
    now = RecordedBin(Amounts(10**6, 0), 900 * ONE, fee_x=15 * ONE, fee_y=7 * ONE + ONE // 3)
    held, fee, _ = follow(begun, now, ACTIVE, ONE, TERMS)
    assert fee == Amounts(100 * 10 * 900 // 1_000, 100 * 900 // 3_000 - 1)  # a third is a little less in 64 bits
    assert held.seen == now


def test_only_the_whole_part_of_a_share_earns_fees() -> None:
    begun = Holding(share=ONE - 1, seen=RecordedBin(Amounts(10**6, 0), ONE))
    assert follow(begun, RecordedBin(Amounts(10**6, 0), ONE, fee_x=50 * ONE), ACTIVE, ONE, TERMS)[1] == NOTHING


def test_counters_that_went_backwards_earn_nothing() -> None:
    begun = Holding(share=100 * ONE, seen=RecordedBin(Amounts(10**6, 0), 900 * ONE, fee_x=5 * ONE))
    assert follow(begun, RecordedBin(Amounts(10**6, 0), 900 * ONE), ACTIVE, ONE, TERMS)[1] == NOTHING


def test_without_recorded_supply_a_bin_turns_when_the_price_has_passed_it() -> None:
    begun = Holding(own=Amounts(1_000, 0))
    empty = RecordedBin()
    for place in (ABOVE, ACTIVE):
        assert follow(begun, empty, place, 3 * ONE // 2, TERMS)[0].own == Amounts(1_000, 0)
    held, fee, _ = follow(begun, empty, BELOW, 3 * ONE // 2, TERMS)
    assert held.own == Amounts(0, 1_500)
    assert fee == Amounts(0, 4)  # ceil(1,500 * 0.002 / 0.998) = 4, of which the protocol's fifth rounds down to 0
    back, fee, _ = follow(held, empty, ABOVE, 3 * ONE // 2, TERMS)
    assert back.own == Amounts(1_000, 0)
    assert fee == Amounts(3, 0)


def test_on_saros_the_fee_of_a_bin_that_turned_stays_in_it() -> None:
    terms = FeeTerms(rate=2_000_000, protocol_share=2_000, compounds=True, spread_bins=61)
    held, fee, _ = follow(Holding(own=Amounts(1_000, 0)), RecordedBin(), BELOW, ONE, terms)
    assert (held.own, fee) == (Amounts(0, 1_003), NOTHING)


def test_where_all_others_leave_what_the_share_was_worth_is_its_own() -> None:
    held, _, _ = follow(TENTH, RecordedBin(), ABOVE, ONE, TERMS)
    assert (held.share, held.own) == (0, Amounts(1_111, 0))


def test_where_others_come_its_own_tokens_become_a_share_of_the_same_worth() -> None:
    held, _, _ = follow(Holding(own=Amounts(500, 0)), RecordedBin(Amounts(10_000, 0), 2_000), ABOVE, ONE, TERMS)
    assert (held.share, held.own, held.worth) == (100, NOTHING, Amounts(500, 0))


def test_what_no_64_bits_can_count_stays_as_it_is() -> None:
    begun = Holding(own=Amounts(1 << 62, 0))
    assert follow(begun, RecordedBin(), BELOW, 1 << 90, TERMS) == (begun, NOTHING, 0.0)


def test_a_fee_of_everything_is_paid_by_nobody() -> None:
    terms = FeeTerms(rate=10**9, protocol_share=0, compounds=False, spread_bins=61)
    held, fee, _ = follow(Holding(own=Amounts(1_000, 0)), RecordedBin(), BELOW, ONE, terms)
    assert (held.own, fee) == (Amounts(0, 1_000), NOTHING)


@given(st.integers(1, 1 << 80), st.integers(0, 10_000))
def test_what_is_withdrawn_and_what_stays_is_never_more_than_there_was(share: int, bps: int) -> None:
    begun = Holding(share=share, own=Amounts(3, 7), seen=RecordedBin(Amounts(10**12, 10**9), 1 << 81))
    stays, out = withdrawn(begun, bps)
    total = stays.worth + out
    assert begun.worth.x - 1 <= total.x <= begun.worth.x
    assert begun.worth.y - 1 <= total.y <= begun.worth.y


@given(
    st.integers(1, 1 << 70),
    st.integers(1, 1 << 70),
    st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)),
    st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)),
    st.integers(1 << 50, 1 << 80),
)
def test_looking_twice_is_looking_once(
    share: int, supply: int, before: tuple[int, int], after: tuple[int, int], price: int
) -> None:
    begun = Holding(share=share, seen=RecordedBin(Amounts(*before), supply))
    once, _, _ = follow(begun, RecordedBin(Amounts(*after), supply), ACTIVE, price, FREE)
    assert follow(once, once.seen, ACTIVE, price, FREE) == (once, NOTHING, 0.0)
