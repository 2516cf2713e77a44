"""What a sandbox node says of a wallet: every transaction of it, and what it holds; read plainly, and by no other code.

The chain is asked with the methods that every node has and read with the standard library alone, so that what execution
says it did is held against something that shares nothing with it.
"""

import base64
import http.client
import json
from typing import Any

from dlmm.errors import DlmmError
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Record

ANSWER_S = 60.0
MOST_LISTED = 1_000
TOGETHER = 50
_MINT = slice(0, 32)
_AMOUNT = slice(64, 72)

_GONE = (OSError, http.client.HTTPException, json.JSONDecodeError)


class NodeError(DlmmError):
    """The node does not answer, or refuses a question."""


class OnChain(Record, frozen=True):
    """A transaction of the wallet that stands on chain.

    :arg tokens: Change of what it holds by mint, raw units, zeros left out; wrapped SOL is a token.

    :arg lamports: Change of its native SOL, everything that it paid for included.

    """

    signature: str
    slot: int
    is_failed: bool
    tokens: dict[str, int]
    lamports: int


class Holdings(Record, frozen=True):
    """What a wallet holds, raw units by mint; zeros left out."""

    lamports: int
    tokens: dict[str, int]


class NodeCalls:
    """Ask a node on loopback.

    :arg port: Of its JSON-RPC.

    """

    def __init__(self, port: int) -> None:
        self.port = port

    def call(self, method: str, *params: object) -> Any:
        """Ask one question.

        :raises NodeError: There is no result.

        """
        return self.call_all([(method, params)])[0]

    def call_all(self, questions: list[tuple[str, tuple[object, ...]]]) -> list[Any]:
        """Ask several questions at once.

        :raises NodeError: One of them has no result.

        """
        asked = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(questions)
        ]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            body = json.dumps(asked if len(asked) > 1 else asked[0])
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            told = json.loads(connection.getresponse().read())
        except _GONE as error:
            raise NodeError(f"{questions[0][0]}: {error}") from error
        finally:
            connection.close()
        by_id = {answer["id"]: answer for answer in (told if len(asked) > 1 else [told])}
        for number, (method, _) in enumerate(questions):
            if "result" not in by_id.get(number, {}):
                raise NodeError(f"{method}: {by_id.get(number)}")
        return [by_id[number]["result"] for number in range(len(questions))]


def transactions_of(node: NodeCalls, wallet: str) -> list[OnChain]:
    """Read all transactions that name a wallet, the oldest first.

    :raises NodeError: The node does not answer.

    """
    listed: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        page = node.call("getSignaturesForAddress", wallet, {"limit": MOST_LISTED, "commitment": "confirmed", **before})
        listed += page
        if len(page) < MOST_LISTED:
            break
        before = {"before": page[-1]["signature"]}
    options = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    found = []
    for start in range(0, len(listed), TOGETHER):
        part = listed[start : start + TOGETHER]
        bodies = node.call_all([("getTransaction", (one["signature"], options)) for one in part])
        found += [_on_chain(one["signature"], body, wallet) for one, body in zip(part, bodies, strict=True)]
    return found[::-1]


def _on_chain(signature: str, body: dict[str, Any], wallet: str) -> OnChain:
    meta = body["meta"]
    tokens: dict[str, int] = {}
    for name, sign in (("preTokenBalances", -1), ("postTokenBalances", 1)):
        for balance in meta[name]:
            if balance["owner"] == wallet:
                amount = sign * int(balance["uiTokenAmount"]["amount"])
                tokens[balance["mint"]] = tokens.get(balance["mint"], 0) + amount
    place = body["transaction"]["message"]["accountKeys"].index(wallet)
    return OnChain(
        signature=signature,
        slot=body["slot"],
        is_failed=meta["err"] is not None,
        tokens={mint: amount for mint, amount in tokens.items() if amount},
        lamports=meta["postBalances"][place] - meta["preBalances"][place],
    )


def holdings_of(node: NodeCalls, wallet: str) -> Holdings:
    """Read what a wallet holds in all of its token accounts.

    :raises NodeError: The node does not answer.

    """
    tokens: dict[str, int] = {}
    commitment = {"commitment": "processed"}
    for program in (TOKEN_PROGRAM, TOKEN_2022_PROGRAM):
        options = {"encoding": "base64", **commitment}
        listed = node.call("getTokenAccountsByOwner", wallet, {"programId": str(program)}, options)["value"]
        for one in listed:
            data = base64.b64decode(one["account"]["data"][0])
            mint = _base58(data[_MINT])
            tokens[mint] = tokens.get(mint, 0) + int.from_bytes(data[_AMOUNT], "little")
    lamports = node.call("getBalance", wallet, commitment)["value"]
    return Holdings(lamports, {mint: amount for mint, amount in tokens.items() if amount})


_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _base58(data: bytes) -> str:
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _DIGITS[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text
