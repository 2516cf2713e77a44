"""Compile every kernel ahead of the first run: `python -m flows.warm`, which set-up and the image call.

Compiled kernels are kept on disk until the sources change; a run then loads them in half a second.
"""

import multiprocessing
import sys

import numpy as np
from numba.core.event import Event, Listener, register

from connectors.recordings.inspection import Inspector
from dlmm.meteora.pool import MeteoraPool
from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import Clock, SwapRequest, Venue
from dlmm.routes import MIN_LEGS, best_route
from dlmm.saros.layout import MIDDLE_BIN_ID
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool, apply
from dlmm.ways import MAX_LEGS
from flows.failure import say_own_errors_in_one_line
from flows.plan import plan
from flows.planted import planted_pools
from flows.settings.tree import Settings
from operators.blocks import ROW, split_by_pool
from operators.market.volatility import Volatility, VolatilityParams
from operators.warm_up import warm_up, warm_up_settlement


def swap_ahead() -> None:
    """Seek rounds and swap, all on stand-ins: what takes long to compile and is made of nothing but the pools."""
    terms = [PoolTerms(venue, 10, 10_000) for venue in (Venue.METEORA, Venue.SAROS, Venue.METEORA)]
    made = [synthetic_pool(of, MIDDLE_BIN_ID if of.venue is Venue.SAROS else 30, 71, 35) for of in terms]
    for legs in range(MIN_LEGS, MAX_LEGS + 1):
        best_route(tuple((pool, leg > 0) for leg, pool in enumerate(made[:legs])), Clock(1, 1), cap_in=1)
    for pool in made[:2]:
        apply(pool, SwapRequest(exact_in=True, amount=1, swap_for_y=True, threshold=0), Clock(1, 1))


def warm() -> int:
    """Take a swap, a block and an order through everything that is compiled.

    :returns: Pools that were used.

    """
    pools = planted_pools()
    settings = Settings()
    infos = tuple(pool.info for pool in pools)
    params = plan(settings, infos)
    warm_up(params.desk, params.portfolio)
    warm_up_settlement(params.portfolio)
    Inspector(infos).check(np.zeros(0, ROW))
    rows = np.zeros(2, ROW)
    rows["price"] = 1.0
    split_by_pool(rows, len(infos))
    Volatility(VolatilityParams(estimator="ewma")).estimate(rows)
    for loaded in pools:
        decode = SarosPool if loaded.info.venue is Venue.SAROS else MeteoraPool
        pool: Pool = decode.from_accounts(loaded.info.pool, loaded.accounts)
        for exact_in in (True, False):
            request = SwapRequest(
                exact_in=exact_in, amount=10_000, swap_for_y=True, threshold=0 if exact_in else 1 << 40
            )
            apply(pool, request, Clock(slot=loaded.slot, unix_timestamp=2_000_000_000, epoch=0))
    return len(pools)


class _Counter(Listener):
    """Tell a person how many kernels were compiled so far."""

    def __init__(self) -> None:
        self._count = 0

    def on_start(self, event: Event) -> None:
        """Do nothing."""

    def on_end(self, event: Event) -> None:
        """Count."""
        self._count += 1
        print(f"\r{self._count} kernels ", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Compile on two cores, for what is compiled once is found by all."""
    if sys.stderr.isatty():
        register("numba:compile", _Counter())  # type: ignore[no-untyped-call]
    beside = multiprocessing.get_context("spawn").Process(target=swap_ahead)
    beside.start()
    tried = warm()
    beside.join()
    print(f"kernels are compiled ({tried} pools tried)")


if __name__ == "__main__":
    say_own_errors_in_one_line()
    main()
