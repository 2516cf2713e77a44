"""How a range of bins becomes one or several positions on chain, and the keys that they are made with.

A range is cut evenly into as few parts as the venue's limits allow. The cut follows from the command alone and a part's
key from its name alone, so that a restart meets the same accounts.
"""

from typing import Protocol

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.steps import BuildError
from dlmm.accounts import AccountKind, decode_account
from dlmm.errors import AccountError
from dlmm.records import Record, Venue
from dlmm.saros.pdas import position_address
from dlmm.spreads import cut, part_count

_SAROS_LEAST = 2
_MOST_PARTS = 64
"""Positions of one order: a range beyond is taken for a mistake."""


class UnbuildableCommand(BuildError):
    """Refuse a liquidity command that the program would refuse, or that cannot be told apart from a mistake.

    `kind` is one of `bad_range`, `bad_amount`, `out_of_range`, `wrong_side`, `active_moved`, `no_position`,
    `key_taken`, `insufficient_tokens`, `nothing_deposited`, `refused_deposit`, `refused_withdrawal` and `dust_share`.
    """


class KeySource(Protocol):
    """Whose positions: the wallet, as far as building needs it."""

    @property
    def address(self) -> Pubkey:
        """The wallet's address."""
        ...

    def derived(self, name: str) -> Keypair:
        """Return the key that the wallet's secret and a name always give."""
        ...


class PositionPart(Record, frozen=True):
    """One position on chain.

    :arg index: Number of the part, from the lowest bins up.

    :arg lower: First and last bin, both included.

    :arg key_name: Name of the key for `derived`: the position's account on Meteora, the mint of its token on Saros.

    """

    index: int
    lower: int
    upper: int
    key_name: str

    @property
    def width(self) -> int:
        """Return how many bins it has."""
        return self.upper - self.lower + 1


def parts(venue: Venue, position: int, lower: int, upper: int) -> tuple[PositionPart, ...]:
    """Cut a range into positions, as few as the venue allows and as even as can be.

    :arg position: Number of the order that creates them.

    :raises UnbuildableCommand: `bad_range`: upside down, one bin alone on Saros, or too many positions.

    >>> [(part.lower, part.upper) for part in parts(Venue.METEORA, 7, -70, 69)]
    [(-70, -1), (0, 69)]

    """
    width = upper - lower + 1
    if width < (_SAROS_LEAST if venue is Venue.SAROS else 1):
        raise UnbuildableCommand("bad_range", f"bins {lower} to {upper} are no position of {venue}")
    count = part_count(venue, lower, upper)
    if count > _MOST_PARTS:
        raise UnbuildableCommand("bad_range", f"bins {lower} to {upper} are {count} positions, not {_MOST_PARTS}")
    return tuple(
        PositionPart(index, span.lower, span.upper, f"position {position} part {index}")
        for index, span in enumerate(cut(venue, lower, upper))
    )


def parts_left(venue: Venue, position: int, lower: int, upper: int) -> tuple[PositionPart, ...]:
    """Return the positions that may stand of a range as the chain has it: what closes them must miss none.

    On Saros each lies where the active bin was when it was opened. Where that moved in between, all of them together
    are narrower than what was cut, and may seem to be one less: one more is looked for.

    :raises UnbuildableCommand: As `parts`.

    """
    cut = parts(venue, position, lower, upper)
    if venue is not Venue.SAROS:
        return cut
    count = len(cut)
    return (*cut, PositionPart(count, cut[-1].lower, cut[-1].upper, f"position {position} part {count}"))


def part_address(venue: Venue, program: Pubkey, part: PositionPart, keys: KeySource) -> Pubkey:
    """Return the address of a part's account.

    :arg program: Owner of the pool.

    """
    key = keys.derived(part.key_name).pubkey()
    return key if venue is Venue.METEORA else position_address(key, program)


class Placed(Record, frozen=True):
    """A part that exists on chain.

    :arg lower: Its first and last bin as the account says: what is counted from the active bin on Saros may come to lie
        beside the part's own range, where that bin moves before the transaction lands.

    :arg data: The account's bytes.

    """

    part: PositionPart
    address: Pubkey
    lower: int
    upper: int
    data: bytes

    @property
    def width(self) -> int:
        """Return how many bins it has."""
        return self.upper - self.lower + 1


def placed(pool: PoolAccounts, part: PositionPart, keys: KeySource) -> Placed | None:
    """Return a part as it stands on chain, or `None` where there is no such account.

    :raises UnbuildableCommand: `key_taken`: something else stands at its address.

    """
    address = part_address(pool.info.venue, pool.program, part, keys)
    account = pool.accounts.get(str(address))
    if account is None:
        return None
    try:
        decoded = decode_account(str(address), account)
    except AccountError as error:
        raise UnbuildableCommand("key_taken", str(error)) from error
    if decoded.kind is not AccountKind.POSITION or decoded.venue is not pool.info.venue:
        raise UnbuildableCommand("key_taken", f"{address} is a {decoded.kind} of {decoded.venue}, no position")
    record = decoded.record[0]
    owner = record["lb_pair" if decoded.venue is Venue.METEORA else "pair"].tobytes()
    if owner != bytes(pool.address):
        raise UnbuildableCommand("key_taken", f"{address} is a position of pool {Pubkey.from_bytes(owner)}")
    return Placed(part, address, int(record["lower_bin_id"]), int(record["upper_bin_id"]), account.data)
