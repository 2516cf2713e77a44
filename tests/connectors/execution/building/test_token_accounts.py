import struct
from collections.abc import Iterable

import pytest
from solders.account import Account as ChainAccount
from solders.pubkey import Pubkey

from connectors.execution.building.messages import PACKET_BYTES, step_message, wire_length
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import Step
from connectors.execution.building.token_accounts import (
    ACCOUNTS_AT_ONCE,
    CLOSINGS_AT_ONCE,
    METEORA_ARRAY_RENT,
    METEORA_EXTENSION_RENT,
    METEORA_POSITION_RENT,
    SAROS_ARRAY_RENT,
    SAROS_MINT_RENT,
    SAROS_POSITION_RENT,
    TOKEN_ACCOUNT_RENT,
    clean_up,
    set_up,
)
from dlmm.errors import AccountError
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL, associated_token_account
from dlmm.records import Account, Venue
from operators.orders.commands import ClosePosition, CreatePosition
from sandbox.engine import Engine, Execution
from sandbox.wallets import TOKEN_ACCOUNT_RENT as RENT_ON_CHAIN
from sandbox.wallets import fund, mint_bytes
from tests.connectors.execution.building.exchange_floor import BLOCKHASH, ENGINES, WALLET, Floor, floor_on
from tests.connectors.execution.building.liquidity_floor import LiquidityFloor

MINTS = 11
FEE = struct.pack("<QQH", 0, 1_000, 100)
engines = pytest.mark.parametrize("engine", ENGINES)


def put_mint(engine: Engine, number: int, *, takes_fees: bool = False) -> Pubkey:
    """Write a mint: of Token-2022 where its number is odd."""
    key = Pubkey(bytes([99, number]) * 16)
    data = mint_bytes(6, 10**15, None)
    program = TOKEN_2022_PROGRAM if number % 2 or takes_fees else TOKEN_PROGRAM
    if takes_fees:
        data += bytes(83) + b"\1" + struct.pack("<HH", 1, 108) + bytes(72) + FEE + FEE
    engine.set(key, ChainAccount(engine.rent_exemption(len(data)), data, program, False, 0))
    return key


def mints_of(floor: Floor) -> dict[str, str]:
    keys = [put_mint(floor.engine, number) for number in range(MINTS)]
    keys.append(put_mint(floor.engine, MINTS, takes_fees=True))
    found = {}
    for key in keys:
        account = floor.engine.get(key)
        assert account is not None
        found[str(key)] = str(account.owner)
    return found


def addresses(mints: dict[str, str]) -> list[str]:
    owner = WALLET.address
    return [
        str(associated_token_account(owner, Pubkey.from_string(mint), Pubkey.from_string(program)))
        for mint, program in mints.items()
    ]


def send(floor: Floor, steps: Iterable[Step]) -> list[Execution]:
    found = []
    for one in steps:
        message = step_message(one, WALLET.address, BLOCKHASH, 1_000)
        assert wire_length(message) <= PACKET_BYTES
        done = floor.run(sign(WALLET, message)[1])
        assert done.error is None, done.logs
        assert done.units < one.compute_units < 3 * done.units + 50_000
        found.append(done)
    return found


def held(floor: Floor, keys: Iterable[str]) -> dict[str, Account]:
    return {key: found for key in keys if (found := floor.account(key)) is not None}


def lamports(floor: Floor) -> int:
    account = floor.engine.get(WALLET.address)
    assert account is not None
    return account.lamports


@engines
def test_accounts_of_both_token_programs_are_made_and_closed_again(engine: str) -> None:
    floor = floor_on(engine)
    mints = mints_of(floor)
    made = addresses(mints)
    before = lamports(floor)
    steps = set_up(WALLET.address, mints, ())
    assert [len(one.instructions) for one in steps] == [ACCOUNTS_AT_ONCE, len(mints) - ACCOUNTS_AT_ONCE]
    fees = sum(done.fee for done in send(floor, steps))
    accounts = held(floor, made)
    assert len(accounts) == len(mints)
    assert before - lamports(floor) - fees >= len(mints) * TOKEN_ACCOUNT_RENT
    closings = clean_up(WALLET.address, accounts, made)
    assert sum(len(one.instructions) for one in closings) == len(mints)
    fees += sum(done.fee for done in send(floor, closings))
    assert held(floor, made) == {}
    assert before - lamports(floor) == fees


def test_what_exists_is_not_made_again() -> None:
    mints = mints_of(floor_on("model"))
    everything = addresses(mints)
    assert set_up(WALLET.address, mints, everything) == ()
    (only,) = set_up(WALLET.address, mints, everything[1:])
    assert len(only.instructions) == 1


@engines
def test_an_account_that_somebody_made_meanwhile_does_no_harm(engine: str) -> None:
    floor = floor_on(engine)
    steps = set_up(WALLET.address, mints_of(floor), ())
    send(floor, steps)
    for one in steps:
        message = step_message(one, WALLET.address, BLOCKHASH, 2_000)
        assert floor.run(sign(WALLET, message)[1]).error is None


@engines
def test_sol_is_wrapped_and_comes_back_unwrapped(engine: str) -> None:
    floor = floor_on(engine)
    wrapped = associated_token_account(WALLET.address, WRAPPED_SOL)
    floor.engine.set(wrapped, None)
    before = lamports(floor)
    done = send(floor, set_up(WALLET.address, {}, (), wrapped_lamports=10**9))
    assert floor.balance(str(WRAPPED_SOL)) == 10**9
    done += send(floor, set_up(WALLET.address, {}, [str(wrapped)], wrapped_lamports=5))
    assert floor.balance(str(WRAPPED_SOL)) == 10**9 + 5
    assert before - lamports(floor) - sum(one.fee for one in done) == 10**9 + 5 + TOKEN_ACCOUNT_RENT
    done += send(floor, clean_up(WALLET.address, held(floor, [str(wrapped)]), ()))
    assert floor.account(str(wrapped)) is None
    assert before - lamports(floor) == sum(one.fee for one in done)


def test_accounts_with_something_in_them_or_not_ours_stay() -> None:
    floor = floor_on("model")
    mints = mints_of(floor)
    made = addresses(mints)
    send(floor, set_up(WALLET.address, mints, ()))
    full = fund(floor.engine, WALLET.address, Pubkey.from_string(next(iter(mints))), 7)
    accounts = held(floor, made)
    frozen, foreign, withheld = made[1], made[2], made[-1]
    changes = {
        frozen: accounts[frozen].data[:108] + b"\2" + accounts[frozen].data[109:],
        foreign: accounts[foreign].data[:32] + bytes(32) + accounts[foreign].data[64:],
        withheld: accounts[withheld].data.replace(struct.pack("<HHQ", 2, 8, 0), struct.pack("<HHQ", 2, 8, 3)),
    }
    assert changes[withheld] != accounts[withheld].data
    for key, data in changes.items():
        accounts[key] = Account(accounts[key].owner, data)
    accounts["no token account"] = Account(str(WALLET.address), b"")
    closed = {
        str(one.accounts[0].pubkey)
        for step in clean_up(WALLET.address, accounts, [*made, "no token account"])
        for one in step.instructions
    }
    assert closed == set(made) - {str(full), frozen, foreign, withheld}


def test_accounts_that_others_made_stay_but_for_wrapped_sol() -> None:
    floor = floor_on("model")
    wrapped = str(associated_token_account(WALLET.address, WRAPPED_SOL))
    mints = mints_of(floor)
    send(floor, set_up(WALLET.address, mints, ()))
    (only,) = clean_up(WALLET.address, held(floor, [*addresses(mints), wrapped]), ())
    assert [str(one.accounts[0].pubkey) for one in only.instructions] == [wrapped]


def test_closings_fit_a_packet_in_both_programs() -> None:
    floor = floor_on("model")
    mints = mints_of(floor)
    keys = [str(Pubkey(bytes([7, number]) * 16)) for number in range(CLOSINGS_AT_ONCE + 1)]
    data = bytes(32) + bytes(WALLET.address) + bytes(44) + b"\1" + bytes(56)
    programs = list(mints.values())
    accounts = {key: Account(programs[number % 2], data) for number, key in enumerate(keys)}
    steps = clean_up(WALLET.address, accounts, keys)
    assert [len(one.instructions) for one in steps] == [CLOSINGS_AT_ONCE, 1]
    assert all(wire_length(step_message(one, WALLET.address, BLOCKHASH, 1)) <= PACKET_BYTES for one in steps)


def test_a_mint_that_is_no_address_is_refused() -> None:
    with pytest.raises(AccountError):
        set_up(WALLET.address, {"nothing": str(TOKEN_PROGRAM)}, ())


@engines
@pytest.mark.parametrize(
    ("venue", "lower", "kept", "back"),
    [
        (Venue.METEORA, 512 * 70, METEORA_ARRAY_RENT + METEORA_EXTENSION_RENT, METEORA_POSITION_RENT),
        (Venue.SAROS, 32_900 * 256, 2 * SAROS_ARRAY_RENT + SAROS_MINT_RENT, SAROS_POSITION_RENT),
    ],
)
def test_rents_are_what_positions_cost(engine: str, venue: Venue, lower: int, kept: int, back: int) -> None:
    floor = LiquidityFloor(engine, venue)
    before = lamports(floor.floor)
    (opened,) = floor.carry_out(CreatePosition(floor.pool, 1, lower, lower + 20))
    assert before - lamports(floor.floor) - opened.done.fee == kept + back
    (closed,) = floor.carry_out(ClosePosition(floor.pool, 1, lower, lower + 20))
    assert before - lamports(floor.floor) - opened.done.fee - closed.done.fee == kept
    assert TOKEN_ACCOUNT_RENT == RENT_ON_CHAIN
