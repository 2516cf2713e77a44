"""What a valuation sees of a position on chain, so that the next one can tell which fees were earned in between.

On Meteora a position's fees are counted in its own account and in its bins: what it has claimed, and what it can claim.
On Saros they stay in the bins: a bin's liquidity per share grows by them, at the bin's price.
"""

from dlmm.liquidity import NOTHING, Amounts, LiquidityState
from dlmm.meteora.book import Book
from dlmm.meteora.positions import claimed_fees, position_value
from dlmm.records import Record, Venue
from dlmm.saros.liquidity import HeldBin, position_bins, position_shares
from operators.paper.holdings import RecordedBin, grown, price_of
from operators.pools import PoolInfo
from operators.positions.bin_conversions import FeesEarned


class Look(Record, frozen=True):
    """A position as it was valued.

    :arg worth: What it held, fees included.

    :arg fees: Meteora: all that it ever earned, claimed or not.

    :arg bins: Saros: its bins, by their ids.

    """

    worth: Amounts
    fees: Amounts
    bins: dict[int, HeldBin]


UNSEEN = Look(NOTHING, NOTHING, {})
"""Of a position that was just made: it has earned nothing yet."""


def look_at(venue: Venue, state: LiquidityState) -> Look:
    """Value a position.

    :raises DlmmError: An account is not what it should be.

    :raises ZeroDivisionError: Its bins are older than the position; likewise `OverflowError`.

    """
    if venue is Venue.SAROS:
        bins = position_bins(state)
        return Look(sum((held.worth for held in bins.values()), NOTHING), NOTHING, bins)
    value = position_value(state)
    return Look(value.total, value.fees + claimed_fees(state.position), {})


def lacks_bins(venue: Venue, state: LiquidityState) -> bool:
    """Tell whether a position holds shares of bins that are in no array given, and are worth nothing in a look.

    :raises DlmmError: An account is not what it should be.

    """
    if venue is Venue.SAROS:
        return len(position_bins(state)) < sum(share > 0 for share in position_shares(state.position))
    book = Book(state)
    bins = range(book.lower_bin_id, book.upper_bin_id + 1)
    return any(book.share(bin_id) and not book.has_position_bin(bin_id) for bin_id in bins)


def earned_between(before: Look, now: Look, info: PoolInfo) -> FeesEarned:
    """Return the fees that a position earned from one look to the next.

    On Saros those of the shares that it held at both.
    """
    fees = now.fees - before.fees
    stayed = 0.0
    for bin_id, there in now.bins.items():
        seen = before.bins.get(bin_id)
        if seen is not None and seen.supply and there.supply:
            share, price = min(seen.share, there.share), price_of(bin_id - info.zero_bin, info.bin_step)
            then, since = RecordedBin(seen.reserves, seen.supply), RecordedBin(there.reserves, there.supply)
            stayed += grown((share, then), (share, since), price)
    return FeesEarned(fees.x, fees.y + stayed)
