"""What became of the signatures that were sent: seen, expired, undone or final."""

from collections.abc import Callable, Sequence
from functools import partial

from connectors.execution.endpoints import Endpoints
from connectors.execution.finality import RANKS, FinalityWatch, Watched
from connectors.execution.landings import Landings
from connectors.execution.outcomes import Expired, Outcome, Reversal, Seen
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.slot_guard import SlotGuard
from connectors.feeds.websocket_link import WebsocketLimits, WebsocketLink
from connectors.wire.heights import Height, get_heights, read_heights
from connectors.wire.landed import Landed, Mints
from connectors.wire.refusal import Refusal
from connectors.wire.signatures import Signatures, SignatureSeen
from connectors.wire.statuses import (
    MOST_SIGNATURES,
    Status,
    Statuses,
    get_signature_statuses,
    read_signature_statuses,
)

LANES = 3
ANSWER_S = 2.0
"""How long a subscription may stay unanswered, and how long a notification may come after a status told the same."""

MOST_MISSED = 3
"""Notifications missed in a row after which the websocket is made anew: it may be deaf."""


class Confirmations:
    """Follow signatures until their fate is known, by notifications and by asking.

    What it guarantees:

    * Each `follow` is answered by one call, whatever is lost, doubled or late; it works without a websocket too.
    * `Expired` is never told by time: the block height at `confirmed` at least is past the last valid one, and
      statuses asked for after that, history included, at every endpoint that answers, are none, one of them at least
      from a bank as new as that height.
    * `Undone` is told only when no endpoint that answers knows the transaction, and one of them at least is past its
      slot, twice in a row.
    * What landed is fetched until it is known.

    Counted in the outlet: the notes `seen_by_notification`, `seen_by_asking`, `missed_notifications`,
    `expired_signatures`, `undone_landings`, `turned_landings`, `unknown_landings`, and the failures of the websocket
    and of endpoints as `WebsocketLink` and `RpcNode` name them.

    :arg ws_url: The PubSub of one node, `ws://` or `wss://`.

    :arg urls: JSON-RPC endpoints, asked in turn.

    :arg commitment: At which a transaction counts as seen: `processed`, `confirmed` or `finalized`.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    :arg wallet_address: Whose changes are read off the transactions that are fetched.

    :arg pools: Mints of the pools whose flows are read, by address.

    :arg poll_s: Time between two questions for those that are `silent_s` old or older; for all of them while there is
        no websocket.

    :arg finality_s: Time between two questions for those whose finality is watched.

    """

    def __init__(
        self,
        reactor: Reactor,
        ws_url: str,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        commitment: str,
        genesis_hash: str | None,
        wallet_address: str,
        pools: Mints,
        poll_s: float = 0.4,
        silent_s: float = 1.0,
        finality_s: float = 1.0,
        timeout_s: float = 2.0,
    ) -> None:
        safe = "confirmed" if commitment == "processed" else commitment
        self._reactor = reactor
        self._outlet = outlet
        self._commitment = commitment
        self._safe = safe
        self._poll_s = poll_s
        self._silent_s = silent_s
        self._endpoints = Endpoints(reactor, urls, outlet, timeout_s=timeout_s, genesis_hash=genesis_hash, lanes=LANES)
        self._finality = FinalityWatch(reactor, self._endpoints, outlet, commitment=commitment, interval_s=finality_s)
        self._landings = Landings(reactor, self._endpoints, outlet, safe, wallet_address, pools)
        self._signatures = Signatures(commitment)
        self._link = WebsocketLink(
            reactor,
            ws_url,
            outlet,
            on_connected=self._connected,
            on_text=self._receive,
            on_disconnected=self._disconnected,
            limits=WebsocketLimits(silent_s=None),  # while nothing is in flight there is nothing to say
        )
        self._followed: dict[str, _Followed] = {}
        self._expected: dict[str, float] = {}
        self._missed = 0
        self._guard = SlotGuard()
        self._timer: Timer | None = None
        self._is_polling = self._is_measuring = self._is_looking = False
        self._turn = 0

    def start(self) -> None:
        """Connect, and begin to ask."""
        self._link.start()
        self._timer = self._reactor.call_in(self._poll_s, self._turn_round)

    def stop(self) -> None:
        """Close every connection; no call is made from here on."""
        if self._timer is not None:
            self._timer.cancel()
        self._followed.clear()
        self._link.stop()
        self._finality.stop()
        self._landings.stop()
        self._endpoints.close()

    def follow(self, signature: str, last_valid_block_height: int, on_outcome: Callable[[Outcome], None]) -> None:
        """Follow a signature until it is seen at the commitment, or has expired; best from before it is sent.

        One that is followed already gets the new `on_outcome` and height.

        :arg on_outcome: Called once, in a later round; the signature is followed no more from then on.

        """
        self._followed[signature] = _Followed(last_valid_block_height, on_outcome, self._reactor.now())
        self._expected.pop(signature, None)
        self._send(self._signatures.want((signature,), self._reactor.now()))

    def forget(self, signature: str) -> None:
        """Follow, watch and fetch it no more, without a call; unknown ones are ignored."""
        self._followed.pop(signature, None)
        self._expected.pop(signature, None)
        self._finality.forget(signature)
        self._landings.forget(signature)
        self._send(self._signatures.forget((signature,)))

    def watch_finality(
        self,
        signature: str,
        slot: int,
        error_json: str | None,
        on_undone: Callable[[Reversal], None],
        on_final: Callable[[], None],
    ) -> None:
        """Watch a landed transaction until it is finalized or taken back; one of the two calls ends the watch.

        :arg slot: It landed in, as `Landed.slot` has it.

        :arg error_json: Whether it failed, as `Seen` has it: a failure that becomes a success has turned too.

        """
        self._finality.watch(signature, Watched(slot, error_json is not None, on_undone, on_final))

    def fetch(self, signature: str, then: Callable[[Landed | Refusal], None]) -> None:
        """Fetch a transaction that landed, at `confirmed` at least, as often as it takes.

        :arg then: Called once it is known, unless `forget` or `stop` comes first; with a refusal only where the
            endpoints know the transaction and none gives it in a form that can be read.

        """
        self._landings.fetch(signature, then)

    # notifications

    def _connected(self, send: Callable[[str | bytes], bool]) -> None:
        del send  # the link's own
        self._missed = 0
        self._send(self._signatures.connected(self._reactor.now()))

    def _disconnected(self, failure: LinkFailure) -> None:
        del failure  # the link counts and logs it
        self._signatures.disconnected()
        self._forget_expected(tuple(self._expected))

    def _receive(self, data: bytes | bytearray) -> None:
        heard = self._signatures.receive(data)
        if isinstance(heard, SignatureSeen):
            self._missed = 0
            self._expected.pop(heard.signature, None)
            if heard.signature in self._followed:
                self._outlet.note("seen_by_notification")
                self._end(heard.signature, Seen(heard.slot, heard.error_json, self._commitment))
        elif isinstance(heard, Refusal):
            self._outlet.refuse(heard.cause, heard.detail)
        self._send(self._signatures.outgoing())

    def _send(self, frames: list[bytes]) -> None:
        for frame in frames:
            self._link.send(frame)

    def _check_expected(self, now_s: float) -> None:
        """See whether notifications of what a status told already did come."""
        late = tuple(signature for signature, until_s in self._expected.items() if until_s <= now_s)
        if not late:
            return
        self._missed += len(late)
        self._outlet.note("missed_notifications", late[0])
        self._forget_expected(late)
        if self._missed >= MOST_MISSED:
            self._link.reconnect("signatures_silent", f"{self._missed} notifications missed in a row")

    def _forget_expected(self, signatures: Sequence[str]) -> None:
        for signature in signatures:
            del self._expected[signature]
        self._send(self._signatures.forget(signatures))

    # questions

    def _turn_round(self) -> None:
        now_s = self._reactor.now()
        self._timer = self._reactor.call_in(self._poll_s, self._turn_round)
        self._check_expected(now_s)
        self._send(self._signatures.retry(now_s, ANSWER_S))
        silent_s = self._silent_s if self._link.is_connected else 0.0
        silent = [signature for signature, one in self._followed.items() if now_s - one.since_s >= silent_s]
        if silent and not self._is_polling:
            self._poll(tuple(silent[:MOST_SIGNATURES]))
        if silent and not self._is_measuring:
            self._measure()

    def _poll(self, signatures: tuple[str, ...]) -> None:
        self._is_polling = True
        self._turn += 1
        self._endpoints.ask(
            lambda number: get_signature_statuses(number, signatures),
            lambda status, body, number: read_signature_statuses(status, body, number, len(signatures)),
            partial(self._polled, signatures),
            tries=len(self._endpoints),
            beginning=self._turn,
        )

    def _polled(self, signatures: Sequence[str], answer: Statuses | Refusal) -> None:
        self._is_polling = False
        # What was asked for goes to the end, so that more than one question holds are all asked for.
        for signature in signatures:
            if signature in self._followed:
                self._followed[signature] = self._followed.pop(signature)
        if isinstance(answer, Statuses):
            for signature, status in zip(signatures, answer.statuses, strict=True):
                if status is not None:
                    self._take_status(signature, status)

    def _take_status(self, signature: str, status: Status) -> None:
        if signature not in self._followed or RANKS[status.commitment] < RANKS[self._commitment]:
            return
        self._outlet.note("seen_by_asking")
        if self._link.is_connected:
            self._expected[signature] = self._reactor.now() + ANSWER_S
        self._end(signature, Seen(status.slot, status.error_json, status.commitment))

    def _end(self, signature: str, outcome: Outcome) -> None:
        followed = self._followed.pop(signature)
        if signature not in self._expected:
            self._send(self._signatures.forget((signature,)))
        followed.on_outcome(outcome)

    # expiry

    def _measure(self) -> None:
        self._is_measuring = True
        self._endpoints.ask(
            lambda number: get_heights(number, (self._safe,)),
            lambda status, body, number: read_heights(status, body, number, 1),
            self._measured,
            tries=len(self._endpoints),
        )

    def _measured(self, answer: list[Height] | Refusal) -> None:
        self._is_measuring = False
        if isinstance(answer, Refusal):
            return
        height = answer[0]
        if not self._guard.believes(height.slot):
            self._outlet.refuse("slot_leap", f"slot {height.slot} after {self._guard.newest}")
            return
        past = [
            signature for signature, one in self._followed.items() if one.last_valid_block_height < height.block_height
        ]
        if past and not self._is_looking:
            self._look(tuple(past[:MOST_SIGNATURES]), height)

    def _look(self, signatures: tuple[str, ...], height: Height) -> None:
        """Ask every endpoint a last time, now that nothing can land any more."""
        self._is_looking = True
        self._endpoints.ask_each(
            lambda number: get_signature_statuses(number, signatures, search_history=True),
            lambda status, body, number: read_signature_statuses(status, body, number, len(signatures)),
            partial(self._judge, signatures, height),
        )

    def _judge(self, signatures: Sequence[str], height: Height, answers: Sequence[Statuses | Refusal]) -> None:
        self._is_looking = False
        told = [answer for answer in answers if isinstance(answer, Statuses)]
        is_certain = any(answer.slot >= height.slot for answer in told)
        for place, signature in enumerate(signatures):
            followed = self._followed.get(signature)
            statuses = [status for answer in told if (status := answer.statuses[place]) is not None]
            for status in statuses:
                self._take_status(signature, status)
            # It may have been followed anew meanwhile, with another height.
            if followed is None or followed.last_valid_block_height >= height.block_height:
                continue
            if is_certain and not statuses and signature in self._followed:
                self._outlet.note("expired_signatures")
                self._end(signature, Expired(height.block_height, height.slot))


class _Followed:
    """A signature that was sent, and whom to tell of its fate."""

    __slots__ = ("last_valid_block_height", "on_outcome", "since_s")

    def __init__(self, last_valid_block_height: int, on_outcome: Callable[[Outcome], None], since_s: float) -> None:
        self.last_valid_block_height = last_valid_block_height
        self.on_outcome = on_outcome
        self.since_s = since_s
