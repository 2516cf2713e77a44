"""Which failures of a liquidity transaction another one may be spared, built from the accounts as they are by then."""

from connectors.wire.error_names import Failure
from connectors.wire.transaction_json import TOKEN_PROGRAMS
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.saros.layout import PROGRAM_IDS as SAROS_PROGRAMS
from operators.orders.commands import LiquidityCommand, Rebalance

_VENUES = frozenset({METEORA_PROGRAM, *SAROS_PROGRAMS})
_OUT_OF_UNITS = "ComputationalBudgetExceeded"
_INSUFFICIENT_FUNDS = 1
"""Of the token programs."""


def is_curable(failure: Failure, command: LiquidityCommand) -> bool:
    """Tell whether fresh state may cure a failure: what the venue's program objects to, or that its units ran out.

    What tokens, the system or the runtime object to (too little of something, a frozen account) stays as it is; but a
    rebalance places what the wallet has, which is less where the price moved while it was under way.

    """
    if failure.name != "InstructionError":
        return False
    if failure.code is not None:
        is_short = failure.program in TOKEN_PROGRAMS and failure.code == _INSUFFICIENT_FUNDS
        return failure.program in _VENUES or (is_short and isinstance(command, Rebalance))
    return failure.text in (_OUT_OF_UNITS, "ProgramFailedToComplete")
