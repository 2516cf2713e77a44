"""The embedded sandbox, started for real."""

import pytest

from connectors.clusters.sandbox_process import SandboxError, SandboxProcess
from connectors.stopping import Stop
from tests.processes import is_alive

QUICK = ("--slot-ms", "50", "--market", "off")


def test_it_says_where_it_answers_and_ends_when_it_is_told_to() -> None:
    process = SandboxProcess(QUICK)
    try:
        facts = process.facts(Stop())
        assert facts.rpc_url.startswith("http://127.0.0.1:")
        assert facts.ws_url.startswith("ws://127.0.0.1:")
        assert len(facts.pools) == 4
        assert is_alive(process.pid)
    finally:
        process.end()
    assert not is_alive(process.pid)
    process.end()


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--market", "nonsense=1"), "nonsense"), (("--faults", "nonsense"), "nonsense"), (("--seed", "-1"), "--seed")],
)
def test_its_own_words_tell_why_it_did_not_start(options: tuple[str, ...], said: str) -> None:
    process = SandboxProcess(options)
    with pytest.raises(SandboxError) as error:
        process.facts(Stop())
    assert str(error.value).startswith("sandbox: ")
    assert said in str(error.value)
    assert "error:" not in str(error.value).lower()
    assert not is_alive(process.pid)


def test_what_says_something_else_is_no_sandbox() -> None:
    process = SandboxProcess(("--help",))
    with pytest.raises(SandboxError, match="it says 'Usage: "):
        process.facts(Stop())
    assert not is_alive(process.pid)


def test_one_that_does_not_answer_in_time_is_ended() -> None:
    process = SandboxProcess(QUICK)
    with pytest.raises(SandboxError, match="did not answer within 0 s"):
        process.facts(Stop(), within_s=0.0)
    assert not is_alive(process.pid)


def test_nobody_waits_for_it_once_the_run_is_to_end() -> None:
    process, stop = SandboxProcess(QUICK), Stop()
    stop.request("SIGTERM")
    with pytest.raises(SandboxError, match="SIGTERM while it was starting"):
        process.facts(stop)
    assert not is_alive(process.pid)
