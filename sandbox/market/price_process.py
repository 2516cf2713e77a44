"""Fair prices of pairs, slot by slot: simulated from a seed, or taken from a recording."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from sandbox.market.spec import MarketSpec, MarketSpecError

_MINUTE_S = 60.0
_HOUR_S = 3_600.0
_LN_2 = math.log(2.0)
_FARTHEST = 0.2
"""Distance of a simulated log price from its start at which the pull back has grown many times stronger."""


class SimulatedPrices:
    """Prices that diffuse with a volatility of their own moods, jump now and then, and are pulled back to the start.

    :arg start: Price of each pair at the beginning, whole quote units, by pair.

    """

    def __init__(self, start: Mapping[str, float], spec: MarketSpec, generator: np.random.Generator) -> None:
        self._pairs = tuple(start)
        self._start = np.array(list(start.values()))
        self._spec = spec
        self._generator = generator
        self._log = np.zeros(len(start))
        self._mood = np.zeros(len(start))

    def step(self) -> dict[str, float]:
        """Let one slot pass, and return each pair's price, by pair."""
        spec, draw, count = self._spec, self._generator, len(self._log)
        self._mood *= math.exp(-_LN_2 * spec.slot_s / spec.storm_s)
        kept = math.exp(-2.0 * _LN_2 * spec.slot_s / spec.storm_s)
        self._mood += spec.storms * math.sqrt(1.0 - kept) * draw.standard_normal(count)
        # the mean of the squared volatility stays sigma squared, whatever the moods
        sigma = spec.sigma * np.exp(self._mood - spec.storms**2) * math.sqrt(spec.slot_s / _MINUTE_S)
        shared, own = draw.standard_normal(), draw.standard_normal(count)
        moves = math.sqrt(spec.correlation) * shared + math.sqrt(1.0 - spec.correlation) * own
        jumps = draw.poisson(spec.jumps * spec.slot_s / _HOUR_S, count)
        pull = _LN_2 * spec.slot_s / spec.revert_s * (1.0 + (self._log / _FARTHEST) ** 4)
        self._log = self._log * np.maximum(1.0 - pull, 0.0) + sigma * moves
        self._log += spec.jump * np.sqrt(jumps) * draw.standard_normal(count)
        prices = self._start * np.exp(self._log)
        return dict(zip(self._pairs, prices.tolist(), strict=True))


class RecordedPrices:
    """A recorded path, forwards and at its end backwards, so that it never jumps; other pairs as simulated.

    :arg rows: The path's prices.

    :arg others: What moves the other pairs.

    """

    def __init__(
        self, rows: Sequence[float], pair: str, start: float, spec: MarketSpec, others: SimulatedPrices
    ) -> None:
        self._rows = rows
        self._pair = pair
        self._factor = start / rows[0] if spec.scale else 1.0
        self._stride = spec.stride
        self._steps = 0
        self._others = others

    def step(self) -> dict[str, float]:
        """Let one slot pass, and return each pair's price, by pair."""
        last = len(self._rows) - 1
        place = self._steps * self._stride % (2 * last) if last else 0
        self._steps += 1
        return {**self._others.step(), self._pair: self._factor * self._rows[min(place, 2 * last - place)]}


def prices_of(
    start: Mapping[str, float], spec: MarketSpec, generator: np.random.Generator
) -> SimulatedPrices | RecordedPrices:
    """Make what moves the pairs' prices.

    :arg start: Price of each pair at the beginning, by pair; one at least.

    :raises MarketSpecError: The path cannot be read, holds no prices, or is for a pair that no pool trades.

    """
    simulated = SimulatedPrices(start, spec, generator)
    if not spec.path:
        return simulated
    pair = spec.pair or next(iter(start))
    if pair not in start:
        raise MarketSpecError(f"pair={pair}", f"no pool trades it; there are {', '.join(start)}")
    rows = read_path(spec.path)[spec.skip :]
    if not rows:
        raise MarketSpecError(f"path={spec.path}", f"no price is left after the first {spec.skip} rows")
    return RecordedPrices(rows, pair, start[pair], spec, simulated)


def read_path(path: str) -> list[float]:
    """Read the column `price` of a Parquet file, or of a CSV file by any other name.

    :raises MarketSpecError: The file cannot be read, has no such column, or a price that is not above zero.

    """
    try:
        if Path(path).suffix == ".parquet":
            column = pl.read_parquet(path, columns=["price"])["price"]
        else:
            column = pl.read_csv(path, columns=["price"])["price"]
        rows: list[float] = column.cast(pl.Float64).to_list()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise MarketSpecError(f"path={path}", f"cannot be read: {error}") from error
    if not all(price is not None and math.isfinite(price) and price > 0.0 for price in rows):
        raise MarketSpecError(f"path={path}", "a price is missing or not above zero")
    return rows
