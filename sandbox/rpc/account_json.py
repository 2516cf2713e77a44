"""Accounts in the JSON of a node, written once for each version and encoding."""

import base64

import msgspec
import zstandard
from solders.account import Account

from sandbox.ledger.history import Version
from sandbox.ledger.tokens import Get
from sandbox.rpc import base58
from sandbox.rpc.arguments import Slice
from sandbox.rpc.errors import INVALID_REQUEST, RpcError, invalid
from sandbox.rpc.parsed import parsed_account

ENCODINGS = ("binary", "base58", "base64", "base64+zstd", "jsonParsed")
GONE = (
    b'{"data":["","base64"],"executable":false,"lamports":0,"owner":"11111111111111111111111111111111",'
    b'"rentEpoch":18446744073709551615,"space":0}'
)
"""How a notification shows an account that is gone."""

_MAX_BASE58 = 128
_MAX_U64 = 2**64 - 1
_COMPRESSOR = zstandard.ZstdCompressor(level=1)
_encode = msgspec.json.Encoder().encode


def _around(account: Account) -> dict[str, object]:
    return {
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": _MAX_U64,
        "space": len(account.data),
    }


class AccountWriter:
    """Writes accounts.

    :arg get: Reads an account's newest state; a token account in words names its mint's decimals.

    """

    def __init__(self, get: Get) -> None:
        self._get = get

    def write(self, version: Version, encoding: str, part: Slice | None = None) -> bytes:
        """Write a version; what was written once is not written again.

        :raises RpcError: The encoding is unknown, or too much data for base58.

        """
        key = (encoding, part)
        text = version.texts.get(key)
        if text is None:
            text = version.texts[key] = self.text(version.account, encoding, part)
        return text

    def notified(self, version: Version, encoding: str, part: Slice | None = None) -> bytes:
        """Write a version for a notification, which has words for what cannot be written."""
        if version.account is None:
            return GONE
        try:
            return self.write(version, encoding, part)
        except RpcError:
            return _encode({**_around(version.account), "data": "error: data too large for bs58 encoding"})

    def text(self, account: Account | None, encoding: str, part: Slice | None = None) -> bytes:
        """Write an account's state, `null` for one that is not there."""
        if account is None:
            return b"null"
        return _encode({"data": self._data(account, encoding, part), **_around(account)})

    def _data(self, account: Account, encoding: str, part: Slice | None) -> object:
        if encoding not in ENCODINGS:
            raise invalid(f"Invalid params: unknown variant `{encoding}`, expected one of {ENCODINGS}.")
        if encoding == "jsonParsed":
            words = parsed_account(account, self._get)
            if words is not None:
                return words
            encoding = "base64"
        data = bytes(account.data)
        if part is not None:
            data = data[part.offset : part.offset + part.length]
        if encoding == "base64":
            return [base64.b64encode(data).decode(), encoding]
        if encoding == "base64+zstd":
            return [base64.b64encode(_COMPRESSOR.compress(data)).decode(), encoding]
        if len(data) > _MAX_BASE58:
            raise RpcError(
                INVALID_REQUEST,
                "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding.",
            )
        return base58.encode(data) if encoding == "binary" else [base58.encode(data), encoding]
