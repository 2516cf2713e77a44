"""Methods that take a transaction from a client: send, simulate, price, and the faucet."""

import base64
import binascii

from solders.message import from_bytes_versioned
from solders.signature import Signature
from solders.transaction import SanitizeError, VersionedTransaction

from sandbox.ledger.blockhashes import MAX_AGE
from sandbox.ledger.keys import bid
from sandbox.ledger.transactions import Preview
from sandbox.rpc.arguments import (
    Arguments,
    Index,
    ReadOptions,
    SendOptions,
    SimulatedAccounts,
    SimulateOptions,
    decoded_wire,
    pubkey,
)
from sandbox.rpc.cluster_methods import Methods
from sandbox.rpc.errors import SIGNATURE_FAILURE, SIMULATION_FAILED, RpcError, invalid, transaction_error_text
from sandbox.rpc.transaction_json import Json, inner_json, returned_json
from sandbox.rpc.view import View, with_context

PACKET_SIZE = 1232
_SIGNATURE_LAMPORTS = 5000
_KIND = "solana_transaction::versioned::VersionedTransaction"


def decoded(text: str, encoding: str | None) -> tuple[VersionedTransaction, bytes]:
    """Read a transaction that a client sends.

    :raises RpcError: It is no transaction, or too large for a packet.

    """
    wire = decoded_wire(text, encoding or "base58")
    if len(wire) > PACKET_SIZE:
        raise invalid(f"decoded {_KIND} too large: {len(wire)} bytes (max: {PACKET_SIZE} bytes)")
    try:
        tx = VersionedTransaction.from_bytes(wire)
        tx.sanitize()
    except (ValueError, SanitizeError) as error:
        raise invalid(f"failed to deserialize {_KIND}: {error}") from None
    return tx, wire


def _checked(tx: VersionedTransaction) -> None:
    if not all(tx.verify_with_results()):
        raise RpcError(SIGNATURE_FAILURE, "Transaction signature verification failure")


class SimulationMethods:
    """Takes transactions."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._chain = view.chain

    @property
    def methods(self) -> Methods:
        """Every method of this class, by name."""
        return {
            "sendTransaction": self._send,
            "simulateTransaction": self._simulate,
            "getFeeForMessage": self._fee_for_message,
            "requestAirdrop": self._airdrop,
        }

    def _send(self, arguments: Arguments) -> str:
        text = arguments.required(0, str)
        options = arguments.options(1, SendOptions)
        tx, wire = decoded(text, options.encoding)
        if not options.skip_preflight:
            slot = self._view.slot_of(options.preflight_commitment or options.commitment, options.min_context_slot)
            _checked(tx)
            preview = self._chain.preview(tx, slot)
            if preview.error is not None:
                reason = transaction_error_text(preview.error)
                value = self._value(preview, SimulateOptions())
                raise RpcError(SIMULATION_FAILED, f"Transaction simulation failed: {reason}", value)
        checked = not options.skip_preflight
        return str(self._chain.submit(tx, wire, verified=checked, faulty=True))

    def _simulate(self, arguments: Arguments) -> Json:
        text = arguments.required(0, str)
        options = arguments.options(1, SimulateOptions)
        slot = self._view.slot(options)
        tx, _ = decoded(text, options.encoding)
        replacement: Json | None = None
        if options.replace_recent_blockhash:
            if options.sig_verify:
                raise invalid("sigVerify may not be used with replaceRecentBlockhash")
            block = self._chain.blocks[slot]
            replacement = {"blockhash": str(block.hash), "lastValidBlockHeight": block.height + MAX_AGE}
        elif options.sig_verify:
            _checked(tx)
        preview = self._chain.preview(tx, slot, check_hash=replacement is None)
        return with_context(slot, self._value(preview, options, replacement))

    def _value(self, preview: Preview, options: SimulateOptions, replacement: Json | None = None) -> Json:
        execution = preview.execution
        inner = None
        if options.inner_instructions and execution is not None and preview.keys is not None:
            inner = inner_json(preview.keys, execution.inner, parsed=True)
        return {
            "accounts": self._accounts_after(preview, options.accounts) if options.accounts is not None else None,
            "err": preview.error,
            "fee": execution.fee if execution is not None else None,
            "innerInstructions": inner,
            "loadedAccountsDataSize": preview.loaded_bytes,
            "loadedAddresses": None,
            "logs": execution.logs if execution is not None else [],
            "postBalances": None,
            "postTokenBalances": None,
            "preBalances": None,
            "preTokenBalances": None,
            "replacementBlockhash": replacement,
            "returnData": returned_json(execution) if execution is not None else None,
            "unitsConsumed": execution.units if execution is not None else 0,
        }

    def _accounts_after(self, preview: Preview, wanted: SimulatedAccounts) -> list[object]:
        if wanted.encoding == "base58":
            raise invalid("base58 encoding not supported")
        keys = [pubkey(text) for text in wanted.addresses]
        if preview.error is not None or preview.execution is None:
            return [None] * len(keys)
        after = preview.execution.accounts
        states = [after[key] if key in after else self._chain.get(key) for key in keys]
        return [self._view.written(state, wanted.encoding or "base64") for state in states]

    def _fee_for_message(self, arguments: Arguments) -> Json:
        text = arguments.required(0, str)
        slot = self._view.slot(arguments.options(1, ReadOptions))
        try:
            message = from_bytes_versioned(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError) as error:
            raise invalid(f"failed to deserialize solana_message::versioned::VersionedMessage: {error}") from None
        if not self._chain.is_usable(message.recent_blockhash):
            return with_context(slot, None)
        signers = message.header.num_required_signatures
        price, units = bid(VersionedTransaction.populate(message, [Signature.default()] * signers))
        return with_context(slot, _SIGNATURE_LAMPORTS * signers - (-price * units // 1_000_000))

    def _airdrop(self, arguments: Arguments) -> str:
        return str(self._chain.airdrop(pubkey(arguments.required(0, str)), arguments.required(1, Index)))
