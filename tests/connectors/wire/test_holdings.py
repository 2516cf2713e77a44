"""Holdings of a wallet, as a sandbox tells them and as no node should."""

import base64
import json
import struct
from typing import Any

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from connectors.wire.holdings import (
    AccountState,
    AccountStates,
    Balance,
    TokenHolding,
    TokenHoldings,
    get_account_states,
    get_balance,
    get_meteora_positions,
    get_rent_exemption,
    get_token_accounts,
    read_account_states,
    read_balance,
    read_meteora_positions,
    read_rent_exemption,
    read_token_accounts,
    saros_position_accounts,
)
from connectors.wire.refusal import Refusal
from dlmm.meteora.layout import POSITION_DISCRIMINATOR
from dlmm.meteora.pdas import PROGRAM_ID as METEORA
from dlmm.programs import SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL
from dlmm.saros.pdas import PROGRAM as SAROS
from dlmm.saros.pdas import position_address
from sandbox.rpc.dispatch import Dispatcher, encode
from sandbox.rpc.view import View
from tests.connectors.wire.frames import answer, failure
from tests.sandbox.nodes import ENGINES, chain_of

OWNER = Keypair.from_seed(bytes([1]) * 32).pubkey()
OTHER = Keypair.from_seed(bytes([2]) * 32).pubkey()
MINT, NFT, ACCOUNT, POSITION = (Keypair.from_seed(bytes([n]) * 32).pubkey() for n in (3, 4, 5, 6))
SLOT = 400_000_001


def token_account(
    mint: Pubkey, amount: int, *, owner: Pubkey = OWNER, state: int = 1, native: int | None = None
) -> bytes:
    head = bytes(mint) + bytes(owner) + struct.pack("<Q", amount) + bytes(36)
    return head + bytes([state]) + struct.pack("<IQ", native is not None, native or 0) + bytes(44)


class Node:
    """A sandbox without a socket, whose accounts a test writes."""

    def __init__(self, accounts: dict[Pubkey, Account]) -> None:
        self.chain = chain_of(ENGINES["model"]())
        for key, account in accounts.items():
            self.chain.set_account(key, account)
        self.chain.advance()
        self._dispatcher = Dispatcher(View(self.chain))

    def answer(self, body: bytes) -> bytes:
        calls = json.loads(body)
        if isinstance(calls, dict):
            return encode(self._dispatcher.answer(calls))
        return b"[" + b",".join(encode(self._dispatcher.answer(call)) for call in calls) + b"]"


def owned(data: bytes, program: Pubkey = TOKEN_PROGRAM, lamports: int = 2_039_280) -> Account:
    return Account(lamports, data, program, False, 0)


def test_a_balance() -> None:
    node = Node({OWNER: owned(b"", SYSTEM_PROGRAM, 77)})
    assert read_balance(200, node.answer(get_balance(5, str(OWNER), "processed")), 5) == Balance(SLOT, 77)


def test_token_accounts_of_both_programs() -> None:
    extended = token_account(NFT, 1) + bytes([2]) + bytes(4)
    wrapped = token_account(WRAPPED_SOL, 500, state=2, native=2_039_280)
    node = Node(
        {
            ACCOUNT: owned(wrapped, lamports=2_039_780),
            POSITION: owned(extended, TOKEN_2022_PROGRAM),
            OTHER: owned(token_account(MINT, 9, owner=OTHER)),
        }
    )
    read = read_token_accounts(200, node.answer(get_token_accounts(5, str(OWNER), "processed")), 5)
    owner = str(OWNER)
    assert read == TokenHoldings(
        SLOT,
        (
            TokenHolding(
                str(ACCOUNT),
                str(TOKEN_PROGRAM),
                str(WRAPPED_SOL),
                owner,
                500,
                2_039_780,
                is_frozen=True,
                is_native=True,
            ),
            TokenHolding(str(POSITION), str(TOKEN_2022_PROGRAM), str(NFT), owner, 1, 2_039_280),
        ),
    )
    assert saros_position_accounts(read, str(SAROS)) == ((str(NFT), str(position_address(NFT, SAROS))),)


def test_accounts_in_full_keep_their_order() -> None:
    node = Node({ACCOUNT: owned(b"data", METEORA, 7)})
    addresses = [str(OTHER), str(ACCOUNT)]
    read = read_account_states(200, node.answer(get_account_states(5, addresses, "processed")), 5, addresses)
    assert read == AccountStates(SLOT, (None, AccountState(str(ACCOUNT), str(METEORA), 7, b"data")))
    refused = read_account_states(200, node.answer(get_account_states(5, addresses, "processed")), 5, ["one"])
    assert isinstance(refused, Refusal)
    assert refused.cause == "answer_count"


def test_a_nodes_rent_exemption() -> None:
    assert read_rent_exemption(200, Node({}).answer(get_rent_exemption(5, 165)), 5) == 2_039_280


def test_positions_of_a_wallet_and_of_nobody_else() -> None:
    mine = POSITION_DISCRIMINATOR + bytes(32) + bytes(OWNER) + bytes(100)
    theirs = POSITION_DISCRIMINATOR + bytes(32) + bytes(OTHER) + bytes(100)
    another = bytes(8) + bytes(32) + bytes(OWNER) + bytes(100)
    node = Node(
        {
            ACCOUNT: owned(another, METEORA),
            OTHER: owned(theirs, METEORA),
            POSITION: owned(mine, METEORA, 8),
            NFT: owned(mine, SAROS),
        }
    )
    read = read_meteora_positions(200, node.answer(get_meteora_positions(5, str(OWNER), "processed")), 5)
    assert read == AccountStates(SLOT, (AccountState(str(POSITION), str(METEORA), 8, mine),))


def test_a_node_that_is_behind_is_asked_not_to_answer() -> None:
    for body in (
        get_balance(5, "a", "confirmed", 9),
        get_token_accounts(5, "a", "confirmed", 9),
        get_meteora_positions(5, "a", "confirmed", 9),
        get_account_states(5, ["a"], "confirmed", 9),
    ):
        calls = json.loads(body)
        for call in calls if isinstance(calls, list) else [calls]:
            assert call["params"][-1]["minContextSlot"] == 9


def listed(data: bytes, *, owner: str = str(TOKEN_PROGRAM), encoding: str = "base64") -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    account = {"data": [text, encoding], "owner": owner, "lamports": 1, "executable": False}
    return {"context": {"slot": 3}, "value": [{"pubkey": str(ACCOUNT), "account": account}]}


GOOD = token_account(MINT, 5)


@pytest.mark.parametrize(
    ("result", "cause"),
    [
        (listed(GOOD, owner=str(METEORA)), "token_account"),
        (listed(GOOD[:-1]), "token_account"),
        (listed(GOOD + bytes([1])), "token_account"),
        (listed(token_account(MINT, 5, state=0)), "token_account"),
        (listed(token_account(MINT, 5, state=3)), "token_account"),
        (listed(bytes(20_000)), "account_oversized"),
        (listed(GOOD, encoding="base58"), "account_encoding"),
        ({"context": {"slot": 3}, "value": None}, "answer_shape"),
        ({"context": {"slot": 3}, "value": [{"pubkey": str(ACCOUNT)}]}, "answer_shape"),
    ],
)
def test_what_is_no_token_account_is_refused(result: object, cause: str) -> None:
    refused = read_token_accounts(200, b"[" + answer(5, result) + b"," + answer(6, result) + b"]", 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == cause


def test_one_program_that_is_not_answered_for_refuses_both() -> None:
    refused = read_token_accounts(200, b"[" + answer(5, listed(GOOD)) + b"]", 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == "unanswered"


@pytest.mark.parametrize(
    ("body", "cause"), [(failure(5, -32016), "slot_behind"), (answer(5, {"value": 1}), "answer_shape")]
)
def test_a_balance_that_is_none_is_refused(body: bytes, cause: str) -> None:
    refused = read_balance(200, body, 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == cause


def test_data_that_does_not_decode_is_refused_with_its_address() -> None:
    body = answer(5, listed(b"", owner=str(METEORA), encoding="jsonParsed"))
    refused = read_meteora_positions(200, body, 5)
    assert isinstance(refused, Refusal)
    assert refused.cause == "account_encoding"
    assert str(ACCOUNT) in refused.detail
