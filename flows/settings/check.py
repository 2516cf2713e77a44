"""Turn raw tables into settings, or into the list of everything that is wrong with them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from flows.settings.errors import SettingsError
from flows.settings.explain import allowed, found, item_of, keys_of, section_of, unknown_key
from flows.settings.rules import RULES
from flows.settings.tree import Settings

_DEEPEST = 8
_INT64 = range(-(2**63), 2**63)


def check(raw: Mapping[str, object], sources: Mapping[str, str] | None = None) -> tuple[Settings, list[SettingsError]]:
    """Check a whole tree of raw values.

    :arg raw: Tables as `tomllib` gives them.

    :arg sources: For a path whose value did not come from the file, the environment variable that gave it.

    :returns: The settings, with defaults for what is wrong, and every objection that can be found at once.

    """
    sources = sources or {}
    problems = list(_section(raw, Settings, "", sources))
    wrong = [problem.path for problem in problems]
    settings = msgspec.convert(_sound(raw, Settings, "", wrong), Settings)
    for rule in RULES:
        if any(_covers(path, bad) for path in rule.paths for bad in wrong):
            continue
        reason = rule.objection(settings)
        if reason is not None:
            problems.append(SettingsError(rule.paths[0], reason + _blame(rule.paths, sources)))
    return settings, problems


def _sound(raw: Mapping[str, object], section: type[Struct], prefix: str, wrong: list[str]) -> dict[str, object]:
    """Keep what is well-formed, so that the rules between keys can still be asked of it."""
    kept: dict[str, object] = {}
    fields = keys_of(section)
    for key in raw.keys() & fields.keys():
        value, inner = raw[key], section_of(fields[key].type)
        if inner is not None and isinstance(value, dict):
            kept[key] = _sound(value, inner, f"{prefix}{key}.", wrong)
        elif not any(_covers(prefix + key, bad) for bad in wrong):
            kept[key] = value
    return kept


def _covers(path: str, bad: str) -> bool:
    """Whether an objection to `bad` leaves `path` in doubt: it is that key, a part of it or the whole."""
    return bad == path or bad.startswith((f"{path}.", f"{path}[")) or path.startswith(f"{bad}.")


def _blame(paths: Iterable[str], sources: Mapping[str, str]) -> str:
    named = [sources[path] for path in paths if path in sources]
    return f" (set by {', '.join(named)})" if named else ""


def _section(
    raw: Mapping[str, object], section: type[Struct], prefix: str, sources: Mapping[str, str]
) -> Iterator[SettingsError]:
    fields = keys_of(section)
    for key, value in raw.items():
        if key in fields:
            yield from _value(value, fields[key].type, prefix + key, sources)
        else:
            path = prefix + (key if key.isprintable() else ascii(key))
            yield SettingsError(path, unknown_key(key, section, prefix, Settings) + _blame([path], sources))
    for key, field in fields.items():
        if field.required and key not in raw:
            yield SettingsError(prefix + key, f"missing, allowed: {allowed(field.type)}")


def _value(value: object, annotation: Any, path: str, sources: Mapping[str, str]) -> Iterator[SettingsError]:
    section, item = section_of(annotation), item_of(annotation)
    if section is not None and isinstance(value, dict):
        yield from _section(value, section, f"{path}.", sources)
    elif item is not None and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _value(each, item, f"{path}[{index}]", sources)
    elif not _fits(value, annotation):
        reason = f"found {found(path, value)}, allowed: {allowed(annotation)}"
        yield SettingsError(path, reason + _blame([path], sources))
    elif isinstance(value, dict):
        yield from _free(value, path, 1)


def _fits(value: object, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation)
    except (msgspec.ValidationError, UnicodeEncodeError):
        return False
    return not isinstance(value, str) or _is_text(value)


def _is_text(value: str) -> bool:
    """Whether a text can be written down again: what the environment gives may hold bytes that are no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _free(value: object, path: str, depth: int) -> Iterator[SettingsError]:
    """Check a free-form value: whatever the user's class will take, as long as it is a plain finite value."""
    problem = None
    match value:
        case dict() if depth <= _DEEPEST:
            for key, each in value.items():
                if isinstance(key, str) and key.isprintable():
                    yield from _free(each, f"{path}.{key}", depth + 1)
                else:
                    yield SettingsError(path, f"found the key {key!a}, allowed: printable keys")
        case list() if depth <= _DEEPEST:
            for index, each in enumerate(value):
                yield from _free(each, f"{path}[{index}]", depth + 1)
        case dict() | list():
            problem = f"nested deeper than {_DEEPEST} levels"
        case bool():
            pass
        case str() if not _is_text(value):
            problem = f"found {found(path, value)}, allowed: text"
        case int() if value not in _INT64:
            problem = f"found {found(path, value)}, allowed: a whole number of 64 bits"
        case float() if not abs(value) < float("inf"):
            problem = f"found {value}, allowed: a finite number"
        case str() | int() | float():
            pass
        case _:
            problem = f"found {found(path, value)}, allowed: a text, number, truth value, list or table"
    if problem is not None:
        yield SettingsError(path, problem)
