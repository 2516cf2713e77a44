"""What a deposit mints in a recorded pool, by the venue's own arithmetic; the recorded accounts stay as they are."""

import numpy as np

from dlmm.errors import DlmmError
from dlmm.liquidity import (
    BASIS_POINTS,
    NOTHING,
    Amounts,
    BinChange,
    LiquidityChange,
    LiquidityFailure,
    LiquidityState,
    PoolTokens,
)
from dlmm.meteora import layout as meteora
from dlmm.meteora import liquidity as meteora_liquidity
from dlmm.meteora.bitmap import PAIR_RANGE
from dlmm.meteora.pdas import bin_array_indices
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.positions import new_bin_array, new_position
from dlmm.records import Clock, Record, Venue
from dlmm.saros import layout as saros
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.liquidity import create_position, increase_position
from dlmm.saros.pool import SarosPool
from dlmm.shapes import apportion
from dlmm.spreads import BinSpan, cut
from dlmm.swap import Pool
from operators.paper.spreading import Spread

_NO_KEY = bytes(32)


class RefusedDeposit(DlmmError):
    """A deposit that the program would not take.

    :arg code: The program's error; `None` where it would die without one.

    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        """Keep the code."""
        super().__init__(reason)
        self.code = code


class Minted(Record, frozen=True):
    """What a deposit brought.

    :arg bins: What went into each bin, and the shares of it.

    :arg paid: What left the wallet, transfer fees included.

    """

    bins: tuple[BinChange, ...]
    paid: Amounts


def pool_tokens(pool: Pool, clock: Clock) -> PoolTokens:
    """Return the pool's mints at a time."""
    return PoolTokens(pool.mint_x, pool.mint_y, clock.epoch)


def mint(pool: Pool, lower: int, upper: int, wanted: Spread, clock: Clock) -> Minted:
    """Deposit into the bins of a position, position by position as it is cut on chain.

    :arg wanted: Raw units for each bin. On Meteora they are what arrives; on Saros what is sent, and each position's
        bins get it in basis points of its sum, as the program takes it.

    :raises RefusedDeposit: The program would fail.

    """
    changes: list[BinChange] = []
    paid = NOTHING
    for part in cut(pool.venue, lower, upper):
        bins = {bin_id: amounts for bin_id, amounts in wanted.items() if part.lower <= bin_id <= part.upper}
        if not bins:
            continue
        try:
            deposit = (
                _on_saros(pool, part, bins, clock)
                if isinstance(pool, SarosPool)
                else _on_meteora(pool, part, bins, clock)
            )
        except (ZeroDivisionError, OverflowError):  # a bin with shares of nothing, or counters that are full
            raise RefusedDeposit(f"bins {part.lower} to {part.upper} take no deposit") from None
        if isinstance(deposit, LiquidityFailure):
            raise RefusedDeposit(f"{deposit.name}: {deposit.reason}", deposit.code)
        changes += deposit.bins
        paid -= deposit.user
    return Minted(tuple(changes), paid)


def arriving(pool: Pool, amounts: Amounts, clock: Clock) -> Amounts:
    """Return what of amounts the venue's program spreads: what arrives of them on Meteora, all on Saros."""
    return amounts if pool.venue is Venue.SAROS else pool_tokens(pool, clock).arrives(amounts)


def _on_meteora(pool: MeteoraPool, part: BinSpan, bins: Spread, clock: Clock) -> LiquidityChange | LiquidityFailure:
    position = new_position(
        lb_pair=_NO_KEY,
        owner=_NO_KEY,
        lower_bin_id=part.lower,
        width=part.upper - part.lower + 1,
        time=clock.unix_timestamp,
    )
    if isinstance(position, LiquidityFailure):
        return position
    held = {int(array["index"]): array.tobytes() for array in pool.arrays}
    indices = bin_array_indices(part.lower, part.upper)
    step = pool.bin_step
    arrays = {index: held.get(index) or new_bin_array(lb_pair=_NO_KEY, index=index, bin_step=step) for index in indices}
    extension = pool.extension.tobytes() if len(pool.extension) else None
    if extension is None and not all(-PAIR_RANGE <= index < PAIR_RANGE for index in indices):
        extension = _new_account(meteora.BITMAP_EXTENSION, meteora.EXTENSION_DISCRIMINATOR)
    return meteora_liquidity.deposit(
        LiquidityState(pool.pair.tobytes(), position, arrays, extension),
        list(bins.items()),
        tokens=pool_tokens(pool, clock),
        time=clock.unix_timestamp,
    )


def _on_saros(pool: SarosPool, part: BinSpan, bins: Spread, clock: Clock) -> LiquidityChange | LiquidityFailure:
    active_id, pair = pool.active_id, pool.pair.tobytes()
    position = create_position(
        pair_address=_NO_KEY,
        pair=pair,
        position_mint=_NO_KEY,
        relative_bin_id_left=part.lower - active_id,
        relative_bin_id_right=part.upper - active_id,
    )
    if isinstance(position, LiquidityFailure):
        return position
    held = {int(array["index"]): array.tobytes() for array in pool.arrays}
    width = saros.BINS_PER_ARRAY
    arrays = {
        index: held.get(index) or _new_account(saros.BIN_ARRAY, saros.BIN_ARRAY_DISCRIMINATOR)
        for index in range(part.lower // width, part.upper // width + 1)
    }
    places = range(part.lower - active_id, part.upper - active_id + 1)
    given = [bins.get(active_id + place, NOTHING) for place in places]
    in_x, in_y = _basis_points([one.x for one in given]), _basis_points([one.y for one in given])
    return increase_position(
        LiquidityState(pair, position, arrays),
        amount_x=sum(one.x for one in given),
        amount_y=sum(one.y for one in given),
        shares=[LiquidityShare(*row) for row in zip(places, in_x, in_y, strict=True)],
        tokens=pool_tokens(pool, clock),
    )


def _basis_points(amounts: list[int]) -> list[int]:
    return apportion(BASIS_POINTS, amounts) if any(amounts) else [0] * len(amounts)


def _new_account(layout: np.dtype[np.void], discriminator: bytes) -> bytes:
    rows = np.zeros(1, layout)
    rows["discriminator"] = np.frombuffer(discriminator, np.uint8)
    return rows.tobytes()
