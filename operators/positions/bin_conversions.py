"""What becomes of tokens inside of bins, in the books: a sale, a purchase, or fees earned."""

from collections.abc import Mapping

from dlmm.jit import kernel
from dlmm.liquidity import NOTHING, Amounts
from dlmm.records import Record
from operators.blocks import Fields, Rows
from operators.books.accounts import NOBODY, average_cost, move
from operators.books.tables import Tables


class FeesEarned(Record, frozen=True):
    """What positions have earned from swaps, raw units; what stays in a bin counts in Y, parts of a unit too."""

    x: float = 0.0
    y: float = 0.0

    def __add__(self, other: "FeesEarned") -> "FeesEarned":
        return FeesEarned(self.x + other.x, self.y + other.y)


@kernel
def earn(book: Fields, accounts: Rows, strategy: int, pool: int, x: float, y: float) -> None:
    """Count fees that a strategy's positions earned, at the price there is.

    They are in what the positions hold, which `convert` books: this is what is told of them, and moves no profit.

    :arg x: Raw X.

    """
    earned = x * book.unit_x * book.price + y * book.unit_y
    accounts[strategy, pool].fees_earned += earned
    book.fees_earned += earned


@kernel
def convert(book: Fields, accounts: Rows, strategy: int, pool: int, x: int, y: int) -> None:
    """Book a change of what a strategy's positions in a pool hold.

    Where one token came and the other went, they were traded at the rate of the two. What came beside nothing that went
    is income, at the market's price.

    :arg x: Raw X that its positions hold more than before.

    """
    account = accounts[strategy, pool]
    more_x, more_y = x * book.unit_x, y * book.unit_y
    held = (account.base + account.position_x) * book.unit_x
    realised = 0.0
    if more_x <= 0.0:
        realised = more_y + more_x * account.cost
    else:
        paid = -more_y if more_y < 0.0 else more_x * book.price
        if more_y >= 0.0:
            realised = more_x * book.price + more_y
        account.cost = (account.cost * held + paid) / (held + more_x) if held + more_x > 0.0 else book.price
    account.realised += realised
    account.position_x += x
    account.position_y += y
    book.realised += realised
    book.position_x += x
    book.position_y += y
    if x != 0:
        book.cost = average_cost(accounts, pool, book.cost)


@kernel
def leave_bins(pool: int, strategy: int, x: int, y: int, books: Rows, accounts: Rows) -> None:
    """Book raw tokens that left a strategy's bins for its account, or with a negative sign went the other way."""
    book, account = books[pool], accounts[strategy, pool]
    book.base += x
    book.quote += y
    book.position_x -= x
    book.position_y -= y
    account.position_x -= x
    account.position_y -= y
    move(accounts, strategy, pool, x, y)


@kernel
def free_of(strategy: int, pool: int, books: Rows, accounts: Rows) -> tuple[int, int]:
    """Return the raw X and Y that neither a pool's book nor a strategy's account there has promised to an order."""
    book, account = books[pool], accounts[strategy, pool]
    x = min(book.base - book.reserved_base, account.base - account.reserved_base)
    y = min(book.quote - book.reserved_quote, account.quote - account.reserved_quote)
    return x, y


def count_fees(pool: int, earned: Mapping[int, FeesEarned], tables: Tables) -> None:
    """Count what the positions of each strategy in a pool have earned since it was counted last."""
    for strategy, fees in earned.items():
        earn(tables.books[pool], tables.accounts, strategy, pool, fees.x, fees.y)


def hold_in_bins(pool: int, now: Mapping[int, Amounts], tables: Tables) -> None:
    """Take over what the positions of each strategy in a pool have come to hold.

    :arg now: By strategy; `NOBODY` for positions that none of this run opened.

    """
    held = [tables.accounts[field][:, pool].tolist() for field in ("position_x", "position_y")]
    for place, (x, y) in enumerate(zip(*held, strict=True)):
        strategy = place if place < len(tables.accounts) - 1 else NOBODY
        worth = now.get(strategy, NOTHING)
        if (worth.x, worth.y) != (x, y):
            convert(tables.books[pool], tables.accounts, strategy, pool, worth.x - x, worth.y - y)
