"""Rounds: swaps through two or three pools that end with the token they began with.

Two pools of one pair of tokens make a round, and so do three pools that close a triangle. Which token of a pool is X,
and how many decimals it has, is each pool's own affair: tokens are told apart by their mints, where those are known,
and by their symbols otherwise; prices are of whole tokens everywhere.
"""

import math
from itertools import combinations

from dlmm.records import Record
from operators.pools import PoolInfo
from operators.strategies.interface import StrategyError
from operators.strategies.price_grid import POOLS

ROUNDS = 64
"""Rounds in a group at most: all pairs of eleven pools."""

_MOST_OF_IT = 1.0 - 1e-9


class Round(Record, frozen=True):
    """Swaps one way round; the other way has them in the opposite order, each the other way.

    :arg pools: Indices of the pools, in their order.

    :arg gives_x: For each whether X goes in and Y comes out.

    """

    pools: tuple[int, ...]
    gives_x: tuple[bool, ...]


def tokens_of(info: PoolInfo) -> tuple[str, str]:
    """Return what tells a pool's X and Y apart from other tokens."""
    return info.mint_x or info.base, info.mint_y or info.quote


def log_cost(info: PoolInfo) -> float:
    """Return how much of what goes in the base fee takes, as a positive logarithm."""
    return -math.log1p(-min(info.base_fee, _MOST_OF_IT))


def find_rounds(
    pools: tuple[PoolInfo, ...], traded: frozenset[int], quote: str, *, triangles: bool
) -> tuple[Round, ...]:
    """Find all rounds that begin and end with the quote currency.

    Of two pools one keeps it as Y, of three the first and the last do; the other ones are passed through, and may have
    it as X.

    :arg traded: Indices of the pools that may be used.

    :arg quote: Its symbol.

    :arg triangles: Whether rounds over three pools count.

    """
    tokens = {index: tokens_of(pools[index]) for index in sorted(traded)}
    starts = {token for index in tokens for token, symbol in _named(pools[index]) if symbol == quote}
    rounds = []
    for start in sorted(starts):
        # For each other token, the pools in which it can be bought with the one that the round begins with.
        sold: dict[str, list[int]] = {}
        for index, pair in tokens.items():
            if start in pair and pair[0] != pair[1]:
                sold.setdefault(pair[1] if pair[0] == start else pair[0], []).append(index)
        home = frozenset(index for index, (_, y) in tokens.items() if y == start)
        for there in sold.values():
            rounds += [_round(tokens, start, two) for two in combinations(there, 2) if not home.isdisjoint(two)]
        if not triangles:
            continue
        for middle, (one, other) in tokens.items():
            if start not in (one, other) and one != other:
                rounds += [
                    _round(tokens, start, (first, middle, last))
                    for first in sold.get(one, ())
                    for last in sold.get(other, ())
                    if {first, last} <= home
                ]
    return tuple(rounds)


def _named(info: PoolInfo) -> tuple[tuple[str, str], tuple[str, str]]:
    x, y = tokens_of(info)
    return (x, info.base), (y, info.quote)


def _round(tokens: dict[int, tuple[str, str]], start: str, through: tuple[int, ...]) -> Round:
    gives_x = []
    held = start
    for pool in through:
        x, y = tokens[pool]
        gives_x.append(held == x)
        held = y if held == x else x
    return Round(through, tuple(gives_x))


def groups_of(rounds: tuple[Round, ...], pools: tuple[PoolInfo, ...]) -> tuple[tuple[int, ...], ...]:
    """Put pools together that are joined by rounds.

    :raises StrategyError: More of them than a kernel follows.

    """
    groups: list[frozenset[int]] = []
    for one in rounds:
        joined = [group for group in groups if group & frozenset(one.pools)]
        groups = [group for group in groups if group not in joined] + [frozenset(one.pools).union(*joined)]
    for group in groups:
        count = sum(one.pools[0] in group for one in rounds)
        if len(group) > POOLS or count > ROUNDS:
            raise StrategyError(
                f"statistical arbitrage: {', '.join(pools[index].pool for index in sorted(group))} make {count} rounds;"
                f" {POOLS} pools and {ROUNDS} rounds are followed at most: choose fewer pools, or no triangles"
            )
    return tuple(sorted(tuple(sorted(group)) for group in groups))
