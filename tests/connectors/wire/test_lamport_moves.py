"""Tip and rent, told from the rest of what a wallet's lamports went into."""

import struct

import pytest

from connectors.wire.lamport_moves import TIP_ACCOUNTS, LamportMoves, Wrapped, lamport_moves
from connectors.wire.refusal import WireError
from connectors.wire.transaction_json import LOOKUP_TABLES, SYSTEM, Call
from dlmm.anchor import discriminator
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.saros.layout import HOOK_PROGRAM_ID
from dlmm.saros.layout import PROGRAM_ID as SAROS
from dlmm.tokens import TOKEN_PROGRAM

WALLET, NEW, TIP, OLD, FRIEND = range(5)
KEYS = ["wallet", "new", min(TIP_ACCOUNTS), "old", "friend"]
RENT = 2_039_280


def system(tag: int, *accounts: int, lamports: int | None = None, inner: bool = False) -> Call:
    data = struct.pack("<I", tag) + (b"" if lamports is None else struct.pack("<Q", lamports))
    return Call(0, SYSTEM, accounts, data, inner)


def top(program: str, name: str = "other", *accounts: int) -> Call:
    return Call(0, program, accounts, discriminator(name), is_inner=False)


def closing(account: int, receiver: int) -> Call:
    return Call(0, TOKEN_PROGRAM, (account, receiver, WALLET), b"\x09", is_inner=False)


def moved(
    calls: list[Call],
    *,
    before: dict[int, int] | None = None,
    after: dict[int, int] | None = None,
    wrapped: Wrapped | None = None,
) -> LamportMoves:
    lamports = [[told.get(place, 0) for place in range(len(KEYS))] for told in (before or {}, after or {})]
    return lamport_moves(calls, WALLET, KEYS, (lamports[0], lamports[1]), wrapped or Wrapped({}, {}))


def test_what_goes_to_a_tip_account_is_tip() -> None:
    calls = [system(2, WALLET, TIP, lamports=7), system(2, WALLET, TIP, lamports=5, inner=True)]
    assert moved(calls, before={TIP: 10}, after={TIP: 22}) == LamportMoves(12, 0)
    assert moved([system(2, FRIEND, TIP, lamports=7)], after={TIP: 7}) == LamportMoves(0, 0)


def test_a_payment_to_a_new_wallet_is_no_rent() -> None:
    assert moved([system(2, WALLET, NEW, lamports=RENT)], after={NEW: RENT}) == LamportMoves(0, 0)


def test_what_is_locked_in_a_new_account_is_rent() -> None:
    made = system(0, WALLET, NEW, lamports=RENT)
    assert moved([made], after={NEW: RENT}) == LamportMoves(0, RENT)
    assert moved([system(0, FRIEND, NEW, lamports=RENT)], after={NEW: RENT}) == LamportMoves(0, 0)
    filled = [system(2, WALLET, NEW, lamports=RENT - 9), system(8, NEW), system(1, NEW)]
    assert moved(filled, before={NEW: 9}, after={NEW: RENT}) == LamportMoves(0, RENT - 9)
    seed = struct.pack("<I32sQ4sQ", 3, bytes(32), 4, b"seed", RENT) + bytes(40)
    assert moved([Call(0, SYSTEM, (WALLET, NEW), seed, True)], after={NEW: RENT}) == LamportMoves(0, RENT)


def test_wrapped_sol_is_no_rent() -> None:
    made = [system(0, WALLET, NEW, lamports=RENT), system(2, WALLET, NEW, lamports=1000)]
    assert moved(made, after={NEW: RENT + 400}, wrapped=Wrapped({}, {NEW: 400})) == LamportMoves(0, RENT)
    closed = moved([closing(OLD, WALLET)], before={OLD: RENT + 400}, wrapped=Wrapped({OLD: 400}, {}))
    assert closed == LamportMoves(0, -RENT)
    more = moved([system(2, WALLET, OLD, lamports=9)], before={OLD: RENT}, after={OLD: RENT + 9})
    assert more == LamportMoves(0, 0)


def test_what_is_opened_and_closed_again_locks_nothing() -> None:
    calls = [system(0, WALLET, NEW, lamports=RENT), closing(NEW, WALLET)]
    assert moved(calls) == LamportMoves(0, 0)
    given_away = [system(0, WALLET, NEW, lamports=RENT), closing(NEW, FRIEND)]
    assert moved(given_away, after={FRIEND: RENT}) == LamportMoves(0, 0)


def test_what_is_closed_and_opened_again_stays_locked() -> None:
    calls = [closing(OLD, WALLET), system(0, WALLET, OLD, lamports=RENT)]
    assert moved(calls, before={OLD: RENT}, after={OLD: RENT}) == LamportMoves(0, 0)


def test_rent_that_another_receives_is_not_the_wallets() -> None:
    assert moved([closing(OLD, FRIEND)], before={OLD: RENT}, after={FRIEND: RENT}) == LamportMoves(0, 0)


def test_accounts_that_the_venues_let_grow_lock_rent() -> None:
    calls = [top(METEORA), system(2, WALLET, OLD, lamports=50, inner=True)]
    assert moved(calls, before={OLD: 100}, after={OLD: 150}) == LamportMoves(0, 50)
    another = [top("another program"), system(2, WALLET, OLD, lamports=50, inner=True)]
    assert moved(another, before={OLD: 100}, after={OLD: 150}) == LamportMoves(0, 0)


@pytest.mark.parametrize(
    ("program", "name", "places"),
    [
        (METEORA, "close_position", (0, 5)),
        (METEORA, "close_position2", (0, 2)),
        (METEORA, "close_position_if_empty", (0, 2)),
        (METEORA, "close_limit_order_if_empty", (0, 2)),
        (SAROS, "close_position", (1, 12)),
        (HOOK_PROGRAM_ID, "close_position", (2, 3)),
    ],
)
def test_the_rent_of_what_a_venue_closes_is_freed(program: str, name: str, places: tuple[int, int]) -> None:
    accounts = [FRIEND] * (max(places) + 1)
    accounts[places[0]], accounts[places[1]] = OLD, WALLET
    closed = top(program, name, *accounts)
    assert moved([closed], before={OLD: 100}) == LamportMoves(0, -100)
    assert moved([closed], before={OLD: 100}, after={OLD: 100}) == LamportMoves(0, 0)
    accounts[places[1]] = FRIEND
    assert moved([top(program, name, *accounts)], before={OLD: 100}) == LamportMoves(0, 0)


def test_shrinking_and_lookup_tables_free_rent_too() -> None:
    shrunk = top(METEORA, "decrease_position_length", WALLET, OLD)
    assert moved([shrunk], before={OLD: 100}, after={OLD: 60}) == LamportMoves(0, -40)
    closed = Call(0, LOOKUP_TABLES, (OLD, WALLET, WALLET), struct.pack("<I", 4), False)
    assert moved([closed], before={OLD: 100}) == LamportMoves(0, -100)


@pytest.mark.parametrize(
    "broken",
    [
        system(2, WALLET, lamports=7),
        system(2, WALLET, NEW),
        system(0, WALLET, NEW),
        Call(0, SYSTEM, (WALLET, NEW), b"\x02", True),
        Call(0, SYSTEM, (WALLET, NEW), struct.pack("<I32sQ", 3, bytes(32), 2**63), True),
        Call(0, TOKEN_PROGRAM, (OLD,), b"\x09", True),
        top(METEORA, "close_position2", OLD, WALLET),
    ],
)
def test_instructions_that_cannot_have_run_are_refused(broken: Call) -> None:
    with pytest.raises(WireError, match="instruction_data"):
        moved([broken])
