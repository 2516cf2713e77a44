"""What a sweep is to try: the file that describes it, checked, and the candidates that it asks for."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeGuard

import msgspec
import numpy as np
from msgspec import Meta

from connectors.research.trials import Value
from flows.research.swept_keys import allowed_at
from flows.settings.errors import SettingsError
from flows.settings.explain import allowed, found
from flows.settings.load import read_file
from flows.settings.values import FilePath, Section

MAX_CANDIDATES = 100_000

Metric = Literal["pnl", "sharpe"]


class WalkForward(Section, frozen=True):
    """How each recording is cut.

    :arg folds: Folds that follow each other.

    :arg train: Part of each fold that is chosen on; the rest is judged on.

    :arg window_minutes: Length of a fold; None: the recording's length, divided by the folds.

    """

    folds: Annotated[int, Meta(ge=1, le=1_000)] = 3
    train: Annotated[float, Meta(gt=0, lt=1)] = 0.6
    window_minutes: Annotated[float, Meta(gt=0, le=1e7)] | None = None


class Range(Section, frozen=True):
    """Numbers to draw from; whole ones where both bounds are whole.

    :arg low: Smallest.

    :arg high: Largest.

    :arg log: Whether all orders of magnitude are as likely.

    """

    low: int | float
    high: int | float
    log: bool = False


class Random(Section, frozen=True):
    """Random search.

    :arg samples: Candidates to draw, for each point of the grid.

    :arg keys: A range, or a list to pick from, for each key.

    """

    samples: Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)]
    seed: Annotated[int, Meta(ge=0, le=1 << 62)]
    keys: dict[str, Range | list[object]]


class SweepSpec(Section, frozen=True):
    """A sweep as its file describes it.

    :arg recordings: Paths, from the file's folder; none means the one that the settings name.

    :arg grid: Every combination of these values is tried.

    """

    recordings: tuple[FilePath, ...] = ()
    metric: Metric = "pnl"
    walk_forward: WalkForward = WalkForward()
    grid: dict[str, list[object]] = {}  # noqa: RUF012 - a struct copies it
    random: Random | None = None


def read_spec(file: str) -> SweepSpec:
    """Read and check a sweep's file.

    :raises SettingsError: It cannot be read, or a key or a value in it is wrong; the error names the place.

    """
    raw = read_file(file)
    for name in ("grid", "random"):
        if name in raw and not isinstance(raw[name], dict):
            raise SettingsError(name, f"found {found(name, raw[name])}, allowed: a table")
    tables = dict(raw)
    if "grid" in raw:
        tables["grid"] = dict(_flat(raw["grid"]))
    if "random" in raw:
        drawn = dict(raw["random"])
        tables["random"] = {name: drawn.pop(name) for name in ("samples", "seed") if name in drawn}
        tables["random"]["keys"] = dict(_flat(drawn))
    _refuse_unsuitable(tables)
    try:
        spec = msgspec.convert(tables, SweepSpec)
    except msgspec.ValidationError as error:
        raise _in_place(error) from None
    recordings = tuple(str((Path(file).parent / Path(path).expanduser()).absolute()) for path in spec.recordings)
    return msgspec.structs.replace(spec, recordings=recordings)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Name what a table holds by whole paths: unquoted keys come as tables within tables."""
    for key, value in table.items():
        if isinstance(value, dict) and not value.keys() & {"low", "high", "log"}:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _refuse_unsuitable(tables: Mapping[str, Any]) -> None:
    """Check each key's values against the key's own type, which the file's shape does not know."""
    grid = tables.get("grid", {})
    for key, values in grid.items():
        place = f'grid."{key}"'
        if not isinstance(values, list):
            raise SettingsError(place, f"found {found(key, values)}, allowed: a list of values to try")
        if not values:
            raise SettingsError(place, "an empty list: there is nothing to try")
        _refuse_values(place, key, values)
    drawn = tables.get("random", {}).get("keys", {})
    for key, choice in drawn.items():
        place = f'random."{key}"'
        if key in grid:
            raise SettingsError(place, "is in the grid already")
        if isinstance(choice, list):
            if not choice:
                raise SettingsError(place, "an empty list: there is nothing to draw")
            _refuse_values(place, key, choice)
        elif isinstance(choice, dict):
            _refuse_range(place, key, choice)
        else:
            reason = f"found {found(key, choice)}, allowed: a list, or a table of low, high and log"
            raise SettingsError(place, reason)
    if not grid and not drawn:
        raise SettingsError("grid", "empty, and so is random: there is nothing to try")


def _refuse_values(place: str, key: str, values: list[object]) -> None:
    annotation = allowed_at(place, key)
    for value in values:
        try:
            msgspec.convert(value, annotation)
        except msgspec.ValidationError:
            raise SettingsError(place, f"found {found(key, value)}, allowed: {allowed(annotation)}") from None


def _refuse_range(place: str, key: str, choice: Mapping[str, Any]) -> None:
    unknown = [name for name in choice if name not in Range.__struct_fields__]
    if unknown:
        raise SettingsError(f"{place}.{unknown[0]}", "no such key; a range has low, high and log")
    if not isinstance(choice.get("log", False), bool):
        raise SettingsError(f"{place}.log", f"found {found(key, choice['log'])}, allowed: true or false")
    low, high = choice.get("low"), choice.get("high")
    if not (_is_number(low) and _is_number(high)):
        raise SettingsError(place, "needs two numbers, low and high")
    if not low < high:
        raise SettingsError(place, f"low {low} is not below high {high}")
    if choice.get("log") and low <= 0:
        raise SettingsError(place, f"low {low} has no logarithm; it must be above 0")
    _refuse_values(place, key, [low, high])


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _in_place(error: msgspec.ValidationError) -> SettingsError:
    """Turn msgspec's words into a place and a reason."""
    match = re.fullmatch(r"(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?", str(error), re.DOTALL)
    reason, place = match.groups() if match else (str(error), None)
    return SettingsError(place or "the sweep's file", reason)


def candidates_of(spec: SweepSpec) -> list[dict[str, Value]]:
    """Return the values of each candidate, by key: the grid's points, each with every random draw.

    :raises SettingsError: There are more than `MAX_CANDIDATES`.

    """
    points = math.prod(map(len, spec.grid.values()))
    samples = spec.random.samples if spec.random is not None else 1
    if points * samples > MAX_CANDIDATES:
        raise SettingsError("grid", f"{points * samples:,} candidates; at most {MAX_CANDIDATES:,} are tried")
    grid = [dict(zip(spec.grid, values, strict=True)) for values in itertools.product(*spec.grid.values())]
    drawn = _draws(spec.random) if spec.random is not None else [{}]
    made: list[dict[str, Any]] = [{**point, **draw} for point in grid for draw in drawn]
    return made


def _draws(random: Random) -> list[dict[str, object]]:
    rng = np.random.default_rng(random.seed)
    return [{key: _draw(rng, choice) for key, choice in random.keys.items()} for _ in range(random.samples)]


def _draw(rng: np.random.Generator, choice: Range | list[object]) -> object:
    if isinstance(choice, list):
        return choice[int(rng.integers(len(choice)))]
    if isinstance(choice.low, int) and isinstance(choice.high, int):
        if not choice.log:
            return int(rng.integers(choice.low, choice.high, endpoint=True))
        drawn = math.exp(rng.uniform(math.log(choice.low), math.log(choice.high)))
        return min(max(round(drawn), choice.low), choice.high)
    if choice.log:
        return math.exp(rng.uniform(math.log(choice.low), math.log(choice.high)))
    return float(rng.uniform(choice.low, choice.high))


def swept_keys(spec: SweepSpec) -> tuple[str, ...]:
    """Return the keys that take more than one value, in the order of the file."""
    drawn = spec.random.keys if spec.random is not None else {}
    several = [key for key, values in spec.grid.items() if len(values) > 1]
    return (*several, *(key for key, choice in drawn.items() if isinstance(choice, Range) or len(choice) > 1))


def ranges_of(spec: SweepSpec) -> dict[str, tuple[float, float, bool]]:
    """Return the bounds of what is drawn from ranges, and whether they are logarithmic."""
    drawn = spec.random.keys if spec.random is not None else {}
    return {key: (choice.low, choice.high, choice.log) for key, choice in drawn.items() if isinstance(choice, Range)}
