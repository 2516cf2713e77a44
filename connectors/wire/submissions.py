"""Handing a signed transaction to a node, for the cluster or for a trial run, and why a node would not take it."""

from collections.abc import Sequence

from connectors.wire.events import AccountUpdate
from dlmm.records import Record


class SendRefusal(Record, frozen=True):
    """Why a node did not take a transaction; others may have, and it may land all the same.

    :arg kind: `blockhash_not_found`, `already_processed`, `insufficient_funds_for_fee`, `account_not_found` (the payer
        has no SOL), `simulation_failed` (the preflight's other errors), `signature_failure`, `sanitize`, `too_large`,
        `lookup_table`, or a cause of `Answers.read`: `rate_limited`, `node_behind`, `slot_behind`, `rpc_error`,
        `http_status`, `not_json`, `answer_shape`, `foreign_answer`.

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

    :arg accounts: As they would be, in the order of the question; `None` where nothing was simulated so far.

    """

    slot: int
    error_json: str | None
    logs: tuple[str, ...]
    compute_units: int | None
    return_data: tuple[str, bytes] | None = None
    accounts: tuple[AccountUpdate | None, ...] = ()


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
    raise NotImplementedError


def read_send_transaction(status: int, body: bytes, request_id: int) -> str | SendRefusal:
    """Read the answer to `send_transaction`: the signature; it says nothing of landing."""
    raise NotImplementedError


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
    raise NotImplementedError


def read_simulate_transaction(
    status: int, body: bytes, request_id: int, accounts: Sequence[str] = ()
) -> Simulated | SendRefusal:
    """Read the answer to `simulate_transaction`; an error of the transaction itself is a result, no refusal."""
    raise NotImplementedError
