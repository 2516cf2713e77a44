"""Compile every kernel ahead of the first run: `python -m flows.warm`, which set-up and the image call.

Compiled kernels are kept on disk until the sources change; a run then loads them in half a second.
"""

import numpy as np

from connectors.recordings.inspection import Inspector
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Clock, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool, apply
from flows.failure import say_own_errors_in_one_line
from flows.plan import plan
from flows.planted import planted_pools
from flows.settings.tree import Settings
from operators.blocks import ROW, split_by_pool
from operators.market.volatility import Volatility, VolatilityParams
from operators.warm_up import warm_up, warm_up_settlement


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


if __name__ == "__main__":
    say_own_errors_in_one_line()
    print(f"kernels are compiled ({warm()} pools tried)")
