"""Errors of transactions by name, whichever program they came from."""

import json

import pytest

from connectors.wire.error_names import Failure, failure_of, named_error
from connectors.wire.refusal import Refusal
from dlmm.meteora.failures import NAMES as METEORA_NAMES
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.saros.layout import HOOK_PROGRAM_ID
from dlmm.saros.layout import PROGRAM_ID as SAROS
from dlmm.tokens import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from sandbox.model.anchor_errors import ANCHOR_WORDS
from sandbox.model.token.failures import TokenFailure

SYSTEM = "11111111111111111111111111111111"
ASSOCIATED = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"


def custom(code: int, program: str | None) -> str:
    return named_error(Failure(0, "InstructionError", code, program))


@pytest.mark.parametrize(
    ("program", "code", "name"),
    [
        (METEORA, 6003, "6003 ExceededAmountSlippageTolerance"),
        (METEORA, 6110, "6110 InvalidCollectFeeMode"),
        (METEORA, 6030, "6030 NonEmptyPosition"),
        (METEORA, 3005, "3005 AccountNotEnoughKeys"),
        (METEORA, 1, "1 InsufficientFunds"),
        (METEORA, 6999, "6999"),
        (SAROS, 6004, "6004 InvalidAmountOut"),
        (SAROS, 6029, "6029 UserVaultYMismatch"),
        (SAROS, 2006, "2006 ConstraintSeeds"),
        (HOOK_PROGRAM_ID, 6015, "6015 NeedToClaimPendingRewardsFirst"),
        (TOKEN_PROGRAM, 17, "17 AccountFrozen"),
        (TOKEN_2022_PROGRAM, 35, "35 AccountHasWithheldTransferFees"),
        (SYSTEM, 1, "1 ResultWithNegativeLamports"),
        (ASSOCIATED, 0, "0 InvalidOwner"),
        ("another", 6001, "6001"),
        (None, 7, "7"),
    ],
)
def test_codes_are_named_by_the_program_they_came_from(program: str | None, code: int, name: str) -> None:
    assert custom(code, program) == name


def test_the_names_are_those_that_the_pools_arithmetic_gives() -> None:
    for code, name in METEORA_NAMES.items():
        if code >= 100:
            assert custom(code, METEORA) == f"{code} {name}"


def test_the_names_of_anchor_are_those_that_programs_logged() -> None:
    for code, (name, _) in ANCHOR_WORDS.items():
        assert custom(code, SAROS) == f"{code} {name}"


def test_the_token_programs_codes_stand_where_the_programs_count_them() -> None:
    for failure in TokenFailure:
        if failure is not TokenFailure.ACCOUNT_HAS_WITHHELD_FEES:
            assert custom(failure, TOKEN_2022_PROGRAM).split()[1].lower() == failure.name.replace("_", "").lower()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("BlockhashNotFound", "BlockhashNotFound"),
        ("AlreadyProcessed", "AlreadyProcessed"),
        ({"InsufficientFundsForRent": {"account_index": 3}}, "InsufficientFundsForRent account_index 3"),
        ({"DuplicateInstruction": 1}, "DuplicateInstruction 1"),
        ({"InstructionError": [2, "ComputationalBudgetExceeded"]}, "ComputationalBudgetExceeded"),
        ({"InstructionError": [2, {"BorshIoError": "Unknown"}]}, "BorshIoError Unknown"),
        ({"InstructionError": [1, {"Custom": 6003}]}, "6003 ExceededAmountSlippageTolerance"),
    ],
)
def test_errors_of_every_shape_are_read(error: object, name: str) -> None:
    failure = failure_of(json.dumps(error), [SYSTEM, METEORA, SYSTEM])
    assert isinstance(failure, Failure)
    assert named_error(failure) == name


def test_the_innermost_program_that_failed_names_the_code() -> None:
    error = json.dumps({"InstructionError": [0, {"Custom": 17}]})
    logs = [
        f"Program {METEORA} invoke [1]",
        f"Program {TOKEN_PROGRAM} invoke [2]",
        f"Program {TOKEN_PROGRAM} failed: custom program error: 0x11",
        f"Program {METEORA} failed: custom program error: 0x11",
    ]
    assert failure_of(error, [METEORA], logs) == Failure(0, "InstructionError", 17, TOKEN_PROGRAM)
    assert failure_of(error, [METEORA]) == Failure(0, "InstructionError", 17, METEORA)
    assert failure_of(error) == Failure(0, "InstructionError", 17)


@pytest.mark.parametrize(
    "error",
    [
        "",
        "{",
        "null",
        "7",
        '""',
        "[]",
        "{}",
        '{"InstructionError": [1, {}]}',
        '{"InstructionError": [1, {"Custom": -1, "More": 2}]}',
        '{"InstructionError": [1, 5]}',
        '{"a": 1, "b": 2}',
    ],
)
def test_what_is_no_error_is_refused(error: str) -> None:
    refused = failure_of(error)
    assert isinstance(refused, Refusal)
    assert refused.cause == "error_shape"
