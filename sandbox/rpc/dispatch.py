"""Requests in, answers out: JSON-RPC 2.0 without a socket."""

from collections import Counter
from typing import Any

import msgspec

from sandbox.rpc.account_methods import AccountMethods
from sandbox.rpc.arguments import Arguments
from sandbox.rpc.bundle_methods import BundleMethods
from sandbox.rpc.cluster_methods import Methods, cluster_methods
from sandbox.rpc.errors import INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, RpcError, invalid
from sandbox.rpc.ledger_methods import LedgerMethods
from sandbox.rpc.simulation import SimulationMethods
from sandbox.rpc.view import View

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode


def failure(request_id: object, error: RpcError) -> dict[str, object]:
    """Answer with an error."""
    return {"jsonrpc": "2.0", "error": error.json(), "id": request_id}


def success(request_id: object, result: object) -> dict[str, object]:
    """Answer with a result."""
    return {"jsonrpc": "2.0", "result": result, "id": request_id}


def parsed(body: bytes | str) -> Any:
    """Read a request or a batch.

    :raises RpcError: It is no JSON.

    """
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RpcError(PARSE_ERROR, "Parse error") from None


def call_of(request: Any) -> tuple[object, str, Any]:
    """Read a request's id, method and parameters.

    :raises RpcError: It is no request.

    """
    if isinstance(request, dict) and request.get("jsonrpc") == "2.0" and isinstance(request.get("method"), str):
        return request.get("id"), request["method"], request.get("params")
    raise RpcError(INVALID_REQUEST, "Invalid request")


def arguments_of(params: Any) -> Arguments:
    """Read positional parameters, which may be missing.

    :raises RpcError: They are named.

    """
    if params is None:
        return Arguments(())
    if not isinstance(params, list):
        raise invalid("`params` should be an array")
    return Arguments(params)


class Dispatcher:
    """Answers requests by method."""

    def __init__(self, view: View) -> None:
        self._methods: dict[str, Any] = {
            **cluster_methods(view),
            **AccountMethods(view).methods,
            **SimulationMethods(view).methods,
            **LedgerMethods(view).methods,
            **BundleMethods(view).methods,
        }
        self.calls: Counter[str] = Counter()

    def add(self, methods: Methods) -> None:
        """Answer further methods."""
        self._methods.update(methods)

    def answer(self, request: Any, refusal: RpcError | None = None) -> dict[str, object]:
        """Answer one request.

        :arg refusal: Refuse it with this, whatever it asks.

        """
        request_id = request.get("id") if isinstance(request, dict) else None
        try:
            _, name, params = call_of(request)
            if refusal is not None:
                raise refusal
            method = self._methods.get(name)
            if method is None:
                raise RpcError(METHOD_NOT_FOUND, "Method not found")
            self.calls[name] += 1
            return success(request_id, method(arguments_of(params)))
        except RpcError as error:
            return failure(request_id, error)
