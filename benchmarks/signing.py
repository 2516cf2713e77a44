"""Measure the way of a swap from the approved command to its signed bytes.

    python -m benchmarks.signing [ORDERS]

`template` splices amounts, fees and blockhash into a message that was compiled before, and signs it; `anew` builds the
instructions, compiles the message and signs the transaction with solders. Both choose the bin arrays by the pool's
accounts for every order. `splice alone` is the template's way without the signature.
"""

import gc
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
from rich.console import Console
from rich.table import Table
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.signing import sign
from connectors.execution.building.swaps import swap_step, units_of
from connectors.execution.building.templates import SwapTemplates, Terms
from connectors.execution.wallet import Wallet
from flows.planted import planted_pools
from operators.orders.commands import Swap, SwapRoute

Command = Swap | SwapRoute
ORDERS, WARM_UP = 5_000, 200
PRICE = 25_000


def commands(kind: str, pools: Mapping[str, PoolAccounts], count: int) -> list[Command]:
    """Return orders of every direction and kind, each for another amount."""
    meteora, saros, _, other = pools

    def swap(pool: str, number: int) -> Swap:
        exact_in, swap_for_y = number % 2 == 0, number % 4 < 2
        return Swap(
            pool=pool,
            exact_in=exact_in,
            swap_for_y=swap_for_y,
            amount=10_000 + number,
            threshold=number,
            compute_units=45_000,
        )

    ways = {"route of two": (meteora, saros), "route of three": (meteora, saros, other)}
    if kind in ways:
        return [
            SwapRoute(tuple(swap(pool, number + 2 * place) for place, pool in enumerate(ways[kind])))
            for number in range(count)
        ]
    pool = meteora if kind == "meteora" else saros
    return [swap(pool, number) for number in range(count)]


def timed(work: Callable[[Command], object], orders: list[Command]) -> tuple[float, float]:
    """Return the median and the 99th percentile in microseconds."""
    for order in orders[:WARM_UP]:
        work(order)
    gc.collect()
    gc.disable()
    spent = np.empty(len(orders))
    for number, order in enumerate(orders):
        begun = time.perf_counter_ns()
        work(order)
        spent[number] = time.perf_counter_ns() - begun
    gc.enable()
    return float(np.percentile(spent, 50)) / 1_000, float(np.percentile(spent, 99)) / 1_000


def measure(kind: str, count: int, table: Table) -> None:
    """Add one kind's figures to the table."""
    loaded = planted_pools(arrays_around=2)
    pools = {pool.info.pool: PoolAccounts(pool.info, pool.accounts, 1, 1) for pool in loaded}
    wallet, keypair = Wallet.ephemeral(), Keypair()
    templates = SwapTemplates(wallet.address)
    blockhash = str(Hash.new_unique())

    def spliced(order: Command) -> bytes:
        return templates.message(order, pools, Terms(blockhash, units_of(order, pools), PRICE))

    def from_template(order: Command) -> object:
        return sign(wallet, spliced(order))

    def anew(order: Command) -> object:
        step = swap_step(order, pools, keypair.pubkey())
        budget = set_compute_unit_limit(step.compute_units), set_compute_unit_price(PRICE)
        instructions = [*budget, *step.instructions]
        message = MessageV0.try_compile(keypair.pubkey(), instructions, [], Hash.from_string(blockhash))
        tx = VersionedTransaction(message, [keypair])
        return str(tx.signatures[0]), bytes(tx)

    orders = commands(kind, pools, count)
    message = spliced(orders[0])
    parts: dict[str, Callable[[Command], object]] = {
        "template": from_template,
        "anew": anew,
        "splice alone": spliced,
        "signature alone": lambda _: wallet.sign(message),
    }
    for name, work in parts.items():
        median, late = timed(work, orders)
        table.add_row(kind, name, f"{median:.1f}", f"{late:.1f}")


def main(count: int) -> None:
    """Print the table."""
    table = Table("orders", "way", "p50 us", "p99 us")
    for column in table.columns[2:]:
        column.justify = "right"
    for kind in ("meteora", "saros", "route of two", "route of three"):
        measure(kind, count, table)
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS)
