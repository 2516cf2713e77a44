"""Money for a wallet on a sandbox cluster: what a run's capital amounts to, made out of nothing."""

from collections.abc import Sequence
from typing import TypeVar

from connectors.clusters.cluster import Cluster
from connectors.clusters.pool_loading import LoadedPool
from connectors.wire.rpc import Answers, Encodable, request
from dlmm.programs import SYSTEM_PROGRAM, WRAPPED_SOL
from dlmm.records import Record

LAMPORTS_PER_SOL = 1_000_000_000

T = TypeVar("T")

_TEXTS: Answers[str] = Answers(str)
_FLAGS: Answers[bool] = Answers(bool)
_SLOTS: Answers[int] = Answers(int)


class Funds(Record, frozen=True):
    """What a wallet is given.

    :arg lamports: Native SOL.

    :arg tokens: Raw units by mint.

    """

    lamports: int
    tokens: dict[str, int]


def funds_for(pools: Sequence[LoadedPool], shares: Sequence[float], capital: float, spare_lamports: int) -> Funds:
    """Return what an even division of capital over pools comes to at their present prices.

    :arg pools: The traded ones, all quoting in one currency.

    :arg shares: Part of each pool's budget to hold in X.

    :arg capital: Quote currency.

    :arg spare_lamports: Native SOL beside it, for fees and rent.

    """
    lamports, tokens = spare_lamports, dict[str, int]()
    for pool, share in zip(pools, shares, strict=True):
        info, budget = pool.info, capital / len(pools)
        raw_x = round(budget * share / pool.price * 10**info.decimals_x)
        if info.mint_x == str(WRAPPED_SOL):
            lamports += raw_x
        else:
            tokens[info.mint_x] = tokens.get(info.mint_x, 0) + raw_x
        tokens[info.mint_y] = tokens.get(info.mint_y, 0) + round(budget * (1.0 - share) * 10**info.decimals_y)
    return Funds(lamports, tokens)


def fund(cluster: Cluster, wallet: str, funds: Funds) -> None:
    """Give a wallet of a sandbox cluster what it needs, and wait until the cluster shows it.

    :raises ClusterError: The cluster does not answer, or is no sandbox.

    """
    empty: dict[str, Encodable] = {"lamports": funds.lamports, "owner": str(SYSTEM_PROGRAM), "data": ""}
    _call(cluster, "sandbox_setAccount", [wallet, empty], _FLAGS)
    for mint, amount in funds.tokens.items():
        _call(cluster, "sandbox_fund", [wallet, mint, amount], _TEXTS)
    _call(cluster, "sandbox_advance", [2], _SLOTS)  # what was written shows from the next slot on


def _call(cluster: Cluster, method: str, params: Sequence[Encodable], answers: Answers[T]) -> T:
    return cluster.ask(method, lambda number: request(number, method, params), answers.read)
