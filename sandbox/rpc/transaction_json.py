"""Transactions and blocks in the JSON of a node."""

import base64
from collections.abc import Iterable

from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from sandbox.engine import Execution, InnerInstruction, Keys
from sandbox.ledger.blocks import Block
from sandbox.ledger.transactions import Balances, Landed
from sandbox.rpc import base58
from sandbox.rpc.amounts import ui_amount
from sandbox.rpc.errors import UNSUPPORTED_VERSION, RpcError, invalid
from sandbox.rpc.parsed import parsed_instruction

ENCODINGS = ("json", "jsonParsed", "base64", "base58", "binary")
_TRANSACTION_COST = 1500
_NO_HASH = "11111111111111111111111111111111"

Json = dict[str, object]


def status_json(error: object | None) -> Json:
    """Write how a transaction ended, in the older of the two ways."""
    return {"Ok": None} if error is None else {"Err": error}


def version_of(tx: VersionedTransaction) -> int | str:
    """Version of a transaction as a node names it."""
    return 0 if isinstance(tx.message, MessageV0) else "legacy"


def check_version(txs: Iterable[VersionedTransaction], supported: int | None) -> None:
    """Refuse to show a client a kind of transaction that it did not say it knows."""
    if supported is None and any(version_of(tx) != "legacy" for tx in txs):
        raise RpcError(
            UNSUPPORTED_VERSION,
            "Transaction version (0) is not supported by the requesting client. Please try the request again with "
            'the following configuration parameter: "maxSupportedTransactionVersion": 0',
        )


def check_encoding(encoding: str) -> str:
    """Refuse an encoding that transactions have not."""
    if encoding not in ENCODINGS:
        raise invalid(f"Invalid params: unknown variant `{encoding}`, expected one of {ENCODINGS}.")
    return encoding


def _instruction(keys: Keys, program: int, accounts: bytes, data: bytes, *, parsed: bool, height: int) -> Json:
    if not parsed:
        plain: Json = {"accounts": list(accounts), "data": base58.encode(data), "programIdIndex": program}
        return {**plain, "stackHeight": height}
    named = [keys.all[i] for i in accounts]
    words = parsed_instruction(keys.all[program], named, data)
    if words is None:
        words = {"accounts": _names(named), "data": base58.encode(data), "programId": str(keys.all[program])}
    return {**words, "stackHeight": height}


def inner_json(keys: Keys, inner: list[list[InnerInstruction]], *, parsed: bool) -> list[Json]:
    """Write the instructions that programs called, by the top-level instruction they came from."""
    return [
        {
            "index": index,
            "instructions": [
                _instruction(keys, one.program_index, one.accounts, one.data, parsed=parsed, height=one.stack_height)
                for one in group
            ],
        }
        for index, group in enumerate(inner)
        if group
    ]


def returned_json(execution: Execution) -> Json | None:
    """Write what a program returned."""
    if execution.return_data is None:
        return None
    program, data = execution.return_data
    return {"programId": str(program), "data": [base64.b64encode(data).decode(), "base64"]}


def _tokens_json(balances: Balances) -> list[Json]:
    return [
        {
            "accountIndex": one.index,
            "mint": str(one.mint),
            "owner": str(one.owner),
            "programId": str(one.program),
            "uiTokenAmount": ui_amount(one.amount, one.decimals),
        }
        for one in balances.tokens
    ]


def meta_json(landed: Landed, encoding: str) -> Json:
    """Write what came of a transaction."""
    execution, parsed = landed.execution, encoding == "jsonParsed"
    meta: Json = {
        "computeUnitsConsumed": execution.units,
        "costUnits": execution.units + _TRANSACTION_COST,
        "err": execution.error,
        "fee": execution.fee,
        "innerInstructions": inner_json(landed.keys, execution.inner, parsed=parsed),
        "logMessages": execution.logs,
        "postBalances": landed.after.lamports,
        "postTokenBalances": _tokens_json(landed.after),
        "preBalances": landed.before.lamports,
        "preTokenBalances": _tokens_json(landed.before),
        "rewards": [],
        "status": status_json(execution.error),
    }
    returned = returned_json(execution)
    if returned is not None:
        meta["returnData"] = returned
    if not parsed:
        meta["loadedAddresses"] = {
            "readonly": _names(landed.keys.loaded_readonly),
            "writable": _names(landed.keys.loaded_writable),
        }
    return meta


def _names(keys: Iterable[Pubkey]) -> list[str]:
    return [str(key) for key in keys]


def _message_json(landed: Landed, *, parsed: bool) -> Json:
    message, keys = landed.queued.tx.message, landed.keys
    out: Json = {
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [
            _instruction(keys, one.program_id_index, bytes(one.accounts), bytes(one.data), parsed=parsed, height=1)
            for one in message.instructions
        ],
    }
    if parsed:
        out["accountKeys"] = [
            {
                "pubkey": str(key),
                "signer": i < keys.signers,
                "source": "transaction" if i < keys.static else "lookupTable",
                "writable": keys.writable[i],
            }
            for i, key in enumerate(keys.all)
        ]
    else:
        header = message.header
        out["accountKeys"] = _names(message.account_keys)
        out["header"] = {
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            "numRequiredSignatures": header.num_required_signatures,
        }
    if isinstance(message, MessageV0):
        out["addressTableLookups"] = [
            {
                "accountKey": str(lookup.account_key),
                "readonlyIndexes": list(lookup.readonly_indexes),
                "writableIndexes": list(lookup.writable_indexes),
            }
            for lookup in message.address_table_lookups
        ]
    return out


def transaction_json(landed: Landed, encoding: str) -> object:
    """Write a transaction as it was sent."""
    wire = landed.queued.wire
    if encoding == "base64":
        return [base64.b64encode(wire).decode(), encoding]
    if encoding in {"base58", "binary"}:
        return base58.encode(wire) if encoding == "binary" else [base58.encode(wire), encoding]
    signatures = [str(signature) for signature in landed.queued.tx.signatures]
    return {"message": _message_json(landed, parsed=encoding == "jsonParsed"), "signatures": signatures}


def landed_json(landed: Landed, encoding: str, *, versioned: bool) -> Json:
    """Write a transaction and what came of it."""
    out: Json = {"meta": meta_json(landed, encoding), "transaction": transaction_json(landed, encoding)}
    if versioned:
        out["version"] = version_of(landed.queued.tx)
    return out


def block_json(block: Block, parent: Block | None, encoding: str, details: str, *, versioned: bool) -> Json:
    """Write a block.

    :arg details: `full`, `signatures`, `accounts` or `none`.

    """
    out: Json = {
        "blockHeight": block.height,
        "blockTime": block.time,
        "blockhash": str(block.hash),
        "parentSlot": block.parent,
        "previousBlockhash": str(parent.hash) if parent is not None else _NO_HASH,
        "rewards": [],
    }
    if details == "full":
        out["transactions"] = [landed_json(landed, encoding, versioned=versioned) for landed in block.landed]
    elif details == "signatures":
        out["signatures"] = [str(landed.signature) for landed in block.landed]
    return out
