"""Both token programs beside their binaries: random instructions, and the lives that our clients lead."""

import struct
from itertools import product

import pytest
from solders.account import Account
from solders.clock import Clock
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, TransferParams, create_account, transfer
from spl.token import instructions as spl

from dlmm.programs import SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL, associated_token_account
from sandbox.model.token.accounts import Holding
from tests.sandbox.model.token_worlds import (
    WORLDS,
    TokenWorld,
    extension,
    fee_config,
    holding_bytes,
    mint_bytes,
    r,
    s,
    w,
)
from tests.sandbox.model.twins import SOL, Twins, address_of

UNITS = {"spl": 300, "token_2022": 1_500}
"""By how many units the model may be off, failures included."""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("world", WORLDS)
def test_random_instructions_end_as_in_the_binary(world: str, seed: int) -> None:
    at = TokenWorld(WORLDS[world], seed)
    payer = at.twins.wallet(99, 10_000 * SOL)
    fine = 0
    for _ in range(250):
        fine += at.twins.run([at.instruction()], payer, units=UNITS[world]).error is None
    assert fine > 50


def _wrapped(twins: Twins) -> Pubkey:
    twins.put(WRAPPED_SOL, Account(SOL, mint_bytes(None, decimals=9), TOKEN_PROGRAM))
    return twins.wallet(1)


def test_sol_is_wrapped_sent_and_unwrapped_to_the_unit() -> None:
    twins = Twins({})
    user, other = _wrapped(twins), twins.wallet(2)
    mine, theirs = (associated_token_account(owner, WRAPPED_SOL) for owner in (user, other))
    done = twins.run(
        [
            spl.create_idempotent_associated_token_account(user, user, WRAPPED_SOL),
            spl.create_idempotent_associated_token_account(user, other, WRAPPED_SOL),
            transfer(TransferParams(from_pubkey=user, to_pubkey=mine, lamports=3 * SOL)),
            Instruction(TOKEN_PROGRAM, b"\x11", [w(mine)]),
            Instruction(
                TOKEN_PROGRAM, b"\x0c" + struct.pack("<QB", SOL, 9), [w(mine), r(WRAPPED_SOL), w(theirs), s(user)]
            ),
            Instruction(TOKEN_PROGRAM, b"\x09", [w(mine), w(user), s(user)]),
        ],
        user,
        units=500,
    )
    assert done.error is None
    account = twins.model.get(theirs)
    assert account is not None
    assert Holding(account.data).amount == SOL
    assert twins.model.get(mine) is None


@pytest.mark.parametrize("mint", [WRAPPED_SOL, address_of(10)])
def test_a_transfer_of_the_older_program_uses_what_the_binary_uses(mint: Pubkey) -> None:
    twins = Twins({})
    user = _wrapped(twins)
    twins.put(address_of(10), Account(SOL, mint_bytes(None, decimals=9), TOKEN_PROGRAM))
    native = SOL if mint == WRAPPED_SOL else None
    accounts = [address_of(20), address_of(21)]
    for key in accounts:
        twins.put(key, Account(3 * SOL, holding_bytes(mint, user, 10**6, reserve=native), TOKEN_PROGRAM))
    for amount, target in product((0, 5), accounts):
        for data, metas in (
            (b"\x03" + struct.pack("<Q", amount), [w(accounts[0]), w(target), s(user)]),
            (b"\x0c" + struct.pack("<QB", amount, 9), [w(accounts[0]), r(mint), w(target), s(user)]),
        ):
            assert twins.run([Instruction(TOKEN_PROGRAM, data, metas)], user).error is None


@pytest.mark.parametrize("epoch", [99, 100])
def test_a_transfer_fee_of_the_epoch_is_withheld(epoch: int) -> None:
    twins = Twins({})
    user = twins.wallet(1)
    data = mint_bytes(user, extensions=fee_config(user, 100))
    mint = twins.put(address_of(10), Account(SOL, data, TOKEN_2022_PROGRAM))
    accounts = [address_of(20), address_of(21)]
    for key in accounts:
        held = holding_bytes(mint, user, 10**6, extensions=extension(2, bytes(8)))
        twins.put(key, Account(SOL, held, TOKEN_2022_PROGRAM))
    twins.clock(Clock(1_000, 1_700_000_000, epoch, epoch + 1, 1_700_000_000))
    for amount in (0, 1, 40, 99_999, 400_000):
        move = struct.pack("<QB", amount, 6)
        moved = Instruction(TOKEN_2022_PROGRAM, b"\x0c" + move, [w(accounts[0]), r(mint), w(accounts[1]), s(user)])
        assert twins.run([moved], user, units=400).error is None
    after = twins.model.get(accounts[1])
    assert after is not None
    withheld = Holding(after.data).extension(2)
    assert withheld is not None
    assert int.from_bytes(withheld, "little") > 0


def test_a_position_lives_as_a_token_from_first_to_last_instruction() -> None:
    """The calls that the Saros program makes for a position, in its order."""
    twins = Twins({})
    user, position, mint = twins.wallet(1), twins.wallet(2), address_of(10)
    holder = associated_token_account(user, mint, TOKEN_2022_PROGRAM)

    def token(data: bytes, *metas: object) -> Instruction:
        return Instruction(TOKEN_2022_PROGRAM, data, list(metas))  # type: ignore[arg-type]  # metas by construction

    texts = b"".join(struct.pack("<I", len(text)) + text for text in (b"Position", b"POS", b"https://example.org"))
    born = twins.run(
        [
            create_account(
                CreateAccountParams(from_pubkey=user, to_pubkey=mint, lamports=SOL, space=234, owner=TOKEN_2022_PROGRAM)
            ),
            token(b"\x27\0" + bytes(position) + bytes(mint), w(mint)),
            token(b"\x14\0" + bytes(position) + b"\0", w(mint)),
            spl.create_associated_token_account(user, user, mint, TOKEN_2022_PROGRAM),
            token(bytes.fromhex("d2e11ea258b84d8d") + texts, w(mint), r(position), r(mint), s(position)),
            token(b"\x07" + struct.pack("<Q", 1), w(mint), w(holder), s(position)),
            token(b"\x06\0\0", w(mint), s(position)),
        ],
        user,
        units=500,
    )
    assert born.error is None
    died = twins.run(
        [
            token(b"\x08" + struct.pack("<Q", 1), w(holder), w(mint), s(user)),
            token(b"\x09", w(holder), w(user), s(user)),
        ],
        user,
        units=100,
    )
    assert died.error is None
    assert twins.model.get(holder) is None


@pytest.mark.parametrize(
    ("data", "metas"),
    [
        ("27 00" + "00" * 64, "wb"),
        ("27 00" + "11" * 63, "wb"),
        ("27 00" + "11" * 64, "ws"),
        ("d2e11ea258b84d8d 01000000 61 00000000 00000000", "wp rp rp su"),
        ("d2e11ea258b84d8d 01000000 61 00000000 00000000", "wm rp rm su"),
        ("d2e11ea258b84d8d 01000000 61 00000000 00000000", "wm rp rm sv"),
        ("d2e11ea258b84d8d 01000000 61 00000000 00000000", "wm rp rm ru"),
        ("d2e11ea258b84d8d 09000000 61", "wm rp rm su"),
        ("d2e11ea258b84d8d 01000000 61 00000000 00000000", "wm rp ru su"),
        ("d2e11ea258b84d8d 01000000 61 00000000 00000000", "wm rp rm"),
    ],
)
def test_a_mint_is_named_or_refused_alike(data: str, metas: str) -> None:
    twins = Twins({})
    user, other = twins.wallet(1), twins.wallet(2)
    plain = twins.put(address_of(10), Account(SOL, mint_bytes(user), TOKEN_2022_PROGRAM))
    blank = twins.put(address_of(11), Account(SOL, bytes(234), TOKEN_2022_PROGRAM))
    system = twins.put(address_of(12), Account(SOL, bytes(234), SYSTEM_PROGRAM))
    pointed = mint_bytes(user, extensions=extension(18, bytes(user) * 2))
    mint = twins.put(address_of(13), Account(SOL, pointed, TOKEN_2022_PROGRAM))
    keys = {"u": user, "v": other, "p": plain, "b": blank, "s": system, "m": mint}
    ways = {"w": w, "r": r, "s": s}
    given = [ways[pair[0]](keys[pair[1]]) for pair in metas.split()]
    twins.run([Instruction(TOKEN_2022_PROGRAM, bytes.fromhex(data), given)], twins.wallet(3), units=4_000)
