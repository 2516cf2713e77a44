"""Compute units of the Meteora program's instructions about positions, liquidity and orders, fitted like the swaps'.

Each figure is what the program itself uses up to a point, the reading of its accounts included.
"""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.records import Record

_BUMP = 1_500
_FIRST_BUMP = 255

SECOND_TOKEN_2022 = 920
"""More for a transfer of a Token-2022 mint to the pool; from the pool it is a third more."""


class Ends(Record, frozen=True):
    """What an instruction uses between its calls and after them.

    :arg transfer: Before a transfer that is not the first call.

    :arg event: Before the event that follows the transfers.

    :arg end: After the last call.

    """

    transfer: int
    event: int
    end: int


class RangeUnits(Record, frozen=True):
    """What a withdrawal, a claim or an order uses up to its first call.

    :arg bin: Each bin named; `held` is for those that something is in, on top.

    :arg width: Each bin of the position.

    """

    base: int
    bin: int
    held: int
    array: int
    extension: int
    token_2022: int
    width: int
    ends: Ends

    def of(self, *, bins: int, held: int, arrays: int, extension: bool, token_2022: int = 0, width: int = 0) -> int:
        """Estimate one instruction.

        :arg token_2022: How many of the pool's mints are of Token-2022.

        """
        return (
            self.base
            + self.bin * bins
            + self.held * held
            + self.array * arrays
            + self.extension * extension
            + self.token_2022 * token_2022
            + self.width * width
        )


WITHDRAWAL_2 = RangeUnits(15_913, 864, 3_062, 1_828, 379, 1_271, 0, Ends(1_735, 1_851, 821))
WITHDRAWAL = RangeUnits(17_352, -101, 3_386, 0, 954, 0, 783, Ends(1_899, 1_854, 1_067))
CLAIM_2 = RangeUnits(15_420, 445, 673, 1_087, 0, 1_200, 0, Ends(1_745, 1_815, 682))
CLAIM = RangeUnits(16_075, 449, 722, 0, 0, 0, 0, Ends(1_900, 1_817, 919))
BETWEEN_CLAIM_EVENTS = 1_775
PLACED = RangeUnits(14_957, 499, 0, 1_124, 321, 1_360, 0, Ends(0, 2_600, 757))
CANCELLED = RangeUnits(13_802, 739, 0, 1_587, 252, 773, 0, Ends(1_739, 1_991, 798))

LIQUIDITY_CHECKED, PLACE_CHECKED, CANCEL_CHECKED = 14_200, 14_500, 12_500
"""Once the accounts of an instruction are checked: of those for liquidity, of placing and of cancelling orders."""

ORDER_KEPT, ORDER_CLOSED, ORDER_END = 3_894, 5_551, 227
"""Of closing an order: one that is kept, one that is closed up to its event, and after it."""

OPENED = {
    "initialize_position": (9_393, 360),
    "initialize_position2": (10_062, 340),
    "initialize_position_pda": (11_206, 373),
}
"""Up to the event, and after it."""

OPEN_ALREADY = 5_490

CLOSED = {
    "close_position": (5_643, 461),
    "close_position2": (5_093, 401),
    "close_position_if_empty": (5_265, 227),
}
"""Up to the event, without the position's bins, and after it."""

CLOSED_BIN = 97
POSITION_KEPT = 4_073

WIDENED = {"increase_position_length": (7_923, 378), "increase_position_length2": (7_908, 345)}
"""Up to the event, and after it."""

WIDE_ALREADY = 4_665
_MOVED_BIN, _MOVED_NEW_BIN = 217, 149

_ARRAY, _ARRAY_BIT, _ARRAY_LENGTH, _ARRAY_POSITIVE = 199_200, 22, -29, 634
EXTENSION_KEPT, EXTENSION_MADE = 4_680, 7_179
"""Of making a bitmap extension: where there is one already, and where not; the search for its address left out."""


def search(seeds: Sequence[bytes]) -> int:
    """Return what the tries for a program-derived address cost beyond the first."""
    _, bump = Pubkey.find_program_address(seeds, PROGRAM_ID)
    return _BUMP * (_FIRST_BUMP - bump)


def widened(name: str, width: int, added: int, *, upwards: bool) -> int:
    """Estimate what widening a position uses up to the event; downwards all its bins move."""
    return WIDENED[name][0] + (0 if upwards else _MOVED_BIN * width + _MOVED_NEW_BIN * added)


def closed(name: str, width: int) -> int:
    """Estimate what closing a position uses up to the event."""
    return CLOSED[name][0] + CLOSED_BIN * width


def array_prices(first: int, bins: int) -> int:
    """Estimate what making an array uses, most of it for the prices of its bins.

    :arg first: The array's lowest bin.

    """
    ids = [abs(bin_id) for bin_id in range(first, first + bins)]
    bits = sum(bin_id.bit_count() for bin_id in ids)
    lengths = sum(bin_id.bit_length() for bin_id in ids)
    positive = sum(1 for bin_id in range(first, first + bins) if bin_id > 0)
    return _ARRAY + _ARRAY_BIT * bits + _ARRAY_LENGTH * lengths + _ARRAY_POSITIVE * positive
