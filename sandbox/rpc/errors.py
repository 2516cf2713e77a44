"""JSON-RPC errors, and the words that a node puts into them."""

import re
from typing import Any

from dlmm.errors import DlmmError
from sandbox.model.program_error import instruction_error_text

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
SIMULATION_FAILED = -32002
SIGNATURE_FAILURE = -32003
BLOCK_NOT_AVAILABLE = -32004
NODE_UNHEALTHY = -32005
SLOT_SKIPPED = -32007
UNSUPPORTED_VERSION = -32015
MIN_CONTEXT_SLOT = -32016
TOO_MANY_REQUESTS = 429


class RpcError(DlmmError):
    """Answer a request with an error.

    :arg code: One of JSON-RPC's codes, or of a node's own.

    :arg data: What a node adds to some errors, such as the logs of a failed preflight.

    """

    def __init__(self, code: int, message: str, data: object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def json(self) -> dict[str, object]:
        """Write the error object of an answer."""
        out: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            out["data"] = self.data
        return out


def invalid(message: str) -> RpcError:
    """Refuse parameters."""
    return RpcError(INVALID_PARAMS, message)


_TRANSACTION_TEXTS = {
    "AccountInUse": "Account in use",
    "AccountLoadedTwice": "Account loaded twice",
    "AccountNotFound": "Attempt to debit an account but found no record of a prior credit.",
    "ProgramAccountNotFound": "Attempt to load a program that does not exist",
    "InsufficientFundsForFee": "Insufficient funds for fee",
    "InvalidAccountForFee": "This account may not be used to pay transaction fees",
    "AlreadyProcessed": "This transaction has already been processed",
    "BlockhashNotFound": "Blockhash not found",
    "CallChainTooDeep": "Loader call chain is too deep",
    "MissingSignatureForFee": "Transaction requires a fee but has no signature present",
    "InvalidAccountIndex": "Transaction contains an invalid account reference",
    "SignatureFailure": "Transaction did not pass signature verification",
    "InvalidProgramForExecution": "This program may not be used for executing instructions",
    "SanitizeFailure": "Transaction failed to sanitize accounts offsets correctly",
    "ClusterMaintenance": "Transactions are currently disabled due to cluster maintenance",
    "AddressLookupTableNotFound": "Transaction loads an address table account that doesn't exist",
    "InvalidAddressLookupTableOwner": "Transaction loads an address table account with an invalid owner",
    "InvalidAddressLookupTableData": "Transaction loads an address table account with invalid data",
    "InvalidAddressLookupTableIndex": "Transaction address table lookup uses an invalid index",
    "MaxLoadedAccountsDataSizeExceeded": "Transaction exceeded max loaded accounts data size cap",
    "WouldExceedMaxBlockCostLimit": "Transaction would exceed max Block Cost Limit",
}


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()


def _instruction_text(error: Any) -> str:
    if isinstance(error, str):
        return instruction_error_text(error)
    ((kind, value),) = error.items()
    if kind == "Custom":
        return instruction_error_text(value)
    return f"Failed to serialize or deserialize account data: {value}"


def transaction_error_text(error: Any) -> str:
    """Word a transaction's error as a node does.

    :arg error: The error's JSON: a name, or an object with one key.

    """
    if isinstance(error, str):
        return _TRANSACTION_TEXTS.get(error, _words(error))
    ((name, value),) = error.items()
    match name:
        case "InstructionError":
            return f"Error processing Instruction {value[0]}: {_instruction_text(value[1])}"
        case "InsufficientFundsForRent":
            return f"Transaction results in an account ({value['account_index']}) with insufficient funds for rent"
        case "DuplicateInstruction":
            return f"Transaction contains a duplicate instruction ({value}) that is not allowed"
    return _words(name)
