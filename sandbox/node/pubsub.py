"""Subscriptions of a node: requests in, notifications out."""

import base64
import itertools
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from solders.pubkey import Pubkey
from solders.signature import Signature

from sandbox.ledger.blocks import Block
from sandbox.ledger.history import Version
from sandbox.node.connection import Connection, Connections, bomb
from sandbox.node.subscriptions import Index, Subscription, Topic, subscription, topic_of
from sandbox.rpc.dispatch import arguments_of, call_of, encode, failure, parsed, success
from sandbox.rpc.errors import METHOD_NOT_FOUND, RpcError, invalid
from sandbox.rpc.view import View

COMMITMENTS = ("processed", "confirmed", "finalized")
_STRAY_ID = 9_000_000_000_000_000


def _context(slot: int, value: bytes) -> bytes:
    return b'{"context":{"slot":%d},"value":%b}' % (slot, value)


def _frame(topic: Topic, result: bytes, subscription_id: int) -> bytes:
    return b'{"jsonrpc":"2.0","method":"%bNotification","params":{"result":%b,"subscription":%d}}' % (
        topic.encode(),
        result,
        subscription_id,
    )


class PubSub:
    """Notifies clients of what happens on the chain, once for each slot and account."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._chain = view.chain
        self._faults = view.chain.faults
        self._index = Index()
        self._ids = itertools.count(1)
        self.connections = Connections(self._faults)
        self.sent = 0
        self._chain.observers.append(self)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client."""
        return await self.connections.accept(request, self._receive, self._index.remove_all)

    # requests

    def _receive(self, connection: Connection, text: str) -> None:
        try:
            message = parsed(text)
        except RpcError as error:
            connection.reply(encode(failure(None, error)))
            return
        for request in message if isinstance(message, list) else [message]:
            self._answer(connection, request)

    def _answer(self, connection: Connection, request: Any) -> None:
        request_id = request.get("id") if isinstance(request, dict) else None
        try:
            _, method, params = call_of(request)
            found = topic_of(method)
            if found is None:
                raise RpcError(METHOD_NOT_FOUND, "Method not found")
            topic, verb = found
            if verb == "Unsubscribe":
                self._unsubscribe(connection, topic, params)
                connection.reply(encode(success(request_id, True)))
                return
            if self._faults.hit("ws.mute"):
                return
            one = subscription(topic, arguments_of(params), subscription_id=next(self._ids), connection=connection)
        except RpcError as error:
            connection.reply(encode(failure(request_id, error)))
            return
        connection.reply(encode(success(request_id, one.id)))
        if self._faults.hit("ws.deaf"):
            self._index.own(one)
            return
        self._index.add(one)
        self._catch_up(one)

    def _unsubscribe(self, connection: Connection, topic: Topic, params: Any) -> None:
        arguments = arguments_of(params)
        one = self._index.of(connection, arguments.required(0, int))
        if one is None or one.topic is not topic:
            raise invalid("Invalid subscription id.")
        self._index.remove(one)

    def _catch_up(self, one: Subscription) -> None:
        """Notify at once of a transaction that landed before anybody asked for it."""
        if isinstance(one.target, Signature):
            landed = self._chain.blocks.landed(one.target)
            slot = self._chain.slot_at(one.commitment)
            if landed is not None and landed.slot <= slot:
                self._ended(one, slot, self._view.told_error(landed))

    # notifications

    def _notify(self, one: Subscription, result: bytes) -> None:
        self.sent += 1
        one.connection.notify(_frame(one.topic, result, one.id), lambda: _frame(one.topic, result, _STRAY_ID + one.id))

    def _ended(self, one: Subscription, slot: int, error: object | None) -> None:
        """Say how a transaction ended; the subscription ends with it."""
        self._notify(one, _context(slot, encode({"err": error})))
        self._index.remove(one)

    def on_received(self, signature: Signature) -> None:
        """Notify those who also want to hear that the node took a transaction."""
        for commitment in COMMITMENTS:
            for one in self._index.at(Topic.SIGNATURE, commitment, signature):
                if one.options.enable_received_notification:
                    self._notify(one, _context(self._chain.processed, b'"receivedSignature"'))

    def on_frozen(self, block: Block) -> None:
        """Notify of a processed slot."""
        result = b'{"parent":%d,"root":%d,"slot":%d}' % (block.parent, self._chain.finalized, block.slot)
        for one in self._index.at(Topic.SLOT, ""):
            self._notify(one, result)
        self._deliver("processed", block)

    def on_commitment(self, commitment: str, blocks: Sequence[Block]) -> None:
        """Notify of slots that became confirmed or finalized."""
        for block in blocks:
            if commitment == "finalized":
                for one in self._index.at(Topic.ROOT, ""):
                    self._notify(one, b"%d" % block.slot)
            self._deliver(commitment, block)

    def _deliver(self, commitment: str, block: Block) -> None:
        programs = self._index.at(Topic.PROGRAM, commitment)
        for key in block.changed:
            watching = self._index.at(Topic.ACCOUNT, commitment, key)
            if watching or programs:
                version = self._view.version(key, block.slot)
                for one in watching:
                    self._account(one, block.slot, version)
                for one in programs:
                    self._owned(one, block.slot, key, version)
        logs = self._index.at(Topic.LOGS, commitment)
        for landed in block.landed:
            if logs:
                value = {
                    "err": landed.execution.error,
                    "logs": landed.execution.logs,
                    "signature": str(landed.signature),
                }
                result = _context(block.slot, encode(value))
                for one in logs:
                    if one.target is None or one.target in landed.keys.all:
                        self._notify(one, result)
            for one in self._index.at(Topic.SIGNATURE, commitment, landed.signature):
                self._ended(one, block.slot, self._view.told_error(landed))

    def _account(self, one: Subscription, slot: int, version: Version) -> None:
        text = self._view.accounts.notified(version, one.encoding, one.options.data_slice)
        result = _context(slot, text)
        self.sent += 1

        def bombed() -> bytes:
            data = encode([base64.b64encode(bomb()).decode(), "base64+zstd"])
            owner = version.account.owner if version.account is not None else Pubkey.default()
            fields = (data, str(owner).encode(), len(data))
            value = b'{"data":%b,"executable":false,"lamports":1,"owner":"%b","rentEpoch":0,"space":%d}' % fields
            return _frame(one.topic, _context(slot, value), one.id)

        one.connection.notify(
            _frame(one.topic, result, one.id),
            lambda: _frame(one.topic, result, _STRAY_ID + one.id),
            bombed if one.encoding == "base64+zstd" else None,
        )

    def _owned(self, one: Subscription, slot: int, key: Pubkey, version: Version) -> None:
        account = version.account
        if account is None or account.owner != one.target:
            return
        if not all(wanted.passes(bytes(account.data)) for wanted in one.options.filters or ()):
            return
        text = self._view.accounts.notified(version, one.encoding, one.options.data_slice)
        self._notify(one, _context(slot, b'{"account":%b,"pubkey":"%b"}' % (text, str(key).encode())))
