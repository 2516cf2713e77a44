"""Methods about what landed: signatures, transactions, blocks."""

from typing import Any

from solders.signature import Signature

from sandbox.chain import FINALIZED_LAG
from sandbox.ledger.blocks import Block
from sandbox.rpc.arguments import (
    Arguments,
    Index,
    ReadOptions,
    SignaturesOptions,
    TransactionOptions,
    pubkey,
    signature,
)
from sandbox.rpc.cluster_methods import Methods
from sandbox.rpc.errors import BLOCK_NOT_AVAILABLE, SLOT_SKIPPED, RpcError, invalid
from sandbox.rpc.transaction_json import (
    Json,
    block_json,
    check_encoding,
    check_version,
    landed_json,
    status_json,
)
from sandbox.rpc.view import View, with_context

_MAX_STATUSES = 256
_MAX_SIGNATURES = 1000
_MAX_BLOCKS = 500_000


class LedgerMethods:
    """Reads what landed."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._chain = view.chain

    @property
    def methods(self) -> Methods:
        """Every method of this class, by name."""
        return {
            "getSignatureStatuses": self._signature_statuses,
            "getTransaction": self._transaction,
            "getSignaturesForAddress": self._signatures_for_address,
            "getBlock": self._block,
            "getBlocks": self._blocks,
            "getBlockTime": self._block_time,
        }

    def _signature_statuses(self, arguments: Arguments) -> Json:
        texts = arguments.required(0, list[str])
        if len(texts) > _MAX_STATUSES:
            raise invalid(f"Too many inputs provided; max {_MAX_STATUSES}")
        wanted = [signature(text) for text in texts]
        slot = self._view.slot_of("processed")
        return with_context(slot, [self._status(one, slot) for one in wanted])

    def _status(self, wanted: Signature, slot: int) -> Json | None:
        landed = self._chain.blocks.landed(wanted)
        if landed is None or landed.slot > slot:
            return None
        level = self._chain.level(landed.slot)
        error = self._view.told_error(landed)
        return {
            "confirmationStatus": level,
            "confirmations": None if level == "finalized" else min(self._chain.processed - landed.slot, FINALIZED_LAG),
            "err": error,
            "slot": landed.slot,
            "status": status_json(error),
        }

    @staticmethod
    def _transaction_options(arguments: Arguments) -> TransactionOptions:
        """Read the options, which may also be an encoding alone."""
        given = arguments.optional(1, Any)
        return (
            TransactionOptions(encoding=given) if isinstance(given, str) else arguments.options(1, TransactionOptions)
        )

    def _confirmed_slot(self, options: ReadOptions) -> int:
        if options.commitment == "processed":
            raise invalid("Method does not support commitment below `confirmed`")
        return self._view.slot(options)

    def _transaction(self, arguments: Arguments) -> Json | None:
        wanted = signature(arguments.required(0, str))
        options = self._transaction_options(arguments)
        slot = self._confirmed_slot(options)
        encoding = check_encoding(options.encoding or "json")
        landed = self._chain.blocks.landed(wanted)
        if landed is None or landed.slot > slot:
            return None
        supported = options.max_supported_transaction_version
        check_version([landed.queued.tx], supported)
        time = self._chain.blocks[landed.slot].time
        return {
            "blockTime": time,
            "slot": landed.slot,
            **landed_json(landed, encoding, versioned=supported is not None),
        }

    def _signatures_for_address(self, arguments: Arguments) -> list[Json]:
        key = pubkey(arguments.required(0, str))
        options = arguments.options(1, SignaturesOptions)
        slot = self._confirmed_slot(options)
        limit = _MAX_SIGNATURES if options.limit is None else options.limit
        if not 0 < limit <= _MAX_SIGNATURES:
            raise invalid(f"Invalid limit; max {_MAX_SIGNATURES}")
        before = signature(options.before) if options.before is not None else None
        until = signature(options.until) if options.until is not None else None
        out: list[Json] = []
        started = before is None
        for landed in self._chain.blocks.of_account(key):
            if landed.slot > slot:
                continue
            if not started:
                started = landed.signature == before
                continue
            if landed.signature == until or len(out) >= limit:
                break
            block = self._chain.blocks.get(landed.slot)
            out.append(
                {
                    "blockTime": block.time if block is not None else None,
                    "confirmationStatus": self._chain.level(landed.slot),
                    "err": landed.execution.error,
                    "memo": None,
                    "signature": str(landed.signature),
                    "slot": landed.slot,
                }
            )
        return out

    def _living(self, slot: int) -> Block:
        block = self._chain.blocks.get(slot)
        if block is not None:
            return block
        if slot > self._chain.processed:
            raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {slot}")
        raise RpcError(SLOT_SKIPPED, f"Slot {slot} was skipped, or missing due to ledger jump to recent snapshot")

    def _block(self, arguments: Arguments) -> Json:
        slot = arguments.required(0, Index)
        options = self._transaction_options(arguments)
        top = self._confirmed_slot(options)
        block = self._living(slot)
        if slot > top:
            raise RpcError(BLOCK_NOT_AVAILABLE, f"Block not available for slot {slot}")
        supported = options.max_supported_transaction_version
        check_version((landed.queued.tx for landed in block.landed), supported)
        encoding, details = check_encoding(options.encoding or "json"), options.transaction_details or "full"
        parent = self._chain.blocks.get(block.parent)
        return block_json(block, parent, encoding, details, versioned=supported is not None)

    def _blocks(self, arguments: Arguments) -> list[int]:
        start = arguments.required(0, Index)
        if arguments.is_object(1):
            end, options = None, arguments.options(1, ReadOptions)
        else:
            end, options = arguments.optional(1, Index), arguments.options(2, ReadOptions)
        top = self._view.slot(options)
        top = top if end is None else min(end, top)
        if top - start > _MAX_BLOCKS:
            raise invalid(f"Slot range too large; max {_MAX_BLOCKS}")
        return [slot for slot in self._chain.blocks.slots if start <= slot <= top]

    def _block_time(self, arguments: Arguments) -> int:
        return self._living(arguments.required(0, Index)).time
