"""The feeds, the inbox and the journal through faults: nothing untrue is passed on, and in the end all is true."""

import pytest

from benchmarks.faults.__main__ import TITLES, row
from benchmarks.faults.cases import CASES, EVERYTHING, Case, NoSuchCaseError, Outage, chosen
from benchmarks.faults.run import Terms, run
from sandbox.faults import KNOBS, Faults

TERMS = Terms(seconds=2.0, slot_ms=80, before_s=0.3, after_s=0.5)
FRAMES = "ws.dup=0.3,ws.reorder=0.3,ws.malformed=0.2,ws.stray=0.2,ws.bomb=0.02,ws.lose=0.3,ws.delay=0:300"
CONNECTIONS = "ws.drop=0.5,ws.close=0.7,ws.refuse=0.3,ws.mute=0.2,ws.deaf=0.2"
ANSWERS = "http.429=0.2,http.5xx=0.2,http.reset=0.2,http.malformed=0.2,http.unhealthy=0.2,http.lag=3"
FORKS = "fork=0.3,slot.skip=0.2"


@pytest.mark.parametrize(
    "case",
    [
        Case("connections and answers", f"{CONNECTIONS},{ANSWERS}"),
        Case("frames and forks", f"{FRAMES},{FORKS}", commitment="processed", late_s=60.0),
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
    assert len(row(outcome)) == len(TITLES)


def test_every_fault_of_feeds_has_its_case() -> None:
    spoilt = {part.partition("=")[0] for case in CASES for part in case.spec.split(",") if case.spec != EVERYTHING}
    of_feeds = {knob for knob in KNOBS if not knob.startswith(("tx.", "status.", "bundle."))} - {"seed"}
    assert of_feeds <= spoilt
    assert of_feeds - {"http.rps"} <= set(Faults(EVERYTHING).values)  # what it answers is what `http.429` does
    assert all(Faults(case.spec).spec == case.spec for case in CASES)


def test_cases_are_chosen_by_how_their_names_begin() -> None:
    assert [case.name for case in chosen(("fork", "http.5xx"))] == ["fork", "fork, processed", "http.5xx"]
    assert chosen(()) == CASES
    with pytest.raises(NoSuchCaseError, match="no case begins with 'nope'"):
        chosen(("nope",))
