import pytest

from sandbox.faults import KNOBS, Faults, FaultSpecError, Kind

GOOD = {Kind.PROBABILITY: "0.5", Kind.NUMBER: "3", Kind.RANGE: "1:2", Kind.EVERY: "30:5"}


@pytest.mark.parametrize("name", KNOBS)
def test_every_knob_can_be_set(name: str) -> None:
    faults = Faults(f"{name}={GOOD[KNOBS[name].kind]}")
    assert faults.is_on(name)
    faults.set("")
    assert not faults.is_on(name)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("nope=1", "not known"),
        ("fork", "not known"),
        ("fork=much", "not a number"),
        ("fork=1.5", "out of range"),
        ("fork=-0.1", "out of range"),
        ("fork=nan", "out of range"),
        ("ws.drop=inf", "out of range"),
        ("fork=0.1:0.2", "needs one number"),
        ("ws.stall=3", "needs a:b"),
        ("http.delay=1:2:3", "needs a:b"),
    ],
)
def test_a_bad_spec_is_refused_by_name_and_changes_nothing(spec: str, reason: str) -> None:
    faults = Faults("fork=0.25")
    with pytest.raises(FaultSpecError, match=reason):
        faults.set(f"tx.drop=0.1,{spec}")
    assert faults.spec == "fork=0.25"
    assert faults.is_on("fork")


def test_the_same_seed_draws_the_same() -> None:
    first, second = Faults("fork=0.5,seed=9"), Faults("fork=0.5,seed=9")
    draws = [first.hit("fork") for _ in range(50)]
    assert draws == [second.hit("fork") for _ in range(50)]
    assert first.hits["fork"] == sum(draws)
    assert 0 < sum(draws) < 50


def test_what_is_off_never_happens() -> None:
    faults = Faults()
    assert not any(faults.hit(name) for name in KNOBS)
    assert faults.wait_s("ws.drop") is None
    assert faults.draw("http.delay") == 0.0


def test_one_number_is_a_range_of_its_own() -> None:
    assert Faults("http.delay=40").draw("http.delay") == 40.0
