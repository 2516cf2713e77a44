"""The strategies' accounts: whose of a pool's tokens are whose, and what each strategy has made of its own.

`accounts[strategy, pool]` is one strategy's part of one pool's book, in the arrays' own order the record
`strategy * pools + pool`. A strategy sells what is in its account and buys with what is in it. The book stays the
authority: the accounts of a pool always add up to its tokens and reservations, to the unit. For that there is one row
more, the last one, which index -1 finds as well: what no strategy's budget covers, positions that none of them opened,
and what the emergency stop, whose strategy is -1, has promised.
"""

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import DlmmError
from dlmm.jit import kernel
from operators.blocks import Fields, Rows
from operators.orders.records import BUY, SELL
from operators.pools import PoolInfo
from operators.strategies.interface import PlannedStrategy

ACCOUNT = np.dtype(
    [
        ("share", "f8"),  # of the pool's budget
        ("inventory_target", "f8"),  # share of its worth to be held in X
        ("base", "i8"),  # raw X; what stands in bins is not in it
        ("quote", "i8"),  # raw Y
        ("reserved_base", "i8"),
        ("reserved_quote", "i8"),
        ("position_x", "i8"),  # raw X in its bin positions, fees earned included
        ("position_y", "i8"),
        ("cost", "f8"),  # average quote currency paid per X held
        ("start", "f8"),  # quote currency that it began with
        ("realised", "f8"),
        ("fees", "f8"),  # paid
        ("fees_earned", "f8"),  # by bin positions, at the price of the time; already in what they hold
        ("transaction_costs", "f8"),
        ("volume", "f8"),
        ("fills", "i8"),
        ("trades_won", "i8"),  # sells with a profit ..
        ("trades_lost", "i8"),  # .. and with a loss
        ("won", "f8"),  # sum of the profits, each as a fraction of what was sold had cost ..
        ("lost", "f8"),  # .. and of the losses, positive
    ]
)

NOBODY = -1
"""In place of a strategy: the last row."""

ROUNDING = 1e-9
"""So far shares may add up to more than all: they are written with a few decimals."""


class BudgetError(DlmmError):
    """Refuse strategies that want more of a pool's budget than there is."""

    def __init__(self, pool: str, problem: str) -> None:
        super().__init__(f"strategies: budget of pool {pool}: {problem}")
        self.pool = pool
        self.problem = problem


def budget_shares(strategies: tuple[PlannedStrategy, ...], pools: tuple[PoolInfo, ...]) -> NDArray[np.float64]:
    """Return which part of each pool's budget each strategy has: what it names, or an even share of what others leave.

    :returns: Shares (strategies, pools), 0 where a strategy does not trade a pool.

    :raises BudgetError: Those that trade a pool name more than all of it, or leave nothing for one that names nothing.

    """
    shares = np.zeros((len(strategies), len(pools)))
    for pool, info in enumerate(pools):
        there = [index for index, planned in enumerate(strategies) if pool in planned.pools]
        named = {i: budget for i in there if (budget := strategies[i].policy.budget) is not None}
        total = sum(named.values())
        if total > 1.0 + ROUNDING:
            parts = ", ".join(f"{strategies[index].name} {budget:g}" for index, budget in named.items())
            raise BudgetError(info.pool, f"{parts} add up to {total:g}, allowed: at most 1")
        even = [index for index in there if index not in named]
        if even and total > 1.0 - ROUNDING:
            rest = ", ".join(strategies[index].name for index in even)
            takers = ", ".join(strategies[index].name for index in named)
            raise BudgetError(info.pool, f"{takers} take all of it, and nothing is left for {rest}")
        for index in there:
            shares[index, pool] = named[index] if index in named else (1.0 - total) / len(even)
    return shares


def inventory_targets(strategies: tuple[PlannedStrategy, ...], pools: tuple[PoolInfo, ...]) -> dict[int, float]:
    """Return which part of its budget each pool that is traded begins with in X, by the pool's index.

    :raises BudgetError: As `budget_shares` does.

    """
    shares = budget_shares(strategies, pools)
    targets = np.array([planned.policy.inventory_target for planned in strategies])
    return {pool: float(np.dot(targets, shares[:, pool])) for pool in np.flatnonzero(shares.any(axis=0)).tolist()}


def open_accounts(strategies: tuple[PlannedStrategy, ...], pools: tuple[PoolInfo, ...]) -> Rows:
    """Make the accounts, empty until their pool's first row.

    :returns: `ACCOUNT` array (strategies + 1, pools).

    :raises BudgetError: As `budget_shares` does.

    """
    accounts = np.zeros((len(strategies) + 1, len(pools)), ACCOUNT)
    shares = budget_shares(strategies, pools)
    accounts["share"][:-1] = shares
    idle = 1.0 - shares.sum(axis=0)
    accounts["share"][-1] = np.where((shares > 0.0).any(axis=0) & (idle > ROUNDING), idle, 0.0)
    for account, planned in zip(accounts, strategies, strict=False):
        account["inventory_target"] = planned.policy.inventory_target
    return accounts


@kernel
def hold(accounts: Rows, order: Fields, sign: int) -> None:
    """Set aside in its account what an order may take, or with a sign of -1 free it again."""
    account = accounts[order.strategy, order.pool]
    if order.side == BUY:
        account.reserved_quote += sign * order.amount_in
    elif order.side == SELL:
        account.reserved_base += sign * order.amount_in
    account.reserved_base += sign * order.amount_x
    account.reserved_quote += sign * order.amount_y


@kernel
def lacks(account: Fields, book: Fields, need_x: int, need_y: int) -> tuple[bool, float, float]:
    """Tell whether raw tokens are wanted that are not an account's own or already promised; figures in whole tokens."""
    free_x = account.base - account.reserved_base
    if need_x > free_x:
        return True, need_x * book.unit_x, free_x * book.unit_x
    free_y = account.quote - account.reserved_quote
    return need_y > free_y, need_y * book.unit_y, free_y * book.unit_y


@kernel
def _parts(accounts: Rows, pool: int, is_base: bool, amount: int) -> NDArray[np.int64]:
    """Return what each account gives of an amount that no strategy spent.

    First what no strategy's budget covers, then the strategies in their order; what is free before what is promised.
    What nobody holds is owed by the last row.
    """
    parts = np.zeros(accounts.shape[0], np.int64)
    for is_promised in (False, True):
        for place in range(-1, accounts.shape[0] - 1):
            account = accounts[place, pool]
            held = account.base if is_base else account.quote
            if not is_promised:
                held -= account.reserved_base if is_base else account.reserved_quote
            part = min(max(held - parts[place], 0), amount)
            parts[place] += part
            amount -= part
    parts[-1] += amount
    return parts


@kernel
def _first(accounts: Rows, pool: int) -> int:
    """Return the first strategy with an account in a pool, the last row where there is none."""
    for place in range(accounts.shape[0] - 1):
        if accounts[place, pool].share > 0.0:
            return place
    return len(accounts) - 1


@kernel
def move(accounts: Rows, strategy: int, pool: int, x: int, y: int) -> None:
    """Book what came into the wallet, or with a negative sign left it.

    :arg strategy: Whose order it was. Negative where it was nobody's: what came is the first account's of the pool,
        what left is taken as `_parts` tells.

    :arg x: Raw units of the pool's X.

    """
    if strategy >= 0:
        accounts[strategy, pool].base += x
        accounts[strategy, pool].quote += y
        return
    first = _first(accounts, pool)
    if x >= 0:
        accounts[first, pool].base += x
    else:
        parts = _parts(accounts, pool, True, -x)
        for place in range(accounts.shape[0]):
            accounts[place, pool].base -= parts[place]
    if y >= 0:
        accounts[first, pool].quote += y
    else:
        parts = _parts(accounts, pool, False, -y)
        for place in range(accounts.shape[0]):
            accounts[place, pool].quote -= parts[place]


@kernel
def buy(account: Fields, book: Fields, paid: int, bought: int, fee: float) -> None:
    """Book a purchase.

    :arg paid: Raw Y.

    :arg bought: Raw X.

    :arg fee: Quote currency.

    """
    held = (account.base + account.position_x) * book.unit_x
    got = bought * book.unit_x
    account.cost = (account.cost * held + paid * book.unit_y) / (held + got)
    account.quote -= paid
    account.base += bought
    account.volume += paid * book.unit_y
    account.fees += fee
    account.fills += 1


@kernel
def _sell(account: Fields, book: Fields, sold: int, received: int, fee: float) -> float:
    """Book a sale, and return what it realises against the account's average cost."""
    realised = float(received * book.unit_y - account.cost * (sold * book.unit_x))
    account.base -= sold
    account.quote += received
    account.realised += realised
    account.volume += received * book.unit_y
    account.fees += fee
    return realised


@kernel
def sell(accounts: Rows, strategy: int, pool: int, book: Fields, sold: int, received: int, fee: float) -> float:
    """Book a sale, and return what it realises in quote currency.

    A strategy's own is a realised trade: its result, as a fraction of what was sold had cost, goes into the account's
    record. What the emergency stop sold is taken as `_parts` tells, and each gets its part of the proceeds.

    :arg sold: Raw X.

    :arg received: Raw Y.

    """
    if strategy >= 0:
        account = accounts[strategy, pool]
        had_cost = account.cost * (sold * book.unit_x)
        realised = _sell(account, book, sold, received, fee)
        account.fills += 1
        if realised > 0.0 and had_cost > 0.0:
            account.trades_won += 1
            account.won += realised / had_cost
        elif realised < 0.0 and had_cost > 0.0:
            account.trades_lost += 1
            account.lost -= realised / had_cost
        return float(realised)
    realised = 0.0
    parts = _parts(accounts, pool, True, sold)
    for place in range(accounts.shape[0]):
        part = parts[place]
        if part <= 0:
            continue
        proceeds = received if part == sold else min(int(received * (part / sold)), received)
        cut = fee * (part / sold)
        realised += _sell(accounts[place, pool], book, part, proceeds, cut)
        sold -= part
        received -= proceeds
        fee -= cut
    return float(realised)


@kernel
def average_cost(accounts: Rows, pool: int, otherwise: float) -> float:
    """Return what all X of a pool has cost on average; where one account alone holds any, its cost to the last bit."""
    holders = 0
    held = cost = paid = 0.0
    for place in range(accounts.shape[0]):
        account = accounts[place, pool]
        mine = float(account.base) + float(account.position_x)
        if mine > 0.0:
            holders += 1
            held += mine
            cost = account.cost
            paid += account.cost * mine
    if holders == 0:
        return otherwise
    return cost if holders == 1 else paid / held
