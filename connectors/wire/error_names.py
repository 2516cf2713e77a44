"""Why a transaction failed, by name: what the runtime, the two venues, Anchor, the token and system programs say."""

from collections.abc import Sequence

from connectors.wire.refusal import Refusal
from dlmm.records import Record


class Failure(Record, frozen=True):
    """Why a transaction failed.

    :arg instruction: Place of the top-level instruction that failed; `None` where the transaction itself did.

    :arg name: The runtime's name: `InstructionError`, or `BlockhashNotFound`, `InsufficientFundsForFee` and so on.

    :arg code: A program's own code, where it gave one.

    :arg program: Address of the program that failed first, which the failing instruction may have called; `None` where
        that is not known.

    :arg text: What the error says beside its name and code: the runtime's name for an instruction's error, or the
        account that it is about.

    """

    instruction: int | None
    name: str
    code: int | None = None
    program: str | None = None
    text: str = ""


def failure_of(error_json: str, programs: Sequence[str] = (), logs: Sequence[str] = ()) -> Failure | Refusal:
    """Read the error of a transaction, as statuses, notifications, simulations and landed transactions tell it.

    :arg error_json: Anything but `null`.

    :arg programs: Addresses of the programs of the top-level instructions, where they are known.

    :arg logs: What it logged, where that is known; it tells which of several programs failed.

    :returns: A refusal has the cause `error_shape`.

    """
    raise NotImplementedError


def named_error(failure: Failure) -> str:
    """Name a failure in a word or two: `6003 ExceededAmountSlippageTolerance`, `BlockhashNotFound`."""
    raise NotImplementedError
