"""Read the settings: defaults, then the file that `HFT_CONFIG` names, then single keys from `HFT__SECTION__KEY`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from flows.settings.check import check
from flows.settings.errors import SettingsError
from flows.settings.explain import keys_of, paths_of, section_of, unknown_key
from flows.settings.tree import Settings

CONFIG_VARIABLE = "HFT_CONFIG"
OVERRIDE_PREFIX = "HFT__"
LARGEST_FILE = 1 << 20
_PATH_KEYS = (
    ("replay", "recording"),
    ("results", "runs_dir"),
    ("recording", "folder"),
    ("execution", "folder"),
    ("wallet", "keypair_path"),
)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings that an environment asks for.

    Paths in the result are absolute: those that the file names start at the file's folder, all others at the current
    one, and `~` is the user's home.

    :arg environ: `HFT_CONFIG` names the file (unset or empty: none); `HFT__RISK_LIMITS__MAX_DRAWDOWN=0.1` sets one key.

    :returns: The checked settings.

    :raises SettingsError: The first objection to the file, a key or a value.

    """
    settings, problems = _load(environ)
    if problems:
        raise problems[0]
    return settings


def check_file(file: str) -> tuple[Settings, list[SettingsError]]:
    """Read one file alone, without the environment, and find as much as is wrong with it.

    :returns: The settings, with defaults for what is wrong, and every objection that can be found at once.

    """
    return _load({CONFIG_VARIABLE: file})


def _load(environ: Mapping[str, str]) -> tuple[Settings, list[SettingsError]]:
    file = environ.get(CONFIG_VARIABLE, "")
    try:
        raw = read_file(file) if file else {}
    except SettingsError as problem:
        return Settings(), [problem]
    in_file = {f"{section}.{key}" for section, key in _PATH_KEYS if key in _table(raw.get(section))}
    sources, problems = _override(raw, environ)
    settings, objections = check(raw, sources)
    return _absolute(settings, Path(file).parent, in_file - sources.keys()), problems + objections


def read_file(file: str) -> dict[str, Any]:
    """Parse a TOML file.

    :raises SettingsError: It is missing, unreadable, too large, not UTF-8 or not TOML; the path is the file's name.

    """
    shown = ascii(file)[1:-1] if not file.isprintable() else file
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as problem:
        raise SettingsError(shown, f"cannot be read: {problem.strerror or problem}") from problem
    except ValueError as problem:  # a name that no file can have
        raise SettingsError(shown, "cannot be read: not a file name") from problem
    if len(data) > LARGEST_FILE:
        raise SettingsError(shown, f"larger than {LARGEST_FILE} bytes, which no configuration is")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as problem:
        raise SettingsError(shown, f"not UTF-8 text: byte {problem.start} is {data[problem.start]:#04x}") from problem
    except tomllib.TOMLDecodeError as problem:
        raise SettingsError(shown, f"not valid TOML: {problem}") from problem
    except (ValueError, RecursionError) as problem:  # a number of thousands of digits; thousands of brackets
        raise SettingsError(shown, "not valid TOML: a number too long or lists nested too deep") from problem


def _override(raw: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, str], list[SettingsError]]:
    """Write the environment's keys into the tables, and say which variable each path came from."""
    sources: dict[str, str] = {}
    problems: list[SettingsError] = []
    for variable in sorted(name for name in environ if name.startswith(OVERRIDE_PREFIX)):
        try:
            path, annotation = _resolve(variable)
        except SettingsError as problem:
            problems.append(problem)
            continue
        node: Any = raw
        *sections, key = path
        for section in sections:
            node = node.setdefault(section, {}) if isinstance(node, dict) else None
        if isinstance(node, dict):  # if not, the file has a value in a table's place, which `check` reports
            node[key] = _parse(environ[variable], annotation)
            sources[".".join(path)] = variable
    return sources, problems


def _resolve(variable: str) -> tuple[list[str], Any]:
    """Find the key that a variable names, and the key's type."""
    shown = variable if variable.isprintable() else ascii(variable)
    path = variable[len(OVERRIDE_PREFIX) :].split("__")
    if variable != variable.upper():
        raise SettingsError(shown, f"no such key; variables are written in capitals: {ascii(variable.upper())[1:-1]}")
    path = [part.lower() for part in path]
    section: Any = Settings
    for depth, part in enumerate(path):
        prefix = "".join(f"{outer}." for outer in path[:depth])
        inner = section_of(section)
        if inner is None:
            raise SettingsError(prefix + part, f"no such key: {prefix[:-1]} is no section (set by {shown})")
        fields = keys_of(inner)
        if part not in fields:
            reason = unknown_key(part, inner, prefix, Settings)
            raise SettingsError(prefix + (part if part.isprintable() else ascii(part)), f"{reason} (set by {shown})")
        section = fields[part].type
    inner = section_of(section)
    if inner is not None:
        first = next(iter(paths_of(inner))).upper()
        raise SettingsError(".".join(path), f"a section, not a key; set its keys one by one, as {shown}__{first}")
    return path, section


def _parse(text: str, annotation: Any) -> object:
    """Read a variable's text as a TOML value; as the text itself where it is none, or where text is wanted."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value: object = document.get("value")
    if len(document) != 1 or (_wants_text(inspect.type_info(annotation)) and not isinstance(value, str)):
        return text
    return value


def _wants_text(kind: inspect.Type) -> bool:
    match kind:
        case inspect.Metadata(type=inner):
            return _wants_text(inner)
        case inspect.UnionType(types=kinds):
            return any(_wants_text(each) for each in kinds)
        case inspect.StrType():
            return True
        case _:
            return False


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _absolute(settings: Settings, folder: Path, in_file: set[str]) -> Settings:
    """Make the paths independent of where the settings are read again."""
    for section_name, key in _PATH_KEYS:
        section = getattr(settings, section_name)
        text: str | None = getattr(section, key)
        if text is None:
            continue
        base = folder if f"{section_name}.{key}" in in_file else Path()
        section = msgspec.structs.replace(section, **{key: str((base / _home(Path(text))).absolute())})
        settings = msgspec.structs.replace(settings, **{section_name: section})
    return settings


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # the home of a user that does not exist: a folder of that name, then
        return path
