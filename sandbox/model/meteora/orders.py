"""Limit orders placed, cancelled and closed."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from solders.pubkey import Pubkey

from dlmm.liquidity import MAX_U64, NOTHING, Amounts, LiquidityFailure, PoolTokens
from dlmm.meteora import orders
from dlmm.meteora.instructions.orders import OrderBin
from dlmm.meteora.layout import BIN_ARRAY, BINS_PER_ARRAY, LB_PAIR, LIMIT_ORDER, LIMIT_ORDER_BIN
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_index
from dlmm.meteora.terms import ENABLED, supports_orders
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation
from sandbox.model.meteora import errors, events, life_units
from sandbox.model.meteora.accounts import Accounts, Field, Kind, check_token_account
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.arrays import (
    PassedArray,
    array_places,
    liquidity_state,
    passed_arrays,
    refuse,
    write_liquidity,
)
from sandbox.model.meteora.errors import anchor_error, math_error, runtime_error
from sandbox.model.meteora.tokens import Side, mint_at, pay_in, pay_out, sides

MAX_BINS = 50
_HOOK_KINDS = 2
_EVENTS = (Field("event_authority", Kind.EVENT_AUTHORITY), Field("program", Kind.UNCHECKED))
_EXTENSION = Field("bin_array_bitmap_extension", Kind.EXTENSION, is_mut=True, is_optional=True, relations=("lb_pair",))
_PLACE_FIELDS = (
    Field("lb_pair", Kind.PAIR, is_mut=True),
    _EXTENSION,
    Field("reserve", Kind.TOKEN, is_mut=True),
    Field("token_mint", Kind.MINT),
    Field("limit_order", Kind.NEW),
    Field("payer", Kind.SIGNER, is_mut=True),
    Field("owner", Kind.UNCHECKED),
    Field("user_token", Kind.TOKEN, is_mut=True),
    Field("sender", Kind.SIGNER),
    Field("token_program", Kind.ANY_TOKEN_PROGRAM),
    Field("system_program", Kind.SYSTEM_PROGRAM),
    *_EVENTS,
)
_CANCEL_FIELDS = (
    Field("lb_pair", Kind.PAIR, is_mut=True, relations=("reserve_x", "reserve_y", "token_x_mint", "token_y_mint")),
    _EXTENSION,
    Field("reserve_x", Kind.TOKEN, is_mut=True),
    Field("reserve_y", Kind.TOKEN, is_mut=True),
    Field("token_x_mint", Kind.MINT),
    Field("token_y_mint", Kind.MINT),
    Field("limit_order", Kind.LIMIT_ORDER, is_mut=True, relations=("lb_pair",)),
    Field("owner_token_x", Kind.UNCHECKED, is_mut=True),
    Field("owner_token_y", Kind.UNCHECKED, is_mut=True),
    Field("owner", Kind.SIGNER),
    Field("token_x_program", Kind.ANY_TOKEN_PROGRAM),
    Field("token_y_program", Kind.ANY_TOKEN_PROGRAM),
    Field("memo_program", Kind.MEMO_PROGRAM),
    *_EVENTS,
)
_CLOSE_FIELDS = (
    Field("limit_order", Kind.LIMIT_ORDER, is_mut=True),
    Field("owner", Kind.SIGNER),
    Field("rent_receiver", Kind.UNCHECKED, is_mut=True),
    *_EVENTS,
)
_PLACE_SOURCE = "instructions/limit_order/place_limit_order.rs"
_CANCEL_SOURCE = "instructions/limit_order/cancel_limit_order.rs"


def place_limit_order(invocation: Invocation) -> None:
    """Run `place_limit_order`; bins relative to the active one are not modelled."""
    arguments = Arguments(invocation.data)
    is_ask, is_relative = arguments.take("B16xB")
    if is_ask > 1 or is_relative > 1:
        raise anchor_error(anchor.NOT_DESERIALIZED)
    if is_relative:
        arguments.take("ii")
    bins = [OrderBin(bin_id, amount) for bin_id, amount in arguments.rows("iQ")]
    parameters = invocation.data[8 : arguments.offset]
    slices = arguments.slices()
    accounts = Accounts(invocation, _PLACE_FIELDS)
    place = accounts.places["limit_order"]
    size = LIMIT_ORDER.itemsize + LIMIT_ORDER_BIN.itemsize * len(bins)
    invocation.create(place, PROGRAM_ID, size, accounts.places["payer"], signs=False)
    accounts.constrain(user_token=_check_user)
    accounts.use(life_units.PLACE_CHECKED)
    if is_relative:
        raise anchor_error(errors.UNSUPPORTED)
    pair = np.frombuffer(accounts.data("lb_pair"), LB_PAIR)
    _check_pair(accounts, pair, is_ask=bool(is_ask))
    _check_bins(pair, bins, is_ask=bool(is_ask))
    arrays = _arrays(invocation, accounts, slices, [order.bin_id for order in bins])
    mint = mint_at(invocation, accounts.places["token_mint"])
    tokens = PoolTokens(mint, mint, invocation.clock.epoch)
    _check_room(invocation, arrays, bins)
    pool, extension = accounts.places["lb_pair"], accounts.places.get("bin_array_bitmap_extension")
    before = liquidity_state(invocation, arrays, pair=pool, position=None, extension=extension)
    done = orders.place_limit_order(
        before,
        lb_pair=bytes(accounts.key("lb_pair")),
        owner=bytes(accounts.key("owner")),
        is_ask=bool(is_ask),
        bins=bins,
        tokens=tokens,
    )
    if isinstance(done, LiquidityFailure):
        if done.code == errors.MATH_OVERFLOW:
            raise anchor_error(errors.MATH_OVERFLOW)
        raise anchor_error(errors.INVALID_PLACE, "state/bin.rs:883")
    frame, has_extension = life_units.PLACED, extension is not None
    accounts.use(
        frame.of(
            bins=len(bins),
            arrays=len(arrays),
            extension=has_extension,
            token_2022=mint.is_token_2022,
        )
    )
    write_liquidity(invocation, arrays, before, done.after, pair=pool, extension=extension)
    invocation.write(place, done.limit_order)
    side = Side(mint, accounts.key("token_mint"), accounts.key("reserve"), accounts.key("token_program"))
    sender = accounts.key("sender")
    pay_in(invocation, side, accounts.key("user_token"), sender, -(done.user.x + done.user.y))
    invocation.consume(frame.ends.event)
    keys = (accounts.key("lb_pair"), sender, accounts.key("owner"), accounts.key("limit_order"))
    events.emit(invocation, events.place_order(*keys, int(pair[0]["active_id"]), parameters))
    invocation.consume(frame.ends.end)


def cancel_limit_order(invocation: Invocation) -> None:
    """Run `cancel_limit_order`."""
    arguments = Arguments(invocation.data)
    bin_ids = [bin_id for (bin_id,) in arguments.rows("i")]
    slices = arguments.slices()
    accounts = Accounts(invocation, _CANCEL_FIELDS)
    accounts.constrain()
    accounts.use(life_units.CANCEL_CHECKED)
    _check_owner(accounts)
    if not bin_ids:
        raise anchor_error(errors.INVALID_CANCEL, f"{_CANCEL_SOURCE}:76")
    if any(second <= first for first, second in pairwise(bin_ids)):
        raise anchor_error(errors.INVALID_CANCEL, f"{_CANCEL_SOURCE}:78")
    order = accounts.data("limit_order")
    arrays = _arrays(invocation, accounts, slices, bin_ids)
    mint_x, mint_y = (mint_at(invocation, accounts.places[name]) for name in ("token_x_mint", "token_y_mint"))
    tokens = PoolTokens(mint_x, mint_y, invocation.clock.epoch)
    pool, extension = accounts.places["lb_pair"], accounts.places.get("bin_array_bitmap_extension")
    before = liquidity_state(invocation, arrays, pair=pool, position=None, extension=extension)
    done = orders.cancel_limit_order(before, order, bin_ids=bin_ids, tokens=tokens)
    if isinstance(done, LiquidityFailure):
        place = None if done.code is None else f"{_CANCEL_SOURCE}:124"
        raise anchor_error(done.code or errors.NO_SUCH_ORDER, place)
    frame, has_extension = life_units.CANCELLED, extension is not None
    token_2022 = mint_x.is_token_2022 + mint_y.is_token_2022
    accounts.use(
        frame.of(
            bins=len(bin_ids),
            arrays=len(arrays),
            extension=has_extension,
            token_2022=token_2022,
        )
    )
    write_liquidity(invocation, arrays, before, done.after, pair=pool, extension=extension)
    invocation.write(accounts.places["limit_order"], done.limit_order)
    paid = NOTHING - done.vault
    _pay_out(invocation, accounts, sides(accounts, (mint_x, mint_y)), paid)
    active_id = int(np.frombuffer(accounts.data("lb_pair"), LB_PAIR)[0]["active_id"])
    invocation.consume(frame.ends.event)
    keys = (accounts.key("lb_pair"), accounts.key("owner"), accounts.key("limit_order"))
    events.emit(invocation, events.cancel_order(*keys, paid, active_id, bin_ids))
    invocation.consume(frame.ends.end)


def close_limit_order_if_empty(invocation: Invocation) -> None:
    """Run `close_limit_order_if_empty`; an order that still has something stays as it is."""
    accounts = Accounts(invocation, _CLOSE_FIELDS)
    accounts.constrain()
    _check_owner(accounts)
    order = accounts.data("limit_order")
    rows = np.frombuffer(order, LIMIT_ORDER_BIN, offset=LIMIT_ORDER.itemsize)
    if rows["amount"].any() or rows["age"].any():
        accounts.use(life_units.ORDER_KEPT)
        return
    head = np.frombuffer(order, LIMIT_ORDER, count=1)[0]
    lb_pair = Pubkey.from_bytes(head["lb_pair"].tobytes())
    accounts.use(life_units.ORDER_CLOSED)
    events.emit(invocation, events.close_order(lb_pair, accounts.key("owner"), accounts.key("limit_order")))
    invocation.close(accounts.places["limit_order"], accounts.places["rent_receiver"])
    invocation.consume(life_units.ORDER_END)


def _check_user(accounts: Accounts) -> None:
    if Pubkey.from_bytes(accounts.data("user_token")[:32]) != accounts.key("token_mint"):
        raise anchor_error(anchor.TOKEN_MINT)


def _check_owner(accounts: Accounts) -> None:
    head = np.frombuffer(accounts.data("limit_order"), LIMIT_ORDER, count=1)[0]
    if head["owner"].tobytes() != bytes(accounts.key("owner")):
        raise anchor_error(errors.INVALID_ORDER_OWNER, "lb_access_control.rs:48")


def _check_pair(accounts: Accounts, pair: np.ndarray[tuple[int], np.dtype[np.void]], *, is_ask: bool) -> None:
    side = "x" if is_ask else "y"
    named = [Pubkey.from_bytes(pair[0][f"{name}_{side}"].tobytes()) for name in ("reserve", "mint")]
    if named != [accounts.key("reserve"), accounts.key("token_mint")]:
        raise anchor_error(anchor.HAS_ONE, f"{_PLACE_SOURCE}:214")
    if not supports_orders(pair):
        raise anchor_error(errors.INVALID_FUNCTION, f"{_PLACE_SOURCE}:240")
    if pair[0]["status"] != ENABLED:
        raise anchor_error(errors.POOL_DISABLED, f"{_PLACE_SOURCE}:247")


def _check_bins(pair: np.ndarray[tuple[int], np.dtype[np.void]], bins: Sequence[OrderBin], *, is_ask: bool) -> None:
    line = None
    if not 0 < len(bins) <= MAX_BINS:
        line = 54
    elif any(order.amount == 0 for order in bins):
        line = 61
    elif any(second.bin_id <= first.bin_id for first, second in pairwise(bins)):
        line = 68
    elif bins[0].bin_id < pair[0]["min_bin_id"] or bins[-1].bin_id > pair[0]["max_bin_id"]:
        line = 93
    elif is_ask and bins[0].bin_id < pair[0]["active_id"]:
        line = 127
    elif not is_ask and bins[-1].bin_id > pair[0]["active_id"]:
        line = 133
    if line is not None:
        raise anchor_error(errors.INVALID_PLACE, f"{_PLACE_SOURCE}:{line}")


def _check_room(invocation: Invocation, arrays: Sequence[PassedArray], bins: Sequence[OrderBin]) -> None:
    """Refuse amounts that a bin's or the order's own sum cannot take."""
    held = {array.index: np.frombuffer(invocation.read(array.place), BIN_ARRAY)[0]["bins"] for array in arrays}
    total = 0
    for order in bins:
        index, inside = divmod(order.bin_id, BINS_PER_ARRAY)
        total += order.amount
        if total > MAX_U64:
            place = f"{_PLACE_SOURCE}:309"
        elif int(held[index][inside]["open_order"]) + order.amount > MAX_U64:
            place = "state/bin.rs:887"
        else:
            continue
        invocation.log(math_error(place))
        raise anchor_error(errors.MATH_OVERFLOW)


def _arrays(
    invocation: Invocation, accounts: Accounts, slices: list[tuple[int, int]], bin_ids: Sequence[int]
) -> list[PassedArray]:
    """Read the arrays passed, all of them, in any order; each may come once."""
    places = array_places(invocation, slices, accounts.remaining.start, kinds=_HOOK_KINDS)
    pair = accounts.key("lb_pair")
    arrays, refused = passed_arrays(invocation, places, pair=pair)
    seen: set[Pubkey] = set()
    for array in arrays:
        key = invocation.key(array.place)
        if key in seen:
            raise runtime_error("AccountBorrowFailed")
        seen.add(key)
    if refused is not None:
        raise refuse(invocation, refused, borrowed=[pair, accounts.key("limit_order")])
    if not {bin_array_index(bin_id) for bin_id in bin_ids} <= {array.index for array in arrays}:
        raise anchor_error(errors.INVALID_BIN_ARRAY)
    return arrays


def _pay_out(invocation: Invocation, accounts: Accounts, both: tuple[Side, Side], paid: Amounts) -> None:
    """Pay what there is of each token; only then the program looks at the account that receives it."""
    has_paid = False
    for side, name, amount in zip(both, ("owner_token_x", "owner_token_y"), (paid.x, paid.y), strict=True):
        if not amount:
            continue
        place = accounts.places[name]
        owner = invocation.owner(place)
        if owner == TOKEN_2022_PROGRAM:  # one that could demand a memo
            check_token_account(invocation, place)
        elif owner != TOKEN_PROGRAM:
            raise runtime_error("InvalidAccountData")
        if has_paid:
            invocation.consume(life_units.CANCELLED.ends.transfer)
        has_paid = True
        pay_out(invocation, side, accounts.key(name), accounts.key("lb_pair"), amount)
