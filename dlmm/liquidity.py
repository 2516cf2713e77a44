"""What a deposit, a share and a fee are worth, in the integers of both programs.

Liquidity of a bin is its value in token Y at the bin's price, in Q64.64: `price * x + y * 2^64`. A share is a part of a
bin's supply; the programs mint and burn shares rounded down, so that rounding stays with those who were there before.

Source: both programs' behaviour, pinned by the life-cycle rows of the golden vectors.
"""

from collections.abc import Mapping
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from dlmm.errors import AccountError
from dlmm.fees import FEE_PRECISION
from dlmm.price import SCALE_BITS
from dlmm.records import Record
from dlmm.tokens import Mint

BASIS_POINTS = 10_000
MAX_U64 = (1 << 64) - 1
MAX_U128 = (1 << 128) - 1


class Amounts(Record, frozen=True):
    """Raw units of both tokens."""

    x: int
    y: int

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.x + other.x, self.y + other.y)

    def __sub__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.x - other.x, self.y - other.y)


NOTHING = Amounts(0, 0)


class PoolTokens(Record, frozen=True):
    """A pool's mints, and the epoch that chooses between their transfer fees."""

    mint_x: Mint
    mint_y: Mint
    epoch: int

    def arrives(self, sent: Amounts) -> Amounts:
        """Return what arrives of a transfer of both tokens."""
        return Amounts(self.mint_x.excluded(sent.x, self.epoch), self.mint_y.excluded(sent.y, self.epoch))

    def to_send(self, wanted: Amounts) -> Amounts | None:
        """Return what to send so that the amounts arrive, or `None` when that fits no u64."""
        x = self.mint_x.included(wanted.x, self.epoch)
        y = self.mint_y.included(wanted.y, self.epoch)
        return None if x is None or y is None else Amounts(x, y)


class LiquidityState(Record, frozen=True):
    """Bytes of the accounts that a change of liquidity reads and writes.

    :arg pair: The pool: LbPair on Meteora, Pair on Saros.

    :arg position: The position; empty where none is concerned.

    :arg bin_arrays: By index.

    :arg bitmap_extension: Meteora only, where it exists.

    """

    pair: bytes
    position: bytes
    bin_arrays: Mapping[int, bytes]
    bitmap_extension: bytes | None = None


def account_rows(name: str, data: bytes, dtype: np.dtype[np.void], discriminator: bytes) -> NDArray[np.void]:
    """Copy one account's bytes into a row that may be written.

    :arg name: What the account is, for the error.

    :raises AccountError: The length or the discriminator is not that of the type.

    """
    if len(data) != dtype.itemsize:
        raise AccountError(name, f"length {len(data)} is not {dtype.itemsize}")
    if data[:8] != discriminator:
        raise AccountError(name, f"discriminator {data[:8].hex()} is not {discriminator.hex()}")
    return np.frombuffer(bytearray(data), dtype)


def bin_row(arrays: Mapping[int, NDArray[np.void]], bin_id: int, bins_per_array: int) -> np.void:
    """Return a bin for reading and writing.

    :arg arrays: By index, each an array of one account.

    :raises AccountError: The bin's array is not among them.

    """
    array, inside = divmod(bin_id, bins_per_array)
    if array not in arrays:
        raise AccountError(f"bin_array {array}", f"not given, though it holds bin {bin_id}")
    row: np.void = arrays[array][0]["bins"][inside]  # a view: writing to it writes the array
    return row


class BinChange(Record, frozen=True):
    """What happened to one bin: amounts in (or out), and shares minted (or burned).

    :arg composition_fee: What a deposit paid for its excess of one token, the protocol's part included; `None` where
        it brought none. Saros only.

    :arg protocol_fee: The protocol's part of it.

    """

    bin_id: int
    amounts: Amounts
    share: int
    composition_fee: Amounts | None = None
    protocol_fee: Amounts = NOTHING


class LiquidityChange(Record, frozen=True):
    """What a deposit, a withdrawal or a claim does.

    :arg bins: Bins whose liquidity changed, in the program's order.

    :arg user: Change of the user's token accounts; negative when they pay.

    :arg vault: Change of the pool's vaults.

    :arg composition_fee: Fee for the excess token in the active bin, the protocol's part included.

    :arg protocol_fee: The protocol's part of it.

    :arg after: The accounts afterwards.

    """

    bins: tuple[BinChange, ...]
    user: Amounts
    vault: Amounts
    composition_fee: Amounts
    protocol_fee: Amounts
    after: LiquidityState


class LiquidityFailure(Record, frozen=True):
    """The failure with which a program would refuse a change of liquidity.

    :arg name: The program's own name for it.

    :arg code: Custom error code, or `None` when the program dies without one.

    :arg reason: The figures behind it.

    :arg place: File and line of the program's source that its log names; empty where it names none.

    """

    name: str
    code: int | None
    reason: str = ""
    place: str = ""


def liquidity_of(amounts: Amounts, price: int) -> int:
    """Return the value of amounts at a bin's price, in raw Y, Q64.64.

    :arg price: Raw Y per raw X, Q64.64.

    """
    return price * amounts.x + (amounts.y << SCALE_BITS)


def root_share(liquidity: int) -> int:
    """Return the first share of an empty Saros bin: the square root of the liquidity, rounded down."""
    return isqrt(liquidity)


def share_for(liquidity: int, *, supply: int, bin_liquidity: int) -> int:
    """Return the share that a deposit mints in a bin that has some, rounded down.

    :arg liquidity: Value of the deposit, Q64.64.

    :arg supply: Shares of the bin before.

    :arg bin_liquidity: Value of the bin before, Q64.64; above zero.

    """
    return liquidity * supply // bin_liquidity


def amounts_for(share: int, *, supply: int, reserves: Amounts) -> Amounts:
    """Return what a share of a bin is worth in tokens, each rounded down; nothing in a bin without supply."""
    if supply == 0:
        return NOTHING
    return Amounts(share * reserves.x // supply, share * reserves.y // supply)


def part_of(amount: int, bps: int) -> int:
    """Return a number of basis points of an amount, rounded down."""
    return amount * bps // BASIS_POINTS


def composition_fee(amount: int, rate: int) -> int:
    """Return the fee on tokens that a deposit in the active bin would in effect have swapped, rounded down.

    :arg amount: Excess of the token over the bin's own mix, raw units.

    :arg rate: Total fee rate in units of 1e-9.

    """
    return amount * rate * (rate + FEE_PRECISION) // FEE_PRECISION**2


def is_unbalanced(amounts: Amounts, *, reserves: Amounts, supply: int, share: int) -> bool:
    """Tell whether a deposit's share would at once give back more of one token than it brought.

    :arg share: What the deposit would mint without a fee.

    """
    back = amounts_for(share, supply=supply + share, reserves=reserves + amounts)
    return back.x > amounts.x or back.y > amounts.y


def composition_fees(
    amounts: Amounts, *, reserves: Amounts, supply: int, share: int, rate: int, always_in_y: bool = False
) -> Amounts:
    """Charge what a deposit in the active bin would in effect swap.

    Its share would at once give back more of one token than it brought; the other token pays the fee on the excess it
    brought. Nothing is charged when rounding leaves nothing to give back.

    :arg reserves: The bin before.

    :arg supply: The bin's shares before.

    :arg share: What the deposit would mint without a fee.

    :arg rate: Total fee rate in units of 1e-9.

    :arg always_in_y: Token Y pays in either case: on its own excess, or on what would be given back of it (Meteora's
        collect-fee mode 1). The deposit may not have brought that much.

    """
    back = amounts_for(share, supply=supply + share, reserves=reserves + amounts)
    if back.x > amounts.x:
        return Amounts(0, composition_fee(amounts.y - back.y, rate))
    if back.y > amounts.y:
        if always_in_y:
            return Amounts(0, composition_fee(back.y - amounts.y, rate))
        return Amounts(composition_fee(amounts.x - back.x, rate), 0)
    return NOTHING


def claimable_fee(*, share: int, per_share: int, per_share_before: int, pending: int) -> int:
    """Return the fee of one token that one bin owes a Meteora position.

    :arg share: The position's share, Q64.64; only its whole part earns.

    :arg per_share: Fees ever earned per whole share, Q64.64, as the bin stores it.

    :arg per_share_before: The same when the position last looked.

    :arg pending: Fee already credited, raw units.

    """
    grown = (per_share - per_share_before) & MAX_U128
    return pending + ((share >> SCALE_BITS) * grown >> SCALE_BITS)
