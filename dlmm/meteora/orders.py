"""Limit orders of the Meteora program: placing, cancelling and what they are worth, accounts afterwards to the byte.

Orders of a bin wait in generations. New ones join the open generation; the first trade that reaches them makes it the
generation in process, and the bin grows a year older. An order remembers the bin's age: as old as the bin, it is
untouched; one year younger, it is filled as far as the generation in process is; younger still, it is filled.
Cancelling an order pays out all of it: what is unfilled, what it bought, and its part of the fees.

Source: the program's behaviour, pinned by the life-cycle rows of the golden vectors.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dlmm.errors import AccountError
from dlmm.liquidity import MAX_U64, NOTHING, Amounts, LiquidityFailure, LiquidityState, PoolTokens, account_rows
from dlmm.meteora.book import FEE_ALWAYS_IN_Y, Book
from dlmm.meteora.instructions.orders import OrderBin
from dlmm.meteora.layout import LIMIT_ORDER, LIMIT_ORDER_BIN, LIMIT_ORDER_DISCRIMINATOR
from dlmm.price import SCALE_BITS
from dlmm.records import Record


class OrderChange(Record, frozen=True):
    """What placing or cancelling an order does.

    :arg user: Change of the user's token accounts; negative when they pay.

    :arg vault: Change of the pool's vaults.

    :arg after: The pool's accounts afterwards.

    :arg limit_order: The order's account afterwards.

    """

    user: Amounts
    vault: Amounts
    after: LiquidityState
    limit_order: bytes


class OrderValue(Record, frozen=True):
    """What an order is worth in one bin, before any transfer fee.

    :arg filled: Part of its amount that was sold, in the token it sells.

    :arg unfilled: Part that was not.

    :arg bought: What the filled part bought, in the other token.

    :arg fee: Its part of the trading fees.

    :arg payout: All that cancelling pays.

    """

    filled: int
    unfilled: int
    bought: int
    fee: Amounts
    payout: Amounts


def place_limit_order(
    before: LiquidityState,
    *,
    lb_pair: bytes,
    owner: bytes,
    is_ask: bool,
    bins: Sequence[OrderBin],
    tokens: PoolTokens,
) -> OrderChange | LiquidityFailure:
    """Place an order.

    :arg lb_pair: The pool's address.

    :arg owner: The owner's address.

    :arg bins: Ascending by bin.

    """
    if any(second.bin_id <= first.bin_id for first, second in pairwise(bins)):
        return _refused("bins do not ascend")
    book = Book(before)
    rows = np.zeros(len(bins), LIMIT_ORDER_BIN)
    for row, order in zip(rows, bins, strict=True):
        if order.amount == 0:
            return _refused(f"nothing to sell in bin {order.bin_id}")
        if order.bin_id < book.active_id if is_ask else order.bin_id > book.active_id:
            return _refused(f"bin {order.bin_id} is across the active bin {book.active_id}")
        book.price(order.bin_id)
        held = book.row(order.bin_id)
        if bool(held["is_ask"]) != is_ask:
            if held["open_order"] or held["processed_remaining"]:
                return _refused(f"bin {order.bin_id} holds orders of the other side")
            if held["total_processing"]:
                held["total_processing"] = 0
                held["order_age"] += 1
            held["is_ask"] = is_ask
        if int(held["open_order"]) + order.amount > MAX_U64:
            return LiquidityFailure("MathOverflow", 6018, f"bin {order.bin_id} cannot hold {order.amount} more")
        held["open_order"] += np.uint64(order.amount)
        book.flag(order.bin_id)
        row["amount"], row["age"], row["bin_id"], row["is_ask"] = order.amount, held["order_age"], order.bin_id, is_ask
    head = np.zeros(1, LIMIT_ORDER)
    head["discriminator"] = np.frombuffer(LIMIT_ORDER_DISCRIMINATOR, np.uint8)
    head["lb_pair"] = np.frombuffer(lb_pair, np.uint8)
    head["owner"] = np.frombuffer(owner, np.uint8)
    head["bin_count"] = len(bins)
    total = sum(order.amount for order in bins)
    sold = Amounts(total, 0) if is_ask else Amounts(0, total)
    paid = tokens.to_send(sold)
    if paid is None:
        return LiquidityFailure("MathOverflow", 6018, f"{total} with its transfer fee")
    return OrderChange(NOTHING - paid, sold, book.after(), head.tobytes() + rows.tobytes())


def cancel_limit_order(
    before: LiquidityState, limit_order: bytes, *, bin_ids: Sequence[int], tokens: PoolTokens
) -> OrderChange | LiquidityFailure:
    """Settle an order in some of its bins; its account stays, with those bins empty."""
    book = Book(before)
    rows = _rows(limit_order).copy()
    places = {int(row["bin_id"]): index for index, row in enumerate(rows)}
    total = NOTHING
    for bin_id in bin_ids:
        if bin_id not in places:
            return LiquidityFailure("InvalidLimitOrder", None, f"bin {bin_id} is not of the order")
        row = rows[places[bin_id]]
        if row["amount"] == 0 and row["age"] == 0:
            return LiquidityFailure("CancelNonEmptyLimitOrder", 6109, f"bin {bin_id} of the order is empty already")
        value = _value(book, row)
        _settle(book, row, value)
        total += value.payout
        row["amount"] = row["age"] = row["is_ask"] = 0
    head = limit_order[: LIMIT_ORDER.itemsize]
    rest = limit_order[LIMIT_ORDER.itemsize + rows.nbytes :]
    return OrderChange(tokens.arrives(total), NOTHING - total, book.after(), head + rows.tobytes() + rest)


def order_values(state: LiquidityState, limit_order: bytes) -> dict[int, OrderValue]:
    """Return what an order is worth, by bin.

    :arg state: The pool, with the bin arrays of the order's bins; its position may be empty.

    """
    book = Book(state)
    return {int(row["bin_id"]): _value(book, row) for row in _rows(limit_order)}


def _refused(reason: str) -> LiquidityFailure:
    return LiquidityFailure("InvalidPlaceLimitOrderParameters", 6105, reason)


def _rows(limit_order: bytes) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    head = account_rows("limit_order", limit_order[: LIMIT_ORDER.itemsize], LIMIT_ORDER, LIMIT_ORDER_DISCRIMINATOR)
    count = int(head[0]["bin_count"])
    if len(limit_order) < LIMIT_ORDER.itemsize + count * LIMIT_ORDER_BIN.itemsize:
        raise AccountError("limit_order", f"length {len(limit_order)} is too short for {count} bins")
    return np.frombuffer(limit_order, LIMIT_ORDER_BIN, count=count, offset=LIMIT_ORDER.itemsize)


def _value(book: Book, order: np.void) -> OrderValue:
    bin_id, amount, is_ask = int(order["bin_id"]), int(order["amount"]), bool(order["is_ask"])
    held = book.row(bin_id)
    unfilled = _unfilled(amount, int(held["order_age"]) - int(order["age"]), held)
    filled = amount - unfilled
    price = book.price(bin_id)
    bought = filled * price >> SCALE_BITS if is_ask else (filled << SCALE_BITS) // price
    fulfilled = int(held["fulfilled_x" if is_ask else "fulfilled_y"])
    fee = int(held["order_fee_ask" if is_ask else "order_fee_bid"]) * filled // fulfilled if fulfilled else 0
    fee_in_y = is_ask or book.collect_fee_mode == FEE_ALWAYS_IN_Y
    fees = Amounts(0, fee) if fee_in_y else Amounts(fee, 0)
    payout = fees + (Amounts(unfilled, bought) if is_ask else Amounts(bought, unfilled))
    return OrderValue(filled, unfilled, bought, fees, payout)


def _unfilled(amount: int, years: int, held: np.void) -> int:
    if years == 0:
        return amount
    total, remaining = int(held["total_processing"]), int(held["processed_remaining"])
    if years > 1 or total == 0 or remaining == 0:
        return 0
    return -(-amount * remaining // total)


def _settle(book: Book, order: np.void, value: OrderValue) -> None:
    """Take an order out of its bin, and let the bin start afresh when that leaves nothing of any order."""
    bin_id, is_ask = int(order["bin_id"]), bool(order["is_ask"])
    held = book.row(bin_id)
    years = int(held["order_age"]) - int(order["age"])
    if years == 0:
        held["open_order"] -= np.uint64(value.unfilled)
    else:
        if years == 1:
            held["total_processing"] -= order["amount"]
            held["processed_remaining"] -= np.uint64(value.unfilled)
        held["fulfilled_x" if is_ask else "fulfilled_y"] -= np.uint64(value.filled)
        held["order_fee_ask" if is_ask else "order_fee_bid"] -= np.uint64(value.fee.x + value.fee.y)
    if not any(held[name] for name in _TRACES):
        held["order_age"] = 0
    book.flag(bin_id)


_TRACES = ("open_order", "processed_remaining", "fulfilled_x", "fulfilled_y")
