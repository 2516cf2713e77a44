"""Which failures fresh state may cure."""

import pytest

from connectors.execution.curable import is_curable
from connectors.wire.error_names import Failure
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.programs import TOKEN_PROGRAM


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(2, "InstructionError", 6004, METEORA), True),
        (Failure(2, "InstructionError", None, METEORA, "ComputationalBudgetExceeded"), True),
        (Failure(2, "InstructionError", 17, str(TOKEN_PROGRAM)), False),
        (Failure(2, "InstructionError", 6004), False),
        (Failure(None, "InsufficientFundsForFee"), False),
        (Failure(2, "InstructionError", None, METEORA, "InvalidAccountData"), False),
    ],
)
def test_the_venues_objections_and_spent_units_are_curable_and_nothing_else(failure: Failure, expected: bool) -> None:
    assert is_curable(failure) is expected
