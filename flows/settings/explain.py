"""Say in words what a setting's type allows, what was found instead, and which key was probably meant."""

import datetime
import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct, inspect

SECRET_PATHS = frozenset({"wallet.keypair_path", "network.rpc_url", "network.ws_url"})
"""Keys whose values may hold a secret by mistake or by a provider's habit: never repeated in a message."""

_LONGEST_SHOWN = 60
_LONGEST_NUMBER = 128


def found(path: str, value: object) -> str:
    """Describe a value that was refused, without repeating it where it may be a secret."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() if path in SECRET_PATHS:
            return f"a text of {len(value)} characters"
        case str():
            cut = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "..."
            return f"the text {cut!a}"
        case int() if value.bit_length() > _LONGEST_NUMBER:
            return "a number far too large"
        case int() | float():
            return repr(value)
        case list():
            return "a list"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return "a date or time"
        case _:
            return type(value).__name__


def allowed(annotation: Any) -> str:
    """Describe the values that a type takes, from its bounds."""
    return _allowed(inspect.type_info(annotation))


def _allowed(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(extra_json_schema={"description": str(description)}):
            return description
        case inspect.Metadata(type=inner):
            return _allowed(inner)
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number" + _bounds(kind)
        case inspect.FloatType():
            return "a number" + _bounds(kind)
        case inspect.LiteralType(values=values):
            return " or ".join(f"'{value}'" for value in values)
        case inspect.UnionType(types=kinds):
            return " or ".join(_allowed(each) for each in kinds if not isinstance(each, inspect.NoneType))
        case inspect.VarTupleType(item_type=item):
            return f"a list, each item {_allowed(item)}"
        case inspect.StructType() | inspect.DictType():
            return "a table"
        case _:
            return "a text"


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    low = (
        f"above {kind.gt:.15g}" if kind.gt is not None else f"at least {kind.ge:.15g}" if kind.ge is not None else None
    )
    high = (
        f"below {kind.lt:.15g}" if kind.lt is not None else f"at most {kind.le:.15g}" if kind.le is not None else None
    )
    both = [bound for bound in (low, high) if bound is not None]
    return (" " + " and ".join(both)) if both else ""


def section_of(annotation: Any) -> type[Struct] | None:
    """Return the section class that a field holds, or `None` for a field that holds a value."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, Struct) else None


def item_of(annotation: Any) -> Any | None:
    """Return the type of a list's items, or `None` for a field that is no list of any length."""
    kinds = get_args(annotation)
    return kinds[0] if get_origin(annotation) is tuple and kinds[1:] == (...,) else None


def keys_of(section: type[Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return a section's fields by the key they have in the file."""
    return {field.encode_name: field for field in msgspec.structs.fields(section)}


def paths_of(section: type[Struct], prefix: str = "") -> Iterator[str]:
    """Name every section and key below a section, outermost first."""
    for key, field in keys_of(section).items():
        yield prefix + key
        inner = section_of(field.type)
        if inner is not None:
            yield from paths_of(inner, f"{prefix}{key}.")


def unknown_key(key: str, section: type[Struct], prefix: str, root: type[Struct]) -> str:
    """Say that a key is unknown, and which one was probably meant: a neighbour, or the same key elsewhere."""
    here = keys_of(section)
    near = difflib.get_close_matches(key, here, n=1)
    if near:
        return f"no such key; did you mean {prefix}{near[0]}?"
    elsewhere = [path for path in paths_of(root) if path.rpartition(".")[2] == key]
    if elsewhere:
        return f"no such key; did you mean {elsewhere[0]}?"
    return f"no such key; allowed here: {', '.join(here)}"
