"""Compute units of the Meteora program's deposits, fitted to what it used in process: mostly within two per cent."""

from collections.abc import Sequence

from msgspec import structs

from dlmm.liquidity import NOTHING, LiquidityChange
from dlmm.meteora.book import Book
from dlmm.meteora.pdas import bin_array_indices
from dlmm.records import Record
from sandbox.model.meteora.life_units import Ends


class DepositUnits(Record, frozen=True):
    """What a deposit uses up to its first call, by what it does; the fields of `DepositWork` say of what each is one.

    :arg base: Whatever it does.

    :arg ends: Between its calls and after them.

    """

    base: int
    bin: int
    ask: int
    positive: int
    changed: int
    changed_x: int
    filled: int
    held: int
    reached: int
    joined: int
    fee: int
    array: int
    extension: int
    token_2022: int
    width: int
    balanced: int
    ends: Ends


class DepositWork(Record, frozen=True):
    """What a deposit does.

    :arg bin: Bins that it names.

    :arg ask: Those above the active bin, whose share is weighed by their prices.

    :arg positive: Those of them above bin 0, whose prices take a division more.

    :arg changed: Bins that take something.

    :arg changed_x: Bins that take X.

    :arg filled: Bins that take something and held something before.

    :arg held: Bins that the position has a share of already, of those that it settles.

    :arg reached: 1 where the active bin is between its bins.

    :arg joined: 1 where the active bin takes something and held something before.

    :arg fee: 1 where there is a composition fee.

    :arg array: Bin arrays of its bins.

    :arg extension: 1 where the bitmap extension was passed.

    :arg token_2022: How many of the mints are of Token-2022.

    :arg width: Bins of the position.

    :arg balanced: 1 where the spread follows the active bin's mix.

    """

    bin: int
    ask: int
    positive: int
    changed: int
    changed_x: int
    filled: int
    held: int
    reached: int
    joined: int
    fee: int
    array: int
    extension: int
    token_2022: int
    width: int
    balanced: int


SHARES = DepositUnits(
    base=16_418,
    bin=1_093,
    ask=0,
    positive=0,
    changed=1_239,
    changed_x=429,
    filled=1_158,
    held=741,
    reached=0,
    joined=4_886,
    fee=4_519,
    array=830,
    extension=224,
    token_2022=2_807,
    width=0,
    balanced=0,
    ends=Ends(1_543, 1_856, 820),
)
STRATEGY_2 = DepositUnits(
    base=16_534,
    bin=881,
    ask=3_557,
    positive=1_056,
    changed=951,
    changed_x=956,
    filled=1_476,
    held=657,
    reached=2_702,
    joined=1_975,
    fee=6_227,
    array=1_006,
    extension=762,
    token_2022=3_099,
    width=0,
    balanced=9_308,
    ends=Ends(1_543, 1_856, 820),
)
STRATEGY = DepositUnits(
    base=16_914,
    bin=340,
    ask=3_488,
    positive=1_148,
    changed=940,
    changed_x=1_067,
    filled=1_516,
    held=695,
    reached=3_156,
    joined=0,
    fee=8_161,
    array=304,
    extension=554,
    token_2022=0,
    width=412,
    balanced=10_042,
    ends=Ends(1_690, 2_640, 1_050),
)


def deposited(units: DepositUnits, work: DepositWork) -> int:
    """Estimate what a deposit uses up to its first transfer."""
    costs: dict[str, int] = structs.asdict(units)
    counts: dict[str, int] = structs.asdict(work)
    return units.base + sum(costs[name] * count for name, count in counts.items())


def work_of(
    book: Book,
    bins: Sequence[int],
    done: LiquidityChange,
    *,
    settles_all: bool,
    balanced: bool,
    extension: bool,
    token_2022: int,
) -> DepositWork:
    """Count what a deposit does.

    :arg book: The accounts before.

    :arg bins: Bins that it names, ascending.

    :arg done: What became of it.

    :arg settles_all: Whether it settles all of the position's bins, as the older instruction does.

    """
    active_id = book.active_id
    filled = [change.bin_id for change in done.bins if book.bin(change.bin_id)[1]]
    settled = range(book.lower_bin_id, book.upper_bin_id + 1) if settles_all else bins
    return DepositWork(
        bin=len(bins),
        ask=sum(1 for bin_id in bins if bin_id > active_id),
        positive=sum(1 for bin_id in bins if bin_id > max(active_id, 0)),
        changed=len(done.bins),
        changed_x=sum(1 for change in done.bins if change.amounts.x),
        filled=len(filled),
        held=sum(1 for bin_id in settled if book.has_position_bin(bin_id) and book.share(bin_id)),
        reached=int(bins[0] <= active_id <= bins[-1]),
        joined=int(active_id in filled),
        fee=int(done.composition_fee != NOTHING),
        array=len(bin_array_indices(bins[0], bins[-1])),
        extension=int(extension),
        token_2022=token_2022,
        width=book.upper_bin_id - book.lower_bin_id + 1,
        balanced=int(balanced),
    )
