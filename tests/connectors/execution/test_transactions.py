"""What is sent whatever was spent today."""

import pytest

from connectors.execution.transactions import takes_risk_off
from operators.orders.commands import (
    AddLiquidity,
    ClaimFees,
    ClosePosition,
    Command,
    CreatePosition,
    Rebalance,
    RemoveLiquidity,
    Swap,
    SwapRoute,
)

BUY = Swap("pool", exact_in=True, swap_for_y=False, amount=1, threshold=0)
SELL = Swap("pool", exact_in=True, swap_for_y=True, amount=1, threshold=0)


@pytest.mark.parametrize(
    ("command", "urgency", "expected"),
    [
        (BUY, 2, False),
        (BUY, 3, True),
        (SELL, 0, True),
        (CreatePosition("pool", 1, 0, 5), 0, False),
        (AddLiquidity("pool", 1, 0, 5, 1, 1, 2), 0, False),
        (RemoveLiquidity("pool", 1, 0, 5, 100), 0, True),
        (ClaimFees("pool", 1, 0, 5), 0, True),
        (ClosePosition("pool", 1, 0, 5), 0, True),
        (SwapRoute((BUY, SELL)), 2, False),
        (SwapRoute((SELL, BUY, SELL)), 3, True),
        (Rebalance("pool", 2, 0, 9, 4, 6, 1, 1, 5, old_position=1, old_upper=5), 2, False),
        (Rebalance("pool", 2, 0, 9, 4, 6, 1, 1, 5, old_position=1, old_upper=5), 3, True),
    ],
)
def test_taking_risk_off_is_told_by_the_command_and_the_highest_urgency(
    command: Command, urgency: int, expected: bool
) -> None:
    assert takes_risk_off(command, urgency) is expected
