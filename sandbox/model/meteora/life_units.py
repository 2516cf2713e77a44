"""Compute units of the Meteora program's instructions about positions, liquidity and orders, fitted like the swaps'.

Each figure is what the program itself uses up to a point, the reading of its accounts included.
"""

from collections.abc import Sequence

from solders.pubkey import Pubkey

from dlmm.meteora.layout import POSITION_BINS
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

    :arg share: Each bin settled of which the position has a share, and `credit` each token that is credited there.

    :arg width: Each bin of the position.

    """

    base: int
    bin: int
    held: int
    array: int
    extension: int
    token_2022: int
    ends: Ends
    share: int = 0
    credit: int = 0
    width: int = 0

    def of(
        self,
        *,
        bins: int,
        arrays: int,
        extension: bool,
        held: int = 0,
        token_2022: int = 0,
        settled: tuple[int, int] = (0, 0),
        width: int = 0,
    ) -> int:
        """Estimate one instruction.

        :arg token_2022: How many of the pool's mints are of Token-2022.

        :arg settled: How many bins settled have a share of the position's, and how many tokens are credited there.

        """
        return (
            self.base
            + self.bin * bins
            + self.held * held
            + self.array * arrays
            + self.extension * extension
            + self.token_2022 * token_2022
            + self.share * settled[0]
            + self.credit * settled[1]
            + self.width * width
        )


WITHDRAWAL_2 = RangeUnits(14_957, 885, 2_545, 2_132, 685, 1_206, Ends(1_735, 1_851, 821), share=608, credit=847)
WITHDRAWAL = RangeUnits(17_156, 353, 2_603, 140, 1_086, 0, Ends(1_899, 1_854, 1_067), share=635, credit=694, width=460)
CLAIM_2 = RangeUnits(14_196, 471, 0, 1_022, 0, 1_135, Ends(1_745, 1_815, 682), share=695, credit=867)
CLAIM = RangeUnits(14_299, 472, 0, 417, 0, 401, Ends(1_900, 1_817, 919), share=699, credit=892)
BETWEEN_CLAIM_EVENTS = 1_775
PLACED = RangeUnits(14_957, 499, 0, 1_124, 321, 1_360, Ends(0, 2_600, 757))
CANCELLED = RangeUnits(13_802, 739, 0, 1_587, 252, 773, Ends(1_739, 1_991, 798))

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

WIDENED = {"increase_position_length": (6_757, 378), "increase_position_length2": (6_702, 345)}
"""Up to the event, and after it."""

WIDE_ALREADY = 4_665
_GROWN, _MOVED, _MOVED_BIN, _MOVED_NEW_BIN = 1_350, 377, 218, 140

_ARRAY, _ARRAY_BIT, _ARRAY_LENGTH, _ARRAY_POSITIVE = 199_200, 22, -29, 634
EXTENSION_KEPT, EXTENSION_MADE = 4_680, 7_179
"""Of making a bitmap extension: where there is one already, and where not; the search for its address left out."""


def search(seeds: Sequence[bytes]) -> int:
    """Return what the tries for a program-derived address cost beyond the first."""
    _, bump = Pubkey.find_program_address(seeds, PROGRAM_ID)
    return _BUMP * (_FIRST_BUMP - bump)


def widened(name: str, width: int, added: int, *, upwards: bool) -> int:
    """Estimate what widening a position uses up to the event; downwards all its bins move, and past 70 it grows."""
    moved = 0 if upwards else _MOVED + _MOVED_BIN * width + _MOVED_NEW_BIN * added
    return WIDENED[name][0] + _GROWN * (width + added > POSITION_BINS) + moved


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
