"""How many bins fit the program's heap: limits seen on the real program, by bins of the upper and the lower array."""

import pytest

from dlmm.saros.heap import DONE, HEAP_BYTES, NOT_FOUND, REFUSED_IN, REFUSED_OUT, heap_used

# Swaps of the real program: hook, extensions of the mints (1 computed amount, 2 given amount), mints of two token
# programs, downwards. A walk down that begins with so many bins of the upper array (the place in the text) crosses at
# most so many of the lower one (the number there), a walk up the other way about. One place further nothing fits.
SEEN = [
    (False, 0, False, True, "34 32 31 30 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1"),
    (
        False,
        0,
        False,
        False,
        "31 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 3 2 1 0 0",
    ),
    (False, 1, True, True, "33 32 31 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 0"),
    (
        False,
        2,
        True,
        False,
        "31 30 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 2 1 0",
    ),
    (False, 2, True, True, "33 32 31 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 0"),
    (
        False,
        1,
        True,
        False,
        "31 30 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 2 1 0",
    ),
    (False, 3, False, True, "33 32 31 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 1 0"),
    (
        False,
        3,
        False,
        False,
        "31 30 29 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 2 1 0",
    ),
    (False, 0, True, True, "34 32 31 30 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 0"),
    (
        False,
        0,
        True,
        False,
        "31 30 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 3 2 1 0 0",
    ),
    (True, 0, False, True, "32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 10 9 8 6 5 4 2 1"),
    (True, 0, False, False, "28 28 27 26 25 25 24 23 23 22 21 20 20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"),
    (True, 1, True, True, "32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 11 10 9 7 6 4 3 2 0"),
    (True, 2, True, False, "28 27 27 26 25 24 24 23 22 21 21 20 19 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"),
    (True, 2, True, True, "32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 11 10 8 7 6 4 3 2 0"),
    (True, 1, True, False, "28 27 27 26 25 24 24 23 22 21 21 20 19 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"),
    (True, 3, False, True, "32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 12 11 10 8 7 6 4 3 2 0"),
    (True, 3, False, False, "28 27 27 26 25 24 24 23 22 21 21 20 19 18 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"),
    (True, 0, True, True, "32 31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 11 10 9 7 6 5 3 2 1"),
    (True, 0, True, False, "28 28 27 26 25 25 24 23 22 22 21 20 19 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"),
]


@pytest.mark.parametrize(("hook", "extended", "mixed", "downwards", "limits"), SEEN)
def test_the_model_draws_the_programs_own_line(
    hook: bool, extended: int, mixed: bool, downwards: bool, limits: str
) -> None:
    def fits(first: int, rest: int) -> bool:
        upper = first if downwards else rest
        starts_upper = downwards if first > 0 else not downwards
        return heap_used(DONE, hook, extended, mixed, first + rest, upper, starts_upper) <= HEAP_BYTES

    most = [int(limit) for limit in limits.split()]
    for first, rest in enumerate(most):
        assert fits(first, rest)
        assert not fits(first, rest + 1)
    assert not fits(len(most), 0)


@pytest.mark.parametrize("hook", [False, True])
@pytest.mark.parametrize("extended", range(4))
@pytest.mark.parametrize("starts_upper", [False, True])
def test_more_bins_never_need_less(hook: bool, extended: int, starts_upper: bool) -> None:
    for end in (DONE, REFUSED_OUT, REFUSED_IN, NOT_FOUND):
        used = [heap_used(end, hook, extended, False, bins, bins // 2, starts_upper) for bins in range(140)]
        assert used == sorted(used)


def test_28_bins_fit_every_pool_and_35_none() -> None:
    for hook in (False, True):
        for extended in range(4):
            for mixed in (False, True):
                assert heap_used(DONE, hook, extended, mixed, 28, 28, True) <= HEAP_BYTES
                assert heap_used(DONE, hook, extended, mixed, 35, 0, False) > HEAP_BYTES
