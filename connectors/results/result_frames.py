"""A run's rows as tables whose columns speak for themselves."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from connectors.results.run_labels import RunLabels
from dlmm.struct_arrays import join
from operators.blocks import ARBITRAGE, CLAIM, CLOSE, DEPOSIT, FIGURES, OPEN, REBALANCE, SHAPES, SIGNAL, WITHDRAW, Rows
from operators.orders.records import ACTIONS, ROUTE, RULES, SIZED_BY, STATUSES

SIDES = ("none", "buy", "sell")  # 0, 1 and -1
UNWINDER = "emergency_stop"
KINDS = ("resting", "immediate")
SIGNAL_KINDS = (
    "quote",
    "take",
    "cancel",
    "open",
    "deposit",
    "withdraw",
    "claim",
    "close",
    "arbitrage",
    "rebalance",
)
OF_KINDS = {
    "lower": (OPEN, REBALANCE),
    "upper": (OPEN, REBALANCE),
    "bid_upper": (REBALANCE,),
    "ask_lower": (REBALANCE,),
    "shape": (DEPOSIT, REBALANCE),
    "position": (DEPOSIT, WITHDRAW, CLAIM, CLOSE),
    "other_pool": (ARBITRAGE,),
    "third_pool": (ARBITRAGE,),
    "directions": (ARBITRAGE,),
}
"""Columns of signals that mean something for some kinds only, and 0 for them too."""

_NAMED = ("seq", "strategy", "pool", "kind", "reason")
_PLAIN = tuple(
    name for name in SIGNAL.names or () if name not in {*_NAMED, *OF_KINDS, "row", "figures"} and name[0] != "_"
)
_FURTHER_POOLS = frozenset({"other_pool", "third_pool"})
_MOST_REASONS = 1 << 8
_CACHED_ROWS = 1 << 12
_INNER = frozenset({"tried_slot", "tried_bin"})
"""Columns of orders that help the venue and say nothing to a reader."""


def table_frame(table: str, parts: Sequence[Rows], labels: RunLabels) -> pl.DataFrame:
    """Turn the rows of one of a run's tables into a frame, indices replaced by what they stand for.

    :arg parts: The rows, in as many arrays as they came in; one at least.

    """
    taken_apart = _columns(parts)
    return _signals_frame(taken_apart, labels) if table == "signals" else _plain_frame(taken_apart, labels)


def _plain_frame(taken_apart: dict[str, np.ndarray], labels: RunLabels) -> pl.DataFrame:
    names: dict[str, tuple[str, ...]] = {
        "pool": labels.pools,
        "strategy": (*labels.strategies, UNWINDER),
        "side": SIDES,
        "kind": KINDS,
        "status": STATUSES,
        "action": ACTIONS,
        "rule": RULES,
        "sized_by": SIZED_BY,
    }
    columns = {}
    for name, values in taken_apart.items():
        if name in _FURTHER_POOLS:
            columns[name] = _named(values, labels.pools, (taken_apart["action"] == ROUTE) & (values >= 0))
        elif name in names:
            columns[name] = _named(values, names[name])
        elif name not in _INNER:
            columns[name] = pl.Series(values)
    return pl.DataFrame(columns)


def _columns(parts: Sequence[Rows]) -> dict[str, np.ndarray]:
    """Take rows apart, by so many at a time that they stay in the cache while each column is copied."""
    dtype = parts[0].dtype
    fields = [(name, field[0]) for name, field in (dtype.fields or {}).items() if name[0] != "_"]
    columns = {name: np.empty((sum(map(len, parts)), *field.shape), field.base) for name, field in fields}
    start = 0
    for some in _in_batches(parts):
        for name, column in columns.items():
            column[start : start + len(some)] = some[name]
        start += len(some)
    return columns


def _in_batches(parts: Sequence[Rows]) -> Iterator[Rows]:
    """Cut and join parts to arrays of at most `_CACHED_ROWS` rows, never all of them to one: that is slow to make."""
    waiting: list[Rows] = []
    count = 0
    for part in parts:
        if count + len(part) > _CACHED_ROWS and waiting:
            yield join(waiting)
            waiting, count = [], 0
        if len(part) > _CACHED_ROWS:
            yield from (part[start : start + _CACHED_ROWS] for start in range(0, len(part), _CACHED_ROWS))
        else:
            waiting.append(part)
            count += len(part)
    if waiting:
        yield join(waiting)


def _signals_frame(taken_apart: dict[str, np.ndarray], labels: RunLabels) -> pl.DataFrame:
    """Keep the columns that say something: of most signals the greater part is blank.

    `reason` is the strategy's own text for it; `figure_1` to `figure_4` have the names in the summary.
    """
    kinds = taken_apart["kind"]
    columns = {
        "seq": pl.Series(taken_apart["seq"]),
        # As in orders, which it is joined with.
        "strategy": _named(taken_apart["strategy"], (*labels.strategies, UNWINDER)),
        "pool": _named(taken_apart["pool"], labels.pools),
        "kind": _named(kinds, SIGNAL_KINDS),
    }
    texts = list(dict.fromkeys(text for wording in labels.wordings for text in wording.reasons))
    if texts:
        places = np.full((len(labels.strategies), _MOST_REASONS), len(texts), np.int32)
        for index, wording in enumerate(labels.wordings):
            places[index, : len(wording.reasons)] = [texts.index(text) for text in wording.reasons]
        said = places[taken_apart["strategy"], taken_apart["reason"].astype(np.uint8)]
        columns["reason"] = _named(said, texts, said < len(texts))
    for name in _PLAIN:
        values = taken_apart[name]
        if _says_something(values):
            columns[name] = pl.Series(values)
    for number in range(FIGURES):
        values = np.ascontiguousarray(taken_apart["figures"][:, number])
        if _says_something(values):
            columns[f"figure_{number + 1}"] = pl.Series(values)
    seen = set(np.unique(kinds).tolist())
    for name, meant in OF_KINDS.items():
        if seen.isdisjoint(meant):
            continue
        is_meant = np.isin(kinds, meant)
        values = taken_apart[name]
        if name in _FURTHER_POOLS:
            columns[name] = _named(values, labels.pools, is_meant & (values >= 0))
        elif name == "shape":
            columns[name] = _named(values, [shape.value for shape in SHAPES], is_meant)
        else:
            columns[name] = pl.Series(values).set(pl.Series(~is_meant), None)
    return pl.DataFrame(columns)


def _says_something(values: np.ndarray) -> bool:
    """Tell whether a column holds anything but blanks: zeros, and of floats no numbers."""
    return bool(((values == values) & (values != 0)).any())  # noqa: PLR0124 - what is no number is not equal to itself


def _named(indices: np.ndarray, names: Sequence[str], is_meant: np.ndarray | None = None) -> pl.Series:
    """Replace indices by names, a negative one counted from the end, and by nothing where it means nothing."""
    places = pl.Series(indices)
    if is_meant is not None:
        places = places.set(pl.Series(~is_meant), None)
    return pl.Series(list(names), dtype=pl.Enum(list(names))).gather(places)
