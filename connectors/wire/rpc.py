"""JSON-RPC over HTTP: requests as bytes, and answers as typed values or refusals by name."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from connectors.wire.refusal import Refusal, refusal
from dlmm.records import Record

OK = 200
TOO_MANY_REQUESTS = 429
LARGEST_SLOT = (1 << 63) - 1

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for foreign bytes: no JSON or another shape, no UTF-8, nested too deep."""

_CAUSES: Mapping[int, str] = {
    429: "rate_limited",
    -32429: "rate_limited",
    -32097: "rate_limited",  # of block engines
    -32005: "node_behind",
    -32016: "slot_behind",
}

T = TypeVar("T")
Encodable = str | int | bool | None | Sequence["Encodable"] | Mapping[str, "Encodable"]


class RpcError(Record, frozen=True):
    """The error object of an answer."""

    code: int
    message: str


class _Answer(msgspec.Struct, Generic[T], gc=False):
    id: int | None = None
    result: T | msgspec.UnsetType = msgspec.UNSET
    error: RpcError | None = None


class _Failed(msgspec.Struct, gc=False):
    error: RpcError
    id: int | None = None


_FAILED: msgspec.json.Decoder[_Failed] = msgspec.json.Decoder(_Failed)


class Answers(Generic[T]):
    """Reads the answers of one method, whose result has type `T`.

    :arg kind: `T` again, as a value.

    """

    def __init__(self, kind: type[T]) -> None:
        self._one: msgspec.json.Decoder[_Answer[T]] = msgspec.json.Decoder(_Answer[kind])  # type: ignore[valid-type]  # a type made at run time
        self._raw: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])

    def read(self, status: int, body: bytes, request_id: int) -> T | Refusal:
        """Return the result of an answer, or why there is none.

        :arg status: Of the HTTP answer.

        :arg request_id: Of the request that it must answer.

        :returns: A refusal has one of the causes `rate_limited` (HTTP 429 or an error object that says so),
            `node_behind` (-32005), `slot_behind` (-32016: the node has not reached `minContextSlot`), `rpc_error` (any
            other error object), `http_status`, `not_json`, `answer_shape`, `foreign_answer`.

        """
        if status != OK:
            return _refused_by_status(status, body)
        return self._read_one(body, request_id)

    def read_batch(self, status: int, body: bytes, first_id: int, count: int) -> list[T | Refusal] | Refusal:
        """Return the results of a batch in the order of its requests, whatever the order of the answers.

        :arg first_id: Id of the batch's first request, the others count up from it.

        :returns: A refusal for each request without a result (`unanswered` where the batch left it out), or one for
            all of them, with the causes of `read`.

        """
        if status != OK:
            return _refused_by_status(status, body)
        try:
            parts = self._raw.decode(body)
        except UNREADABLE as error:
            failed = _error_of(body)
            return _named(failed) if failed is not None else _unreadable(error)
        results: list[T | Refusal] = [refusal("unanswered", f"request {first_id + i}") for i in range(count)]
        for part in parts:
            try:
                answered = _ID.decode(part).id
            except UNREADABLE:
                continue  # it can be laid to none of them, so the one that it was for stays unanswered
            if answered is not None and 0 <= answered - first_id < count:
                results[answered - first_id] = self._read_one(part, answered)
        return results

    def _read_one(self, body: bytes | msgspec.Raw, request_id: int) -> T | Refusal:
        try:
            answer = self._one.decode(body)
        except UNREADABLE as error:
            failed = _error_of(body)  # an error object may come beside a result of any shape
            return _named(failed) if failed is not None else _unreadable(error)
        if answer.error is not None:
            return _named(answer.error)
        if answer.id != request_id:
            return refusal("foreign_answer", f"to request {answer.id} instead of {request_id}")
        if answer.result is msgspec.UNSET:
            return refusal("answer_shape", "neither a result nor an error")
        return answer.result


class _Id(msgspec.Struct, gc=False):
    id: int | None = None


_ID: msgspec.json.Decoder[_Id] = msgspec.json.Decoder(_Id)


def request(request_id: int, method: str, params: Sequence[Encodable] = ()) -> bytes:
    """Return the body of one request."""
    return msgspec.json.encode(call(request_id, method, params))


def call(request_id: int, method: str, params: Sequence[Encodable] = ()) -> dict[str, Encodable]:
    """Return one request, as a part of a batch or of a frame."""
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}


def get_slot(request_id: int, commitment: str) -> bytes:
    """Ask for the newest slot at a commitment; read it with `SLOTS`."""
    return request(request_id, "getSlot", [{"commitment": commitment}])


def get_genesis_hash(request_id: int) -> bytes:
    """Ask which cluster this is; read it with `TEXTS`."""
    return request(request_id, "getGenesisHash")


def get_health(request_id: int) -> bytes:
    """Ask whether the node keeps up: the text `ok`, or the refusal `node_behind`; read it with `TEXTS`."""
    return request(request_id, "getHealth")


SLOTS = Answers(int)
TEXTS = Answers(str)


def _refused_by_status(status: int, body: bytes) -> Refusal:
    failed = _error_of(body)
    if status == TOO_MANY_REQUESTS:
        return refusal("rate_limited", failed.message if failed is not None else "HTTP 429", TOO_MANY_REQUESTS)
    if failed is not None and failed.code in _CAUSES:
        return _named(failed)
    seen = failed.message if failed is not None else body[:80].decode("utf-8", "replace")
    return refusal("http_status", f"HTTP {status}: {seen}", status)


def _error_of(body: bytes | msgspec.Raw) -> RpcError | None:
    try:
        return _FAILED.decode(body).error
    except UNREADABLE:
        return None


def _named(error: RpcError) -> Refusal:
    return refusal(_CAUSES.get(error.code, "rpc_error"), f"{error.code}: {error.message}", error.code)


def _unreadable(error: Exception) -> Refusal:
    return refusal("answer_shape" if isinstance(error, msgspec.ValidationError) else "not_json", error)
