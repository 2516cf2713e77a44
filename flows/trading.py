"""The middle of the graph, shared by every flow: pool desks, then the portfolio."""

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream

from dlmm.records import Record
from operators.blocks import Block
from operators.desk import DeskParams, pool_desk
from operators.portfolio import portfolio
from operators.portfolio_records import PortfolioParams, Report


class TradingParams(Record, frozen=True):
    """What the middle of the graph is built from.

    :arg name: Name of the portfolio, which is its key.

    """

    name: str
    desk: DeskParams
    portfolio: PortfolioParams


@operator
def trade(step_id: str, up: KeyedStream[Block], params: TradingParams) -> KeyedStream[Report]:
    """Take blocks of market rows, keyed by pool, all the way to reports, keyed by portfolio.

    :arg step_id: Unique ID.

    :arg up: Blocks, keyed by pool.

    :arg params: The plan.

    :returns: What came of each slice: orders that ended, fills, equity.

    """
    decided = pool_desk("pool", up, params.desk)
    by_portfolio = op.flat_map_batch("by_portfolio", decided, lambda blocks: [(params.name, b) for _, b in blocks])
    return portfolio("risk", by_portfolio, params.portfolio)
