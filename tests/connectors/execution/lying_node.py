"""A node between the executor and a sandbox that says what is not so, when told to; and a block engine."""

import base64
import json
from typing import Any

from solders.transaction import VersionedTransaction

from connectors.feeds.reactor import Reactor
from connectors.wire.lamport_moves import TIP_ACCOUNTS
from tests.connectors.feeds.nodes import Reply, RpcPeer, ok
from tests.processes import SandboxNode


class LyingNode(RpcPeer):
    """Passes questions on to a sandbox, and bends some of the answers.

    :ivar hidden: Signatures that it claims not to know.

    :ivar failing: Signatures whose status it claims to be an error.

    :ivar swallows: Whether it takes transactions and passes none on.

    :ivar errors: What it answers to a method in the place of a result.

    :ivar bundles: Transactions of the bundles that it was sent, in base64.

    """

    def __init__(self, reactor: Reactor, node: SandboxNode) -> None:
        super().__init__(reactor, self._answer)
        self._node = node
        self.hidden: set[str] = set()
        self.failing: set[str] = set()
        self.swallows = False
        self.errors: dict[str, dict[str, Any]] = {}
        self.bundles: list[str] = []

    def _answer(self, call: Any) -> Reply:
        if isinstance(call, list):
            return ok(json.dumps([self._one(one) for one in call]).encode())
        return ok(json.dumps(self._one(call)).encode())

    def _one(self, call: Any) -> dict[str, Any]:
        method = call["method"]
        head = {"jsonrpc": "2.0", "id": call["id"]}
        if method in self.errors:
            return {**head, "error": self.errors[method]}
        return {**head, "result": self._result(method, call.get("params", []))}

    def _result(self, method: str, params: list[Any]) -> Any:
        match method:
            case "sendTransaction" if self.swallows:
                return str(VersionedTransaction.from_bytes(base64.b64decode(params[0])).signatures[0])
            case "getTipAccounts":
                return sorted(TIP_ACCOUNTS)
            case "sendBundle":
                self.bundles += params[0]
                for wire in params[0]:
                    self._node.call("sendTransaction", wire, {"encoding": "base64", "skipPreflight": True})
                return f"bundle {len(self.bundles)}"
            case "getInflightBundleStatuses":
                landed = [{"bundle_id": one, "status": "Landed", "landed_slot": 1} for one in params[0]]
                return {"context": {"slot": 1}, "value": landed}
        result = self._node.call(method, *params)
        if method == "getSignatureStatuses":
            result["value"] = [self._status(*pair) for pair in zip(params[0], result["value"], strict=True)]
        if method == "getTransaction" and params[0] in self.hidden:
            return None
        return result

    def _status(self, signature: str, status: dict[str, Any] | None) -> dict[str, Any] | None:
        if signature in self.hidden or status is None:
            return None
        if signature in self.failing:
            error = {"InstructionError": [2, {"Custom": 6003}]}
            return {**status, "err": error, "status": {"Err": error}}
        return status
