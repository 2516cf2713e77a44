"""What scripted endpoints know of a chain: its heights, blockhashes, statuses and fees, all set by hand."""

import json
from typing import Any

from connectors.feeds.reactor import Reactor
from tests.connectors.feeds.nodes import Reply, RpcPeer, ok
from tests.connectors.wire.frames import answer, failure

GENESIS_HASH = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY"
BLOCKHASH = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
BEHIND = 10
"""Blocks by which the height is behind the slot: so many slots were skipped."""

MAX_AGE = 150


def signature(number: int) -> str:
    """One of 9 signatures, each a valid one in form."""
    return str(number) * 88


class ScriptedChain:
    """A node's view of a chain.

    :ivar statuses: What it knows of signatures: slot, error and commitment.

    :ivar fees: Prices by the first account asked for.

    :ivar status_slot: As of which slot statuses are told, where not of the newest.

    :ivar busy_parts: Before how many parts of batches a slot begins.

    :ivar transactions: Results of `getTransaction`.

    :ivar refusal: Answers everything where it is set.

    :ivar sent: Parameters of each `sendTransaction`.

    :ivar send_error: Answers each of them where it is set, with `"ID"` for its id.

    """

    def __init__(self, reactor: Reactor, slot: int = 1_000, port: int = 0) -> None:
        self.slot = slot
        self.finalized = slot - 31
        self.blockhash = BLOCKHASH
        self.statuses: dict[str, tuple[int, object, str]] = {}
        self.status_slot: int | None = None
        self.transactions: dict[str, object] = {}
        self.busy_parts = 0
        self.fees: dict[str, list[int]] = {}
        self.refusal: Reply | None = None
        self.sent: list[Any] = []
        self.send_error: bytes | None = None
        self.is_deaf = False
        self.peer = RpcPeer(reactor, self._reply, port)

    @property
    def url(self) -> str:
        return self.peer.url

    def asked(self, method: str) -> list[Any]:
        calls = [one for call in self.peer.calls for one in (call if isinstance(call, list) else [call])]
        return [call["params"] for call in calls if call["method"] == method]

    def _reply(self, call: Any) -> Reply | None:
        if self.is_deaf:
            return None
        if self.refusal is not None:
            return self.refusal
        if isinstance(call, list):
            return ok(b"[" + b",".join(self._part(one) for one in call) + b"]")
        return ok(self._result(call))

    def _part(self, call: Any) -> bytes:
        if self.busy_parts > 0:
            self.busy_parts -= 1
            self.slot += 1
        return self._result(call)

    def _result(self, call: Any) -> bytes:
        number, params = call["id"], call.get("params", [])
        match call["method"]:
            case "getGenesisHash":
                return answer(number, GENESIS_HASH)
            case "getHealth":
                return answer(number, "ok")
            case "getEpochInfo":
                slot = self.finalized if params[0]["commitment"] == "finalized" else self.slot
                return answer(number, {"absoluteSlot": slot, "blockHeight": slot - BEHIND, "epoch": 1, "slotIndex": 1})
            case "getLatestBlockhash":
                last = self.slot - BEHIND + MAX_AGE
                return self._as_of_slot(number, {"blockhash": self.blockhash, "lastValidBlockHeight": last})
            case "getSignatureStatuses":
                slot = self.slot if self.status_slot is None else self.status_slot
                statuses = [self._status(one) for one in params[0]]
                return answer(number, {"context": {"slot": slot}, "value": statuses})
            case "getRecentPrioritizationFees":
                fees = self.fees.get(params[0][0], [])
                return answer(number, [{"slot": i, "prioritizationFee": fee} for i, fee in enumerate(fees)])
            case "getBalance":
                return self._as_of_slot(number, 5_000_000)
            case "getTokenAccountsByOwner":
                return self._as_of_slot(number, [])
            case "getMultipleAccounts":
                return self._as_of_slot(number, [None for _ in params[0]])
            case "getTransaction":
                return answer(number, self.transactions.get(params[0]))
            case "sendTransaction":
                self.sent.append(params)
                if self.send_error is not None:
                    return self.send_error.replace(b'"ID"', str(number).encode())
                return answer(number, signature(1))
        return failure(number, -32601, "Method not found")

    def _as_of_slot(self, number: int, value: object) -> bytes:
        return answer(number, {"context": {"slot": self.slot}, "value": value})

    def _status(self, wanted: str) -> dict[str, object] | None:
        if wanted not in self.statuses:
            return None
        slot, err, commitment = self.statuses[wanted]
        return {"slot": slot, "err": err, "confirmationStatus": commitment, "confirmations": 1}


def send_error(code: int, message: str, data: object = None) -> bytes:
    """Make a refusal of `sendTransaction` that answers any id."""
    error: dict[str, object] = {"code": code, "message": message, "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": "ID", "error": error}).encode()
