"""Why something that a peer sent was not taken: a name to count by, and what was seen."""

from dlmm.errors import DlmmError
from dlmm.records import Record

_LONGEST = 160


class Refusal(Record, frozen=True):
    """A message, or a part of one, that was not taken.

    :arg cause: Short snake_case name; the set of them is small, so they may label a counter.

    :arg detail: What was seen, never longer than 160 characters; it may be foreign text, to be escaped when shown.

    :arg code: The peer's own error code where it gave one.

    """

    cause: str
    detail: str
    code: int | None = None


class WireError(DlmmError):
    """Refuse bytes of a peer where the caller asked for a value.

    :arg cause: Name of the refusal, as in `Refusal`.

    :arg detail: What was seen.

    """

    def __init__(self, cause: str, detail: str) -> None:
        """Keep both values, and name the cause first."""
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


def refusal(cause: str, seen: object, code: int | None = None) -> Refusal:
    """Refuse what a peer sent; what was seen of it is cut to size."""
    text = str(seen)
    return Refusal(cause, text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "...", code)
