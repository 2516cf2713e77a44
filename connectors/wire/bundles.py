"""Bundles for a Jito block engine: several transactions that land together in one block, or not at all, for a tip.

Source: the block engine's JSON-RPC documentation.
"""

from collections.abc import Sequence
from typing import Literal

from connectors.wire.refusal import Refusal
from dlmm.records import Record

MOST_TRANSACTIONS = 5
"""Transactions of a bundle."""

MOST_BUNDLES = 5
"""Bundles that an engine answers for in one request."""


class BundleStatus(Record, frozen=True):
    """A bundle that landed.

    :arg signatures: Of its transactions.

    :arg commitment: How far its block is.

    :arg error_json: Why one of its transactions failed, as JSON; `None` where none did.

    """

    bundle_id: str
    slot: int
    signatures: tuple[str, ...]
    commitment: Literal["processed", "confirmed", "finalized"]
    error_json: str | None = None


class InflightBundle(Record, frozen=True):
    """How far a bundle of the last five minutes is.

    :arg status: `Invalid`: unknown, or older; `Failed`: no leader took it.

    :arg landed_slot: Where it landed.

    """

    bundle_id: str
    status: Literal["Invalid", "Pending", "Failed", "Landed"]
    landed_slot: int | None


def send_bundle(request_id: int, wires: Sequence[bytes]) -> bytes:
    """Ask for a bundle to be auctioned, at most `MOST_TRANSACTIONS` signed transactions, one of them with a tip."""
    raise NotImplementedError


def read_send_bundle(status: int, body: bytes, request_id: int) -> str | Refusal:
    """Read the answer to `send_bundle`: the bundle's id; it says nothing of landing."""
    raise NotImplementedError


def get_bundle_statuses(request_id: int, bundle_ids: Sequence[str]) -> bytes:
    """Ask which bundles landed, at most `MOST_BUNDLES`."""
    raise NotImplementedError


def read_bundle_statuses(
    status: int, body: bytes, request_id: int, bundle_ids: Sequence[str]
) -> tuple[BundleStatus | None, ...] | Refusal:
    """Read the answer to `get_bundle_statuses`, in the order of the question; `None` for one that has not landed."""
    raise NotImplementedError


def get_inflight_bundle_statuses(request_id: int, bundle_ids: Sequence[str]) -> bytes:
    """Ask how far bundles of the last five minutes are, at most `MOST_BUNDLES`."""
    raise NotImplementedError


def read_inflight_bundle_statuses(
    status: int, body: bytes, request_id: int, bundle_ids: Sequence[str]
) -> tuple[InflightBundle | None, ...] | Refusal:
    """Read the answer to `get_inflight_bundle_statuses`, in the order of the question; `None` for one left out."""
    raise NotImplementedError


def get_tip_accounts(request_id: int) -> bytes:
    """Ask for the accounts that a tip may go to."""
    raise NotImplementedError


def read_tip_accounts(status: int, body: bytes, request_id: int) -> tuple[str, ...] | Refusal:
    """Read the answer to `get_tip_accounts`."""
    raise NotImplementedError
