"""What a node tells of a wallet, read in a way of its own: a second opinion on what the execution connector reads.

Nothing here decodes an instruction or an event. What moved is the difference of balances before and after.
"""

import http.client
import json
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from dlmm.errors import DlmmError
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Record

ANSWER_S = 60.0
PAGE = 1_000
"""Signatures that a node gives at once."""


class OracleError(DlmmError):
    """The node does not answer, or with an error."""


class Moved(Record, frozen=True):
    """What one transaction moved.

    :arg is_failed: Whether it stands on chain with an error.

    :arg tokens: Change of the wallet's holdings in raw units, by mint; no zeros.

    :arg accounts: Change of each token account's amount, whoever owns it, by address; no zeros.

    :arg lamports: Change of the wallet's native balance, all fees and rent in it.

    :arg fee: Lamports paid to the cluster.

    :arg keys: Accounts and programs that it names.

    """

    signature: str
    slot: int
    is_failed: bool
    tokens: dict[str, int]
    accounts: dict[str, int]
    lamports: int
    fee: int
    keys: frozenset[str]


class Balances(Record, frozen=True):
    """What the wallet holds.

    :arg lamports: Native balance.

    :arg tokens: Raw units by mint; no zeros.

    """

    lamports: int
    tokens: dict[str, int]


class ChainOracle:
    """Ask a node about one wallet.

    :arg wallet: Address, base58.

    :ivar moved: Every transaction that `collect` found, in the order of the chain.

    """

    def __init__(self, rpc_url: str, wallet: str) -> None:
        self._place = urlsplit(rpc_url)
        self._wallet = wallet
        self.moved: list[Moved] = []

    def call(self, method: str, *params: object) -> Any:
        """Return a method's result.

        :raises OracleError: There is none.

        """
        assert self._place.hostname is not None
        connection = http.client.HTTPConnection(self._place.hostname, self._place.port, timeout=ANSWER_S)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            raise OracleError(f"{method}: {error}") from error
        finally:
            connection.close()
        if "result" not in answer:
            raise OracleError(f"{method}: {answer.get('error')}")
        return answer["result"]

    def balances(self) -> Balances:
        """Read what the wallet holds by now."""
        options = {"encoding": "jsonParsed", "commitment": "confirmed"}
        held: Counter[str] = Counter()
        for program in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
            found = self.call("getTokenAccountsByOwner", self._wallet, {"programId": str(program)}, options)
            for one in found["value"]:
                info = one["account"]["data"]["parsed"]["info"]
                held[info["mint"]] += int(info["tokenAmount"]["amount"])
        lamports = self.call("getBalance", self._wallet, {"commitment": "confirmed"})["value"]
        return Balances(lamports, _without_zeros(held))

    def collect(self) -> None:
        """Read every transaction that names the wallet and is not known yet: the sandbox forgets them after a while."""
        known = {"until": self.moved[-1].signature} if self.moved else {}
        found: list[str] = []
        while True:
            options = {"limit": PAGE, "commitment": "confirmed", **known, **({"before": found[-1]} if found else {})}
            page = [one["signature"] for one in self.call("getSignaturesForAddress", self._wallet, options)]
            found += page
            if len(page) < PAGE:
                break
        self.moved += [self._read(signature) for signature in reversed(found)]

    def _read(self, signature: str) -> Moved:
        options = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        told = self.call("getTransaction", signature, options)
        if told is None:
            raise OracleError(f"getTransaction: {signature} is not known")
        meta, message = told["meta"], told["transaction"]["message"]
        loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
        keys = [*message["accountKeys"], *loaded["writable"], *loaded["readonly"]]
        tokens: Counter[str] = Counter()
        accounts: Counter[str] = Counter()
        for sign, balances in ((-1, meta["preTokenBalances"]), (1, meta["postTokenBalances"])):
            for one in balances:
                amount = sign * int(one["uiTokenAmount"]["amount"])
                accounts[keys[one["accountIndex"]]] += amount
                if one["owner"] == self._wallet:
                    tokens[one["mint"]] += amount
        place = keys.index(self._wallet)
        return Moved(
            signature=signature,
            slot=told["slot"],
            is_failed=meta["err"] is not None,
            tokens=_without_zeros(tokens),
            accounts=_without_zeros(accounts),
            lamports=meta["postBalances"][place] - meta["preBalances"][place],
            fee=meta["fee"],
            keys=frozenset(keys),
        )


def _without_zeros(amounts: Counter[str]) -> dict[str, int]:
    return {name: amount for name, amount in amounts.items() if amount}
