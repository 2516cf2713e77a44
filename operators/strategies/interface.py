"""What a strategy is: a name, and either a kernel over blocks or a plain Python function over rows.

A strategy sees one pool, one row after the other, and says at most one thing per row: a quote (replace my resting
orders by these), a take (swap now, at this limit or better), a cancel, a liquidity command, or an arbitrage with
another pool. What it says is a wish: how large, whether allowed, and what came of it is decided behind it, where the
portfolio is known.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import DlmmError
from dlmm.records import Record
from dlmm.shapes import Shape
from operators.blocks import Rows
from operators.pools import PoolInfo


class StrategyError(DlmmError):
    """Refuse a strategy: it cannot be found, built or used as one, or does not keep to the rules below."""


Kernel = Callable[[Rows, Rows, Rows, Rows], int]
"""`kernel(rows, state, parameters, signals) -> count`: read `ROW`s in order, keep what must be remembered in
`state[0]`, write the fields of `signals[count]`, `row` among them, and return how many there are, at most one a row."""


@runtime_checkable
class KernelStrategy(Protocol):
    """A strategy whose decision is a compiled kernel: several million rows a second."""

    @property
    def name(self) -> str:
        """Unique name, as it appears in results."""

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """What is remembered from row to row, as a record that starts as zeros."""

    @property
    def kernel(self) -> Kernel:
        """The decision, made with `dlmm.jit.kernel`."""

    def parameters(self, pool: PoolInfo) -> NDArray[np.void]:
        """Return the kernel's constants for one pool, as a struct array of length one."""


class Row(Record, frozen=True):
    """One market row, as a Python strategy sees it; fields and units as in `operators.blocks.ROW`."""

    seq: int
    slot: int
    ts_event_ns: int
    price: float
    liquidity: float
    volume: float
    volatility: float
    active_id: int


class Quote(Record, frozen=True):
    """Replace the resting orders by these limits; `None` leaves a side empty, or a size to the portfolio.

    :arg expected_profit: Quote currency, costs taken off; `None` where the strategy makes no claim.

    :arg reason: Index into the strategy's `reasons`.

    :arg figures: What decided, under the names of the strategy's `figures`.

    """

    bid: float | None
    ask: float | None
    bid_size: float | None = None
    ask_size: float | None = None
    expiry_slots: int = 0
    confidence: float = 0.0
    expected_profit: float | None = None
    reason: int = 0
    figures: tuple[float, ...] = ()


class Take(Record, frozen=True):
    """Swap at once at these limits or better: buy at `bid`, sell at `ask`; sizes in whole tokens of X.

    :arg fraction: Of a sale without a size: how much of what the strategy holds in this pool is to be sold.

    :arg exact_out: Whether the size is what comes out: that much X, or the Y that it is worth at `ask`.

    """

    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None
    fraction: float | None = None
    exact_out: bool = False
    urgency: int = 0
    confidence: float = 0.0
    expected_profit: float | None = None
    reason: int = 0
    figures: tuple[float, ...] = ()


class Cancel(Record, frozen=True):
    """Take the resting orders back."""


class OpenPosition(Record, frozen=True):
    """Open an empty position over bins `lower` to `upper`, both included, in the program's own ids."""

    lower: int
    upper: int


class Deposit(Record, frozen=True):
    """Put tokens into the position that this strategy opened last in this pool; whole tokens."""

    amount_x: float
    amount_y: float
    shape: Shape = Shape.SPOT


class Withdraw(Record, frozen=True):
    """Take a fraction of every bin's liquidity out of that position."""

    fraction: float


class ClaimFees(Record, frozen=True):
    """Collect what that position has earned."""


class ClosePosition(Record, frozen=True):
    """Claim, withdraw everything and close that position."""


class Arbitrage(Record, frozen=True):
    """Buy X here at `bid` or better, and sell all of it in another pool at `ask` or better, both or neither.

    :arg other_pool: Address of the pool to sell in; it trades the same tokens.

    :arg size: Whole tokens of X.

    """

    other_pool: str
    bid: float
    ask: float
    size: float


class Ladder(Record, frozen=True):
    """Have bids in bins `lower` to `bid_upper` and asks in `ask_lower` to `upper`, in the place of the ladder before.

    How much goes in is the portfolio's affair: the strategy's budget in this pool, as it stands in either token.

    :arg bid_upper: Below `lower` for a ladder without bids.

    :arg ask_lower: Above `upper` for a ladder without asks.

    :arg expected_profit: Fee income over the ladder's life for each unit of quote currency that is placed, as long as
        that is little beside what stands there already; the portfolio holds it against the transactions' cost. `None`:
        no claim, and nothing is held against it.

    """

    lower: int
    upper: int
    bid_upper: int
    ask_lower: int
    shape: Shape = Shape.SPOT
    confidence: float = 0.0
    expected_profit: float | None = None
    reason: int = 0
    figures: tuple[float, ...] = ()


Wish = Quote | Take | Cancel | OpenPosition | Deposit | Withdraw | ClaimFees | ClosePosition | Arbitrage | Ladder


@runtime_checkable
class RowStrategy(Protocol):
    """A strategy whose decision is a Python function: some 100,000 rows a second."""

    @property
    def name(self) -> str:
        """Unique name, as it appears in results."""

    def start(self, pool: PoolInfo) -> Any:
        """Return what shall be remembered of one pool: any value that pickles."""

    def on_row(self, row: Row, memory: Any) -> tuple[Wish | None, Any]:
        """Return what is wanted, if anything, and the new memory."""


class Explained(Protocol):
    """What any strategy may add, so that its decisions can be explained.

    :ivar reasons: Texts that a signal's `reason` is an index into.

    :ivar figures: Names of a signal's `figures`, `operators.blocks.FIGURES` at most.

    """

    reasons: tuple[str, ...]
    figures: tuple[str, ...]


MEMBER = np.dtype([("group", "i2"), ("place", "i2")])
"""For each pool: which group of a strategy over several pools it is in, -1 for none, and its place there."""

GroupKernel = Callable[[Rows, NDArray[np.int64], Rows, Rows, Rows, Rows], int]
"""`kernel(rows, order, members, state, parameters, signals) -> count`: read the `ROW`s of all pools in the order of
`order`; `members[row.pool]` tells a row's group and its place there; keep what must be remembered in `state[group]`;
`parameters[group]` are its constants. A signal has `row` (index into `rows`) and `pool` written, at most one a row."""


@runtime_checkable
class GroupStrategy(Protocol):
    """A strategy that looks at several pools at once, such as all pools of one pair of tokens."""

    @property
    def name(self) -> str:
        """Unique name, as it appears in results."""

    @property
    def state_dtype(self) -> np.dtype[np.void]:
        """What is remembered of one group from row to row, as a record that starts as zeros."""

    @property
    def group_kernel(self) -> GroupKernel:
        """The decision, made with `dlmm.jit.kernel`."""

    def groups(self, pools: tuple[PoolInfo, ...], traded: frozenset[int]) -> tuple[tuple[int, ...], ...]:
        """Return the indices of the pools of each group, in their places; a pool is in one group at most."""

    def group_parameters(self, pools: tuple[PoolInfo, ...], groups: tuple[tuple[int, ...], ...]) -> NDArray[np.void]:
        """Return the kernel's constants, a record for each group."""


Strategy = KernelStrategy | RowStrategy | GroupStrategy


class Policy(Record, frozen=True):
    """How the portfolio turns a strategy's wishes into orders.

    :arg kelly_fraction: Part of the Kelly size that an order takes where the strategy names no size: of the portfolio's
        equity, by the strategy's own record in the pool.

    :arg win_rate: What that record is taken to be before there is any: the share of trades won ..

    :arg average_win: .. and what they win, as a fraction of their cost ..

    :arg average_loss: .. and the others lose ..

    :arg prior_trades: .. as if it had been seen in so many trades.

    :arg budget: Part of each of its pools' budget that the strategy may use; `None`: an even share of what the others
        leave.

    :arg max_liquidity_share: Order value at most as a fraction of the pool's liquidity near the price.

    :arg inventory_target: Share of its worth in the pool that it begins with, and is to hold, in X.

    :arg max_inventory_deviation: No bid above target plus this, no ask below target minus this.

    :arg skew_bins: Bins by which both sides of a ladder move away from the price's side of which there is too much,
        where inventory has strayed by `max_inventory_deviation`.

    :arg min_rebalance_s: Market time that the portfolio waits at the least before it moves a ladder of itself.

    :arg min_profit: Quote currency that an arbitrage without a size must earn at the least, its transaction paid.

    """

    kelly_fraction: float = 0.25
    win_rate: float = 0.55
    average_win: float = 0.001
    average_loss: float = 0.0008
    prior_trades: float = 100.0
    budget: float | None = None
    max_liquidity_share: float = 0.01
    inventory_target: float = 0.5
    max_inventory_deviation: float = 0.5
    skew_bins: float = 0.0
    min_rebalance_s: float = 0.0
    min_profit: float = 0.0


class PlannedStrategy(Record, frozen=True):
    """A strategy with the pools it works on and the policy for its wishes.

    :arg pools: Indices into the recording's list of pools.

    :arg label: Name given in the settings; empty leaves the strategy its own.

    :arg passes: Indices of pools without a budget that its arbitrages may pass through.

    """

    strategy: Strategy
    pools: frozenset[int]
    policy: Policy
    label: str = ""
    passes: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """Name in results, unique among the strategies of a plan."""
        return self.label or self.strategy.name
