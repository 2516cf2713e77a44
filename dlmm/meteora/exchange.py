"""One bin's part of a Meteora swap: what fills, what it costs, who gets the fee, and the bin's bytes afterwards.

A bin offers up to three layers, in this order: the liquidity providers' amount, limit orders already begun, and limit
orders still untouched. Each layer rounds on its own. Nothing here writes but `store`.

Source: the Meteora program 0.12; pinned by the golden vectors.
"""

from typing import Any

import numpy as np

from dlmm.exchange import cost, proceeds
from dlmm.fees import BASIS_POINTS, fee_of_gross, fee_on_net
from dlmm.jit import kernel
from dlmm.meteora.failures import INSUFFICIENT_IN_AMOUNT, MATH_OVERFLOW, TYPE_CAST_FAILED, UNDETERMINED
from dlmm.wide import U64, add, divide, multiply_divide

_ZERO = U64(0)
_ONE = U64(1)
_MAX = U64(0xFFFFFFFFFFFFFFFF)
_BASIS_POINTS = U64(BASIS_POINTS)
_LAST_AGE = (1 << 32) - 1
_ORDER_SHARE = U64(5_000)
_HOST_SHARE = U64(2_000)


@kernel
def offered(row: Any, swap_for_y: bool, with_orders: bool) -> tuple[U64, U64, U64]:
    """Return what a bin can give out: providers' amount, begun orders, untouched orders."""
    own = row.amount_y if swap_for_y else row.amount_x
    if not with_orders or (row.is_ask == 1) == swap_for_y:
        return own, _ZERO, _ZERO
    return own, row.processed_remaining, row.open_order


@kernel
def total_offered(own: U64, begun: U64, untouched: U64) -> U64:
    """Add a bin's layers, at most 2^64 - 1."""
    total = own + begun
    if total < own:
        return _MAX
    return _MAX if total + untouched < total else total + untouched


@kernel
def fill_layer(paid: U64, most: U64, price_high: U64, price_low: U64, swap_for_y: bool) -> tuple[U64, U64, bool]:
    """Buy from one layer.

    :arg paid: Amount in without fee; may be more than the layer costs.

    :arg most: What the layer holds.

    :returns: Amount in that was used, amount out, and whether the layer's whole cost fits 64 bits.

    """
    if most == _ZERO:
        return _ZERO, _ZERO, True
    whole, fits = cost(most, price_high, price_low, swap_for_y)
    if not fits:
        return _ZERO, _ZERO, False
    if paid >= whole:
        return whole, most, True
    out, fits = proceeds(paid, price_high, price_low, swap_for_y)
    return paid, out, fits


@kernel
def fill(
    paid: U64, layers: tuple[U64, U64, U64], price_high: U64, price_low: U64, swap_for_y: bool
) -> tuple[int, U64, U64, tuple[U64, U64, U64]]:
    """Buy from a bin's layers in their order.

    :returns: Error code or 0, the providers' and the whole amount in, and the amount out of each layer.

    """
    own_in, own_out, fits = fill_layer(paid, layers[0], price_high, price_low, swap_for_y)
    used, begun_out, untouched_out = own_in, _ZERO, _ZERO
    if fits and used < paid and (layers[1] | layers[2]) != _ZERO:
        begun_in, begun_out, fits = fill_layer(paid - used, layers[1], price_high, price_low, swap_for_y)
        used += begun_in
        if fits and used < paid:
            untouched_in, untouched_out, fits = fill_layer(paid - used, layers[2], price_high, price_low, swap_for_y)
            used += untouched_in
    error = 0 if fits else TYPE_CAST_FAILED
    return error, own_in, used, (own_out, begun_out, untouched_out)


@kernel
def exchange_in(
    gross: U64,
    layers: tuple[U64, U64, U64],
    price: tuple[U64, U64],
    rate: U64,
    swap_for_y: bool,
    fee_on_input: bool,
) -> tuple[int, U64, U64, U64, U64, U64, tuple[U64, U64, U64]]:
    """Spend an amount in one bin, or as much of it as the bin takes.

    :arg gross: Amount in, fee included.

    :returns: Error code or 0, amount in with and without fee, amount out without fee, the fee, the providers' part of
        the amount in, and the amount out of each layer.

    """
    fee = fee_of_gross(gross, rate) if fee_on_input else _ZERO
    net = gross - fee
    error, own_in, used, outs = fill(net, layers, price[0], price[1], swap_for_y)
    out = outs[0] + outs[1] + outs[2]
    if error == 0 and (out < outs[0] or used < own_in):
        error = MATH_OVERFLOW
    if error != 0:
        return error, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, outs
    if used < net:
        gross = used
        if fee_on_input:
            fee, fits = fee_on_net(used, rate)
            gross = used + fee
            if not fits or gross < used:
                return MATH_OVERFLOW, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, outs
    if not fee_on_input:
        fee = fee_of_gross(out, rate)
        out -= fee
    return 0, gross, used, out, fee, own_in, outs


@kernel
def exchange_out(
    wanted: U64,
    most_in: U64,
    layers: tuple[U64, U64, U64],
    price: tuple[U64, U64],
    rate: U64,
    swap_for_y: bool,
    fee_on_input: bool,
) -> tuple[int, U64, U64, U64, U64, U64, tuple[U64, U64, U64], U64]:
    """Take an amount out of one bin, or all that the bin holds.

    :arg wanted: Amount out that is still missing, fee excluded.

    :arg most_in: Most that may still go in, fee included.

    :returns: As `exchange_in`, and the amount out in excess of what was wanted, which is nobody's but the protocol's.

    """
    gross_out = wanted
    fits = True
    if not fee_on_input:
        fee, fits = fee_on_net(wanted, rate)
        gross_out = wanted + fee
        fits = fits and bool(gross_out >= wanted)
    if not fits:
        return TYPE_CAST_FAILED, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, layers, _ZERO
    if gross_out >= total_offered(layers[0], layers[1], layers[2]):
        error, gross, net, out, fee, own_in, outs = exchange_in(most_in, layers, price, rate, swap_for_y, fee_on_input)
        return error, gross, net, out, fee, own_in, outs, _ZERO
    gross, fits = cost(gross_out, price[0], price[1], swap_for_y)
    if not fits:
        return TYPE_CAST_FAILED, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, layers, _ZERO
    if fee_on_input:
        fee, fits = fee_on_net(gross, rate)
        gross += fee
        if not fits or gross < fee:
            return TYPE_CAST_FAILED, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, layers, _ZERO
    if gross > most_in:
        return INSUFFICIENT_IN_AMOUNT, _ZERO, _ZERO, _ZERO, _ZERO, _ZERO, layers, _ZERO
    error, gross, net, out, fee, own_in, outs = exchange_in(gross, layers, price, rate, swap_for_y, fee_on_input)
    if error == 0 and out < wanted:
        error = UNDETERMINED
    return error, gross, net, wanted, fee, own_in, outs, out - wanted


@kernel
def split_fee(fee: U64, own_in: U64, used: U64, protocol_share: U64, has_host: bool) -> tuple[U64, U64, U64, U64]:
    """Divide a bin's fee.

    :arg own_in: The providers' part of the amount in.

    :arg used: The amount in, both without fee.

    :arg protocol_share: The protocol's share of the providers' fee, in basis points.

    :arg has_host: Whether a host gets a fifth of the protocol's share, reckoned on the whole fee.

    :returns: The providers' fee, the limit orders' fee, the protocol's fee, the host's fee.

    """
    if used == _ZERO:
        return _ZERO, _ZERO, fee, _ZERO
    own_fee = fee
    if own_in != used:
        _, own_fee, inexact = multiply_divide(fee, own_in, used)
        if inexact:
            own_fee += _ONE
    order_fee = fee - own_fee
    _, placers_fee, _ = multiply_divide(order_fee, _ORDER_SHARE, _BASIS_POINTS)
    _, own_protocol, _ = multiply_divide(own_fee, protocol_share, _BASIS_POINTS)
    host_fee = _ZERO
    if has_host:
        _, shared, _ = multiply_divide(order_fee, protocol_share, _BASIS_POINTS)
        _, own_host, _ = multiply_divide(own_protocol, _HOST_SHARE, _BASIS_POINTS)
        _, order_host, _ = multiply_divide(shared, _HOST_SHARE, _BASIS_POINTS)
        host_fee = own_host + order_host
    return own_fee - own_protocol, placers_fee, order_fee - placers_fee + own_protocol - host_fee, host_fee


@kernel
def overflows(row: Any, swap_for_y: bool, own_in: U64, outs: tuple[U64, U64, U64], placers_fee: U64) -> bool:
    """Tell whether a counter of the bin cannot take what `store` would add to it."""
    filled = outs[1] + outs[2]
    if swap_for_y:
        full = row.amount_x + own_in < own_in or row.fulfilled_y + filled < filled
        full = full or row.order_fee_bid + placers_fee < placers_fee
    else:
        full = row.amount_y + own_in < own_in or row.fulfilled_x + filled < filled
        full = full or row.order_fee_ask + placers_fee < placers_fee
    return bool(full or (outs[2] != _ZERO and row.order_age == _LAST_AGE))


@kernel
def store(
    row: Any,
    swap_for_y: bool,
    fee_in_x: bool,
    own_in: U64,
    outs: tuple[U64, U64, U64],
    own_fee: U64,
    placers_fee: U64,
) -> None:
    """Write one bin's exchange into its bytes.

    :arg own_in: Amount in that the providers get, without fee.

    :arg outs: Amount out of each layer.

    :arg own_fee: The providers' fee, spread over their shares without the fraction of a share.

    :arg placers_fee: The limit orders' fee.

    """
    filled = outs[1] + outs[2]
    if swap_for_y:
        row.amount_x += own_in
        row.amount_y -= outs[0]
        row.fulfilled_y += filled
        row.order_fee_bid += placers_fee
    else:
        row.amount_y += own_in
        row.amount_x -= outs[0]
        row.fulfilled_x += filled
        row.order_fee_ask += placers_fee
    if own_fee != _ZERO and row.supply_high != _ZERO:
        high, low, _ = divide(own_fee, _ZERO, _ZERO, row.supply_high)
        if fee_in_x:
            row.fee_x_high, row.fee_x_low = add(row.fee_x_high, row.fee_x_low, high, low)
        else:
            row.fee_y_high, row.fee_y_low = add(row.fee_y_high, row.fee_y_low, high, low)
    if outs[2] != _ZERO:
        row.total_processing = row.open_order
        row.processed_remaining = row.open_order - outs[2]
        row.open_order = _ZERO
        row.order_age = np.uint32(row.order_age + 1)
    elif outs[1] != _ZERO:
        row.processed_remaining -= outs[1]
