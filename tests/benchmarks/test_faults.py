"""The feeds, the inbox and the journal through faults: nothing untrue is passed on, and in the end all is true."""

import pytest

from benchmarks.fault_cases import CASES, EVERYTHING, Case, NoSuchCaseError, Outage, chosen
from benchmarks.fault_run import Terms, run
from benchmarks.faults import TITLES, row
from sandbox.faults import KNOBS, Faults

TERMS = Terms(seconds=2.0, slot_ms=80, before_s=0.3, after_s=0.5)


@pytest.mark.parametrize(
    "case",
    [
        Case("connections", "ws.drop=0.5,ws.close=0.7,ws.refuse=0.3,ws.mute=0.2,ws.deaf=0.2"),
        Case(
            "frames", "ws.dup=0.3,ws.reorder=0.3,ws.malformed=0.2,ws.stray=0.2,ws.bomb=0.02,ws.lose=0.3,ws.delay=0:300"
        ),
        Case("answers", "http.429=0.2,http.5xx=0.2,http.reset=0.2,http.malformed=0.2,http.unhealthy=0.2,http.lag=3"),
        Case("forks", "fork=0.3,slot.skip=0.2,ws.reorder=0.3,ws.delay=0:300", commitment="processed", late_s=1.0),
        Case("node killed", outage=Outage.KILLED),
    ],
    ids=lambda case: case.name,
)
def test_nothing_untrue_is_passed_on_and_the_truth_is_reached(case: Case) -> None:
    outcome = run(case, TERMS)
    assert outcome.wrong == {}
    assert outcome.is_true_at_end
    assert outcome.states > 20
    assert outcome.hits


def test_every_fault_of_feeds_has_its_case() -> None:
    spoilt = {part.partition("=")[0] for case in CASES for part in case.spec.split(",") if case.spec != EVERYTHING}
    of_feeds = {knob for knob in KNOBS if not knob.startswith("tx.")} - {"seed"}
    assert of_feeds <= spoilt
    assert of_feeds <= set(Faults(EVERYTHING).values)
    assert all(Faults(case.spec).spec == case.spec for case in CASES)


def test_cases_are_chosen_by_how_their_names_begin() -> None:
    assert [case.name for case in chosen(("fork", "http.5xx"))] == ["fork", "fork, processed", "http.5xx"]
    assert chosen(()) == CASES
    with pytest.raises(NoSuchCaseError, match="no case begins with 'nope'"):
        chosen(("nope",))


def test_the_table_has_a_cell_for_each_title() -> None:
    outcome = run(Case("nothing"), Terms(seconds=0.2, slot_ms=80, before_s=0.2, after_s=0.1))
    assert len(row(outcome)) == len(TITLES)
    assert "NO" not in row(outcome)
