"""Find a class of the user's by its name and make one of it, turning whatever it raises into one line."""

import importlib
from collections.abc import Mapping

from dlmm.errors import DlmmError


def make(what: str, class_path: str, params: Mapping[str, object], error: type[DlmmError]) -> object:
    """Import a class and build an object of it.

    :arg what: Names it in errors, such as `strategy`.

    :arg class_path: `module:Class`; the module must be on Python's path.

    :arg params: Passed to the class by name.

    :arg error: Raised for whatever keeps the class from being used.

    """
    found = find_class(what, class_path, error)
    try:
        made: object = found(**params)
    except Exception as problem:  # the class is the user's: it may raise whatever it likes
        raise error(f"{what} {class_path}: {_said(problem)}") from problem
    return made


def find_class(what: str, class_path: str, error: type[DlmmError]) -> type:
    """Import a class.

    :arg what: Names it in errors, such as `strategy`.

    :arg class_path: `module:Class`; the module must be on Python's path.

    :arg error: Raised for whatever keeps the class from being found.

    """
    module_name, _, class_name = class_path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as problem:  # and so may its module
        raise error(f"{what} {class_path}: cannot import {module_name}: {_said(problem)}") from problem
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise error(f"{what} {class_path}: {module_name} has no class {class_name}")
    return found


def _said(error: Exception) -> str:
    """Return an error in one line, led by its kind."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
