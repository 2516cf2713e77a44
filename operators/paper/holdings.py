"""What a paper position has in one bin of a recorded pool, and how it follows what the recording shows of that bin.

The position holds a *share* of a bin, minted as the program would have minted it, though the recorded supply knows
nothing of it. So it is worth `share / supply` of the recorded reserves, converts as they do, and earns what they earn,
each growth made smaller by `supply / (supply + share)`: the recorded swaps would have paid the same fee to a larger
bin. Where the recording has no supply there is nothing to follow; the position's tokens there are its *own*, and turn
whole when the active bin has left them behind. All sums are exact and rounded down.
"""

from functools import lru_cache

from dlmm.liquidity import MAX_U128, NOTHING, Amounts, amounts_for, liquidity_of, part_of, share_for
from dlmm.price import SCALE_BITS, price_x64
from dlmm.records import Record
from dlmm.wide import U64
from operators.paper.conversion import FeeTerms, passed

ABOVE, ACTIVE, BELOW = 1, 0, -1
"""Where a bin lies, seen from the active one."""

_LOW = (1 << 64) - 1
_MOST_GROWTH = MAX_U128 >> 1
"""A counter that grew by more went backwards: the recording has a gap, and nothing was earned in it."""


class RecordedBin(Record, frozen=True):
    """A bin as the recording shows it.

    :arg supply: Shares of all liquidity providers.

    :arg fee_x: Fees ever earned per whole share, Q64.64; 0 on Saros, whose fees are in the reserves.

    """

    reserves: Amounts = NOTHING
    supply: int = 0
    fee_x: int = 0
    fee_y: int = 0


EMPTY = RecordedBin()


class Holding(Record, frozen=True):
    """What a position has in one bin.

    :arg share: Of the bin's recorded supply.

    :arg own: Tokens in a bin without supply.

    :arg seen: The bin when the position looked last.

    """

    share: int = 0
    own: Amounts = NOTHING
    seen: RecordedBin = EMPTY

    @property
    def worth(self) -> Amounts:
        """Return what withdrawing it gives."""
        return self.own + amounts_for(self.share, supply=self.seen.supply, reserves=self.seen.reserves)


price_of = lru_cache(maxsize=4096)(price_x64)
"""The same bins are looked at again and again."""


def follow(held: Holding, now: RecordedBin, place: int, price: int, terms: FeeTerms) -> tuple[Holding, Amounts, float]:
    """Take a holding on to what the recording shows now.

    :arg place: `ABOVE`, `ACTIVE` or `BELOW` the active bin.

    :arg price: Of the bin, Q64.64.

    :returns: The holding; since it looked last, the fees that wait to be claimed, and those that stay in the bin, raw Y
        at its price.

    """
    if held.share and now.supply:
        share = _diluted(held.share, held.seen, now, price)
        kept = grown((held.share, held.seen), (share, now), price)
        return Holding(share, held.own, now), _earned(held.share, held.seen, now), kept
    own = held.worth  # where those who gave the bin its supply have left, their part of the price's way is ours alone
    if own == NOTHING:
        return Holding(0, NOTHING, now), NOTHING, 0.0
    own, fee, kept = _turned(own, place, price, terms)
    there = liquidity_of(now.reserves, price)
    share = share_for(liquidity_of(own, price), supply=now.supply, bin_liquidity=there) if there else 0
    return (Holding(share, NOTHING, now) if share else Holding(0, own, now)), fee, kept


def withdrawn(held: Holding, bps: int) -> tuple[Holding, Amounts]:
    """Take a part of a holding out of its bin.

    :arg bps: Basis points of the share, which is rounded down first, as the programs do.

    :returns: What stays, and what comes out.

    """
    share = part_of(held.share, bps)
    out = amounts_for(share, supply=held.seen.supply, reserves=held.seen.reserves)
    own = Amounts(part_of(held.own.x, bps), part_of(held.own.y, bps))
    return Holding(held.share - share, held.own - own, held.seen), out + own


def grown(before: tuple[int, RecordedBin], after: tuple[int, RecordedBin], price: int) -> float:
    """Return what a share of a bin grew by in worth at the bin's price, raw Y: fees that stayed in it; never a loss.

    :arg before: The share, and the bin then; both bins have supply.

    """
    (share, seen), (stays, now) = before, after
    there = liquidity_of(now.reserves, price) * stays * seen.supply
    was = liquidity_of(seen.reserves, price) * share * now.supply
    return (there - was) / (seen.supply * now.supply << SCALE_BITS) if there > was else 0.0


def _diluted(share: int, seen: RecordedBin, now: RecordedBin, price: int) -> int:
    """Return the share that is worth what it was, and of what each share grew since the part that we would have got.

    A swap leaves the value at the bin's price as it is, but for fees that stay in the reserves: all of Saros's, and
    what a deposit in the active bin pays on Meteora.
    """
    before = liquidity_of(seen.reserves, price) * now.supply
    after = liquidity_of(now.reserves, price) * seen.supply
    if after <= before:
        return share
    return share * (before * share + after * now.supply) // (after * (now.supply + share))


def _earned(share: int, seen: RecordedBin, now: RecordedBin) -> Amounts:
    whole, parts = share >> SCALE_BITS, now.supply + share
    grown = ((now.fee_x - seen.fee_x) & MAX_U128, (now.fee_y - seen.fee_y) & MAX_U128)
    x, y = (whole * by * now.supply // (parts << SCALE_BITS) if by <= _MOST_GROWTH else 0 for by in grown)
    return Amounts(x, y)


def _turned(own: Amounts, place: int, price: int, terms: FeeTerms) -> tuple[Amounts, Amounts, float]:
    """Turn what the active bin has left behind.

    :returns: What is in the bin then; the fee that waits to be claimed, and the one that stays, raw Y.

    """
    to_y = place == BELOW
    amount = own.x if to_y else own.y
    if place == ACTIVE or amount == 0:
        return own, NOTHING, 0.0
    halves = U64(price >> SCALE_BITS), U64(price & _LOW)
    got, fee, fits = passed(U64(amount), *halves, to_y, U64(terms.rate), U64(terms.protocol_share))
    if not fits:
        return own, NOTHING, 0.0
    turned = Amounts(0, own.y + int(got)) if to_y else Amounts(own.x + int(got), 0)
    paid = Amounts(0, int(fee)) if to_y else Amounts(int(fee), 0)
    if terms.compounds:
        return turned + paid, NOTHING, liquidity_of(paid, price) / (1 << SCALE_BITS)
    return turned, paid, 0.0
