"""All paper positions of a portfolio, by the number of the order that created them."""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from msgspec.structs import replace

from dlmm.liquidity import NOTHING, Amounts, BinChange
from dlmm.price import price_table, price_x64
from dlmm.records import Record, Venue
from dlmm.struct_arrays import copied, join, taken
from dlmm.swap import Pool
from operators.blocks import SHAPES, Rows
from operators.orders.records import ORDER
from operators.paper import synthetic
from operators.paper.conversion import FeeTerms, fee_terms
from operators.paper.holdings import ABOVE, ACTIVE, BELOW, Holding, follow, price_of, withdrawn
from operators.paper.ladder_moves import FREE, LADDER_TERMS, NOWHERE, move_ladder
from operators.paper.ladder_spreads import ladder_parts
from operators.paper.recorded_bins import BinRows, bin_rows, recorded_bin
from operators.paper.spreading import Spread
from operators.paper.synthetic import MOST_BINS, NO_POSITIONS, SYNTHETIC
from operators.pools import PoolInfo
from operators.positions.bin_conversions import FeesEarned

NONE, RECORDED, SYNTHETIC_ONLY = 0, 1, 2
"""What `BOOK.has_positions` says of a pool on paper: with `RECORDED` every row is looked at here, otherwise the
clockwork's kernel does it all."""

LEAST_BINS = {Venue.SAROS: 2, Venue.METEORA: 1}
"""Of a position of a venue's program."""

_LADDER = itemgetter(
    *[
        (ORDER.names or ()).index(name)
        for name in ("pool", "strategy", "order", "old_position", "lower", "bid_upper", "ask_lower", "upper", "shape")
    ]
)
"""What is read of a ladder's order, from the tuple of its fields: ten times faster than field by field."""


class PaperPosition(Record, frozen=True):
    """A position.

    :arg bins: What it has in the bins of a recorded pool, from the lowest up; none where it is synthetic or empty.

    :arg stands: What withdrawing all of them gives.

    :arg fees: What waits to be claimed there.

    """

    pool: int
    strategy: int
    lower: int
    upper: int
    bins: tuple[Holding, ...] = ()
    stands: Amounts = NOTHING
    fees: Amounts = NOTHING


class PaperPositionsState(Record, frozen=True):
    """Snapshot: positions by number, and the `SYNTHETIC` array."""

    positions: tuple[tuple[int, PaperPosition], ...] = ()
    synthetic: bytes = b""


class PaperPositions:
    """Positions that exist here alone.

    :arg depth_bins: Bins on either side of the active one over which a row's liquidity is spread.

    :ivar synthetic: `SYNTHETIC` array, for the clockwork's kernel.

    """

    def __init__(self, pools: tuple[PoolInfo, ...], depth_bins: int) -> None:
        """Start with none."""
        self._pools = pools
        self._terms: list[FeeTerms] = [fee_terms(info, depth_bins) for info in pools]
        self._ladder_terms = np.array(
            [_ladder_terms(*each) for each in zip(pools, self._terms, strict=True)], LADDER_TERMS
        )
        self._held: dict[int, PaperPosition] = {}
        self._numbers: list[list[int]] = [[] for _ in pools]  # of those in each pool
        self._seen: dict[int, BinRows] = {}
        self.synthetic: Rows = NO_POSITIONS

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._held)

    def range_of(self, pool: int, position: int) -> tuple[int, int] | None:
        """Return the first and last bin of a position, `None` where there is none."""
        held = self._held.get(position)
        return (held.lower, held.upper) if held is not None and held.pool == pool else None

    def owner_of(self, pool: int, position: int) -> int:
        """Return the strategy that opened a position, -1 where there is none."""
        held = self._held.get(position)
        return held.strategy if held is not None and held.pool == pool else -1

    def newest(self, pool: int, strategy: int) -> int:
        """Return the number of the position that a strategy opened last in a pool, 0 where it holds none."""
        return max([number for number in self._numbers[pool] if self._held[number].strategy == strategy], default=0)

    def newest_range(self, pool: int, strategy: int) -> tuple[int, int, int]:
        """Return that number, and the position's first and last bin; zeros where it holds none."""
        number = self.newest(pool, strategy)
        if not number:
            return 0, 0, 0
        held = self._held[number]
        return number, held.lower, held.upper

    def numbered(self) -> list[tuple[int, int]]:
        """Return pool and number of every position, in order."""
        return sorted((held.pool, number) for number, held in self._held.items())

    def kind_in(self, pool: int) -> int:
        """Return what `BOOK.has_positions` is to say of a pool."""
        there = [self._held[number] for number in self._numbers[pool]]
        if not there:
            return NONE
        return RECORDED if any(held.bins for held in there) else SYNTHETIC_ONLY

    def worth(self, pool: int) -> dict[int, Amounts]:
        """Return what the positions of each strategy in a pool hold, fees included."""
        found: dict[int, Amounts] = {}
        for number in self._numbers[pool]:
            held = self._held[number]
            found[held.strategy] = found.get(held.strategy, NOTHING) + held.stands + held.fees
        for place, where in enumerate(self.synthetic["pool"].tolist()):
            if where == pool:
                strategy, x, y = synthetic.worth(self.synthetic, place)
                found[strategy] += Amounts(int(x), int(y))
        return found

    def open(self, position: int, pool: int, strategy: int, lower: int, upper: int) -> None:
        """Open an empty position.

        :raises RangeError: A bin has no price.

        """
        info = self._pools[pool]
        for bin_id in (lower, upper):
            price_x64(bin_id - info.zero_bin, info.bin_step)
        self._note(position, PaperPosition(pool, strategy, lower, upper))

    def forget(self, position: int) -> None:
        """Close a position; what it still held is gone."""
        self._drop(position)
        self.synthetic = taken(self.synthetic, self.synthetic["position"] != position)

    def move_ladder(self, order: np.void, books: Rows, accounts: Rows) -> tuple[bool, bool]:
        """Let an order of action `REBALANCE` land in a pool without recorded bins, as `ladder_moves` does it."""
        pool, strategy, position, old, lower, bid_upper, ask_lower, upper, shape = _LADDER(order.item())
        info = self._pools[pool]
        numbers = self.synthetic["position"].tolist()
        is_standing = old != 0 and self.range_of(pool, old) is not None
        if is_standing and old in numbers:
            place = numbers.index(old)
        else:
            place = len(numbers)
            self.synthetic = join([self.synthetic, copied(FREE)])
        parts = ladder_parts(SHAPES[shape], max(upper - ask_lower + 1, 0), max(bid_upper - lower + 1, 0), info.bin_step)
        # One table serves all positions that begin within so many bins.
        before = (lower - info.zero_bin) % MOST_BINS
        prices = price_table(lower - info.zero_bin - before, 2 * MOST_BINS, info.bin_step)[before:]
        state = (self._ladder_terms, prices, parts, books, accounts)
        is_placed, is_countable = move_ladder(order, self.synthetic, place, *state)
        if is_standing and (is_placed or is_countable):
            self._drop(old)
        if is_placed:
            self._note(position, PaperPosition(pool, strategy, lower, upper))
        else:
            self.synthetic = taken(self.synthetic, self.synthetic["pool"] != NOWHERE)
        return is_placed, is_countable

    def is_synthetic(self, position: int) -> bool:
        """Tell whether a position was filled where no bins were recorded."""
        return self._row_of(position) is not None

    def mint(self, position: int, recorded: Pool, changes: tuple[BinChange, ...]) -> None:
        """Put into a position what a deposit minted in a recorded pool.

        Where a bin has no supply, what went in stays the position's own.
        """
        held = self._held[position]
        if not held.bins:
            self._held[position] = held = replace(held, bins=(Holding(),) * (held.upper - held.lower + 1))
        self.follow(held.pool, recorded)
        held = self._held[position]
        bins = list(held.bins)
        for change in changes:
            one = bins[change.bin_id - held.lower]
            if one.seen.supply:
                bins[change.bin_id - held.lower] = replace(one, share=one.share + change.share)
            else:
                bins[change.bin_id - held.lower] = replace(one, own=one.own + change.amounts)
        self._held[position] = replace(held, bins=tuple(bins), stands=_worth(bins))

    def put(self, position: int, wanted: Spread, active_id: int) -> Amounts:
        """Put tokens into a position where no bins are recorded; return what it took."""
        row = self._row_of(position)
        if row is None:
            held, info = self._held[position], self._pools[self._held[position].pool]
            made = synthetic.open_synthetic(
                position,
                held.pool,
                held.strategy,
                (held.lower, held.upper),
                step=(info.bin_step, info.zero_bin),
                terms=self._terms[held.pool],
            )
            self.synthetic = join([self.synthetic, made])
            row = self.synthetic[-1]
        return synthetic.put(row, wanted, active_id)

    def withdraw(self, position: int, bps: int) -> Amounts:
        """Take basis points of every bin out of a position; return what came."""
        held = self._held[position]
        parts = [withdrawn(one, bps) for one in held.bins]
        left = tuple([stays for stays, _ in parts])
        self._held[position] = replace(held, bins=left, stands=_worth(left))
        row = self._row_of(position)
        return sum((out for _, out in parts), synthetic.take(row, bps) if row is not None else NOTHING)

    def claim(self, position: int) -> Amounts:
        """Take the fees that wait; return them."""
        held = self._held[position]
        self._held[position] = replace(held, fees=NOTHING)
        row = self._row_of(position)
        return held.fees + (synthetic.claim(row) if row is not None else NOTHING)

    def follow(self, pool: int, recorded: Pool) -> dict[int, FeesEarned]:
        """Take the positions in a recorded pool on to its present state; return what those of each strategy earned."""
        earned: dict[int, FeesEarned] = {}
        for position, held in self._held.items():
            if held.pool == pool and held.bins:
                self._held[position], fees = self._followed(position, held, recorded)
                earned[held.strategy] = earned.get(held.strategy, FeesEarned()) + fees
        return earned

    def _followed(self, position: int, held: PaperPosition, recorded: Pool) -> tuple[PaperPosition, FeesEarned]:
        rows, info = bin_rows(recorded, held.lower, held.upper), self._pools[held.pool]
        before, active_id = self._seen.get(position), recorded.active_id
        self._seen[position] = rows
        news = np.arange(len(rows)) if before is None else np.flatnonzero((rows != before).any(axis=1))
        alone = [index for index, one in enumerate(held.bins) if one.own is not NOTHING and one.own != NOTHING]
        bins, stands, fees, stayed = list(held.bins), held.stands, NOTHING, 0.0
        for index in sorted({*news.tolist(), *alone}):
            one = bins[index]
            bin_id = held.lower + index
            place = ACTIVE if bin_id == active_id else ABOVE if bin_id > active_id else BELOW
            price = price_of(bin_id - info.zero_bin, info.bin_step)
            bins[index], waits, kept = follow(one, recorded_bin(rows[index]), place, price, self._terms[held.pool])
            fees += waits
            stayed += kept
            stands += bins[index].worth - one.worth
        followed = replace(held, bins=tuple(bins), stands=stands, fees=held.fees + fees)
        return followed, FeesEarned(fees.x, fees.y + stayed)

    def _row_of(self, position: int) -> np.void | None:
        numbers = self.synthetic["position"].tolist()
        return self.synthetic[numbers.index(position)] if position in numbers else None

    def _note(self, position: int, held: PaperPosition) -> None:
        self._held[position] = held
        self._numbers[held.pool].append(position)

    def _drop(self, position: int) -> None:
        self._numbers[self._held.pop(position).pool].remove(position)
        self._seen.pop(position, None)

    def snapshot(self) -> PaperPositionsState:
        """Return all positions."""
        return PaperPositionsState(tuple(self._held.items()), self.synthetic.tobytes())

    def restore(self, state: PaperPositionsState) -> None:
        """Go on from a snapshot."""
        self._held = {}
        self._numbers = [[] for _ in self._pools]
        for position, held in state.positions:
            self._note(position, held)
        self._seen = {}
        self.synthetic = np.frombuffer(state.synthetic, SYNTHETIC).copy()


def _worth(bins: Sequence[Holding]) -> Amounts:
    return sum((held.worth for held in bins), NOTHING)


def _ladder_terms(info: PoolInfo, terms: FeeTerms) -> tuple[int, ...]:
    least = LEAST_BINS[info.venue]
    return terms.rate, terms.protocol_share, int(terms.compounds), terms.spread_bins, info.zero_bin, least
