"""Deposits, withdrawals and claims of the Meteora program: amounts that move and accounts afterwards, to the byte.

Functions take account bytes and give new ones; the tokens' mints say what Token-2022 withholds on the way. A position's
share of a bin earns fees by its whole part; they are credited to the position whenever its share of that bin changes.

Source: the program's behaviour, pinned by the life-cycle rows of the golden vectors.
"""

from collections.abc import Sequence
from itertools import pairwise

from dlmm.liquidity import (
    MAX_U64,
    MAX_U128,
    NOTHING,
    Amounts,
    BinChange,
    LiquidityChange,
    LiquidityFailure,
    LiquidityState,
    PoolTokens,
    amounts_for,
    composition_fees,
    liquidity_of,
    part_of,
    share_for,
)
from dlmm.meteora.book import FEE_ALWAYS_IN_Y, Book
from dlmm.meteora.instructions.liquidity import BinShare, StrategyDeposit
from dlmm.meteora.pdas import bin_array_index
from dlmm.meteora.strategies import spread

_SOURCE = "instructions/deposit/add_liquidity.rs"
_OUTSIDE = "state/dynamic_position.rs:328"
_FEE = f"{_SOURCE}:402"
_ACTIVE_PLACES = (f"{_SOURCE}:354", f"{_SOURCE}:360", f"{_SOURCE}:355")
_BIN_PLACES = ("state/bin.rs:302", "state/bin.rs:303", "state/bin.rs:304")


def add_liquidity(
    before: LiquidityState, *, amount_x: int, amount_y: int, shares: Sequence[BinShare], tokens: PoolTokens, time: int
) -> LiquidityChange | LiquidityFailure:
    """Deposit by a share for every bin, as `add_liquidity2` does.

    :arg amount_x: What the basis points are taken from, transfer fee included; raw units.

    :arg amount_y: The same for Y.

    :arg time: Clock sysvar's unix timestamp.

    """
    sums = (sum(share.share_x_bps for share in shares), sum(share.share_y_bps for share in shares))
    if sums != (10_000, 10_000):
        return LiquidityFailure("InvalidInput", 6002, f"shares sum to {sums[0]} and {sums[1]}")
    if any(second.bin_id <= first.bin_id for first, second in pairwise(shares)):
        return LiquidityFailure("InvalidInput", 6002, "bins do not ascend")
    book = Book(before)
    width = book.upper_bin_id - book.lower_bin_id + 1
    if not 0 < len(shares) <= width:
        return LiquidityFailure("InvalidInput", 6002, f"{len(shares)} shares for {width} bins")
    given = tokens.arrives(Amounts(amount_x, amount_y))
    wanted = [
        (row.bin_id, Amounts(part_of(given.x, row.share_x_bps), part_of(given.y, row.share_y_bps))) for row in shares
    ]
    return deposit(before, wanted, tokens=tokens, time=time)


def add_liquidity_by_strategy(
    before: LiquidityState, wanted: StrategyDeposit, *, tokens: PoolTokens, time: int
) -> LiquidityChange | LiquidityFailure:
    """Deposit as the program spreads it, as `add_liquidity_by_strategy` and its second form do.

    :arg time: Clock sysvar's unix timestamp.

    """
    parts = strategy_parts(before, wanted, tokens)
    if isinstance(parts, LiquidityFailure):
        return parts
    return deposit(before, parts, tokens=tokens, time=time)


def strategy_parts(
    before: LiquidityState, wanted: StrategyDeposit, tokens: PoolTokens
) -> list[tuple[int, Amounts]] | LiquidityFailure:
    """Return what each bin is to receive of a deposit that the program spreads, ascending.

    A balanced strategy follows what the active bin holds; without its array, it counts as empty.

    """
    book = Book(before)
    if abs(book.active_id - wanted.active_id) > wanted.max_active_bin_slippage:
        return LiquidityFailure(
            "ExceededBinSlippageTolerance", 6004, f"the active bin is {book.active_id}, not {wanted.active_id}"
        )
    reserves = NOTHING
    if bin_array_index(book.active_id) in before.bin_arrays:
        reserves, _ = book.bin(book.active_id)
    return spread(
        wanted.strategy,
        tokens.arrives(Amounts(wanted.amount_x, wanted.amount_y)),
        min_bin_id=wanted.min_bin_id,
        max_bin_id=wanted.max_bin_id,
        active_id=book.active_id,
        bin_step=book.bin_step,
        active_reserves=reserves,
        favor_x=wanted.favor_x,
    )


def deposit(
    before: LiquidityState, wanted: Sequence[tuple[int, Amounts]], *, tokens: PoolTokens, time: int
) -> LiquidityChange | LiquidityFailure:
    """Deposit given amounts into bins, ascending.

    A bin that takes nothing need not be the position's; its fees are noted wherever the account has a slot for it.

    """
    book = Book(before)
    changes: list[BinChange] = []
    total = fees = protocol = NOTHING
    if any(bin_id == book.active_id and amounts != NOTHING for bin_id, amounts in wanted):
        book.refresh_volatility(time)
    for bin_id, amounts in wanted:
        if not book.has_slot(bin_id):
            return LiquidityFailure("InvalidPosition", None, f"no room or no array for bin {bin_id}")
        book.settle_slot(bin_id)
        if amounts == NOTHING:
            continue
        crossed = _crossed(bin_id, amounts, book.active_id)
        if crossed is not None:
            return crossed
        if not book.has_position_bin(bin_id):
            return LiquidityFailure("InvalidPosition", 6008, f"bin {bin_id} is not of the position", _OUTSIDE)
        price = book.price(bin_id)
        reserves, supply = book.bin(bin_id)
        share = _minted(amounts, reserves, supply, price)
        if max(share, liquidity_of(amounts, price)) > MAX_U128:
            return LiquidityFailure("TypeCastFailed", 6019, f"a share of {share} in bin {bin_id}")
        fee = kept = NOTHING
        if bin_id == book.active_id and supply > 0:
            full = _full(bin_id, reserves + amounts, supply + share, _ACTIVE_PLACES)
            if full is not None:
                return full
            fee = composition_fees(
                amounts,
                reserves=reserves,
                supply=supply,
                share=share,
                rate=book.fee_rate(),
                always_in_y=book.collect_fee_mode == FEE_ALWAYS_IN_Y,
            )
            if fee.y > amounts.y:
                return LiquidityFailure("MathOverflow", 6018, f"a fee of {fee.y} on {amounts.y} of token Y", _FEE)
            if fee != NOTHING:
                kept = Amounts(part_of(fee.x, book.protocol_share), part_of(fee.y, book.protocol_share))
                share = _minted(amounts - fee, reserves + fee - kept, supply, price)
        after = reserves + amounts - kept
        full = _full(bin_id, after, supply + share, _BIN_PLACES)
        if full is not None:
            return full
        book.set_bin(bin_id, after, supply + share)
        book.add_share(bin_id, share)
        total, fees, protocol = total + amounts, fees + fee, protocol + kept
        changes.append(BinChange(bin_id, amounts, share))
    book.add_protocol_fee(protocol)
    book.touch(time)
    paid = tokens.to_send(total)
    if paid is None:
        return LiquidityFailure("MathOverflow", 6018, f"{total.x} and {total.y} with transfer fees")
    return LiquidityChange(tuple(changes), NOTHING - paid, total, fees, protocol, book.after())


def remove_liquidity(
    before: LiquidityState, *, from_bin_id: int, to_bin_id: int, bps: int, tokens: PoolTokens, time: int
) -> LiquidityChange | LiquidityFailure:
    """Withdraw the same part of a position's share in each bin of a range.

    :arg bps: Basis points of the share, 1 to 10,000.

    :arg time: Clock sysvar's unix timestamp.

    """
    book = Book(before)
    changes: list[BinChange] = []
    total = NOTHING
    for bin_id in range(from_bin_id, to_bin_id + 1):
        book.settle(bin_id)
        share = part_of(book.share(bin_id), bps)
        if share == 0:
            continue
        reserves, supply = book.bin(bin_id)
        amounts = amounts_for(share, supply=supply, reserves=reserves)
        book.set_bin(bin_id, reserves - amounts, supply - share)
        book.add_share(bin_id, -share)
        total += amounts
        changes.append(BinChange(bin_id, amounts, share))
    book.touch(time)
    return LiquidityChange(tuple(changes), tokens.arrives(total), NOTHING - total, NOTHING, NOTHING, book.after())


def claim_fees(
    before: LiquidityState, *, min_bin_id: int, max_bin_id: int, tokens: PoolTokens, time: int
) -> LiquidityChange:
    """Collect the fees of a range of a position's bins, both ends included.

    :arg time: Clock sysvar's unix timestamp.

    """
    book = Book(before)
    total = NOTHING
    for bin_id in range(min_bin_id, max_bin_id + 1):
        book.settle(bin_id)
        total += book.take_pending(bin_id)
    book.add_claimed(total)
    book.touch(time)
    return LiquidityChange((), tokens.arrives(total), NOTHING - total, NOTHING, NOTHING, book.after())


def _crossed(bin_id: int, amounts: Amounts, active_id: int) -> LiquidityFailure | None:
    """Refuse a token on the wrong side of the active bin."""
    if amounts.x and bin_id < active_id:
        return LiquidityFailure("CompositionFactorFlawed", 6005, f"token X in bin {bin_id}", f"{_SOURCE}:515")
    if amounts.y and bin_id > active_id:
        return LiquidityFailure("CompositionFactorFlawed", 6005, f"token Y in bin {bin_id}", f"{_SOURCE}:519")
    return None


def _full(bin_id: int, held: Amounts, supply: int, places: tuple[str, str, str]) -> LiquidityFailure | None:
    """Refuse sums that fit no 64 bits, or no 128.

    :arg places: Where the program adds X, Y and the supply; it does so in the order of the lines.

    """
    sums = zip(places, (held.x, held.y, supply), (MAX_U64, MAX_U64, MAX_U128), strict=True)
    for place, total, most in sorted(sums):
        if total > most:
            return LiquidityFailure("MathOverflow", 6018, f"bin {bin_id} cannot hold {total}", place)
    return None


def _minted(amounts: Amounts, reserves: Amounts, supply: int, price: int) -> int:
    liquidity = liquidity_of(amounts, price)
    if supply == 0:
        return liquidity
    return share_for(liquidity, supply=supply, bin_liquidity=liquidity_of(reserves, price))
