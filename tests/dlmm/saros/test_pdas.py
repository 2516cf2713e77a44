"""Which arrays a swap passes, and where things of either cluster lie."""

from solders.pubkey import Pubkey

from dlmm.saros.pdas import (
    DEVNET_HOOK_PROGRAM,
    DEVNET_PROGRAM,
    HOOK_PROGRAM,
    PROGRAM,
    bin_array_address,
    hook_program_of,
    position_address,
    swap_arrays,
)

PAIR = Pubkey.from_string("6orzAAha6wUsQzYhEBCmtgCSPa3gudJCg5YF6sbntjiU")


def test_addresses_are_those_of_the_program() -> None:
    assert str(bin_array_address(PAIR, 32767)) == "FMUUGmCtGpE5Nuhb8jQKaevhyKE3JWuoN9MkZYiMgMun"
    mint = Pubkey.from_string("55Hr4zw4Em6aRM26pcDkZfrkTw6JrAHEdN913dsgVuxG")
    assert str(position_address(mint)) == "5y4bFwjxC16Ba6YBF8pz6QHZLzsKR5zCmutNBrSazrBb"


def test_a_swap_passes_the_arrays_that_reach_furthest_both_ways() -> None:
    assert swap_arrays(32768 * 256 + 127) == (32767, 32768)
    assert swap_arrays(32768 * 256 + 128) == (32768, 32769)


def test_each_cluster_has_its_own_programs() -> None:
    assert hook_program_of(PROGRAM) == HOOK_PROGRAM
    assert hook_program_of(DEVNET_PROGRAM) == DEVNET_HOOK_PROGRAM
    assert bin_array_address(PAIR, 1, DEVNET_PROGRAM) != bin_array_address(PAIR, 1)
