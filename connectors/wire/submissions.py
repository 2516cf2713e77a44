"""Handing a signed transaction to a node, for the cluster or for a trial run, and why a node would not take it."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire.accounts import AccountValue, Context, account_update
from connectors.wire.events import AccountUpdate
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import UNREADABLE, Answers, Encodable, request
from dlmm.records import Record

_SIMULATION_FAILED = -32002
_SIGNATURE_FAILURE = -32003
_INVALID_PARAMS = -32602

_KINDS: Mapping[str, str] = {
    "AccountNotFound": "account_not_found",
    "AlreadyProcessed": "already_processed",
    "BlockhashNotFound": "blockhash_not_found",
    "InsufficientFundsForFee": "insufficient_funds_for_fee",
    "InvalidAccountForFee": "insufficient_funds_for_fee",
    "SanitizeFailure": "sanitize",
    "SignatureFailure": "signature_failure",
    "AddressLookupTableNotFound": "lookup_table",
    "InvalidAddressLookupTableData": "lookup_table",
    "InvalidAddressLookupTableIndex": "lookup_table",
    "InvalidAddressLookupTableOwner": "lookup_table",
}
"""Errors of a preflight that are told apart, by the runtime's names for them."""

_SAID: Mapping[str, str] = {"too large": "too_large", "sanitize": "sanitize", "deserialize": "sanitize"}
"""Words of a refusal of the parameters that tell what is wrong with a transaction."""


class SendRefusal(Record, frozen=True):
    """Why a node did not take a transaction; others may have, and it may land all the same.

    :arg kind: `blockhash_not_found`, `already_processed`, `insufficient_funds_for_fee`, `account_not_found` (the payer
        has no SOL), `simulation_failed` (the preflight's other errors), `signature_failure`, `sanitize`, `too_large`,
        `lookup_table`; of simulations also `account_encoding` and `answer_count`; or a cause of `Answers.read`:
        `rate_limited`, `node_behind`, `slot_behind`, `rpc_error`, `http_status`, `not_json`, `answer_shape`,
        `foreign_answer`.

    :arg detail: What was seen, never longer than 160 characters.

    :arg code: The node's own error code where it gave one.

    :arg error_json: The preflight's error as JSON, where there was one; read it with `failure_of`.

    :arg logs: Of the preflight.

    :arg compute_units: That the preflight used.

    """

    kind: str
    detail: str
    code: int | None = None
    error_json: str | None = None
    logs: tuple[str, ...] = ()
    compute_units: int | None = None


class Simulated(Record, frozen=True):
    """What a transaction would have done.

    :arg slot: Of the state that it ran on.

    :arg error_json: Why it would have failed, as JSON; `None` where it would have landed.

    :arg return_data: What a program returned, with its address.

    :arg accounts: As they would be, in the order of the question; `None` for those that would not exist, and for all
        of them where it would have failed.

    """

    slot: int
    error_json: str | None
    logs: tuple[str, ...]
    compute_units: int | None
    return_data: tuple[str, bytes] | None = None
    accounts: tuple[AccountUpdate | None, ...] = ()


class _Returned(msgspec.Struct, gc=False, rename="camel"):
    program_id: str
    data: tuple[str, str]


class _Result(msgspec.Struct, gc=False, rename="camel"):
    err: msgspec.Raw
    logs: list[str] | None = None
    units_consumed: Annotated[int, Meta(ge=0)] | None = None
    accounts: list[AccountValue | None] | None = None
    return_data: _Returned | None = None

    @property
    def error_json(self) -> str | None:
        error = bytes(self.err).decode()
        return None if error == "null" else error


class _Simulation(msgspec.Struct, gc=False):
    context: Context
    value: _Result


class _Error(msgspec.Struct, gc=False):
    code: int
    message: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Failed(msgspec.Struct, gc=False):
    error: _Error


_SIGNATURES: Answers[str] = Answers(Annotated[str, Meta(min_length=64, max_length=88)])  # type: ignore[arg-type]  # an annotated type is a value too
_SIMULATIONS = Answers(_Simulation)
_FAILED: msgspec.json.Decoder[_Failed] = msgspec.json.Decoder(_Failed)
_RESULT: msgspec.json.Decoder[_Result] = msgspec.json.Decoder(_Result)


def send_transaction(
    request_id: int,
    wire: bytes,
    *,
    skip_preflight: bool,
    preflight_commitment: str = "confirmed",
    max_retries: int | None = 0,
    min_context_slot: int | None = None,
) -> bytes:
    """Ask a node to pass on a signed transaction.

    :arg wire: The transaction as it travels.

    :arg max_retries: How often the node itself sends it again; `None` leaves that to the node.

    :arg min_context_slot: A node that has not reached this slot refuses (`slot_behind`).

    """
    options: dict[str, Encodable] = {
        "encoding": "base64",
        "skipPreflight": skip_preflight,
        "preflightCommitment": preflight_commitment,
    }
    if max_retries is not None:
        options["maxRetries"] = max_retries
    if min_context_slot is not None:
        options["minContextSlot"] = min_context_slot
    return request(request_id, "sendTransaction", [base64.b64encode(wire).decode(), options])


def read_send_transaction(status: int, body: bytes, request_id: int) -> str | SendRefusal:
    """Read the answer to `send_transaction`: the signature; it says nothing of landing."""
    answer = _SIGNATURES.read(status, body, request_id)
    return _refused(answer, body) if isinstance(answer, Refusal) else answer


def simulate_transaction(
    request_id: int,
    wire: bytes,
    commitment: str,
    *,
    verify_signatures: bool = False,
    replace_blockhash: bool = False,
    accounts: Sequence[str] = (),
    min_context_slot: int | None = None,
) -> bytes:
    """Ask a node to run a transaction on its newest state, and undo it.

    :arg verify_signatures: Cannot be asked for together with `replace_blockhash`.

    :arg replace_blockhash: Run it with the newest blockhash instead of its own.

    :arg accounts: Addresses whose state afterwards is wanted.

    """
    options: dict[str, Encodable] = {
        "encoding": "base64",
        "commitment": commitment,
        "sigVerify": verify_signatures,
        "replaceRecentBlockhash": replace_blockhash,
    }
    if accounts:
        options["accounts"] = {"encoding": "base64", "addresses": list(accounts)}
    if min_context_slot is not None:
        options["minContextSlot"] = min_context_slot
    return request(request_id, "simulateTransaction", [base64.b64encode(wire).decode(), options])


def read_simulate_transaction(
    status: int, body: bytes, request_id: int, accounts: Sequence[str] = ()
) -> Simulated | SendRefusal:
    """Read the answer to `simulate_transaction`; an error of the transaction itself is a result, no refusal."""
    answer = _SIMULATIONS.read(status, body, request_id)
    if isinstance(answer, Refusal):
        return _refused(answer, body)
    slot, result = answer.context.slot, answer.value
    states = result.accounts if result.accounts is not None else [None] * len(accounts)
    if len(states) != len(accounts):
        return _told(refusal("answer_count", f"{len(states)} accounts instead of {len(accounts)}"))
    updates: list[AccountUpdate | None] = []
    for address, state in zip(accounts, states, strict=True):
        update = None if state is None else account_update(slot, address, state)
        if isinstance(update, Refusal):
            return _told(update)
        updates.append(update)
    returned = None
    if result.return_data is not None:
        try:
            returned = result.return_data.program_id, base64.b64decode(result.return_data.data[0], validate=True)
        except (binascii.Error, ValueError) as error:
            return _told(refusal("answer_shape", f"return data: {error}"))
    return Simulated(slot, result.error_json, tuple(result.logs or ()), result.units_consumed, returned, tuple(updates))


def _told(refused: Refusal) -> SendRefusal:
    return SendRefusal(refused.cause, refused.detail, refused.code)


def _refused(refused: Refusal, body: bytes) -> SendRefusal:
    """Tell a refusal more closely, by what a node says beside its error's code."""
    if refused.cause not in {"rpc_error", "http_status"}:
        return _told(refused)
    try:
        failed = _FAILED.decode(body).error
    except UNREADABLE:
        return _told(refused)
    detail = refusal("", f"{failed.code}: {failed.message}").detail
    if failed.code == _SIGNATURE_FAILURE:
        return SendRefusal("signature_failure", detail, failed.code)
    if failed.code == _SIMULATION_FAILED:
        return _failed_preflight(failed, detail)
    if failed.code == _INVALID_PARAMS:
        kinds = [kind for words, kind in _SAID.items() if words in failed.message]
        return SendRefusal(kinds[0] if kinds else refused.cause, detail, failed.code)
    return SendRefusal(refused.cause, detail, failed.code)


def _failed_preflight(failed: _Error, detail: str) -> SendRefusal:
    try:
        result = _RESULT.decode(failed.data)
    except UNREADABLE:
        return SendRefusal("simulation_failed", detail, failed.code)
    error = result.error_json
    kind = _KINDS.get(error.strip('"'), "simulation_failed") if error is not None else "simulation_failed"
    return SendRefusal(kind, detail, failed.code, error, tuple(result.logs or ()), result.units_consumed)
