"""Kelly's fraction from a strategy's own record: how often its trades won, and how much they won and lost.

A record of few trades says little, so it begins with what the policy takes for granted, counted as so many trades
(pseudo-counts): after n trades of its own, a strategy in a pool is judged by `prior_trades` of the prior's kind and by
these n, all counted alike. With the 100 that are the default the prior weighs as much as the trades after which a win
rate is known no better than to 0.05, a standard error of sqrt(0.25 / 100): the very edge over a coin that the prior
claims.
"""

from dlmm.jit import kernel
from operators.blocks import Fields


@kernel
def kelly(win_rate: float, average_win: float, average_loss: float) -> float:
    """Return the fraction of capital that maximises its growth, for bets that win or lose these averages.

    The edge over the win: 0.55 x 0.001 less 0.45 x 0.0008 is 0.00019, which is 0.19 of 0.001. Where nothing is ever won
    it is 0.

    """
    if not average_win > 0.0:
        return 0.0
    return (win_rate * average_win - (1.0 - win_rate) * average_loss) / average_win


@kernel
def record_of(account: Fields, policy: Fields) -> tuple[float, float, float]:
    """Return win rate, average win and average loss of one strategy in one pool, its prior included.

    :arg account: `ACCOUNT` record.

    :arg policy: `POLICY` record.

    """
    wins = policy.prior_trades * policy.win_rate
    losses = policy.prior_trades * (1.0 - policy.win_rate)
    won, lost = wins + account.trades_won, losses + account.trades_lost
    win_rate = won / (won + lost) if won + lost > 0.0 else 0.0
    average_win = (wins * policy.average_win + account.won) / won if won > 0.0 else 0.0
    average_loss = (losses * policy.average_loss + account.lost) / lost if lost > 0.0 else 0.0
    return win_rate, average_win, average_loss


@kernel
def kelly_now(account: Fields, policy: Fields) -> float:
    """Return Kelly's fraction by the record so far."""
    win_rate, average_win, average_loss = record_of(account, policy)
    return float(kelly(win_rate, average_win, average_loss))


@kernel
def kelly_for_sale(account: Fields, policy: Fields) -> float:
    """Return by which Kelly's fraction a sale is sized: it takes risk off, and a bad record must not keep it back.

    Where the record has no edge left the prior's counts; where that has none either, all of it.
    """
    now = kelly_now(account, policy)
    if now > 0.0:
        return float(now)
    prior = kelly(policy.win_rate, policy.average_win, policy.average_loss)
    return float(prior) if prior > 0.0 else 1.0
