import sys

import pytest

from dlmm.errors import RangeError
from flows.failure import own_error, say_own_errors_in_one_line


def wrapped() -> Exception:
    try:
        try:
            raise RangeError("too far")
        except RangeError as error:
            raise RuntimeError("a library's words") from error
    except RuntimeError as error:
        return error


def test_our_error_is_found_behind_the_librarys() -> None:
    assert str(own_error(wrapped())) == "too far"
    assert own_error(ValueError("not ours")) is None


@pytest.mark.parametrize(("error", "said"), [(wrapped(), "error: too far\n"), (KeyboardInterrupt(), "interrupted\n")])
def test_our_errors_and_interrupts_are_said_in_one_line(
    error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    say_own_errors_in_one_line()
    sys.excepthook(type(error), error, None)
    assert capsys.readouterr().err == said
