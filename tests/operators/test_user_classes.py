from collections import OrderedDict
from pathlib import Path

import pytest

from dlmm.errors import DlmmError, RangeError
from operators.strategies.interface import Policy
from operators.user_classes import make


def refusal(class_path: str, **params: object) -> str:
    with pytest.raises(RangeError) as error:
        make("feed", class_path, params, RangeError)
    text = str(error.value)
    assert text.startswith(f"feed {class_path}: ")
    assert "\n" not in text
    return text


def test_a_class_is_found_and_made_with_its_params() -> None:
    assert make("thing", "collections:OrderedDict", {"a": 1, "b": 2}, DlmmError) == OrderedDict(a=1, b=2)


def test_a_class_in_a_module_inside_a_package_is_found() -> None:
    assert type(make("policy", "operators.strategies.interface:Policy", {"kelly_fraction": 0.5}, DlmmError)) is Policy


@pytest.mark.parametrize(
    ("class_path", "params", "said"),
    [
        ("no_such_module_anywhere:Thing", {}, "cannot import no_such_module_anywhere: ModuleNotFoundError"),
        ("collections.no_such_part:Thing", {}, "cannot import collections.no_such_part"),
        (":Thing", {}, "cannot import"),
        ("collections:Nothing", {}, "collections has no class Nothing"),
        ("collections", {}, "collections has no class"),
        ("collections:namedtuple", {}, "collections has no class namedtuple"),
        ("fractions:Fraction", {"numerator": 1, "denominator": 0}, "ZeroDivisionError"),
        ("fractions:Fraction", {"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_made_is_refused_by_name(class_path: str, params: dict[str, object], said: str) -> None:
    assert said in refusal(class_path, **params)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Broken(:\n", "SyntaxError"),
        ("raise ValueError('two\\n lines')\n", "cannot import {name}: ValueError: two lines"),
        ("class Broken:\n    def __init__(self):\n        raise KeyError('a\\nb')\n", r"KeyError: 'a\nb'"),
    ],
)
def test_whatever_a_users_module_raises_is_one_line(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"users_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert said.format(name=name) in refusal(f"{name}:Broken")
