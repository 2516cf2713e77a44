"""Which failures of a liquidity transaction another one may be spared, built from the accounts as they are by then."""

from connectors.wire.error_names import Failure
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.saros.layout import PROGRAM_IDS as SAROS_PROGRAMS

_VENUES = frozenset({METEORA_PROGRAM, *SAROS_PROGRAMS})
_OUT_OF_UNITS = "ComputationalBudgetExceeded"


def is_curable(failure: Failure) -> bool:
    """Tell whether fresh state may cure a failure: what the venue's program objects to, or that its units ran out.

    What tokens, the system or the runtime object to (too little of something, a frozen account) stays as it is.

    """
    if failure.name != "InstructionError":
        return False
    if failure.code is not None:
        return failure.program in _VENUES
    return failure.text in (_OUT_OF_UNITS, "ProgramFailedToComplete")
