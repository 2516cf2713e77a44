"""Token instructions as the wallet's token accounts feel them."""

import struct

import pytest
from solders.keypair import Keypair

from connectors.wire.refusal import WireError
from connectors.wire.token_moves import Owned, TokenMove, owned_by, token_moves
from connectors.wire.transaction_json import AmountJson, Call, TokenBalanceJson
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM

WALLET = Keypair.from_seed(bytes([1]) * 32).pubkey()
KEYS = [str(WALLET), "mine", "pool's", "mint", "another"]
MINE, POOLS, MINT, ANOTHER = 1, 2, 3, 4
OWNED: Owned = {MINE: "mint"}


def call(data: bytes, *accounts: int, program: str = TOKEN_PROGRAM, top: int = 5) -> Call:
    return Call(top, program, accounts, data, is_inner=True)


def amount(tag: int, units: int, rest: bytes = b"") -> bytes:
    return bytes([tag]) + struct.pack("<Q", units) + rest


def balance(place: int, owner: str | None) -> TokenBalanceJson:
    return TokenBalanceJson(place, f"mint {place}", AmountJson("1"), owner)


def test_accounts_are_the_wallets_by_their_balances_or_by_how_they_were_opened() -> None:
    balances = [balance(1, str(WALLET)), balance(2, "another"), balance(3, None)]
    opened = [
        call(bytes([1]), 6, MINT, 0, 9),
        call(bytes([16]) + bytes(WALLET), 7, MINT),
        call(bytes([18]) + bytes(WALLET), 8, MINT, program=TOKEN_2022_PROGRAM),
        call(bytes([18]) + bytes(32), 9, MINT),
        call(bytes([1]), 10, MINT, ANOTHER, 9),
        call(bytes([18]) + bytes(WALLET), 11, MINT, program="no token program"),
    ]
    owned = owned_by(str(WALLET), balances, opened, KEYS)
    assert owned == {1: "mint 1", 6: "mint", 7: "mint", 8: "mint"}


def test_transfers_are_felt_at_both_ends() -> None:
    transfers = [
        call(amount(3, 10), MINE, POOLS, 0),
        call(amount(12, 20, b"\x06"), POOLS, MINT, MINE, 0),
        call(amount(12, 30, b"\x06"), POOLS, MINT, MINE, 0, program=TOKEN_2022_PROGRAM),
        call(b"\x1a\x01" + struct.pack("<QBQ", 40, 6, 3), POOLS, MINT, MINE, 0, program=TOKEN_2022_PROGRAM),
        call(b"\x1a\x01" + struct.pack("<QBQ", 50, 6, 3), MINE, MINT, POOLS, 0, program=TOKEN_2022_PROGRAM),
        call(amount(3, 99), POOLS, ANOTHER, 0),
    ]
    assert token_moves(transfers, OWNED) == [
        TokenMove(5, MINE, "mint", -10, "transfer"),
        TokenMove(5, MINE, "mint", 20, "transfer"),
        TokenMove(5, MINE, "mint", 30, "transfer", may_be_withheld=True),
        TokenMove(5, MINE, "mint", 37, "transfer"),
        TokenMove(5, MINE, "mint", -50, "transfer"),
    ]


def test_transfers_between_the_wallets_own_accounts_are_told_apart() -> None:
    moves = token_moves([call(amount(3, 10), MINE, ANOTHER, 0)], {MINE: "mint", ANOTHER: "mint"})
    assert [(move.account, move.amount, move.kind) for move in moves] == [(MINE, -10, "own"), (ANOTHER, 10, "own")]


def test_what_is_minted_and_burned_is_supply() -> None:
    calls = [
        call(amount(7, 1), MINT, MINE, 0),
        call(amount(14, 2, b"\x00"), MINT, MINE, 0),
        call(amount(8, 3), MINE, MINT, 0),
        call(amount(15, 4, b"\x00"), MINE, MINT, 0),
        call(amount(7, 9), MINT, POOLS, 0),
    ]
    assert [(move.amount, move.kind) for move in token_moves(calls, OWNED)] == [
        (1, "supply"),
        (2, "supply"),
        (-3, "supply"),
        (-4, "supply"),
    ]


def test_other_instructions_move_nothing() -> None:
    calls = [
        call(b"", MINE),
        call(bytes([17]), MINE),
        call(bytes([9]), MINE, 0, 0),
        call(b"\x1a\x02", MINT, MINE),
        call(amount(3, 10), MINE, POOLS, 0, program="no token program"),
    ]
    assert token_moves(calls, OWNED) == []


@pytest.mark.parametrize(
    "broken",
    [
        call(bytes([3, 1, 2]), MINE, POOLS, 0),
        call(amount(3, 1), MINE),
        call(amount(12, 1), MINE, MINT),
        call(b"\x1a\x01" + bytes(8), MINE, MINT, POOLS),
        call(amount(7, 1), MINT),
        call(bytes([8]), MINE, MINT),
    ],
)
def test_instructions_that_cannot_have_run_are_refused(broken: Call) -> None:
    with pytest.raises(WireError, match="instruction_data"):
        token_moves([broken], OWNED)


def test_an_opening_without_its_accounts_is_refused() -> None:
    for broken in (call(bytes([1]), 6, MINT), call(bytes([18]) + bytes(WALLET), 6)):
        with pytest.raises(WireError, match="instruction_data"):
            owned_by(str(WALLET), [], [broken], KEYS)
