"""The wallet in the books: divided among the pools when a run opens it, and held against the chain again and again."""

from fractions import Fraction

from msgspec.structs import replace

from dlmm.liquidity import Amounts
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Record
from operators.blocks import Rows
from operators.books.accounts import NOBODY, average_cost, move
from operators.books.ledger import QUOTE_IS_SOL, sol_value
from operators.books.tables import Tables
from operators.orders.execution_reports import WalletReport
from operators.pools import PoolInfo


class Difference(Record, frozen=True):
    """What the wallet was found to hold beyond the ledger, or short of it.

    :arg mint: `lamports` for native SOL.

    :arg amount: Raw units, the chain's less the ledger's.

    """

    occasion: str
    slot: int
    mint: str
    amount: int


class WalletTotals(Record, frozen=True):
    """The wallet over a run, as the chain has it.

    :arg differences: All that was found, each booked when it was found.

    :arg compared: How often the ledger was held against it.

    """

    wallet: str = ""
    opening: WalletReport | None = None
    closing: WalletReport | None = None
    differences: tuple[Difference, ...] = ()
    compared: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether the wallet was read after the last order."""
        return self.closing is not None


class WalletBooks:
    """Which pool's book keeps which of the wallet's tokens, and whether all of them together are what the chain says.

    :arg traded: Indices of the pools among which the wallet's tokens are divided.

    :ivar totals: The wallet over the run.

    """

    def __init__(self, pools: tuple[PoolInfo, ...], traded: tuple[int, ...]) -> None:
        self._pools = pools
        self._traded = traded
        self.totals = WalletTotals()

    def open(self, report: WalletReport, tables: Tables) -> None:
        """Divide what the wallet holds among the pools that trade it, evenly, and there among the strategies' accounts.

        A strategy gets X by its share of the pool and the inventory it aims at, and Y by what then is left of its
        share. Nothing is lost: what does not divide is the first one's.
        """
        ledger = tables.ledger
        ledger["is_signed"] = 1
        # Pool by pool, the wallet's worth takes the place of the capital, and no fall is measured from that.
        tables.books["budget"] = 0.0
        for figure in ("start", "equity", "peak", "drawdown", "max_drawdown", "transaction_costs"):
            ledger[figure] = 0.0
        ledger["lamports"] = report.lamports
        ledger["next_order"] = max(int(ledger["next_order"][0]), report.next_order)
        sol = str(WRAPPED_SOL)
        with_sol = [pool for pool in self._traded if self._pools[pool].mint_x == sol]
        if any(self._pools[pool].mint_y == sol for pool in self._traded):
            ledger["sol_pool"] = QUOTE_IS_SOL
            ledger["start"] += report.lamports * 1e-9
        elif with_sol:
            ledger["sol_pool"] = with_sol[0]
        for token in report.tokens:
            for field, name in (("base", "mint_x"), ("quote", "mint_y")):
                sharers = [pool for pool in self._traded if getattr(self._pools[pool], name) == token.mint]
                for place, pool in enumerate(sharers):
                    share, rest = divmod(token.amount, len(sharers))
                    tables.books[pool][field] = share + (place < rest)
                    _divide(tables.accounts[:, pool], field, share + (place < rest))
        self.totals = WalletTotals(report.wallet, report)

    def compare(self, report: WalletReport, tables: Tables) -> None:
        """Hold the ledger against the chain, and follow the chain where they differ.

        What came from outside is no profit: the equity that the run began with moves by its worth. Tokens that no
        traded pool trades, such as those that stand for positions on Saros, are in no book.
        """
        found = [
            Difference(report.occasion, report.slot, token.mint, token.amount - self.held(token.mint, tables))
            for token in report.tokens
            if self.owner_of(token.mint, -1) >= 0
        ]
        found.append(
            Difference(report.occasion, report.slot, "lamports", report.lamports - int(tables.ledger["lamports"][0]))
        )
        found = [difference for difference in found if difference.amount]
        for difference in found:
            self._adjust(difference, tables)
        totals = self.totals
        self.totals = replace(totals, differences=(*totals.differences, *found), compared=totals.compared + 1)

    def _adjust(self, difference: Difference, tables: Tables) -> None:
        ledger = tables.ledger
        if difference.mint == "lamports":
            before = sol_value(ledger[0], tables.books)
            ledger["lamports"] += difference.amount
            ledger["start"] += sol_value(ledger[0], tables.books) - before
            return
        pool = self.owner_of(difference.mint, -1)
        if pool < 0:
            return
        book, accounts = tables.books[pool], tables.accounts[:, pool]
        is_x = difference.mint == self._pools[pool].mint_x
        field, worth = ("base", book["unit_x"] * book["price"]) if is_x else ("quote", book["unit_y"])
        held = accounts[field].copy()
        book[field] += difference.amount
        move(tables.accounts, NOBODY, pool, *((difference.amount, 0) if is_x else (0, difference.amount)))
        accounts["start"] += (accounts[field] - held) * worth
        ledger["start"] += difference.amount * worth

    def owner_of(self, mint: str, pool: int) -> int:
        """Return the pool in whose book a mint's units are kept: the given one, or else the first."""
        for index in (pool, *self._traded) if pool >= 0 else self._traded:
            if mint in (self._pools[index].mint_x, self._pools[index].mint_y):
                return index
        return -1

    def held(self, mint: str, tables: Tables) -> int:
        """Return how many raw units of a mint the ledger says are in the wallet, bin positions not counted."""
        total = 0
        for pool in self._traded:
            if self._pools[pool].mint_x == mint:
                total += int(tables.books[pool]["base"])
            if self._pools[pool].mint_y == mint:
                total += int(tables.books[pool]["quote"])
        return total


def bring_in(pool: int, owner: int, brought: Amounts, tables: Tables) -> None:
    """Take over what stood in bins before the run: capital at the market's price, and no income.

    :arg owner: Strategy that it belongs to, -1 where to none of this run.

    """
    book, account = tables.books[pool], tables.accounts[owner, pool]
    x, value = brought.x * book["unit_x"], brought.x * book["unit_x"] * book["price"] + brought.y * book["unit_y"]
    held = account["base"] * book["unit_x"]
    if held + x > 0.0:
        account["cost"] = (account["cost"] * held + book["price"] * x) / (held + x)
    for holder in (book, account):
        holder["position_x"] += brought.x - account["position_x"]
        holder["position_y"] += brought.y - account["position_y"]
    book["cost"] = average_cost(tables.accounts, pool, float(book["cost"]))
    book["budget"] += value
    account["start"] += value
    tables.ledger["start"] += value


def _divide(accounts: Rows, field: str, amount: int) -> None:
    """Divide a pool's X or Y among its accounts.

    :arg field: `base` or `quote`.

    """
    shares = [Fraction(float(share)) for share in accounts["share"]]
    targets = [Fraction(float(target)) for target in accounts["inventory_target"]]
    each = zip(shares, targets, strict=True)
    weights = [share * (target if field == "base" else 1 - target) for share, target in each]
    if not any(weights):  # no strategy wants this token: it is divided all the same
        weights = shares
    total = sum(weights, Fraction(0))
    parts = [int(amount * weight / total) if total else 0 for weight in weights]
    first = next((place for place, share in enumerate(shares) if share), NOBODY)
    parts[first] += amount - sum(parts)
    for place, part in enumerate(parts):
        accounts[field][place] = part
