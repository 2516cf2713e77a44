"""Reads accounts from a cluster by JSON-RPC, in batches, for cloning."""

import base64
import binascii
import ipaddress
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError

BATCH = 100
"""Accounts that a node gives at once."""

_TIMEOUT_S = 30.0
_TRIES = 4
_LONGEST_ANSWER = 256 * 1024 * 1024
_BUSY = frozenset({429, 502, 503, 504})


class ClusterReadError(DlmmError):
    """A cluster that cannot be read.

    :arg url: Where it was to be.

    :arg reason: What went wrong.

    """

    def __init__(self, url: str, reason: str) -> None:
        """Keep both values, and name the address first."""
        super().__init__(f"cluster {url}: {reason}")
        self.url = url
        self.reason = reason


class ClusterReader:
    """One cluster's accounts, at commitment `confirmed`.

    :arg url: Address of its JSON-RPC, http or https.

    :arg pause_s: Seconds until a request is tried again, doubled each time.

    :raises ClusterReadError: The address is of neither kind.

    """

    def __init__(self, url: str, *, pause_s: float = 0.5) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ClusterReadError(url, "is no address that begins with http:// or https://")
        self.url = url
        self._pause_s = pause_s
        # a proxy that the environment names is for the world outside
        proxies = [urllib.request.ProxyHandler({})] if _is_loopback(parts.hostname) else []
        self._opener = urllib.request.build_opener(*proxies)

    def accounts(self, keys: Sequence[Pubkey]) -> dict[Pubkey, Account]:
        """Read accounts, in their order; those that are not there are left out.

        :raises ClusterReadError: The cluster does not answer, or answers with an error.

        """
        found: dict[Pubkey, Account] = {}
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            options = {"encoding": "base64", "commitment": "confirmed"}
            answer = self._call("getMultipleAccounts", [[str(key) for key in batch], options])
            values = answer.get("value") if isinstance(answer, dict) else None
            if not isinstance(values, list) or len(values) != len(batch):
                raise ClusterReadError(self.url, "getMultipleAccounts answers with something else than accounts")
            for key, value in zip(batch, values, strict=True):
                if value is not None:
                    found[key] = self._account(value)
        return found

    def owned_by(self, program: Pubkey, *, size: int) -> list[Pubkey]:
        """Find a program's accounts of one length.

        :raises ClusterReadError: As `accounts`.

        """
        options = {
            "encoding": "base64",
            "commitment": "confirmed",
            "dataSlice": {"offset": 0, "length": 0},
            "filters": [{"dataSize": size}],
        }
        answer = self._call("getProgramAccounts", [str(program), options])
        try:
            return sorted((Pubkey.from_string(entry["pubkey"]) for entry in answer), key=str)
        except (TypeError, KeyError, ValueError) as error:
            raise ClusterReadError(self.url, "getProgramAccounts answers with something else than accounts") from error

    def _account(self, value: Any) -> Account:
        try:
            data = base64.b64decode(value["data"][0], validate=True)
            owner = Pubkey.from_string(value["owner"])
            return Account(value["lamports"], data, owner, value["executable"], 0)
        except (TypeError, KeyError, ValueError, IndexError, OverflowError, binascii.Error) as error:
            raise ClusterReadError(self.url, f"an account that is none: {error}") from error

    def _call(self, method: str, params: list[Any]) -> Any:
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        pause = self._pause_s
        for tries in range(1, _TRIES + 1):
            try:
                with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                    return self._result(method, answer.read(_LONGEST_ANSWER))
            except urllib.error.HTTPError as error:
                if error.code not in _BUSY or tries == _TRIES:
                    raise ClusterReadError(self.url, f"{method} answers with HTTP {error.code}") from error
            except (OSError, HTTPException) as error:
                if tries == _TRIES:
                    raise ClusterReadError(self.url, f"{method} gets no answer: {error}") from error
            time.sleep(pause)
            pause *= 2
        raise ClusterReadError(self.url, f"{method} gets no answer")

    def _result(self, method: str, answer: bytes) -> Any:
        try:
            decoded = msgspec.json.decode(answer)
        except msgspec.DecodeError as error:
            raise ClusterReadError(self.url, f"{method} answers with no JSON") from error
        if not isinstance(decoded, dict) or "result" not in decoded:
            refusal = decoded.get("error") if isinstance(decoded, dict) else None
            raise ClusterReadError(self.url, f"{method} is refused: {refusal}")
        return decoded["result"]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
