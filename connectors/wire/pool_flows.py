"""What moved between the wallet and the pools, by instructions that it sent to the venues' programs."""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from connectors.wire.token_moves import TokenMove
from connectors.wire.transaction_json import VENUES, Call
from dlmm.events import EVENT_TAG, SwapEvent, swaps_of
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.records import Record
from operators.orders.execution_reports import PoolFlow

METEORA_SWAP_2 = bytes.fromhex("2e7452d7941b544d")
"""Discriminator of the event by which newer versions of the program tell a swap a second time, with its fee's token."""

_FEE_PLACE = struct.Struct("<32s32x4x4x?16x8x8x8x8x8x8x8x??")


class LandedSwap(Record, frozen=True):
    """One swap that ran.

    :arg instruction: Place of the top-level instruction that it is, or came from.

    :arg fee_in_x: Whether the fee was taken in X.

    """

    instruction: int
    event: SwapEvent
    fee_in_x: bool


def swaps_in(calls: Iterable[Call]) -> list[LandedSwap]:
    """Read the swaps of a transaction that succeeded, each once, by instruction in the order that they ran.

    :raises EventError: A swap event is not what its discriminator says.

    """
    events: dict[tuple[int, str], list[bytes]] = {}
    for call in calls:
        if call.is_inner and call.program in VENUES:
            events.setdefault((call.top, call.program), []).append(call.data)
    swaps: list[LandedSwap] = []
    for (top, program), datas in events.items():
        ran = swaps_of(program, datas)
        told = _fees_in_x(datas) if program == METEORA_PROGRAM else []
        for number, swap in enumerate(ran):
            # versions that tell a swap once take every fee from what goes in
            fee_in_x = told[number] if len(told) == len(ran) else swap.swap_for_y
            swaps.append(LandedSwap(top, swap, fee_in_x))
    return swaps


def pools_called(calls: Iterable[Call], keys: Sequence[str], pools: Iterable[str]) -> dict[int, str]:
    """Find the pool that each top-level instruction to a venue's program is about, of those asked for."""
    wanted = frozenset(pools)
    called: dict[int, str] = {}
    for call in calls:
        if not call.is_inner and call.program in VENUES:
            named = [keys[account] for account in call.accounts if keys[account] in wanted]
            if named:
                called[call.top] = named[0]
    return called


def flows_of(
    moves: Sequence[TokenMove],
    swaps: Iterable[LandedSwap],
    called: Mapping[int, str],
    pools: Mapping[str, tuple[str, str]],
) -> tuple[PoolFlow, ...]:
    """Sum up what each pool gave and took, in the order that the pools were first called.

    A pool comes twice where it took fees in both of its tokens.

    :arg moves: Net of transfer fees.

    :arg called: As `pools_called` tells it.

    :arg pools: Mints of X and of Y.

    """
    sides: dict[int, bool] = {}
    fees: Counter[int] = Counter()
    for swap in swaps:
        if called.get(swap.instruction) == swap.event.pool:
            sides.setdefault(swap.instruction, swap.fee_in_x)
            fees[swap.instruction] += swap.event.fee
    flows: dict[tuple[str, bool], PoolFlow] = {}
    for top, pool in called.items():
        mine = [move for move in moves if move.top == top and move.kind == "transfer"]
        x, y = (sum(move.amount for move in mine if move.mint == mint) for mint in pools[pool])
        if not (x or y):
            continue
        side = sides.get(top, (pool, True) in flows)
        before = flows.get((pool, side), PoolFlow(pool, 0, 0, 0, side))
        flows[pool, side] = PoolFlow(pool, before.x + x, before.y + y, before.fee + fees[top], side)
    return tuple(flows.values())


def net_of_withheld(moves: Sequence[TokenMove], held: Mapping[int, int], called: Mapping[int, str]) -> list[TokenMove]:
    """Take the transfer fees, which no instruction tells, off what arrived.

    What is missing from a token account is laid to the last transfer into it that a fee may be missing from, where all
    of those are of one pool; where they are not, nobody can tell them apart, and nothing is taken off.

    :arg held: Change of each account's amount, for those that are there before or after.

    """
    net = list(moves)
    for account, change in held.items():
        missing = sum(move.amount for move in moves if move.account == account) - change
        places = [i for i, move in enumerate(moves) if move.account == account and move.may_be_withheld]
        if missing <= 0 or len({called.get(moves[i].top) for i in places}) != 1:
            continue
        for i in reversed(places):
            move = net[i]
            taken = min(missing, move.amount)
            net[i] = TokenMove(move.top, account, move.mint, move.amount - taken, move.kind)
            missing -= taken
    return net


def _fees_in_x(datas: Iterable[bytes]) -> list[bool]:
    tag = EVENT_TAG + METEORA_SWAP_2
    bodies = [data[len(tag) :] for data in datas if data.startswith(tag)]
    return [_FEE_PLACE.unpack(body)[-1] for body in bodies if len(body) == _FEE_PLACE.size]
