"""Check swap rows: amounts, fees, bins and every byte afterwards, or the failure's code, and the instruction."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from numpy.typing import NDArray

from dlmm import swap
from dlmm.conformance.effect import HOOK_ROLES
from dlmm.conformance.instructions import check_instruction
from dlmm.conformance.mismatch import Mismatch
from dlmm.conformance.vectors import State, Vector, short_hash
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Account, Clock, SwapFailure, SwapQuote, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.saros.swap import trace

FUNDS = 4 * 10**17
"""What the user of every vector held of each token."""

INSUFFICIENT_FUNDS = 1

_ASKED = {
    (Venue.METEORA, "swap", "exact_in"),
    (Venue.METEORA, "swap2", "exact_in"),
    (Venue.METEORA, "swap_exact_out", "exact_out"),
    (Venue.METEORA, "swap_exact_out2", "exact_out"),
    (Venue.SAROS, "swap", "exact_in"),
    (Venue.SAROS, "swap", "exact_out"),
}
"""Instructions and modes that a row may name."""

_ACCOUNT_REASONS = ("wrong_", "same_", "hook_", "v1_on_token2022")
_SEEN_BY_POOLS = ("wrong_bin_array",)
_HOOK_ARRAY = "hook_bin_array"
_POOL_ROLES = {"lb_pair", "pair", "bitmap_ext"}
_COMMON = {
    "amount_in": "amount_in",
    "amount_out": "amount_out",
    "reserve_in": "reserve_in_delta",
    "reserve_out": "reserve_out_delta",
    "fee": "fee",
    "protocol_fee": "protocol_fee",
}
_METEORA = {
    **_COMMON,
    "host_fee": "host_fee",
    "start_bin": "start_bin",
    "end_bin": "end_bin",
    "fee_rate": "fee_bps_1e9",
}
_STEP_FIELDS = ("bin_id", "amount_in", "amount_out", "fee", "protocol_fee", "volatility_accumulator")


def fails_for_accounts(vector: Vector) -> bool:
    """Tell whether a swap row failed for accounts that a pool known by its numbers cannot see."""
    row = vector.row
    tags, error = row.get("tags"), row.get("err")
    if row["ok"]:
        return False
    if isinstance(error, dict) and _HOOK_ARRAY in str(error.get("at")):
        return True
    named = [str(tag) for tag in tags] if isinstance(tags, list) else []
    return any(tag.startswith(_ACCOUNT_REASONS) and tag not in _SEEN_BY_POOLS for tag in named)


def pool_of(vector: Vector) -> MeteoraPool | SarosPool:
    """Build the pool that a row's swap met.

    :raises AccountError: An account of the state is not what its role says.

    """
    accounts = {held.pubkey: Account(held.owner, held.data) for held in vector.state.values()}
    if vector.venue is Venue.METEORA:
        return MeteoraPool.from_accounts(vector.state["lb_pair"].pubkey, accounts)
    return SarosPool.from_accounts(vector.state["pair"].pubkey, accounts)


def request_of(row: Mapping[str, Any]) -> SwapRequest:
    """Read what a row asks for."""
    return SwapRequest(
        exact_in=row["mode"] == "exact_in",
        amount=row["amount"],
        swap_for_y=row["swap_for_y"],
        threshold=row["threshold"],
        host=bool(row.get("host", False)),
        arrays=tuple(row["bin_arrays"]),
    )


def check_swap_row(vector: Vector, pool: MeteoraPool | SarosPool) -> Mismatch | None:
    """Check one swap row.

    :arg pool: The row's pool, as `pool_of` gives it.

    :returns: The first difference, or `None` when there is none.

    """
    return next(_differences(vector, pool), None)


def _differences(vector: Vector, pool: MeteoraPool | SarosPool) -> Iterator[Mismatch]:
    row = vector.row
    if (vector.venue, row["ix"], row["mode"]) not in _ASKED:
        yield _mismatch(row, "instruction", "no check", f"{row['ix']} {row['mode']}")
        return
    wrong_instruction = check_instruction(vector)
    if wrong_instruction is not None:
        yield wrong_instruction
    request, clock = request_of(row), Clock(*row["clock"])
    done = _funded(swap.apply(pool, request, clock))
    if isinstance(done, SwapFailure):
        theirs = None if row["ok"] else row["err"].get("custom")
        if row["ok"] or theirs != done.code:
            yield _mismatch(row, "outcome", _named(done), "success" if row["ok"] else row["err"])
        return
    quote, after = done
    if not row["ok"]:
        yield _mismatch(row, "outcome", "success", row["err"])
        return
    same = swap.quote(pool, request, clock)
    if same != quote:
        yield _mismatch(row, "quote beside apply", same, quote)
    yield from _check_amounts(row, quote, vector.venue)
    if isinstance(pool, SarosPool):
        yield from _check_steps(row, trace(pool, request, clock))
    yield from _check_accounts(row, vector.state, after)


def _funded(
    done: tuple[SwapQuote, MeteoraPool | SarosPool] | SwapFailure,
) -> tuple[SwapQuote, MeteoraPool | SarosPool] | SwapFailure:
    """Let the user's token account run dry, which the pool does not see."""
    paid = done.paid if isinstance(done, SwapFailure) else done[0].amount_in
    return SwapFailure("InsufficientFunds", INSUFFICIENT_FUNDS) if paid > FUNDS else done


def _check_amounts(row: Mapping[str, Any], quote: SwapQuote, venue: Venue) -> Iterator[Mismatch]:
    fields = _METEORA if venue is Venue.METEORA else _COMMON
    for ours, theirs in fields.items():
        if getattr(quote, ours) != row[theirs]:
            yield _mismatch(row, ours, getattr(quote, ours), row[theirs])
    event = row.get("event2")
    if event is not None:
        providers_fee = quote.fee - quote.protocol_fee - quote.host_fee - quote.limit_order_fee
        expected = (event["mm_fee"], event["limit_order_fee"], event["protocol_fee"], event["fees_on_input"])
        ours_all = (providers_fee, quote.limit_order_fee, quote.protocol_fee, quote.fee_on_input)
        if ours_all != expected:
            yield _mismatch(row, "event", ours_all, expected)


def _check_steps(row: Mapping[str, Any], traced: tuple[SwapQuote, NDArray[Any]] | SwapFailure) -> Iterator[Mismatch]:
    assert not isinstance(traced, SwapFailure)
    steps = [[int(step[name]) for name in _STEP_FIELDS] for step in traced[1]]
    if steps != row["bins"]:
        yield _mismatch(row, "bins", steps, row["bins"])


def _check_accounts(row: Mapping[str, Any], state: State, after: MeteoraPool | SarosPool) -> Iterator[Mismatch]:
    accounts = after.to_accounts()
    for role, held in state.items():
        if role not in _POOL_ROLES and not role.startswith("bin_array:"):
            continue
        ours, change = accounts[held.pubkey].data, row["post"].get(role)
        if change is None:
            if ours != held.data:
                yield _mismatch(row, f"account {role}", "changed", "unchanged")
        elif short_hash(ours) != change["sha16"]:
            yield _mismatch(row, f"bytes of {role}", _changes(held.data, ours), change["diff"])
    for role in row["post"]:
        if not role.startswith(HOOK_ROLES) and (role not in state or state[role].pubkey not in accounts):
            yield _mismatch(row, f"account {role}", "unchanged", "changed")


def _changes(before: bytes, after: bytes) -> list[list[int | str]]:
    """Return the runs of bytes that differ, as the rows write them."""
    runs: list[list[int | str]] = []
    last = -2
    for offset, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        if offset == last + 1:
            runs[-1][1] = f"{runs[-1][1]}{new:02x}"
        else:
            runs.append([offset, f"{new:02x}"])
        last = offset
    return runs


def _named(failure: SwapFailure) -> str:
    return f"{failure.name} ({failure.code})"


def _mismatch(row: Mapping[str, Any], what: str, ours: object, theirs: object) -> Mismatch:
    return Mismatch(str(row["id"]), what, _text(ours), _text(theirs))


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
