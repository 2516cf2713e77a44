"""A live run with signed transactions that is killed at random moments: nothing is lost, and nothing happens twice."""

from pathlib import Path

from benchmarks.kills.run import Moment, Terms, run

KILLS = 10


def test_after_every_kill_ledger_equals_chain_and_no_order_lands_twice(tmp_path: Path) -> None:
    outcome = run(Terms(kills=KILLS, seed=24), tmp_path)
    assert outcome.wrong == ()
    assert len(outcome.deaths) == KILLS
    assert {death.moment for death in outcome.deaths} == set(Moment)
    assert outcome.openings > KILLS // 3  # some die before they open
    assert outcome.portfolios < outcome.openings  # most take up the portfolio of the one before
    assert outcome.landed > 5 * KILLS
    assert outcome.missed > 0  # landed while nobody ran, and were booked all the same
