"""Liquidity removed, and fees claimed."""

import numpy as np
from solders.pubkey import Pubkey

from dlmm.liquidity import NOTHING, LiquidityChange
from dlmm.meteora import liquidity
from dlmm.meteora.layout import POSITION
from dlmm.meteora.pdas import bin_array_indices
from sandbox.model.invocation import Invocation, Program
from sandbox.model.meteora import errors, events, life_units
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.errors import anchor_error
from sandbox.model.meteora.liquidity_change import Change
from sandbox.model.meteora.liquidity_fields import CLAIM, CLAIM_2, WITHDRAWAL, WITHDRAWAL_2

_BASIS_POINTS = 10_000
_REMOVE_SOURCES = {
    False: ("instructions/withdraw/remove_liquidity_by_range.rs", 13),
    True: ("instructions/v2/remove_liquidity_by_range2.rs", 16),
}
"""Where the program refuses a range; seven lines further it refuses the basis points."""


def remove_by_range(*, newer: bool) -> Program:
    """Return the program of `remove_liquidity_by_range`, or of its newer form."""

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        first, last, bps = arguments.take("iiH")
        slices = arguments.slices() if newer else []
        change = Change(invocation, WITHDRAWAL_2 if newer else WITHDRAWAL, slices, mints=True)
        if change.operated:
            place = (
                "instructions/v2/remove_liquidity2.rs:91" if newer else "instructions/withdraw/remove_liquidity.rs:26"
            )
            change.check_receivers(change.owner(), place)
        source = _REMOVE_SOURCES[newer]
        if not change.lower <= first <= last <= change.upper:
            raise anchor_error(errors.INVALID_POSITION, f"{source[0]}:{source[1]}")
        if bps > _BASIS_POINTS:
            raise anchor_error(errors.INVALID_BPS, f"{source[0]}:{source[1] + 7}")
        fault = change.fault(range(first, last + 1))
        if fault is not None:
            raise fault
        before = change.state()
        done = liquidity.remove_liquidity(
            before if newer else change.settled(before),
            from_bin_id=first,
            to_bin_id=last,
            bps=bps,
            tokens=change.tokens,
            time=change.time,
        )
        assert isinstance(done, LiquidityChange)
        taken = NOTHING - done.vault
        frame = life_units.WITHDRAWAL_2 if newer else life_units.WITHDRAWAL
        change.accounts.use(
            frame.of(
                bins=last - first + 1,
                held=len(done.bins),
                arrays=len(bin_array_indices(first, last)),
                extension=change.has_extension,
                token_2022=change.token_2022,
                settled=change.due(range(first, last + 1) if newer else range(change.lower, change.upper + 1)),
                width=change.width,
            )
        )
        if not newer and taken == NOTHING:
            raise anchor_error(errors.INVALID_INPUT, "instructions/withdraw/remove_liquidity.rs:127")
        change.write(before, done.after)
        change.pay_out(taken, frame.ends, skip_zero=False)
        accounts = change.accounts
        sender, position, pair = (accounts.key(name) for name in ("sender", "position", "lb_pair"))
        invocation.consume(frame.ends.event)
        events.emit(invocation, events.remove_liquidity(pair, sender, position, taken, int(change.pair["active_id"])))
        invocation.consume(frame.ends.end)

    return run


def claim(*, newer: bool) -> Program:
    """Return the program of `claim_fee`, or of its newer form."""

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        bounds = arguments.take("ii") if newer else ()
        slices = arguments.slices() if newer else []
        change = Change(invocation, CLAIM_2 if newer else CLAIM, slices, mints=False)
        first, last = bounds or (change.lower, change.upper)
        receiver = _fee_owner(change)
        if receiver is not None:
            place = "instructions/v2/claim_fee2.rs:71" if newer else "instructions/claim_fee.rs:70"
            change.check_receivers(receiver, place)
        if first > last:
            raise anchor_error(errors.INVALID_INPUT, "instructions/v2/claim_fee2.rs:96")
        inside = range(max(first, change.lower), min(last, change.upper) + 1)
        reached = range(first, (inside.stop if first >= change.lower else first) + (last > change.upper))
        fault = change.fault_in_step(reached or range(first, first + 1))
        if fault is not None:
            raise fault
        if first < change.lower or last > change.upper:
            raise anchor_error(errors.INVALID_POSITION, "state/dynamic_position.rs:444")
        before = change.state()
        done = liquidity.claim_fees(before, min_bin_id=first, max_bin_id=last, tokens=change.tokens, time=change.time)
        frame = life_units.CLAIM_2 if newer else life_units.CLAIM
        change.accounts.use(
            frame.of(
                bins=last - first + 1,
                arrays=len(bin_array_indices(first, last)),
                extension=False,
                token_2022=change.token_2022,
                settled=change.due(range(first, last + 1)),
            )
        )
        change.write(before, done.after)
        fees = NOTHING - done.vault
        change.pay_out(fees, frame.ends, skip_zero=True)
        accounts = change.accounts
        keys = (accounts.key("lb_pair"), accounts.key("position"), change.owner())
        invocation.consume(frame.ends.event)
        events.emit(invocation, events.claim_fee(*keys, fees))
        invocation.consume(life_units.BETWEEN_CLAIM_EVENTS)
        events.emit(invocation, events.claim_fee2(*keys, fees, int(change.pair["active_id"])))
        invocation.consume(frame.ends.end)

    return run


def _fee_owner(change: Change) -> Pubkey | None:
    """Return whom the fees must go to, where it is not for the sender to say."""
    head = np.frombuffer(change.accounts.data("position"), POSITION, count=1)[0]
    named = Pubkey.from_bytes(head["fee_owner"].tobytes())
    if named != Pubkey.default():
        return named
    return change.owner() if change.operated else None
