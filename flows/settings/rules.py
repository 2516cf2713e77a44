"""What no single type can say: rules between keys, and rules that need more than a bound.

Each rule names the keys it reads, the one to blame first; it is asked only once all of them are well-formed.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable

from solders.pubkey import Pubkey

from dlmm.records import Record
from flows.settings.explain import found
from flows.settings.tree import Settings

_KEY_TEXT = re.compile("[0-9A-Za-z]{64,}")  # no path is so long without a separator
_WORDS = 12  # the shortest recovery phrase


class Rule(Record, frozen=True):
    """A condition on the whole tree.

    :arg paths: Keys that it reads, the one to blame first.

    :arg objection: What is wrong, or `None`.

    """

    paths: tuple[str, ...]
    objection: Callable[[Settings], str | None]


def is_address(text: str) -> bool:
    """Whether a text is 32 bytes in base58."""
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True


def is_secret_key(text: str) -> bool:
    """Whether a text that should be a path is itself a key: a list of bytes, base58, hexadecimal, or words."""
    return text.lstrip().startswith("[") or _KEY_TEXT.fullmatch(text.strip()) is not None or len(text.split()) >= _WORDS


def _program_id(settings: Settings) -> str | None:
    address = settings.trading.dlmm_program_id
    if is_address(address):
        return None
    return f"found {found('trading.dlmm_program_id', address)}, allowed: an address of 32 bytes in base58"


def _keypair_path(settings: Settings) -> str | None:
    path = settings.wallet.keypair_path
    return "found a key, allowed: the path of the file that holds it" if path and is_secret_key(path) else None


def _samples(settings: Settings) -> str | None:
    chosen = settings.volatility
    if chosen.min_samples <= chosen.window:
        return None
    return f"found {chosen.min_samples}, allowed: at most volatility.window, {chosen.window}"


def _inventory(settings: Settings) -> str | None:
    chosen = settings.strategies.market_making
    target, deviation = chosen.inventory_target, chosen.max_inventory_deviation
    if target - deviation >= 0 and target + deviation <= 1:
        return None
    return (
        f"found {deviation}, allowed: at most {min(target, 1 - target):.6g}, so that inventory_target {target}"
        " with its deviation stays within 0 and 1"
    )


def _stop_loss(settings: Settings) -> str | None:
    limits = settings.risk_limits
    if limits.emergency_stop_loss >= limits.max_drawdown:
        return None
    return f"found {limits.emergency_stop_loss}, allowed: at least risk_limits.max_drawdown, {limits.max_drawdown}"


def _bundles(settings: Settings) -> str | None:
    chosen = settings.execution
    if chosen.bundles_url is not None or not chosen.bundles_only:
        return None
    return "found true, allowed: false, or name a block engine in execution.bundles_url"


def _fees(settings: Settings) -> str | None:
    chosen = settings.execution
    if chosen.fee_floor <= chosen.fee_cap:
        return None
    return f"found {chosen.fee_floor}, allowed: at most execution.fee_cap, {chosen.fee_cap}"


def _twice(names: Iterable[str]) -> str | None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    return f"names {repeated[0]} twice" if repeated else None


def _strategy_names(settings: Settings) -> str | None:
    ours = ("market_making", "statistical_arbitrage", "momentum_trading")
    return _twice((*ours, *(strategy.label for strategy in settings.strategies.custom)))


RULES = (
    Rule(("trading.dlmm_program_id",), _program_id),
    Rule(("wallet.keypair_path",), _keypair_path),
    Rule(("execution.bundles_only", "execution.bundles_url"), _bundles),
    Rule(("execution.fee_floor", "execution.fee_cap"), _fees),
    Rule(("target_pools.pools",), lambda settings: _twice(settings.target_pools.pools)),
    Rule(("volatility.min_samples", "volatility.window"), _samples),
    Rule(("strategies.market_making.max_inventory_deviation", "strategies.market_making.inventory_target"), _inventory),
    Rule(("strategies.market_making.pools",), lambda settings: _twice(settings.strategies.market_making.pools)),
    Rule(("strategies.custom",), _strategy_names),
    Rule(("risk_limits.emergency_stop_loss", "risk_limits.max_drawdown"), _stop_loss),
)
