"""The settings that a sweep may turn: where they are, what they take, and settings with some of them changed."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.research.trials import Value
from flows.settings.check import check
from flows.settings.dump import dump_settings, without_secrets
from flows.settings.errors import SettingsError
from flows.settings.explain import item_of, keys_of, section_of, unknown_key
from flows.settings.tree import Settings

SECTIONS = ("trading", "target_pools", "portfolio", "volatility", "strategies", "risk_limits", "paper")
"""Those that decide what a replay comes to; the others say where it reads and writes."""

_STEP = re.compile(r"([^.\[\]]+)((?:\[\d+\])*)")


def steps_of(key: str) -> list[str | int]:
    """Take a path apart: `strategies.custom[0].params.window` is three names, an index and a name.

    :returns: Nothing where it is no path.

    """
    steps: list[str | int] = []
    for part in key.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            return []
        steps.append(match[1])
        steps += [int(index) for index in re.findall(r"\d+", match[2])]
    return steps


def allowed_at(place: str, key: str) -> Any:
    """Return the type of a key's values.

    :arg place: Where the spec names it, for the error.

    :raises SettingsError: There is no such key, or it decides nothing that a replay comes to.

    """
    steps = steps_of(key)
    if not steps:
        raise SettingsError(place, "not the path of a key, such as strategies.market_making.spread_target")
    annotation: Any = Settings
    prefix = ""
    for step in steps:
        section, item = section_of(annotation), item_of(annotation)
        if isinstance(step, int):
            if item is None:
                raise SettingsError(place, f"no such key: {prefix[:-1]} is no list")
            annotation = item
            prefix = f"{prefix[:-1]}[{step}]."
        elif section is not None:
            if step not in keys_of(section):
                raise SettingsError(place, unknown_key(step, section, prefix, Settings))
            annotation = keys_of(section)[step].type
            prefix += f"{step}."
        elif item is not None:
            raise SettingsError(place, f"no such key: {prefix[:-1]} is a list; name an item, as in {prefix[:-1]}[0]")
        elif annotation == dict[str, object]:
            return object  # what a user's own class takes, it says itself
        else:
            raise SettingsError(place, f"no such key: {prefix[:-1]} is no section")
    if steps[0] not in SECTIONS:
        raise SettingsError(place, f"cannot be swept: {steps[0]} decides nothing; one of {', '.join(SECTIONS)} can")
    if section_of(annotation) is not None:
        raise SettingsError(place, "a section, not a key; name one of its keys")
    return annotation


def with_values(base: str, values: Mapping[str, Value]) -> tuple[Settings, str]:
    """Return settings with some keys changed, and what is wrong with them, if anything is.

    :arg base: Settings as TOML.

    """
    raw = tomllib.loads(base)
    for key, value in values.items():
        *outer, last = steps_of(key)
        node: Any = raw
        for step in outer:
            if isinstance(step, int):
                if step >= len(node):
                    return Settings(), f"{key}: the list has {len(node)} items"
                node = node[step]
            else:
                node = node.setdefault(step, {})
        if isinstance(last, int) and last >= len(node):
            return Settings(), f"{key}: the list has {len(node)} items"
        node[last] = value
    settings, problems = check(raw)
    return settings, str(problems[0]) if problems else ""


def base_of(settings: Settings) -> str:
    """Write down the settings that all runs share: on paper, whatever the recording's own run was."""
    execution = msgspec.structs.replace(settings.execution, mode="paper")
    return dump_settings(without_secrets(msgspec.structs.replace(settings, execution=execution)))
