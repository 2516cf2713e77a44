"""Methods of a Jito block engine: bundles, what became of them, and where their tips go.

Source: Jito's documentation (low latency transaction send), and the refusals that its clients tell apart.
"""

from itertools import compress

from solders.transaction import VersionedTransaction

from sandbox.ledger.bundles import MOST_TRANSACTIONS, REMEMBERED_S, TIP_ACCOUNTS, Bundle
from sandbox.ledger.keys import LoadError, resolve
from sandbox.rpc.arguments import Arguments, Options
from sandbox.rpc.cluster_methods import Methods
from sandbox.rpc.errors import RpcError, invalid
from sandbox.rpc.simulation import decoded
from sandbox.rpc.transaction_json import Json, status_json
from sandbox.rpc.view import View

_MOST_IDS = 5
_ENCODINGS = ("base58", "base64")


class BundleOptions(Options, frozen=True):
    """How the transactions of a bundle are written."""

    encoding: str = "base58"


class BundleMethods:
    """Takes bundles, and tells of them."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._chain = view.chain

    @property
    def methods(self) -> Methods:
        """Every method of this class, by name."""
        return {
            "sendBundle": self._send,
            "getBundleStatuses": self._statuses,
            "getInflightBundleStatuses": self._inflight,
            "getTipAccounts": lambda _: [str(key) for key in TIP_ACCOUNTS],
        }

    def _send(self, arguments: Arguments) -> str:
        texts = arguments.required(0, list[str])
        encoding = arguments.options(1, BundleOptions).encoding
        if encoding not in _ENCODINGS:
            raise invalid(f"Invalid params: unknown variant `{encoding}`, expected `base58` or `base64`.")
        if not texts:
            raise invalid("bundle contains no transactions")
        if len(texts) > MOST_TRANSACTIONS:
            raise invalid(f"bundle exceeds max transaction length: {MOST_TRANSACTIONS}")
        txs = [_decoded(place, text, encoding) for place, text in enumerate(texts)]
        signatures = {tx.signatures[0] for tx in txs}
        if len(signatures) < len(txs) or not all(all(tx.verify_with_results()) for tx in txs):
            raise invalid("bundles must not contain any duplicate transactions and every transaction must be signed")
        if not any(map(self._locks_a_tip_account, txs)):
            raise invalid("Bundles must write lock at least one tip account to be eligible for the auction.")
        if any(self._chain.blocks.landed(signature) is not None for signature in signatures):
            raise invalid("bundle contains an already processed transaction")
        if not all(self._chain.is_usable(tx.message.recent_blockhash) for tx in txs):
            raise invalid("bundle contains an expired blockhash")
        return self._chain.submit_bundle(txs)

    def _locks_a_tip_account(self, tx: VersionedTransaction) -> bool:
        """Whether a tip account stands in the message itself, to be written; engines advise against lookup tables."""
        try:
            keys = resolve(tx, self._chain.get)
        except LoadError:
            return False
        return any(key in TIP_ACCOUNTS for key in compress(keys.all[: keys.static], keys.writable))

    def _statuses(self, arguments: Arguments) -> Json:
        slot = self._view.slot_of("processed")
        return _with_slot(slot, [self._status(one, slot) for one in _ids(arguments)])

    def _status(self, bundle_id: str, slot: int) -> Json | None:
        bundle = self._chain.bundles.get(bundle_id)
        landed_slot = None if bundle is None else self._landed_slot(bundle, slot)
        if bundle is None or landed_slot is None:
            return None
        return {
            "bundle_id": bundle_id,
            "transactions": [str(queued.signature) for queued in bundle.queued],
            "slot": landed_slot,
            "confirmation_status": self._chain.level(landed_slot),
            "err": status_json(None),
        }

    def _inflight(self, arguments: Arguments) -> Json:
        slot = self._view.slot_of("processed")
        return _with_slot(slot, [self._inflight_status(one, slot) for one in _ids(arguments)])

    def _inflight_status(self, bundle_id: str, slot: int) -> Json:
        bundle = self._chain.bundles.get(bundle_id)
        landed_slot = None
        if bundle is None or self._chain.now() - bundle.taken_s > REMEMBERED_S:
            status = "Invalid"
        elif (landed_slot := self._landed_slot(bundle, slot)) is not None:
            status = "Landed"
        else:
            status = "Failed" if self._chain.bundles.has_failed(bundle_id) else "Pending"
        return {"bundle_id": bundle_id, "status": status, "landed_slot": landed_slot}

    def _landed_slot(self, bundle: Bundle, slot: int) -> int | None:
        """Find where all of a bundle stands on chain, by itself or as a bundle; `None` where it does not."""
        landed = [self._chain.blocks.landed(queued.signature) for queued in bundle.queued]
        slots = [one.slot for one in landed if one is not None and one.slot <= slot]
        return max(slots) if len(slots) == len(landed) else None


def _decoded(place: int, text: str, encoding: str) -> VersionedTransaction:
    try:
        return decoded(text, encoding)[0]
    except RpcError:
        raise invalid(f"transaction #{place} could not be decoded") from None


def _ids(arguments: Arguments) -> list[str]:
    bundle_ids = arguments.required(0, list[str])
    if len(bundle_ids) > _MOST_IDS:
        raise invalid(f"Too many bundle ids provided; max {_MOST_IDS}")
    return bundle_ids


def _with_slot(slot: int, value: object) -> Json:
    return {"context": {"slot": slot}, "value": value}
