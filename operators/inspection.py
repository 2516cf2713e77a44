"""The data check's kernel: name the gaps, the disorder and the impossible rows of a stream.

It refuses what no strategy may see. Two feeds that bring the same pool contradict one another as a matter of course,
which is the arbiter's work; a feed that contradicts itself is disorder.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import REPORT, TICK, Rows

MISSING_I64 = int(np.iinfo(np.int64).min)
"""Stands in a block for a null of an integer column, or for a value that does not fit."""
MISSING_I32 = int(np.iinfo(np.int32).min)

ACCOUNTS = 64
"""Accounts of one pool whose order is followed apart, as the arbiter does; those beyond share the last place."""

KINDS: dict[str, tuple[bool, str, str]] = {
    "missing_value": (True, "", "a required value is null or does not fit its column"),
    "unknown_pool": (True, "", "the pool is not in the recording's metadata"),
    "seq_not_increasing": (True, "numbers back", "the sequence number is not above that of the row before"),
    "price_not_positive": (True, "below zero", "the price is zero, negative, infinite or not a number"),
    "active_id_out_of_range": (True, "bins from 1", "no price of the program belongs to the active bin"),
    "negative_liquidity": (True, "below zero", "liquidity is negative or infinite"),
    "negative_volume": (True, "below zero", "volume is negative or infinite"),
    "time_backwards": (True, "slots back", "slot or write order is lower than the same feed gave before"),
    "duplicate": (True, "", "the same feed gave the same write of the same slot before"),
    "clock_backwards": (True, "s back", "the source's clock shows less than in the row before"),
    "price_jump": (False, "times", "the price changed by more than a factor between neighbouring rows of a pool"),
    "price_off_bin": (False, "bins", "the price is more than half a bin from that of the active bin"),
    "slot_behind": (False, "slots", "the slot is lower than one that another pool has reached"),
    "time_gap": (False, "s", "for too long no pool had a row"),
    "slot_gap": (False, "slots", "for too many slots no pool had a row"),
}
"""Each kind's name: whether such rows are refused, the unit of its worst figure, and what it says."""

_NAMES = list(KINDS)
_MISSING = _NAMES.index("missing_value")
_POOL = _NAMES.index("unknown_pool")
_SEQ = _NAMES.index("seq_not_increasing")
_PRICE = _NAMES.index("price_not_positive")
_BIN = _NAMES.index("active_id_out_of_range")
_LIQUIDITY = _NAMES.index("negative_liquidity")
_VOLUME = _NAMES.index("negative_volume")
_SLOT = _NAMES.index("time_backwards")
_AGAIN = _NAMES.index("duplicate")
_CLOCK = _NAMES.index("clock_backwards")
_JUMP = _NAMES.index("price_jump")
_OFF_BIN = _NAMES.index("price_off_bin")
_BEHIND = _NAMES.index("slot_behind")
_TIME_GAP = _NAMES.index("time_gap")
_SLOT_GAP = _NAMES.index("slot_gap")

FINDING = np.dtype(
    [
        ("count", "i8"),
        ("first_seq", "i8"),
        ("worst_seq", "i8"),  # where the worst figure stands
        ("worst", "f8"),  # NaN where there is no figure
    ]
)

LIMITS = np.dtype(
    [
        ("gap_ns", "i8"),
        ("gap_slots", "i8"),
        ("jump", "f8"),  # natural logarithm of the factor
    ]
)

FACTS = np.dtype(
    [
        ("origin", "i8"),  # id of the bin whose raw price is 1
        ("reach", "i8"),  # farthest a bin may be from it
        ("log_step", "f8"),  # of one bin
        ("log_unit", "f8"),  # of the human price that a raw price of 1 is
    ]
)

OVERALL = np.dtype([("has_rows", "i8"), ("seq", "i8"), ("slot", "i8"), ("ts_event_ns", "i8")])

POOL_STATE = np.dtype(
    [
        ("rows", "i8"),
        ("refused", "i8"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("first_slot", "i8"),
        ("last_slot", "i8"),
        ("low", "f8"),
        ("high", "f8"),
        ("log_price", "f8"),  # of the last good row
        ("volume", "f8"),
    ]
)

ACCOUNT_STATE = np.dtype(
    [("has_rows", "i8"), ("slot", "i8"), ("write_order", "i8"), ("feed", "i8"), ("ts_event_ns", "i8")]
)


@kernel
def _report(findings: Rows, kind: int, seq: int, figure: float) -> None:
    finding = findings[kind]
    if finding.count == 0:
        finding.first_seq = seq
        finding.worst_seq = seq
        finding.worst = figure
    elif figure > finding.worst or (math.isnan(finding.worst) and not math.isnan(figure)):
        finding.worst = figure
        finding.worst_seq = seq
    finding.count += 1


@kernel
def _is_possible(row: Any, fact: Any, findings: Rows) -> bool:
    """Judge a row by itself."""
    price = row.price
    if not (price > 0.0 and price < np.inf):
        _report(findings, _PRICE, row.seq, -price if price <= 0.0 else np.nan)
        return False
    distance = abs(row.active_id - fact.origin)
    if distance > fact.reach:
        _report(findings, _BIN, row.seq, float(distance))
        return False
    if row.liquidity < 0.0 or row.liquidity == np.inf:
        _report(findings, _LIQUIDITY, row.seq, -row.liquidity if row.liquidity < 0.0 else np.nan)
        return False
    if row.volume < 0.0 or row.volume == np.inf:
        _report(findings, _VOLUME, row.seq, -row.volume if row.volume < 0.0 else np.nan)
        return False
    return True


@kernel
def _is_in_order(row: Any, account: Any, findings: Rows) -> bool:
    """Judge a row by what the same feed said of the same account before."""
    if account.has_rows == 0 or account.feed != row.feed:
        return True
    if row.slot < account.slot or (row.slot == account.slot and row.write_order < account.write_order):
        _report(findings, _SLOT, row.seq, float(account.slot - row.slot))
        return False
    if row.slot == account.slot and row.write_order == account.write_order:
        _report(findings, _AGAIN, row.seq, np.nan)
        return False
    back_ns = account.ts_event_ns - row.ts_event_ns
    if back_ns > 0:
        # A clock that was set back goes on from there; were it not followed, it would refuse all that comes after.
        account.ts_event_ns = row.ts_event_ns
        _report(findings, _CLOCK, row.seq, back_ns * 1e-9)
        return False
    return True


@kernel
def inspect_rows(
    rows: Rows,
    is_good: NDArray[np.bool_],
    facts: Rows,
    limits: Rows,
    overall: Rows,
    pools: Rows,
    accounts: Rows,
    findings: Rows,
) -> None:
    """Say of each row whether it may be traded on, and count what is wrong with the others.

    :arg rows: `ROW` array, of any pools. Ticks of a known pool are good.

    :arg is_good: Written: one answer a row.

    :arg facts: `FACTS` of each pool.

    :arg limits: One `LIMITS`.

    :arg overall: One `OVERALL`; with `pools` and `accounts` it is the state that goes on to the next block.

    :arg pools: `POOL_STATE` of each pool.

    :arg accounts: `ACCOUNT_STATE`, by pool and account.

    :arg findings: `FINDING` of each of `KINDS`.

    """
    limit = limits[0]
    whole = overall[0]
    for index in range(rows.shape[0]):
        row = rows[index]
        is_good[index] = False
        seq = row.seq
        if row.pool < 0 or row.pool >= pools.shape[0]:
            _report(findings, _POOL, seq, np.nan)
            continue
        if row.kind == TICK or row.kind == REPORT:
            is_good[index] = True
            continue
        pool = pools[row.pool]
        fact = facts[row.pool]
        pool.rows += 1
        pool.refused += 1  # taken back where the row turns out good
        least = min(seq, row.slot, row.ts_event_ns, row.ts_recv_ns, row.write_order)
        if least == MISSING_I64 or row.active_id == MISSING_I32 or row.account < 0:
            _report(findings, _MISSING, seq, np.nan)
            continue
        if whole.has_rows != 0 and seq <= whole.seq:
            _report(findings, _SEQ, seq, float(whole.seq - seq))
            continue
        if not _is_possible(row, fact, findings):
            continue
        account = accounts[row.pool, min(row.account, ACCOUNTS - 1)]
        if not _is_in_order(row, account, findings):
            continue

        is_good[index] = True
        pool.refused -= 1
        log_price = math.log(row.price)
        is_first = pool.rows - pool.refused == 1
        off_bin = abs(log_price - fact.log_unit - (row.active_id - fact.origin) * fact.log_step) / fact.log_step
        if off_bin > 0.5 + 1e-6:
            _report(findings, _OFF_BIN, seq, off_bin)
        if not is_first:
            jump = abs(log_price - pool.log_price)
            if jump > limit.jump:
                _report(findings, _JUMP, seq, math.exp(jump))
        if whole.has_rows != 0:
            if row.slot < whole.slot:
                _report(findings, _BEHIND, seq, float(whole.slot - row.slot))
            if row.slot - whole.slot > limit.gap_slots:
                _report(findings, _SLOT_GAP, seq, float(row.slot - whole.slot))
            if row.ts_event_ns - whole.ts_event_ns > limit.gap_ns:
                _report(findings, _TIME_GAP, seq, (row.ts_event_ns - whole.ts_event_ns) * 1e-9)

        if whole.has_rows == 0 or row.slot > whole.slot:
            whole.slot = row.slot
        if whole.has_rows == 0 or row.ts_event_ns > whole.ts_event_ns:
            whole.ts_event_ns = row.ts_event_ns
        whole.has_rows = 1
        whole.seq = seq
        account.has_rows = 1
        account.slot = row.slot
        account.write_order = row.write_order
        account.feed = row.feed
        account.ts_event_ns = row.ts_event_ns
        if is_first:
            pool.first_ns = row.ts_event_ns
            pool.first_slot = row.slot
            pool.low = row.price
            pool.high = row.price
        pool.last_ns = row.ts_event_ns
        pool.last_slot = row.slot
        pool.low = min(pool.low, row.price)
        pool.high = max(pool.high, row.price)
        pool.log_price = log_price
        if row.volume > 0.0:
            pool.volume += row.volume
