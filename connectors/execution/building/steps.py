"""One transaction of an order, before it is compiled and signed, and why there may be none."""

from solders.instruction import Instruction

from dlmm.errors import DlmmError
from dlmm.records import Record


class Step(Record, frozen=True):
    """What one transaction does.

    :arg instructions: In their order, without those of the compute budget.

    :arg compute_units: Limit to ask for, margin included.

    :arg extra: Names of the keys that sign beside the wallet; the wallet derives them.

    """

    instructions: tuple[Instruction, ...]
    compute_units: int
    extra: tuple[str, ...] = ()


class BuildError(DlmmError):
    """Refuse a command that makes no transaction; the order ends with it, the process does not.

    :arg kind: Name to count it by: `missing_account`, `transfer_hook`, `too_long` and the like.

    :arg reason: The figures behind it.

    """

    def __init__(self, kind: str, reason: str) -> None:
        """Keep both values, and name the kind first."""
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason
