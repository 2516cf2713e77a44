"""Where a ladder stands: bids below the active bin, asks above it, and how both lean with the inventory."""

import math

from dlmm.price import BASIS_POINTS, MAX_EXPONENT, SCALE_BITS, price_halves
from dlmm.records import Record, Venue
from operators.blocks import Fields
from operators.pools import PoolInfo

MOST_BINS = 140
"""From the lowest bid to the highest ask: two full positions of the programs next to each other."""

METEORA_MAX_EXPONENT = 351_639
"""Divided by the bin step, the highest id of a bin of the program."""


class LadderBins(Record, frozen=True):
    """Bids in bins `lower` to `bid_upper`, asks in bins `ask_lower` to `upper`; what ends before it begins is no side.

    >>> LadderBins(88, 97, 103, 112).leaning(100, moved=3)
    LadderBins(lower=90, bid_upper=99, ask_lower=106, upper=115)

    """

    lower: int
    bid_upper: int
    ask_lower: int
    upper: int

    @property
    def bids(self) -> int:
        """Number of bins below the price."""
        return max(self.bid_upper - self.lower + 1, 0)

    @property
    def asks(self) -> int:
        """Number of bins above the price."""
        return max(self.upper - self.ask_lower + 1, 0)

    def by(self, bins: int) -> "LadderBins":
        """Return the ladder so many bins higher up."""
        return LadderBins(self.lower + bins, self.bid_upper + bins, self.ask_lower + bins, self.upper + bins)

    def beside(self, active_id: int) -> "LadderBins":
        """Return what of the ladder is on its own side of the active bin."""
        return LadderBins(
            self.lower, min(self.bid_upper, active_id - 1), max(self.ask_lower, active_id + 1), self.upper
        )

    def leaning(self, active_id: int, moved: int) -> "LadderBins":
        """Return the ladder with both sides moved by so many bins, each as far as the active bin lets it whole.

        What then reaches beyond `MOST_BINS` is cut off at the end that was moved away from the price.

        :arg moved: Below zero: downwards.

        """
        bid_move = min(moved, active_id - 1 - self.bid_upper)
        ask_move = max(moved, active_id + 1 - self.ask_lower)
        lower, bid_upper = self.lower + bid_move, self.bid_upper + bid_move
        ask_lower, upper = self.ask_lower + ask_move, self.upper + ask_move
        if self.bids and self.asks and moved < 0:
            lower = max(lower, upper - MOST_BINS + 1)
        elif self.bids and self.asks and moved > 0:
            upper = min(upper, lower + MOST_BINS - 1)
        return LadderBins(lower, bid_upper, ask_lower, upper)

    def only(self, *, bids: bool, asks: bool) -> "LadderBins":
        """Return the ladder with the sides that are asked for and are there, its ends those of what is left."""
        bids, asks = bids and self.bids > 0, asks and self.asks > 0
        if bids and asks:
            return self
        if bids:
            return LadderBins(self.lower, self.bid_upper, self.bid_upper + 1, self.bid_upper)
        if asks:
            return LadderBins(self.ask_lower, self.ask_lower - 1, self.ask_lower, self.upper)
        return LadderBins(self.lower, self.lower - 1, self.lower, self.lower - 1)


def wished_bins(signal: Fields) -> LadderBins:
    """Return the bins that a signal names."""
    return LadderBins(*[int(signal[field]) for field in ("lower", "bid_upper", "ask_lower", "upper")])


def bin_limits(info: PoolInfo) -> tuple[int, int]:
    """Return the first and the last bin of a pool's program that have a price."""
    if info.venue is Venue.METEORA:
        most = METEORA_MAX_EXPONENT // info.bin_step
    else:
        most = min(math.floor(SCALE_BITS * math.log(2.0) / math.log1p(info.bin_step / BASIS_POINTS)), MAX_EXPONENT)
    while not (_has_price(-most, info.bin_step) and _has_price(most, info.bin_step)):
        most -= 1
    return info.zero_bin - most, info.zero_bin + most


def _has_price(exponent: int, bin_step: int) -> bool:
    return any(price_halves(exponent, bin_step))


def lean(share: float, target: float, deviation: float, skew_bins: float) -> int:
    """Return by how many bins a ladder moves for its inventory: downwards where there is too much X.

    :arg share: Of what is there, in X.

    :arg deviation: From the target, at which the whole skew applies.

    >>> lean(0.6, 0.5, 0.2, skew_bins=4.0), lean(0.1, 0.5, 0.2, skew_bins=4.0)
    (-2, 4)

    """
    strayed = share - target
    part = strayed / deviation if deviation > 0.0 else math.copysign(float(strayed != 0.0), strayed)
    return -round(skew_bins * max(min(part, 1.0), -1.0))
