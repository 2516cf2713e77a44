"""Every account is viewed as what it is, and nothing but `AccountError` ever comes of what it is not."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlmm.accounts import AccountKind, decode_account, venue_of
from dlmm.conformance.vectors import VectorFolder
from dlmm.errors import AccountError
from dlmm.meteora import layout as meteora
from dlmm.records import Account, Venue
from dlmm.saros import layout as saros
from tests.shared import need_shared

MAINNET_HOOK = saros.HOOK_PROGRAM_ID
LAYOUTS: list[tuple[str, bytes, np.dtype[np.void], Venue, AccountKind]] = [
    (meteora.PROGRAM, meteora.LB_PAIR_DISCRIMINATOR, meteora.LB_PAIR, Venue.METEORA, AccountKind.PAIR),
    (meteora.PROGRAM, meteora.BIN_ARRAY_DISCRIMINATOR, meteora.BIN_ARRAY, Venue.METEORA, AccountKind.BIN_ARRAY),
    (meteora.PROGRAM, meteora.POSITION_DISCRIMINATOR, meteora.POSITION, Venue.METEORA, AccountKind.POSITION),
    (
        meteora.PROGRAM,
        meteora.EXTENSION_DISCRIMINATOR,
        meteora.BITMAP_EXTENSION,
        Venue.METEORA,
        AccountKind.BITMAP_EXTENSION,
    ),
    (meteora.PROGRAM, meteora.LIMIT_ORDER_DISCRIMINATOR, meteora.LIMIT_ORDER, Venue.METEORA, AccountKind.LIMIT_ORDER),
    (saros.PROGRAM_ID, saros.PAIR_DISCRIMINATOR, saros.PAIR, Venue.SAROS, AccountKind.PAIR),
    (saros.DEVNET_PROGRAM_ID, saros.PAIR_DISCRIMINATOR, saros.PAIR, Venue.SAROS, AccountKind.PAIR),
    (saros.PROGRAM_ID, saros.BIN_ARRAY_DISCRIMINATOR, saros.BIN_ARRAY, Venue.SAROS, AccountKind.BIN_ARRAY),
    (saros.PROGRAM_ID, saros.POSITION_DISCRIMINATOR, saros.POSITION, Venue.SAROS, AccountKind.POSITION),
    (MAINNET_HOOK, saros.HOOK_DISCRIMINATOR, saros.HOOK, Venue.SAROS, AccountKind.HOOK),
    (MAINNET_HOOK, saros.HOOK_BIN_ARRAY_DISCRIMINATOR, saros.HOOK_BIN_ARRAY, Venue.SAROS, AccountKind.HOOK_BIN_ARRAY),
    (MAINNET_HOOK, saros.HOOK_POSITION_DISCRIMINATOR, saros.HOOK_POSITION, Venue.SAROS, AccountKind.HOOK_POSITION),
    (
        saros.DEVNET_HOOK_PROGRAM_ID,
        saros.HOOK_POSITION_DISCRIMINATOR,
        saros.HOOK_POSITION,
        Venue.SAROS,
        AccountKind.HOOK_POSITION,
    ),
]
OWNERS = [*sorted({owner for owner, *_ in LAYOUTS}), "11111111111111111111111111111111", ""]
DISCRIMINATORS = sorted({discriminator for _, discriminator, *_ in LAYOUTS})


def blank(discriminator: bytes, layout: np.dtype[np.void]) -> bytes:
    return discriminator + bytes(layout.itemsize - len(discriminator))


@pytest.mark.parametrize(("owner", "discriminator", "layout", "venue", "kind"), LAYOUTS)
def test_owner_then_discriminator_tell_venue_and_kind(
    owner: str, discriminator: bytes, layout: np.dtype[np.void], venue: Venue, kind: AccountKind
) -> None:
    data = blank(discriminator, layout)
    decoded = decode_account("address", Account(owner, data))
    assert (decoded.address, decoded.venue, decoded.kind) == ("address", venue, kind)
    assert venue_of(owner) is venue
    assert decoded.record.tobytes() == data
    assert len(decoded.bins) == 0


@pytest.mark.parametrize(("owner", "discriminator", "layout", "venue", "kind"), LAYOUTS)
def test_truncation_at_every_length_is_an_account_error(
    owner: str, discriminator: bytes, layout: np.dtype[np.void], venue: Venue, kind: AccountKind
) -> None:
    whole = blank(discriminator, layout)
    for length in range(len(whole)):
        with pytest.raises(AccountError) as caught:
            decode_account("address", Account(owner, whole[:length]))
        assert caught.value.account == "address"
        assert caught.value.reason.startswith(f"length {length} ")


@pytest.mark.parametrize("kind", ["bins", "position"])
@given(length=st.integers(1, 20_000))
def test_a_tail_that_holds_no_whole_number_of_bins_is_refused_or_read(kind: str, length: int) -> None:
    position = kind == "position"
    discriminator = meteora.POSITION_DISCRIMINATOR if position else meteora.LIMIT_ORDER_DISCRIMINATOR
    layout = meteora.POSITION if position else meteora.LIMIT_ORDER
    row = meteora.POSITION_EXTENSION_BIN if position else meteora.LIMIT_ORDER_BIN
    account = Account(meteora.PROGRAM, blank(discriminator, layout) + bytes(length))
    if position and length % row.itemsize:
        with pytest.raises(AccountError, match="whole number"):
            decode_account("address", account)
    else:
        assert decode_account("address", account).record.tobytes() == account.data[: layout.itemsize]


@pytest.mark.parametrize(("owner", "discriminator", "layout", "venue", "kind"), LAYOUTS)
def test_a_foreign_owner_is_an_account_error(
    owner: str, discriminator: bytes, layout: np.dtype[np.void], venue: Venue, kind: AccountKind
) -> None:
    for other in ("11111111111111111111111111111111", "", "not an address"):
        with pytest.raises(AccountError, match="owner"):
            decode_account("address", Account(other, blank(discriminator, layout)))


@given(
    owner=st.sampled_from(OWNERS),
    head=st.one_of(st.sampled_from(DISCRIMINATORS), st.binary(max_size=9)),
    tail=st.one_of(
        st.binary(max_size=300),
        st.builds(
            lambda layout, fill: bytes([fill]) * (layout.itemsize - 8),
            st.sampled_from([layout for _, _, layout, _, _ in LAYOUTS]),
            st.integers(0, 255),
        ),
    ),
)
def test_garbage_is_read_or_refused_but_never_breaks(owner: str, head: bytes, tail: bytes) -> None:
    try:
        decoded = decode_account("address", Account(owner, head + tail))
    except AccountError as error:
        named = error.account
    else:
        named = decoded.address
        assert (head + tail).startswith(decoded.record["discriminator"][0].tobytes())
    assert named == "address"


def test_the_shared_discriminator_is_told_apart_by_the_owner() -> None:
    assert meteora.BIN_ARRAY_DISCRIMINATOR == saros.BIN_ARRAY_DISCRIMINATOR
    with pytest.raises(AccountError, match="length"):
        decode_account("a", Account(saros.PROGRAM_ID, blank(meteora.BIN_ARRAY_DISCRIMINATOR, meteora.BIN_ARRAY)))
    with pytest.raises(AccountError, match="length"):
        decode_account("a", Account(meteora.PROGRAM, blank(saros.BIN_ARRAY_DISCRIMINATOR, saros.BIN_ARRAY)))


def test_a_position_with_impossible_bins_is_refused() -> None:
    for owner, discriminator, layout, room in (
        (saros.PROGRAM_ID, saros.POSITION_DISCRIMINATOR, saros.POSITION, 64),
        (meteora.PROGRAM, meteora.POSITION_DISCRIMINATOR, meteora.POSITION, 70),
    ):
        record = np.frombuffer(bytearray(blank(discriminator, layout)), layout)
        for lower, upper in ((5, 4), (5, 5 + room)):
            record["lower_bin_id"], record["upper_bin_id"] = lower, upper
            with pytest.raises(AccountError, match="do not fit"):
                decode_account("a", Account(owner, record.tobytes()))


def test_a_hook_flag_that_is_no_flag_is_refused() -> None:
    record = np.frombuffer(bytearray(blank(saros.PAIR_DISCRIMINATOR, saros.PAIR)), saros.PAIR)
    record["has_hook"] = 2
    with pytest.raises(AccountError, match="hook flag"):
        decode_account("a", Account(saros.PROGRAM_ID, record.tobytes()))


@cache
def kinds_by_role() -> dict[str, AccountKind]:
    return {
        "lb_pair": AccountKind.PAIR,
        "pair": AccountKind.PAIR,
        "bitmap_ext": AccountKind.BITMAP_EXTENSION,
        "bin_array": AccountKind.BIN_ARRAY,
        "position": AccountKind.POSITION,
        "position_pda": AccountKind.POSITION,
        "limit_order": AccountKind.LIMIT_ORDER,
        "hook": AccountKind.HOOK,
        "hook_bin_array": AccountKind.HOOK_BIN_ARRAY,
        "hook_position": AccountKind.HOOK_POSITION,
    }


def real_accounts() -> Iterator[tuple[str, Account]]:
    seen = set()
    for folder in ("ours", "mainnet"):
        for vector in VectorFolder.load(need_shared(f"vectors/{folder}")).vectors():
            for role, account in vector.state.items():
                kind = role.split(":")[0]
                if kind in kinds_by_role() and (kind, id(account.data)) not in seen:
                    seen.add((kind, id(account.data)))
                    yield kind, Account(account.owner, account.data)


def test_every_account_of_the_vectors_is_told_by_its_bytes() -> None:
    met = set()
    for role, account in real_accounts():
        decoded = decode_account(role, account)
        assert decoded.kind is kinds_by_role()[role]
        assert account.data.startswith(decoded.record.tobytes())
        met.add((decoded.venue, decoded.kind))
    assert len(met) >= 10
