"""Values that travel between the pool arithmetic and its callers."""

from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

MAX_U64 = (1 << 64) - 1

QUOTE = np.dtype(
    [
        ("amount_in", "<u8"),
        ("amount_out", "<u8"),
        ("fee", "<u8"),
        ("protocol_fee", "<u8"),
        ("end_bin", "<i4"),
        ("bins", "<i4"),
        ("error", "<i4"),
    ]
)
"""One row of a batch of quotes. `error` is 0 for a swap that succeeds, else the code the program would give, or a
negative number for the deaths without one (`-1` `Panic`, `-2` `OutOfMemory`, `-3` `OutOfComputeUnits`,
`-4` `AccountBorrowFailed`)."""


def quotes_of(results: NDArray[np.void]) -> NDArray[np.void]:
    """Make a batch's `QUOTE`s of either venue's results, which name their fields alike; failures keep only the code."""
    quotes = np.zeros(len(results), QUOTE)
    fine = results["error"] == 0
    for name in ("amount_in", "amount_out", "fee", "protocol_fee", "end_bin", "bins"):
        quotes[name] = np.where(fine, results[name], 0)
    quotes["error"] = results["error"]
    return quotes


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of our immutable values."""


class Venue(StrEnum):
    """Which of the two programs a pool belongs to."""

    METEORA = "meteora"
    SAROS = "saros"


class Clock(Record, frozen=True):
    """What the Clock sysvar tells a program while it runs.

    :arg slot: Slot number.

    :arg unix_timestamp: Seconds since 1970, signed.

    :arg epoch: Epoch number, which chooses between a mint's two transfer fees.

    """

    slot: int
    unix_timestamp: int
    epoch: int = 0


class Account(Record, frozen=True):
    """One account as a cluster gives it: who owns it, and its bytes."""

    owner: str
    data: bytes


class SwapRequest(Record, frozen=True):
    """What a client asks of a pool.

    :arg exact_in: Whether `amount` is what goes in, or what shall come out.

    :arg amount: Raw units as the user's token account sees them, transfer fees included.

    :arg swap_for_y: X goes in and Y comes out, or the other way.

    :arg threshold: Least amount out for exact in, most amount in for exact out.

    :arg host: Whether a host fee account is passed (Meteora only).

    :arg arrays: Indices of the bin arrays passed, in this order; `None` chooses them as a client does.

    """

    exact_in: bool
    amount: int
    swap_for_y: bool
    threshold: int
    host: bool = False
    arrays: tuple[int, ...] | None = None


class SwapQuote(Record, frozen=True):
    """What a swap that succeeds does, in raw token units.

    :arg amount_in: What leaves the user's token account, token-2022 transfer fee included.

    :arg amount_out: What arrives in the user's token account, after any transfer fee.

    :arg reserve_in: What arrives in the pool's vault.

    :arg reserve_out: What leaves the pool's vault.

    :arg fee: Total trading fee, protocol and host parts included, in the fee's token.

    :arg protocol_fee: The protocol's part, without the host's.

    :arg host_fee: The host's part (Meteora only).

    :arg limit_order_fee: The part owed to limit orders (Meteora only).

    :arg fee_on_input: Whether the fee is in the token that goes in.

    :arg transfer_fee_in: Token-2022 transfer fee withheld on the way in.

    :arg transfer_fee_out: Token-2022 transfer fee withheld on the way out.

    :arg start_bin: Active bin before.

    :arg end_bin: Active bin after.

    :arg bins: Bins that the walk visited.

    :arg fee_rate: Rate of the last bin that was used, in units of 1e-9: what the Meteora program reports.

    :arg price_impact: Relative distance of the average price net of fees from the start bin's price, at least 0.

    :arg compute_units: Estimate of the compute units the program will use.

    """

    amount_in: int
    amount_out: int
    reserve_in: int
    reserve_out: int
    fee: int
    protocol_fee: int
    host_fee: int
    limit_order_fee: int
    fee_on_input: bool
    transfer_fee_in: int
    transfer_fee_out: int
    start_bin: int
    end_bin: int
    bins: int
    fee_rate: int
    price_impact: float
    compute_units: int


class SwapFailure(Record, frozen=True):
    """The failure the program would answer with.

    :arg name: The program's own name for it, e.g. `PoolDisabled`, or `Panic`, `OutOfMemory`, `OutOfComputeUnits`.

    :arg code: Custom error code, or `None` when the program dies without one.

    :arg reason: The figures behind it.

    :arg paid: Raw units that had left the user's token account by then; one that holds less meets the token program's
        `InsufficientFunds` (code 1) instead.

    """

    name: str
    code: int | None
    reason: str = ""
    paid: int = 0


ANSWER = np.dtype(
    [
        ("is_filled", "<i8"),
        ("amount_in", "<i8"),
        ("amount_out", "<i8"),
        ("fee", "<i8"),
        ("fee_on_input", "<i8"),
        ("bins", "<i8"),
        ("price_impact", "<f8"),
        ("compute_units", "<i8"),
    ]
)
"""What a swap would do, for kernels: amounts and fee in raw units; where it is not filled, the rest has no meaning."""
