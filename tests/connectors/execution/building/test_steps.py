from connectors.execution.building.steps import BuildError, Step
from dlmm.errors import DlmmError


def test_a_step_is_signed_by_the_wallet_alone_unless_it_says_more() -> None:
    assert Step((), 200_000).extra == ()


def test_a_refusal_names_its_kind_first() -> None:
    error = BuildError("too_long", "1300 bytes")
    assert isinstance(error, DlmmError)
    assert (error.kind, error.reason, str(error)) == ("too_long", "1300 bytes", "too_long: 1300 bytes")
