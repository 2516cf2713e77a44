"""Which failures fresh state may cure."""

import pytest
from solders.pubkey import Pubkey

from connectors.execution.curable import is_curable
from connectors.wire.error_names import Failure
from dlmm.meteora.layout import PROGRAM as METEORA
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from operators.orders.commands import ClosePosition, Rebalance

CLOSING = ClosePosition("pool", 1, 0, 9)
LADDER = Rebalance("pool", 2, 0, 9, 4, 6, amount_x=1, amount_y=1, active_id=5)


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
    assert is_curable(failure, CLOSING) is expected


@pytest.mark.parametrize("program", [TOKEN_PROGRAM, TOKEN_2022_PROGRAM])
def test_a_rebalance_that_had_too_little_is_planned_anew_for_it_places_what_there_is(program: Pubkey) -> None:
    short = Failure(4, "InstructionError", 1, str(program))
    assert is_curable(short, LADDER)
    assert not is_curable(short, CLOSING)
    assert not is_curable(Failure(4, "InstructionError", 17, str(program)), LADDER)
