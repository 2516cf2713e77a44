"""`increase_position`, `decrease_position` and `close_position`: liquidity in and out, and the events about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dlmm.liquidity import (
    MAX_U64,
    MAX_U128,
    Amounts,
    BinChange,
    LiquidityChange,
    LiquidityFailure,
    LiquidityState,
    PoolTokens,
    liquidity_of,
    part_of,
)
from dlmm.price import price_x64
from dlmm.records import Record
from dlmm.saros import liquidity
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.layout import BIN_ARRAY, BINS_PER_ARRAY, MIDDLE_BIN_ID, PAIR, POSITION
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.saros import errors, events, units
from sandbox.model.saros.accounts import CHANGE_POSITION, Accounts, read_accounts
from sandbox.model.saros.constraints import borrow_arrays, check_position_change
from sandbox.model.saros.errors import anchor_error, panic
from sandbox.model.saros.heap import (
    BURN_BYTES,
    CLOSE_BYTES,
    CLOSE_INPUT_BYTES,
    COMPOSITION_EVENT_BYTES,
    TRANSFER_BYTES,
    Heap,
    deposit_extension_bytes,
    withdrawal_extension_bytes,
)
from sandbox.model.saros.transfers import burn_nft, close_nft_account, pay_in, pay_out, tokens_of

_AMOUNT_PLACE = "manager/liquidity_manager.rs:32:14"
_X_BELOW_PLACE = "instructions/increase_position.rs:213"
_Y_ABOVE_PLACE = "instructions/increase_position.rs:217"
_BIN_RICH_PLACE = "state/bin.rs:76"
_BIN_FULL_PLACES = ("state/bin.rs:78:17", "state/bin.rs:79:17")
_SHARE_BYTES = 8
_BURNED_SHARE_BYTES = 16

_Outcome = LiquidityChange | LiquidityFailure


class Deposit(Record, frozen=True):
    """What `increase_position` asks for."""

    amount_x: int
    amount_y: int
    shares: tuple[LiquidityShare, ...]


@dataclass(frozen=True, slots=True)
class _Opened:
    """An instruction whose accounts are checked."""

    accounts: Accounts
    state: LiquidityState
    arrays: Mapping[int, NDArray[np.void]]
    tokens: PoolTokens

    def heap(self, input_bytes: int, extended: int) -> Heap:
        different = {meta.pubkey for meta in self.accounts.invocation.metas}
        return Heap(input_bytes, accounts=len(different), extended=extended)

    def take_rows(self, heap: Heap, rows: Sequence[BinChange], cost: Callable[[Sequence[BinChange]], int]) -> None:
        """Use heap and compute units for the bins done.

        :arg cost: What some bins take.

        :raises ProgramError: The heap or the compute budget does not suffice.

        """
        upper, done = max(self.arrays), 0
        try:
            for row in rows:
                heap.take_row(is_upper=row.bin_id // BINS_PER_ARRAY == upper)
                done += 1
        finally:
            self.accounts.invocation.consume(cost(rows[:done]))


def run_increase(invocation: Invocation, deposit: Deposit) -> None:
    """Run `increase_position`.

    :raises ProgramError: The program's refusals, in its order.

    """
    invocation.consume(units.SHARE_UNITS * len(deposit.shares))
    opened = _open(_check(invocation))
    accounts, tokens = opened.accounts, opened.tokens
    outcome, rows = _attempted(
        len(deposit.shares),
        lambda count: liquidity.increase_position(
            opened.state,
            amount_x=deposit.amount_x,
            amount_y=deposit.amount_y,
            shares=deposit.shares[:count],
            tokens=tokens,
        ),
    )
    totals = {"x": sum(row.amounts.x for row in rows), "y": sum(row.amounts.y for row in rows)}
    moved = [totals[side] > 0 for side in ("x", "y") if accounts.is_extended(f"token_mint_{side}")]
    heap = opened.heap(_SHARE_BYTES * len(deposit.shares), deposit_extension_bytes(moved))
    opened.take_rows(heap, rows, lambda done: units.deposit_units(done, opened.arrays, tokens))
    if isinstance(outcome, LiquidityFailure):
        raise _deposit_refusal(opened, outcome, deposit, rows)
    pay_in(accounts, "x", -outcome.user.x)
    heap.take(TRANSFER_BYTES)
    pay_in(accounts, "y", -outcome.user.y)
    _write(accounts, outcome.after)
    pair = accounts.key("pair")
    heap.take_event()
    invocation.consume(units.position_event_units(len(rows)))
    events.send(invocation, events.position_increase(pair, accounts.key("position"), rows))
    charged = [row for row in rows if row.composition_fee is not None]
    if charged:  # of several rows for the active bin, the program tells the last
        heap.take(COMPOSITION_EVENT_BYTES)
        invocation.consume(units.COMPOSITION_EVENT_UNITS)
        events.send(invocation, events.composition_fees(pair, charged[-1]))
    invocation.consume(units.POSITION_END_UNITS)


def run_decrease(invocation: Invocation, shares: Sequence[int]) -> None:
    """Run `decrease_position`.

    :arg shares: Shares to burn, one for each bin of the position from the lowest.

    :raises ProgramError: The program's refusals, in its order.

    """
    accounts = _check(invocation)
    position = np.frombuffer(accounts.read("position"), POSITION, 1)[0]
    if len(shares) != int(position["upper_bin_id"]) - int(position["lower_bin_id"]) + 1:
        raise anchor_error(invocation, errors.INVALID_AMOUNTS)
    _withdraw(_open(accounts), shares, _BURNED_SHARE_BYTES * len(shares))
    invocation.consume(units.POSITION_END_UNITS)


def run_close(invocation: Invocation) -> None:
    """Run `close_position`.

    :raises ProgramError: The program's refusals, in its order.

    """
    opened = _open(_check(invocation))
    heap = _withdraw(opened, liquidity.position_shares(opened.state.position), CLOSE_INPUT_BYTES)
    accounts = opened.accounts
    heap.take(BURN_BYTES)
    burn_nft(accounts)
    heap.take(CLOSE_BYTES)
    close_nft_account(accounts)
    invocation.consume(units.POSITION_CLOSED_UNITS)
    invocation.close(accounts.place("position"), accounts.place("user"))


def _check(invocation: Invocation) -> Accounts:
    accounts = read_accounts(invocation, CHANGE_POSITION)
    check_position_change(accounts)
    return accounts


def _open(accounts: Accounts) -> _Opened:
    indices = borrow_arrays(accounts)
    data = {indices.lower: accounts.read("bin_array_lower"), indices.upper: accounts.read("bin_array_upper")}
    return _Opened(
        accounts,
        LiquidityState(accounts.read("pair"), accounts.read("position"), data),
        {index: np.frombuffer(array, BIN_ARRAY, 1) for index, array in data.items()},
        tokens_of(accounts),
    )


def _attempted(count: int, attempt: Callable[[int], _Outcome]) -> tuple[_Outcome, tuple[BinChange, ...]]:
    """Return what comes of all rows, and the bins done: all, or those before the row that is refused."""
    outcome = attempt(count)
    if isinstance(outcome, LiquidityChange):
        return outcome, outcome.bins
    done: tuple[BinChange, ...] = ()
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        part = attempt(middle)
        if isinstance(part, LiquidityChange):
            low, done = middle, part.bins
        else:
            high = middle
    return outcome, done


def _withdraw(opened: _Opened, shares: Sequence[int], input_bytes: int) -> Heap:
    """Withdraw, pay and tell; return the heap as it is then."""
    accounts, invocation = opened.accounts, opened.accounts.invocation
    outcome, rows = _attempted(
        len(shares),
        lambda count: liquidity.decrease_position(
            opened.state, shares=[*shares[:count], *[0] * (len(shares) - count)], tokens=opened.tokens
        ),
    )
    extended = sum(accounts.is_extended(mint) for mint in ("token_mint_x", "token_mint_y"))
    heap = opened.heap(input_bytes, withdrawal_extension_bytes(extended))
    opened.take_rows(heap, rows, lambda done: units.withdrawal_units(done, opened.arrays, len(shares)))
    if isinstance(outcome, LiquidityFailure):
        raise anchor_error(invocation, outcome.code or 0)
    pay_out(accounts, "x", -outcome.vault.x)
    heap.take(TRANSFER_BYTES)
    pay_out(accounts, "y", -outcome.vault.y)
    _write(accounts, outcome.after)
    heap.take_event()
    invocation.consume(units.position_event_units(len(rows)))
    events.send(invocation, events.position_decrease(accounts.key("pair"), accounts.key("position"), rows))
    return heap


def _write(accounts: Accounts, after: LiquidityState) -> None:
    accounts.write("pair", after.pair)
    accounts.write("position", after.position)
    lower, upper = sorted(after.bin_arrays)
    accounts.write("bin_array_lower", after.bin_arrays[lower])
    accounts.write("bin_array_upper", after.bin_arrays[upper])


def _deposit_refusal(
    opened: _Opened, failure: LiquidityFailure, deposit: Deposit, rows: Sequence[BinChange]
) -> ProgramError:
    """End as the program does at the first row that it does not take.

    :arg rows: The rows before that.

    """
    invocation = opened.accounts.invocation
    if failure.code in (errors.BIN_NOT_FOUND, errors.LIQUIDITY_OVERFLOW):
        invocation.consume(units.REFUSED_ROW_UNITS)
    if failure.code not in (None, errors.INVALID_DISTRIBUTION, errors.LIQUIDITY_OVERFLOW):
        return anchor_error(invocation, failure.code)
    row = deposit.shares[len(rows)]
    if failure.code == errors.INVALID_DISTRIBUTION:
        place = _X_BELOW_PLACE if row.relative_bin_id < 0 else _Y_ABOVE_PLACE
        return anchor_error(invocation, failure.code, place)
    given = opened.tokens.arrives(Amounts(deposit.amount_x, deposit.amount_y))
    amounts = Amounts(part_of(given.x, row.share_x_bps), part_of(given.y, row.share_y_bps))
    if failure.code is None:
        if max(amounts.x, amounts.y) > MAX_U64:
            return panic(invocation, _AMOUNT_PLACE, "called `Result::unwrap()` on an `Err` value: GetAmountOverflow")
        return panic(invocation, _BIN_FULL_PLACES[1 if amounts.y else 0], "attempt to add with overflow")
    pair = np.frombuffer(opened.state.pair, PAIR)[0]
    price = price_x64(int(pair["active_id"]) + row.relative_bin_id - MIDDLE_BIN_ID, int(pair["bin_step"]))
    is_rich = liquidity_of(amounts, price) <= MAX_U128
    return anchor_error(invocation, failure.code, _BIN_RICH_PLACE if is_rich else None)
