"""What is true of an account, what is late, and what should never have been passed on."""

import pytest

from benchmarks.faults.verdict import Passed, SlotTimes, State, Verdict, judge
from dlmm.records import Account

S = 1_000_000_000
FIRST = 100
END_NS = 200 * S


def account(name: str) -> Account:
    return Account("owner", name.encode())


def times() -> SlotTimes:
    """A slot a second, slot 100 at second 100."""
    found = SlotTimes()
    for slot in range(FIRST, 140):
        found.reached(slot, slot * S)
    return found


STATES = [
    State(0, account("a")),
    State(103, account("b")),
    State(104, account("undone"), is_dead=True),
    State(106, account("c")),
]


def verdict(*passed: tuple[float, int, str], commitment: str = "confirmed", states: list[State] = STATES) -> Verdict:
    """Judge states passed on: at which second, as of which slot, which one."""
    told = [Passed(slot, account(name), int(at_s * S)) for at_s, slot, name in passed]
    return judge(states, told, times(), END_NS, commitment, 0.5)


def test_a_recording_of_the_truth_has_nothing_wrong() -> None:
    found = verdict((101.0, 101, "a"), (103.2, 103, "b"), (106.5, 106, "c"))
    assert not found.wrong
    assert found.passed == 3
    assert found.staleness_s == pytest.approx(0.5)


def test_staleness_lasts_until_the_state_or_a_newer_one_is_passed_on() -> None:
    assert verdict((101.0, 101, "a"), (107.0, 106, "c")).staleness_s == pytest.approx(4.0)
    assert verdict((101.0, 101, "a")).staleness_s == pytest.approx(97.0)


@pytest.mark.parametrize(
    ("passed", "wrong"),
    [
        ((107.0, 107, "never was"), "unknown"),
        ((107.0, 107, "b"), "older"),
        ((107.0, 107, "undone"), "abandoned"),
        ((107.0, 105, "c"), "slot_back"),
    ],
)
def test_what_is_wrong_is_named(passed: tuple[float, int, str], wrong: str) -> None:
    assert verdict((101.0, 101, "a"), (106.2, 106, "c"), passed).wrong[wrong] == 1


def test_a_state_belongs_to_slots_from_its_own_to_the_next_ones() -> None:
    assert verdict((103.0, 102, "b")).wrong == {"slot_early": 1}
    assert verdict((106.5, 106, "b")).wrong == {"slot_late": 1}
    assert not verdict((105.5, 105, "b")).wrong
    # read from the block in the making
    assert not verdict((103.0, 102, "b"), commitment="processed").wrong
    assert verdict((103.0, 101, "b"), commitment="processed").wrong == {"slot_early": 1}


def test_at_processed_an_undone_state_may_be_passed_on_until_the_next_slot() -> None:
    before = (103.2, 103, "b")
    found = verdict(before, (104.1, 104, "undone"), (105.3, 104, "b"), (106.1, 106, "c"), commitment="processed")
    assert not found.wrong
    assert found.on_dead_s == pytest.approx(1.2)
    assert found.staleness_s == pytest.approx(1.2)
    late = verdict(before, (105.6, 104, "undone"), (106.1, 106, "c"), commitment="processed")
    assert late.wrong == {"abandoned_late": 1}
    overtaken = verdict((106.1, 106, "c"), (106.2, 104, "undone"), commitment="processed")
    assert overtaken.wrong["slot_back"] == 1


def test_an_undone_state_that_the_chain_comes_to_later_is_no_longer_undone() -> None:
    states = [*STATES[:3], State(106, account("undone"))]
    found = verdict((103.2, 103, "b"), (104.0, 104, "undone"), commitment="processed", states=states)
    assert found.on_dead_s == pytest.approx(2.0)


def test_a_state_that_an_account_came_back_to_is_not_the_older_one() -> None:
    states = [State(0, account("a")), State(103, account("b")), State(105, account("a"))]
    found = verdict((101.0, 101, "a"), (103.0, 103, "b"), (105.0, 105, "a"), states=states)
    assert not found.wrong
    assert found.staleness_s == 0.0


def test_states_that_a_node_goes_through_anew_after_its_death_are_those_of_their_own_slots() -> None:
    lives = [State(0, account("a")), State(103, account("b")), State(110, account("a")), State(113, account("b"))]
    found = verdict((101.0, 101, "a"), (103.2, 103, "b"), (110.1, 110, "a"), (113.1, 114, "b"), states=lives)
    assert not found.wrong
