"""Bundles of a block engine: transactions that land together in one slot, in order, or not at all, for a tip.

Source: Jito's documentation (low latency transaction send).
"""

import hashlib
from collections.abc import Iterable

from solders.account import Account
from solders.pubkey import Pubkey
from solders.signature import Signature

from dlmm.records import Record
from sandbox.ledger.transactions import Landed, Queued

TIP_ACCOUNTS = tuple(
    Pubkey.from_string(text)
    for text in (
        "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
        "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
        "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
        "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
        "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
        "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
        "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
        "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
    )
)
"""Where tips go, as on mainnet."""

TIP_PROGRAM = Pubkey.from_string("T1pyyaTNZsKv2WcRAB8oVnk93mLJw2XzjtVYqCsaHqt")
"""Owns the tip accounts."""

LEAST_TIP = 1_000
"""Lamports below which no bundle wins its auction."""

MOST_TRANSACTIONS = 5
"""Transactions of a bundle."""

REMEMBERED_S = 300
"""How long an engine knows a bundle."""

_MOST_KNOWN = 10_000
_TIP_ACCOUNT_BYTES = hashlib.sha256(b"account:TipPaymentAccount").digest()[:8]


class Bundle(Record, frozen=True):
    """Transactions that wait for a slot together.

    :arg not_before: First slot that may take them.

    :arg taken_s: Unix seconds of its arrival.

    """

    id: str
    queued: tuple[Queued, ...]
    not_before: int
    taken_s: int


class Bundles:
    """The bundles that an engine took, and which of them wait for their auction or lost it."""

    def __init__(self) -> None:
        self._known: dict[str, Bundle] = {}
        self._waiting: dict[str, Bundle] = {}
        self._failed: set[str] = set()

    def add(self, bundle: Bundle, *, is_auctioned: bool) -> None:
        """Take a bundle; one that lost before may win now.

        :arg is_auctioned: Whether anything will come of it.

        """
        self._known.pop(bundle.id, None)
        self._known[bundle.id] = bundle
        self._failed.discard(bundle.id)
        if is_auctioned:
            self._waiting.setdefault(bundle.id, bundle)
        if len(self._known) > _MOST_KNOWN:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._failed.discard(oldest)

    def ready(self, slot: int) -> list[Bundle]:
        """Take what a slot may hold out of those that wait, in the order of arrival."""
        ready = [bundle for bundle in self._waiting.values() if bundle.not_before <= slot]
        for bundle in ready:
            del self._waiting[bundle.id]
        return ready

    def fail(self, bundle: Bundle) -> None:
        """Note that no leader took it."""
        if bundle.id in self._known:
            self._failed.add(bundle.id)

    def get(self, bundle_id: str) -> Bundle | None:
        """Find a bundle, or `None` for one that is not remembered."""
        return self._known.get(bundle_id)

    def has_failed(self, bundle_id: str) -> bool:
        """Whether a bundle lost its auction."""
        return bundle_id in self._failed


def bundle_id(signatures: Iterable[Signature]) -> str:
    """Name a bundle: the SHA-256 of its transactions' signatures, joined by commas, in hex."""
    return hashlib.sha256(",".join(map(str, signatures)).encode()).hexdigest()


def tip_of(landed: Iterable[Landed]) -> int:
    """Lamports that tip accounts gained, by whatever instruction."""
    return sum(
        one.after.lamports[i] - one.before.lamports[i]
        for one in landed
        for i, key in enumerate(one.keys.all)
        if key in TIP_ACCOUNTS
    )


def tip_account(lamports: int) -> Account:
    """Make a tip account as its program has it."""
    return Account(lamports, _TIP_ACCOUNT_BYTES, TIP_PROGRAM, False, 0)
