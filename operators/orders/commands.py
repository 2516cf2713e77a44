"""What can be done on a pool, as values: what risk approves and the execution connector carries out.

Amounts are raw token units as the wallet's token accounts see them. A pool is named by its address, a position by the
number of the order that created it. A wide position is several on chain: the connector splits it.
"""

import msgspec

from dlmm.records import Record
from dlmm.shapes import Shape


class Swap(Record, frozen=True, tag="swap"):
    """Swap in one pool.

    :arg exact_in: Whether `amount` goes in, or shall come out.

    :arg swap_for_y: X goes in and Y comes out, or the other way.

    :arg threshold: Least amount out for exact in, most amount in for exact out.

    :arg compute_units: Estimate of the exact quote behind it; 0 where none was made.

    """

    pool: str
    exact_in: bool
    swap_for_y: bool
    amount: int
    threshold: int
    compute_units: int = 0


class SwapRoute(Record, frozen=True, tag="swap_route"):
    """Two or three swaps in one transaction: all happen or none does.

    :arg legs: In their order; what one takes, the one before it brings.

    """

    legs: tuple[Swap, ...]

    @property
    def pool(self) -> str:
        """The pool that the order is booked under."""
        return self.legs[0].pool


class CreatePosition(Record, frozen=True, tag="create_position"):
    """Open an empty position over bins `lower` to `upper`, both included; missing bin arrays are made."""

    pool: str
    position: int
    lower: int
    upper: int


class AddLiquidity(Record, frozen=True, tag="add_liquidity"):
    """Put tokens into a position's bins.

    :arg lower: First and last bin of the whole position, as it was created with.

    :arg amount_x: At most so much X, all of it above or in the active bin.

    :arg shape: How the amounts are spread over the bins.

    :arg max_active_slip: How many bins the active one may have moved since `active_id` until it lands.

    """

    pool: str
    position: int
    lower: int
    upper: int
    amount_x: int
    amount_y: int
    active_id: int
    shape: Shape = Shape.SPOT
    max_active_slip: int = 5


class RemoveLiquidity(Record, frozen=True, tag="remove_liquidity"):
    """Take a part of what stands in a position out of all of its bins.

    :arg bps: Basis points of every bin's share, 10,000 for all.

    """

    pool: str
    position: int
    lower: int
    upper: int
    bps: int


class ClaimFees(Record, frozen=True, tag="claim_fees"):
    """Collect the fees that a position has earned (Saros pays them out with the liquidity: nothing to send there)."""

    pool: str
    position: int
    lower: int
    upper: int


class ClosePosition(Record, frozen=True, tag="close_position"):
    """Claim, remove and close in one transaction for each position on chain."""

    pool: str
    position: int
    lower: int
    upper: int


class Rebalance(Record, frozen=True, tag="rebalance"):
    """Close one ladder and place another, in as few transactions as fit; either may be none.

    Fees are claimed with the old one. The new one is a position of its own, named by this order; bids are Y in bins
    `lower` to `bid_upper`, asks X in bins `ask_lower` to `upper`, and each side is spread by the shape from its inner
    end outwards.

    :arg old_position: What to close; 0: nothing.

    :arg amount_x: At most so much X goes into the asks, and no more than the wallet then holds; 0: no asks.

    :arg active_id: Active bin at the decision.

    :arg max_active_slip: How many bins it may have moved since until the deposit lands.

    """

    pool: str
    position: int
    lower: int
    upper: int
    bid_upper: int
    ask_lower: int
    amount_x: int
    amount_y: int
    active_id: int
    shape: Shape = Shape.SPOT
    old_position: int = 0
    old_lower: int = 0
    old_upper: int = 0
    max_active_slip: int = 5


LiquidityCommand = CreatePosition | AddLiquidity | RemoveLiquidity | ClaimFees | ClosePosition | Rebalance
Command = Swap | SwapRoute | LiquidityCommand


class Approved(Record, frozen=True):
    """A command that passed the risk gate: the only thing that the execution connector takes.

    :arg portfolio: Whose it is.

    :arg order: Client order id, a pure function of the portfolio's state.

    :arg attempt: Counts up from 0; an order that failed or expired may be tried again, each time approved anew.

    :arg deadline_slot: Not to be signed in a later slot.

    :arg urgency: 0 low to 3 critical: what the priority fee goes by.

    :arg decided_slot: Slot of the decision.

    :arg recv_ns: When the row that caused it was received here, 0 where unknown.

    :arg strategy: Name of the one that wished for it; empty where none did.

    """

    portfolio: str
    order: int
    attempt: int
    command: Command
    deadline_slot: int
    urgency: int
    decided_slot: int
    recv_ns: int = 0
    strategy: str = ""

    @property
    def key(self) -> str:
        """Name of this attempt in the order journal."""
        return f"{self.order}.{self.attempt}"


encode_approved = msgspec.msgpack.Encoder().encode
decode_approved = msgspec.msgpack.Decoder(Approved).decode
