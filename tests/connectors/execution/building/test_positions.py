import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.execution.building.positions import UnbuildableCommand, part_address, parts, placed
from dlmm.errors import DlmmError
from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.records import Account, Venue
from dlmm.saros.pdas import PROGRAM, position_address
from dlmm.spreads import SAROS_BINS
from tests.connectors.execution.building.exchange_floor import METEORA_JUP, METEORA_SOL, SAROS_SOL, WALLET, floor_on

MOST = {Venue.METEORA: 70, Venue.SAROS: SAROS_BINS}


@given(st.sampled_from(Venue), st.integers(-20_000, 20_000), st.integers(2, 1_400))
def test_parts_cover_the_range_without_gap_or_overlap(venue: Venue, lower: int, width: int) -> None:
    cut = parts(venue, 5, lower, lower + width - 1)
    bins = [bin_id for part in cut for bin_id in range(part.lower, part.upper + 1)]
    assert bins == list(range(lower, lower + width))
    assert all(2 <= part.width <= MOST[venue] or width == 1 for part in cut)
    assert max(part.width for part in cut) - min(part.width for part in cut) <= 1
    assert len(cut) == -(-width // MOST[venue])


def test_parts_follow_from_the_order_alone() -> None:
    assert parts(Venue.METEORA, 5, 0, 200) == parts(Venue.METEORA, 5, 0, 200)
    names = [part.key_name for position in (5, 6, 51) for part in parts(Venue.METEORA, position, 0, 200)]
    assert len(set(names)) == len(names) == 9


@pytest.mark.parametrize(
    ("venue", "lower", "upper"),
    [(Venue.METEORA, 1, 0), (Venue.SAROS, 5, 5), (Venue.METEORA, 0, 100_000), (Venue.SAROS, 0, 2_000)],
)
def test_what_is_no_range_is_refused(venue: Venue, lower: int, upper: int) -> None:
    with pytest.raises(UnbuildableCommand) as refused:
        parts(venue, 1, lower, upper)
    assert refused.value.kind == "bad_range"
    assert isinstance(refused.value, DlmmError)


def test_one_bin_is_a_position_on_meteora() -> None:
    assert [part.width for part in parts(Venue.METEORA, 1, 5, 5)] == [1]


def test_the_key_is_the_account_on_meteora_and_the_mint_on_saros() -> None:
    part = parts(Venue.METEORA, 1, 5, 9)[0]
    key = WALLET.derived(part.key_name).pubkey()
    assert part_address(Venue.METEORA, PROGRAM_ID, part, WALLET) == key
    assert part_address(Venue.SAROS, PROGRAM, part, WALLET) == position_address(key, PROGRAM)


def test_a_part_that_is_not_there_stands_nowhere() -> None:
    pool = floor_on("model").read(METEORA_SOL)
    assert placed(pool, parts(Venue.METEORA, 1, 5, 9)[0], WALLET) is None


@pytest.mark.parametrize("place", [METEORA_SOL, SAROS_SOL])
def test_something_else_at_the_address_is_refused(place: int) -> None:
    floor = floor_on("model")
    pool, other = floor.read(place), floor.read(METEORA_JUP)
    part = parts(pool.info.venue, 1, 5, 9)[0]
    address = str(part_address(pool.info.venue, pool.program, part, WALLET))
    for there in (Account(str(PROGRAM), b"x" * 9), other.account(other.info.pool), Account(address, b"")):
        taken = type(pool)(pool.info, {**pool.accounts, address: there}, pool.slot, pool.unix_timestamp)
        with pytest.raises(UnbuildableCommand) as refused:
            placed(taken, part, WALLET)
        assert refused.value.kind == "key_taken"
