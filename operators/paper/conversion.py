"""What a bin's contents become when the price passes it, and the fee that this brings its providers."""

from dlmm.exchange import proceeds
from dlmm.fees import BASIS_POINTS, FEE_PRECISION, base_fee_rate, fee_on_net
from dlmm.jit import kernel
from dlmm.meteora.pool import MAX_FEE_RATE
from dlmm.records import Record, Venue
from dlmm.wide import U64, multiply_divide
from operators.pools import PoolInfo

_ZERO = U64(0)
_PRECISION = U64(FEE_PRECISION)
_BASIS_POINTS = U64(BASIS_POINTS)
_MOST = U64((1 << 62) - 1)


class FeeTerms(Record, frozen=True):
    """What conversions pay to those who stand in a pool's bins.

    :arg rate: Base fee in units of 1e-9.

    :arg protocol_share: Basis points of it.

    :arg compounds: Whether fees stay in the bin, as on Saros, rather than wait to be claimed.

    :arg spread_bins: Bins over which a row's liquidity is taken to be spread, where none are recorded.

    """

    rate: int
    protocol_share: int
    compounds: bool
    spread_bins: int


def fee_terms(info: PoolInfo, depth_bins: int) -> FeeTerms:
    """Return a pool's terms; the surcharge for volatility is left out."""
    rate = int(base_fee_rate(info.base_factor, info.bin_step, info.base_fee_power_factor))
    is_saros = info.venue is Venue.SAROS
    return FeeTerms(
        rate=rate if is_saros else min(rate, MAX_FEE_RATE),
        protocol_share=min(info.protocol_share, BASIS_POINTS),
        compounds=is_saros,
        spread_bins=2 * depth_bins + 1,
    )


@kernel
def without_protocol(fee: U64, protocol_share: U64) -> U64:
    """Return what of a fee is the providers'; the protocol's part is rounded down.

    :arg protocol_share: Basis points.

    """
    _, kept, _ = multiply_divide(fee, protocol_share, _BASIS_POINTS)
    return fee - kept


@kernel
def passed(
    amount: U64, price_high: U64, price_low: U64, to_y: bool, rate: U64, protocol_share: U64
) -> tuple[U64, U64, bool]:
    """Turn all of one token in a bin into the other, as swaps do that empty it.

    :arg amount: Raw units of what is in the bin.

    :arg price_high: Upper half of the bin's price, Q64.64.

    :arg to_y: X becomes Y, or the other way.

    :arg rate: Fee rate in units of 1e-9. From a rate of 1 on nobody could pay it, and it brings nothing.

    :returns: Raw units of what it became, rounded down; the providers' fee in the same token: what the program adds to
        the swapper's amount, rounded up, less the protocol's part; and whether 62 bits can count both: where they
        cannot, the bin stays as it is.

    """
    got, fits = proceeds(amount, price_high, price_low, to_y)
    fee = _ZERO
    if fits and rate < _PRECISION:
        fee, fits = fee_on_net(got, rate)
        fee = without_protocol(fee, protocol_share)
    return got, fee, bool(fits and got <= _MOST and fee <= _MOST)
