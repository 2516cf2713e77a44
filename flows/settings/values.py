"""Kinds of values that settings take, each with its bounds and, where a bound needs it, a name."""

from typing import Annotated

from msgspec import Meta, Struct

# One definition per kind of value. `\Z`, since `$` lets a trailing line break through.
Amount = Annotated[float, Meta(gt=0, le=1e15)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
PositiveFraction = Annotated[float, Meta(gt=0, le=1)]
BasisPoints = Annotated[float, Meta(ge=0, le=10_000)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z",
        description="a name of letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit",
    ),
]
PoolName = Annotated[
    str, Meta(pattern=r"^[^\s\x00-\x1f\x7f]{1,128}\Z", description="an address or name of a pool, without spaces")
]
Currency = Annotated[str, Meta(pattern=r"^[^\s\x00-\x1f\x7f]{1,44}\Z", description="a token's symbol or mint")]
FilePath = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]{1,4096}\Z", description="a path")]
HttpUrl = Annotated[str, Meta(pattern=r"^https?://[^\s\x00-\x1f\x7f]+\Z", description="an http:// or https:// address")]
WebsocketUrl = Annotated[str, Meta(pattern=r"^wss?://[^\s\x00-\x1f\x7f]+\Z", description="a ws:// or wss:// address")]
ClassPath = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*\Z",
        description="'module:Class', as in 'my_strategies.breakout:Breakout'",
    ),
]
StrategyPath = Annotated[
    str,
    Meta(
        pattern=r"^([A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*|[A-Za-z_][A-Za-z0-9_-]{0,63})\Z",
        description="'module:Class', as in 'my_strategies.breakout:Breakout', or the name of an installed strategy",
    ),
]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every section: immutable, and closed to keys it does not know."""
