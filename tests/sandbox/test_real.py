from pathlib import Path

import pytest
from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.programs import MEMO_PROGRAM, SYSTEM_PROGRAM
from sandbox.engine import Keys
from sandbox.real import ProgramFileError, RealEngine, read_program

PAYER = Keypair.from_seed(bytes(32))
OTHER = Keypair.from_seed(bytes([1]) * 32).pubkey()


def signed(*instructions: Instruction) -> tuple[VersionedTransaction, Keys]:
    message = MessageV0.try_compile(PAYER.pubkey(), instructions, [], Hash.default())
    static = list(message.account_keys)
    head = message.header
    signers = head.num_required_signatures
    writable = [
        index < signers - head.num_readonly_signed_accounts
        if index < signers
        else index < len(static) - head.num_readonly_unsigned_accounts
        for index in range(len(static))
    ]
    return VersionedTransaction(message, [PAYER]), Keys(static, writable, signers, len(static), [], [])


def pay(lamports: int) -> Instruction:
    return transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=OTHER, lamports=lamports))


def funded(lamports: int = 10**9) -> RealEngine:
    engine = RealEngine()
    engine.set(PAYER.pubkey(), Account(lamports, b"", SYSTEM_PROGRAM, False, 0))
    return engine


def balance(engine: RealEngine, key: Pubkey) -> int:
    account = engine.get(key)
    return 0 if account is None else account.lamports


def test_a_transfer_moves_lamports_and_pays_its_fee() -> None:
    engine = funded()
    done = engine.execute(*signed(pay(10**6)))
    assert done.error is None
    assert (done.fee, done.units, done.inner) == (5000, 150, [[]])
    assert balance(engine, OTHER) == 10**6
    assert balance(engine, PAYER.pubkey()) == 10**9 - 10**6 - 5000
    assert {key: account.lamports for key, account in done.accounts.items() if account} == {
        PAYER.pubkey(): 10**9 - 10**6 - 5000,
        OTHER: 10**6,
    }


def test_a_simulation_shows_the_states_and_keeps_none() -> None:
    engine = funded()
    done = engine.simulate(*signed(pay(10**6)))
    after = done.accounts[OTHER]
    assert after is not None
    assert after.lamports == 10**6
    assert engine.get(OTHER) is None


def test_a_failure_writes_the_payer_alone() -> None:
    engine = funded()
    done = engine.execute(*signed(pay(10**12)))
    assert done.error == {"InstructionError": [0, {"Custom": 1}]}
    assert done.fee == 5000
    assert list(done.accounts) == [PAYER.pubkey()]
    assert balance(engine, PAYER.pubkey()) == 10**9 - 5000


def test_a_transaction_without_a_payer_never_loads() -> None:
    done = RealEngine().execute(*signed(pay(1)))
    assert (done.error, done.fee, done.accounts) == ("AccountNotFound", 0, {})


def test_a_named_error_has_the_form_of_a_node() -> None:
    done = funded().execute(*signed(set_compute_unit_limit(10), pay(10**6)))
    assert done.error == {"InstructionError": [0, "ComputationalBudgetExceeded"]}


def test_accounts_are_found_by_their_owner_until_they_are_removed() -> None:
    engine, program = RealEngine(), Pubkey.from_string("1qbkdrr3z4ryLA7pZykqxvxWPoeifcVKo6ZG9CfkvVE")
    engine.set(OTHER, Account(10**7, b"bytes", program, False, 0))
    assert [(key, account.data) for key, account in engine.owned_by(program)] == [(OTHER, b"bytes")]
    engine.set(OTHER, None)
    assert engine.get(OTHER) is None
    assert list(engine.owned_by(program)) == []


def test_the_clock_and_the_rent_are_those_of_a_node() -> None:
    engine = RealEngine()
    engine.set_clock(Clock(9, 5, 0, 1, 7))
    assert engine.rent_exemption(165) == 2_039_280


def test_the_memo_program_runs() -> None:
    done = funded().execute(*signed(Instruction(MEMO_PROGRAM, b"hello", [])))
    assert done.error is None
    assert any("hello" in line for line in done.logs)


@pytest.mark.parametrize("option", ["", "nothing", "abc=", "not-an-address=/dev/null", f"{OTHER}=/nowhere/at/all"])
def test_an_option_that_names_no_program_is_refused(option: str) -> None:
    with pytest.raises(ProgramFileError):
        read_program(option)


def test_a_file_that_is_no_executable_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "program.so"
    file.write_bytes(b"text")
    with pytest.raises(ProgramFileError, match="no executable"):
        read_program(f"{OTHER}={file}")


@pytest.mark.parametrize("executable", [b"\x7fELFgarbage", b"\x7fELF" + bytes(200)])
def test_an_executable_that_does_not_load_is_refused(executable: bytes) -> None:
    with pytest.raises(ProgramFileError, match="does not load"):
        RealEngine({OTHER: executable})
