"""The events that the Meteora program sends to itself, as borsh bytes.

Source: the program's published IDL; values are pinned by what the program emitted for the golden vectors.
"""

from collections.abc import Sequence
from hashlib import sha256

from solders.pubkey import Pubkey

from dlmm.anchor import pack
from dlmm.liquidity import Amounts
from dlmm.meteora.pdas import PROGRAM_ID
from dlmm.records import SwapQuote, SwapRequest
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.meteora.accounts import EVENT_AUTHORITY


def _tag(name: str) -> bytes:
    return sha256(f"event:{name}".encode()).digest()[:8]


_SWAP, _SWAP_2 = _tag("Swap"), _tag("Swap2Evt")
_POSITION_CREATE, _POSITION_CLOSE = _tag("PositionCreate"), _tag("PositionClose")
_INCREASE_LENGTH = _tag("IncreasePositionLength")
_ADD_LIQUIDITY, _REMOVE_LIQUIDITY = _tag("AddLiquidity"), _tag("RemoveLiquidity")
_COMPOSITION_FEE = _tag("CompositionFee")
_CLAIM_FEE, _CLAIM_FEE_2 = _tag("ClaimFee"), _tag("ClaimFee2")
_PLACE_ORDER, _CANCEL_ORDER = _tag("PlaceLimitOrderEvt"), _tag("CancelLimitOrderEvt")
_CLOSE_ORDER = _tag("CloseLimitOrderEvt")


def emit(invocation: Invocation, event: bytes) -> None:
    """Send an event by a call of the program to itself.

    :raises ProgramError: The instruction was not given the program's own account.

    """
    if all(meta.pubkey != PROGRAM_ID for meta in invocation.metas):
        invocation.log_raw(f"Unknown program {PROGRAM_ID}")
        raise ProgramError("MissingAccount")
    invocation.emit(event, EVENT_AUTHORITY)


def swap(lb_pair: Pubkey, user: Pubkey, request: SwapRequest, quote: SwapQuote) -> bytes:
    """Encode `Swap`; amounts are those of the user's accounts, but for what leaves the vault."""
    head = bytes(lb_pair) + bytes(user) + pack("ii", quote.start_bin, quote.end_bin)
    amounts = pack("QQ", quote.amount_in, sent_out(quote))
    fees = pack("?QQ", request.swap_for_y, quote.fee, quote.protocol_fee)
    return _SWAP + head + amounts + fees + _u128(quote.fee_rate) + pack("Q", quote.host_fee)


def swap2(lb_pair: Pubkey, user: Pubkey, request: SwapRequest, quote: SwapQuote, amount_left: int) -> bytes:
    """Encode `Swap2Evt`.

    :arg amount_left: Of an exact out, what of the highest amount in did not have to be paid, after transfer fees.

    """
    fee_in_x = request.swap_for_y and quote.fee_on_input
    providers_fee = quote.fee - quote.protocol_fee - quote.host_fee - quote.limit_order_fee
    head = bytes(lb_pair) + bytes(user) + pack("ii?", quote.start_bin, quote.end_bin, request.swap_for_y)
    amounts = pack("QQQ", quote.amount_in, amount_left, sent_out(quote))
    fees = pack("QQQQ", providers_fee, quote.protocol_fee, quote.limit_order_fee, quote.host_fee)
    return _SWAP_2 + head + _u128(quote.fee_rate) + amounts + fees + pack("??", quote.fee_on_input, fee_in_x)


def sent_out(quote: SwapQuote) -> int:
    """Return what a swap sends to the user out of the vault, before any transfer fee; the host's part is not in it."""
    return quote.reserve_out - (0 if quote.fee_on_input else quote.host_fee)


def position_create(lb_pair: Pubkey, position: Pubkey, owner: Pubkey) -> bytes:
    """Encode `PositionCreate`."""
    return _POSITION_CREATE + bytes(lb_pair) + bytes(position) + bytes(owner)


def position_close(position: Pubkey, owner: Pubkey) -> bytes:
    """Encode `PositionClose`."""
    return _POSITION_CLOSE + bytes(position) + bytes(owner)


def increase_length(lb_pair: Pubkey, position: Pubkey, owner: Pubkey, length_to_add: int, side: int) -> bytes:
    """Encode `IncreasePositionLength`."""
    return _INCREASE_LENGTH + bytes(lb_pair) + bytes(position) + bytes(owner) + pack("HB", length_to_add, side)


def add_liquidity(lb_pair: Pubkey, sender: Pubkey, position: Pubkey, amounts: Amounts, active_id: int) -> bytes:
    """Encode `AddLiquidity`."""
    return _ADD_LIQUIDITY + _moved(lb_pair, sender, position, amounts, active_id)


def remove_liquidity(lb_pair: Pubkey, sender: Pubkey, position: Pubkey, amounts: Amounts, active_id: int) -> bytes:
    """Encode `RemoveLiquidity`."""
    return _REMOVE_LIQUIDITY + _moved(lb_pair, sender, position, amounts, active_id)


def composition_fee(sender: Pubkey, bin_id: int, fee: Amounts, protocol_fee: Amounts) -> bytes:
    """Encode `CompositionFee`, which has room for the lower 16 bits of a bin's id."""
    low = (bin_id + 0x8000) % 0x10000 - 0x8000
    return _COMPOSITION_FEE + bytes(sender) + pack("hQQQQ", low, fee.x, fee.y, protocol_fee.x, protocol_fee.y)


def claim_fee(lb_pair: Pubkey, position: Pubkey, owner: Pubkey, fees: Amounts) -> bytes:
    """Encode `ClaimFee`."""
    return _CLAIM_FEE + bytes(lb_pair) + bytes(position) + bytes(owner) + pack("QQ", fees.x, fees.y)


def claim_fee2(lb_pair: Pubkey, position: Pubkey, owner: Pubkey, fees: Amounts, active_id: int) -> bytes:
    """Encode `ClaimFee2`."""
    return _CLAIM_FEE_2 + bytes(lb_pair) + bytes(position) + bytes(owner) + pack("QQi", fees.x, fees.y, active_id)


def place_order(
    lb_pair: Pubkey, sender: Pubkey, owner: Pubkey, limit_order: Pubkey, active_id: int, parameters: bytes
) -> bytes:
    """Encode `PlaceLimitOrderEvt`.

    :arg parameters: As the instruction gave them.

    """
    keys = bytes(lb_pair) + bytes(sender) + bytes(owner) + bytes(limit_order)
    return _PLACE_ORDER + keys + pack("i", active_id) + parameters


def cancel_order(
    lb_pair: Pubkey, owner: Pubkey, limit_order: Pubkey, amounts: Amounts, active_id: int, bin_ids: Sequence[int]
) -> bytes:
    """Encode `CancelLimitOrderEvt`."""
    keys = bytes(lb_pair) + bytes(owner) + bytes(limit_order)
    bins = pack(f"I{len(bin_ids)}i", len(bin_ids), *bin_ids)
    return _CANCEL_ORDER + keys + pack("QQi", amounts.x, amounts.y, active_id) + bins


def close_order(lb_pair: Pubkey, owner: Pubkey, limit_order: Pubkey) -> bytes:
    """Encode `CloseLimitOrderEvt`."""
    return _CLOSE_ORDER + bytes(lb_pair) + bytes(owner) + bytes(limit_order)


def _moved(lb_pair: Pubkey, sender: Pubkey, position: Pubkey, amounts: Amounts, active_id: int) -> bytes:
    return bytes(lb_pair) + bytes(sender) + bytes(position) + pack("QQi", amounts.x, amounts.y, active_id)


def _u128(value: int) -> bytes:
    return value.to_bytes(16, "little")
