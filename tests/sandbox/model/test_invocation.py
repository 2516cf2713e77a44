"""What the runtime gives a program of the model, and what it forbids it."""

from collections.abc import Callable

import pytest
from solders.account import Account
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from dlmm.anchor import event_authority
from dlmm.programs import MEMO_PROGRAM, SYSTEM_PROGRAM
from sandbox.engine import Execution
from sandbox.model.engine import ModelEngine
from sandbox.model.invocation import EVENT_PREFIX, MAX_GROWTH, Invocation, ProgramError
from tests.sandbox.model.twins import SOL, address_of, compiled

PROGRAM = Pubkey.find_program_address([b"toy"], SYSTEM_PROGRAM)[0]
PAYER, OWN, FOREIGN, DERIVED = (address_of(number) for number in range(1, 5))
SYSTEM, MEMO, AUTHORITY = 4, 5, 6
METAS = [
    AccountMeta(PAYER, is_signer=True, is_writable=True),
    AccountMeta(OWN, is_signer=False, is_writable=True),
    AccountMeta(FOREIGN, is_signer=False, is_writable=True),
    AccountMeta(DERIVED, is_signer=False, is_writable=True),
    AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
    AccountMeta(MEMO_PROGRAM, is_signer=False, is_writable=False),
    AccountMeta(event_authority(PROGRAM), is_signer=False, is_writable=False),
    AccountMeta(PROGRAM, is_signer=False, is_writable=False),
]


def run(
    body: Callable[[Invocation], None],
    *before: Instruction,
    read_only: int | None = None,
    derived: Account | None = None,
) -> tuple[Execution, ModelEngine]:
    """Run a program on an engine with an account of its own, and one of another's."""
    engine = ModelEngine({PROGRAM: body})
    engine.set(PAYER, Account(SOL, b"", SYSTEM_PROGRAM))
    engine.set(OWN, Account(SOL, bytes(8), PROGRAM))
    engine.set(FOREIGN, Account(SOL, bytes(8), address_of(9)))
    engine.set(DERIVED, derived)
    metas = list(METAS)
    if read_only is not None:
        metas[read_only] = AccountMeta(metas[read_only].pubkey, metas[read_only].is_signer, is_writable=False)
    tx, keys = compiled([*before, Instruction(PROGRAM, b"\7", metas)], PAYER)
    return engine.execute(tx, keys), engine


def error_of(body: Callable[[Invocation], None], *, read_only: int | None = None) -> object:
    execution, engine = run(body, read_only=read_only)
    assert engine.get(OWN) == Account(SOL, bytes(8), PROGRAM)
    assert execution.accounts == {PAYER: Account(SOL - 5_000, b"", SYSTEM_PROGRAM)}
    assert isinstance(execution.error, dict)
    index, error = execution.error["InstructionError"]
    assert index == 0
    return error


def test_a_program_sees_its_instruction() -> None:
    seen: list[object] = []

    def body(call: Invocation) -> None:
        seen.extend((call.program, call.data, call.count, call.height, call.remaining, call.clock.slot))
        seen.extend((call.key(1), call.owner(1), call.lamports(1), call.read(1), call.account(3), call.owner(3)))
        seen.extend((call.is_signer(0), call.is_signer(1), call.is_writable(1), call.is_executable(4)))

    assert run(body)[0].error is None
    assert seen[:6] == [PROGRAM, b"\7", 8, 1, 200_000, 0]
    assert seen[6:12] == [OWN, PROGRAM, SOL, bytes(8), None, SYSTEM_PROGRAM]
    assert seen[12:] == [True, False, True, True]


def test_what_a_program_writes_stays() -> None:
    def body(call: Invocation) -> None:
        call.write(1, b"data")
        call.set_lamports(1, call.lamports(1) - 7)
        call.set_lamports(2, call.lamports(2) + 7)
        call.set_return_data(b"back")
        call.consume(1_234)
        call.log("hello")

    execution, engine = run(body)
    assert execution.error is None
    assert engine.get(OWN) == Account(SOL - 7, b"data", PROGRAM) == execution.accounts[OWN]
    assert engine.get(FOREIGN) == Account(SOL + 7, bytes(8), address_of(9))
    assert execution.return_data == (PROGRAM, b"back")
    assert execution.units == 1_234
    assert execution.logs == [
        f"Program {PROGRAM} invoke [1]",
        "Program log: hello",
        f"Program {PROGRAM} consumed 1234 of 200000 compute units",
        f"Program return: {PROGRAM} YmFjaw==",
        f"Program {PROGRAM} success",
    ]


def _steal(call: Invocation) -> None:
    call.set_lamports(2, 0)
    call.set_lamports(1, 2 * SOL)


def _conjure(call: Invocation) -> None:
    call.set_lamports(1, 2 * SOL)


def _vanish(call: Invocation) -> None:
    call.set_lamports(1, 1)


def _beyond(call: Invocation) -> None:
    call.key(8)


def _grow(call: Invocation) -> None:
    call.write(1, bytes(9))
    call.write(1, bytes(8 + MAX_GROWTH + 1))


@pytest.mark.parametrize(
    ("body", "read_only", "error"),
    [
        (lambda call: call.write(2, b"x"), None, "ExternalAccountDataModified"),
        (lambda call: call.write(1, b"x"), 1, "ReadonlyDataModified"),
        (lambda call: call.set_lamports(2, SOL + 1), 2, "ReadonlyLamportChange"),
        (lambda call: call.set_owner(2, PROGRAM), None, "ModifiedProgramId"),
        (_steal, None, "ExternalAccountLamportSpend"),
        (_conjure, None, "UnbalancedInstruction"),
        (_vanish, None, "UnbalancedInstruction"),
        (_beyond, None, "NotEnoughAccountKeys"),
        (_grow, None, "InvalidRealloc"),
    ],
)
def test_the_runtime_refuses(body: Callable[[Invocation], None], read_only: int | None, error: str) -> None:
    assert error_of(body, read_only=read_only) == error


def test_a_failure_is_told_once_and_undoes_all() -> None:
    def body(call: Invocation) -> None:
        call.write(1, b"gone")
        raise ProgramError(6_003, "AnchorError occurred.")

    execution, engine = run(body)
    assert execution.error == {"InstructionError": [0, {"Custom": 6_003}]}
    assert execution.logs[1:] == [
        "Program log: AnchorError occurred.",
        f"Program {PROGRAM} consumed 0 of 200000 compute units",
        f"Program {PROGRAM} failed: custom program error: 0x1773",
    ]
    own = engine.get(OWN)
    assert own is not None
    assert own.data == bytes(8)


def test_a_program_dies_when_the_units_run_out() -> None:
    execution, _ = run(lambda call: call.consume(1_001), set_compute_unit_limit(1_150))
    assert execution.error == {"InstructionError": [1, "ProgramFailedToComplete"]}
    assert execution.units == 1_150
    assert execution.logs[-2:] == [
        f"Program {PROGRAM} consumed 1000 of 1000 compute units",
        f"Program {PROGRAM} failed: exceeded CUs meter at BPF instruction",
    ]


def _call_itself(call: Invocation) -> None:
    call.call(Instruction(PROGRAM, call.data, list(METAS)))


@pytest.mark.parametrize(
    ("instruction", "error"),
    [
        (transfer(TransferParams(from_pubkey=FOREIGN, to_pubkey=OWN, lamports=1)), "PrivilegeEscalation"),
        (Instruction(MEMO_PROGRAM, b"", [AccountMeta(SYSTEM_PROGRAM, False, True)]), "PrivilegeEscalation"),
        (Instruction(MEMO_PROGRAM, b"", [AccountMeta(address_of(50), False, False)]), "MissingAccount"),
        (Instruction(address_of(50), b"", []), "MissingAccount"),
        (transfer(TransferParams(from_pubkey=PAYER, to_pubkey=OWN, lamports=2 * SOL)), {"Custom": 1}),
    ],
)
def test_a_call_that_may_not_be_ends_the_caller_too(instruction: Instruction, error: object) -> None:
    assert error_of(lambda call: call.call(instruction)) == error


def test_calls_go_nine_deep_at_most() -> None:
    assert error_of(_call_itself) == "CallDepth"


def test_a_call_is_recorded_and_its_lines_are_nested() -> None:
    def body(call: Invocation) -> None:
        call.call(transfer(TransferParams(from_pubkey=DERIVED, to_pubkey=OWN, lamports=5)), [DERIVED])
        call.call(Instruction(MEMO_PROGRAM, b"Swap", []))

    execution, engine = run(body, derived=Account(SOL, b"", SYSTEM_PROGRAM))
    assert execution.error is None
    (calls,) = execution.inner
    first, second = calls
    keys = compiled([Instruction(PROGRAM, b"\7", list(METAS))], PAYER)[1].all
    assert (keys[first.program_index], first.stack_height) == (SYSTEM_PROGRAM, 2)
    assert [keys[index] for index in first.accounts] == [DERIVED, OWN]
    assert (keys[second.program_index], second.data) == (MEMO_PROGRAM, b"Swap")
    assert "Program log: Swap" in execution.logs
    assert f"Program {MEMO_PROGRAM} invoke [2]" in execution.logs
    own = engine.get(OWN)
    assert own is not None
    assert own.lamports == SOL + 5


@pytest.mark.parametrize("held", [0, 1_000, 50_000_000])
def test_an_account_is_created_exempt_whatever_it_was_sent(held: int) -> None:
    execution, engine = run(
        lambda call: call.create(3, PROGRAM, 100, 0),
        derived=Account(held, b"", SYSTEM_PROGRAM) if held else None,
    )
    assert execution.error is None
    created = engine.get(DERIVED)
    assert created == Account(max(held, engine.rent_exemption(100)), bytes(100), PROGRAM)
    assert len(execution.inner[0]) == {0: 1, 1_000: 3}.get(held, 2)


def test_a_closed_account_is_gone() -> None:
    execution, engine = run(lambda call: call.close(1, 0))
    assert execution.error is None
    assert engine.get(OWN) is None
    assert execution.accounts[OWN] is None
    assert list(engine.owned_by(PROGRAM)) == []


def test_an_event_is_a_call_to_the_program_itself() -> None:
    execution, _ = run(lambda call: call.emit(b"event", event_authority(PROGRAM), units=500))
    assert execution.error is None
    ((event,),) = execution.inner
    assert event.data == EVENT_PREFIX + b"event"
    assert len(event.accounts) == 1
    assert execution.logs[1:4] == [
        f"Program {PROGRAM} invoke [2]",
        f"Program {PROGRAM} consumed 500 of 199000 compute units",
        f"Program {PROGRAM} success",
    ]
