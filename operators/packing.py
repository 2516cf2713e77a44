"""Put separate columns together into a block, in one pass over memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlmm.jit import kernel
from operators.blocks import MARKET, Rows


@kernel
def pack_rows(
    out: Rows,
    seq: NDArray[np.int64],
    slot: NDArray[np.int64],
    ts_event_ns: NDArray[np.int64],
    ts_recv_ns: NDArray[np.int64],
    write_order: NDArray[np.int64],
    price: NDArray[np.float64],
    liquidity: NDArray[np.float64],
    volume: NDArray[np.float64],
    active_id: NDArray[np.int32],
    pool: NDArray[Any],
    pool_index: NDArray[np.int16],
    feed: NDArray[np.int8],
    account: NDArray[np.int32],
) -> None:
    """Fill a block of `ROW` from columns of the same length.

    Field by field numpy takes twice as long: each assignment walks the whole block again.

    :arg pool: Unsigned codes of whatever width the file chose; a code is a position in `pool_index`.

    :arg pool_index: Index into the recording's list of pools for each code, -1 where the pool is not in it.

    """
    for index in range(out.shape[0]):
        row = out[index]
        row.seq = seq[index]
        row.slot = slot[index]
        row.ts_event_ns = ts_event_ns[index]
        row.ts_recv_ns = ts_recv_ns[index]
        row.write_order = write_order[index]
        row.price = price[index]
        row.liquidity = liquidity[index]
        row.volume = volume[index]
        row.volatility = np.nan
        row.active_id = active_id[index]
        row.pool = pool_index[pool[index]]
        row.feed = feed[index]
        row.kind = MARKET
        row.account = account[index]
        row._reserved = 0
