"""What becomes of a signature that was sent."""

from dlmm.records import Record


class Seen(Record, frozen=True):
    """The transaction stands at the commitment that it is followed at.

    :arg slot: Where a status told it, the slot it landed in; a notification tells the slot that its node was at, which
        may be later. `Landed.slot` is the landing's own.

    :arg error_json: Why it failed, as JSON; `None` where it succeeded.

    :arg commitment: `processed`, `confirmed` or `finalized`.

    """

    slot: int
    error_json: str | None
    commitment: str


class Expired(Record, frozen=True):
    """The transaction can land no more, and has not.

    :arg block_height: Of a bank, at `confirmed` at least, that is past the last valid one.

    :arg slot: Of that bank.

    """

    block_height: int
    slot: int


class Undone(Record, frozen=True):
    """A landing is gone: no endpoint knows the transaction any more. It may land anew while its blockhash is valid."""


class Turned(Record, frozen=True):
    """A landing became another: a fork took it back, and it landed elsewhere.

    :arg slot: The new landing's.

    :arg error_json: Why it failed there, as JSON; `None` where it succeeded.

    """

    slot: int
    error_json: str | None


Outcome = Seen | Expired
Reversal = Undone | Turned
