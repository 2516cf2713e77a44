"""What kind of market trades in the pools: a text of `key=value` pairs, and the numbers it stands for."""

from typing import Annotated

import msgspec
from msgspec import Meta

from dlmm.errors import DlmmError
from dlmm.records import Record

Positive = Annotated[float, Meta(gt=0, le=1e9)]
NotNegative = Annotated[float, Meta(ge=0, le=1_000)]
Probability = Annotated[float, Meta(ge=0, le=1)]


class MarketSpecError(DlmmError):
    """Refuse a description of a market.

    :arg spec: The text, or the part of it in question.

    :arg reason: What is wrong with it.

    """

    def __init__(self, spec: str, reason: str) -> None:
        """Keep both values, and name the text first."""
        super().__init__(f"market {spec!r}: {reason}")
        self.spec = spec
        self.reason = reason


class MarketSpec(Record, frozen=True, forbid_unknown_fields=True):
    """How prices move and who trades on them.

    :arg seed: Decides every draw.

    :arg slot_s: Market time that passes in one slot, seconds, however long the slot takes on the clock.

    :arg sigma: Standard deviation of a pair's log price over one minute, in calm and storm together.

    :arg storms: Standard deviation of the log of that volatility; 0 keeps it constant.

    :arg storm_s: Seconds in which a storm loses half its strength.

    :arg jumps: Jumps of a pair's price an hour.

    :arg jump: Standard deviation of a jump's log size.

    :arg correlation: How much of the variance the pairs share.

    :arg revert_s: Seconds in which a price comes half-way back to where it began; keeps it where the liquidity lies.

    :arg rate: Swaps of noise traders for each pool and slot, mean of a Poisson law.

    :arg usd: Median size of such a swap, whole units of token Y.

    :arg spread: Standard deviation of the log of that size.

    :arg slippage_bps: What such a trader accepts to lose while the transaction travels, basis points.

    :arg wrong: Part of such swaps that ask for more than the pool can give, and fail.

    :arg watch: Chance that an arbitrageur looks at a pool in a slot.

    :arg edge: Least profit for which an arbitrageur sends a transaction, whole units of token Y.

    :arg path: CSV or Parquet file with a column `price`; it moves one pair in place of the simulation.

    :arg pair: The pair that it moves, such as `SOL/USDC`; that of the first pool when empty.

    :arg stride: Rows of the file for one slot.

    :arg skip: Rows left out at its start.

    :arg scale: Whether the path is multiplied so that it begins at the pools' own price.

    """

    seed: Annotated[int, Meta(ge=0)] = 1
    slot_s: Positive = 0.4
    sigma: NotNegative = 0.002
    storms: NotNegative = 0.4
    storm_s: Positive = 300.0
    jumps: NotNegative = 2.0
    jump: NotNegative = 0.003
    correlation: Probability = 0.5
    revert_s: Positive = 7_200.0
    rate: NotNegative = 1.0
    usd: Positive = 300.0
    spread: NotNegative = 1.0
    slippage_bps: NotNegative = 100.0
    wrong: Probability = 0.01
    watch: Probability = 0.8
    edge: NotNegative = 0.05
    path: str = ""
    pair: str = ""
    stride: Annotated[int, Meta(ge=1)] = 1
    skip: Annotated[int, Meta(ge=0)] = 0
    scale: bool = True


def parse_market(text: str, *, seed: int = 1) -> MarketSpec:
    """Read a market from `key=value` pairs with commas between them; what is not named keeps its default.

    :arg seed: The seed where the text names none.

    :raises MarketSpecError: A part is no pair, a key is unknown or there twice, or a value is out of bounds.

    """
    values: dict[str, str | int] = {"seed": seed}
    named: set[str] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, separator, value = (piece.strip() for piece in part.partition("="))
        if not separator:
            raise MarketSpecError(part, "is no pair of the form key=value")
        if key not in MarketSpec.__struct_fields__:
            raise MarketSpecError(part, f"unknown key; known are {', '.join(MarketSpec.__struct_fields__)}")
        if key in named:
            raise MarketSpecError(part, "the key is there twice")
        named.add(key)
        values[key] = value
    try:
        return msgspec.convert(values, MarketSpec, strict=False)
    except msgspec.ValidationError as error:
        raise MarketSpecError(text, str(error)) from error
