"""Compute units to ask for in transactions about liquidity: bounds of what the true programs were measured to use.

The figures bound all kinds of mints but those with transfer hooks, bins that were filled before, and the search for
derived addresses; `tests/connectors/execution/building/test_liquidity_units.py` holds them against the programs.
"""

from connectors.execution.building.compute_budget import BUDGET_UNITS, at_most

TOKEN_ACCOUNT_UNITS = 45_000
"""Making an associated token account: 20,000 to 26,000, and 1,500 for each try for its address."""

_METEORA_ARRAY, _METEORA_EXTENSION, _METEORA_OPENED = 275_000, 40_000, 22_000
_METEORA_DEPOSIT, _ASK_BIN, _BID_BIN = 75_000, 10_200, 4_700
_METEORA_WITHDRAWAL, _WITHDRAWN_BIN = 65_000, 5_800
_METEORA_CLAIM, _CLAIMED_BIN, _EMPTIED_BIN = 60_000, 2_900, 900
_METEORA_CLOSED, _CLOSED_BIN = 15_000, 120

_SAROS_ARRAY, _SAROS_OPENED = 40_000, 115_000
_SAROS_CHANGE, _SAROS_BIN, _SAROS_DEPOSITED_BIN = 80_000, 2_500, 9_000
_SAROS_CLOSED = 18_000
_HOOK = 150_000
"""Added where a pair has a hook; its program is not at hand to be measured."""


def meteora_arrays(arrays: int, *, extension: bool) -> int:
    """Return the units for making bin arrays, and the bitmap extension."""
    return arrays * _METEORA_ARRAY + extension * _METEORA_EXTENSION


def meteora_opening() -> int:
    """Return the units for opening a position."""
    return _METEORA_OPENED


def meteora_deposit(*, asks: int, bids: int) -> int:
    """Return the units for one deposit by strategy.

    :arg asks: Bins named that may lie above the active one.

    :arg bids: The others.

    """
    return _METEORA_DEPOSIT + asks * _ASK_BIN + bids * _BID_BIN


def meteora_withdrawal(bins: int) -> int:
    """Return the units for a withdrawal from so many bins."""
    return _METEORA_WITHDRAWAL + bins * _WITHDRAWN_BIN


def meteora_claim(bins: int, *, emptied: bool = False) -> int:
    """Return the units for a claim over so many bins.

    :arg emptied: Whether all shares were withdrawn just before, which settles the fees.

    """
    return _METEORA_CLAIM + bins * (_EMPTIED_BIN if emptied else _CLAIMED_BIN)


def meteora_closing(bins: int) -> int:
    """Return the units for closing an emptied position of so many bins."""
    return _METEORA_CLOSED + bins * _CLOSED_BIN


def saros_arrays(arrays: int) -> int:
    """Return the units for making bin arrays, the hook's own ones too."""
    return arrays * _SAROS_ARRAY


def saros_opening() -> int:
    """Return the units for opening a position."""
    return _SAROS_OPENED


def saros_deposit(bins: int, *, hook: bool) -> int:
    """Return the units for a deposit into so many bins."""
    return _SAROS_CHANGE + bins * _SAROS_DEPOSITED_BIN + hook * _HOOK


def saros_withdrawal(bins: int, *, hook: bool) -> int:
    """Return the units for a withdrawal from so many bins."""
    return _SAROS_CHANGE + bins * _SAROS_BIN + hook * _HOOK


def saros_closing(bins: int, *, hook: bool) -> int:
    """Return the units for a position's closing, with all that it holds."""
    return saros_withdrawal(bins, hook=hook) + _SAROS_CLOSED


def limit(*units: int) -> int:
    """Return the limit for all that a transaction does."""
    return at_most(BUDGET_UNITS + sum(units))
