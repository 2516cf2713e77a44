"""The wallet over a run: what the chain said before and after, held against what the ledger says."""

from typing import Any

from operators.books.ledger import QUOTE_IS_SOL
from operators.pools import PoolInfo
from operators.portfolio_records import Totals

LAMPORTS_PER_SOL = 1_000_000_000


def summarise_wallet(pools: tuple[PoolInfo, ...], totals: Totals) -> dict[str, Any] | None:
    """Return a signed run's wallet for its summary; `None` for a run on paper.

    Its `pnl` is taken from the chain alone: what the wallet held when it was read last, at the last prices, less what
    the run began with. Bin positions that are still open and rent that is locked are no part of it; `in_bins` is what
    the ledger has in those positions, in quote currency.

    """
    wallet = totals.wallet
    if wallet.opening is None:
        return None
    ledger, books = totals.ledger, totals.books
    held: dict[str, int] = {}
    prices: dict[str, float] = {}
    for info, book in zip(pools, books, strict=True):
        for mint, field in ((info.mint_x, "base"), (info.mint_y, "quote")):
            held[mint] = held.get(mint, 0) + int(book[field])
        if book["is_open"]:
            prices.setdefault(info.mint_x, book["unit_x"] * book["price"])
            prices[info.mint_y] = book["unit_y"]
    closing = wallet.closing
    last = {token.mint: token.amount for token in closing.tokens} if closing is not None else {}
    sol_pool = int(ledger["sol_pool"])
    sol_price = 1.0 if sol_pool == QUOTE_IS_SOL else books[sol_pool]["price"] if sol_pool >= 0 else 0.0
    # Each pool's share of a token counts at that pool's price, as in the ledger; what the chain has beyond the ledger,
    # or short of it, at the price of the first pool.
    worth = sum(book["base"] * book["unit_x"] * book["price"] + book["quote"] * book["unit_y"] for book in books)
    worth += sum((amount - held.get(mint, 0)) * prices.get(mint, 0.0) for mint, amount in last.items())
    end = worth + closing.lamports / LAMPORTS_PER_SOL * sol_price if closing is not None else None
    return {
        "address": wallet.wallet,
        "is_closed": closing is not None,
        "slot_opening": wallet.opening.slot,
        "slot_closing": closing.slot if closing is not None else None,
        "tokens": {
            token.mint: {"opening": token.amount, "ledger": held.get(token.mint, 0), "chain": last.get(token.mint)}
            for token in wallet.opening.tokens
            if token.mint in held  # no pool trades the others, such as those that stand for positions on Saros
        },
        "lamports": {
            "opening": wallet.opening.lamports,
            "ledger": int(ledger["lamports"]),
            "chain": closing.lamports if closing is not None else None,
        },
        "network_fees_lamports": int(ledger["network_fees"]),
        "rent_lamports": int(ledger["rent"]),
        "pnl": end - ledger["start"] if end is not None else None,
        "compared": wallet.compared,
        "differences": [
            {"occasion": found.occasion, "slot": found.slot, "mint": found.mint, "amount": found.amount}
            for found in wallet.differences
        ],
        "open_positions": totals.positions,
        "in_bins": sum(
            book["position_x"] * book["unit_x"] * book["price"] + book["position_y"] * book["unit_y"]
            for book in books
            if book["is_open"]
        ),
        "unknown_reports": totals.unknown_reports,
    }
