"""What a check has to say about a vector that our code does not reproduce."""

from dlmm.records import Record


class Mismatch(Record, frozen=True):
    """One vector, and how our result differs from the program's.

    :arg id: The vector's id.

    :arg what: Part that differs: `instruction data`, `delta user_x`, `bytes of bin_array:0` and the like.

    :arg ours: What our code gives.

    :arg theirs: What the program gave.

    """

    id: str
    what: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.id}: {self.what}: ours {self.ours}, the program's {self.theirs}"
