"""The feed that listens: a node's notifications of accounts, slots and swaps, with snapshots to close each gap."""

from collections.abc import Callable, Mapping
from typing import assert_never

from connectors.feeds.feed import Feed
from connectors.feeds.link import LinkFailure
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.rpc_node import RpcNode
from connectors.feeds.slot_guard import SlotGuard
from connectors.feeds.snapshots import Snapshots
from connectors.feeds.volumes import VolumeFetcher
from connectors.feeds.websocket_link import WebsocketLimits, WebsocketLink
from connectors.wire.events import AccountUpdate, SlotUpdate
from connectors.wire.pubsub import LogsSeen, SlotSeen, Subscribed, Subscriptions, Target
from connectors.wire.refusal import Refusal

MOST_RETRIES = 2
RPC_TIMEOUT_S = 5.0


class ChainFeed(Feed):
    """Listen to a node over PubSub.

    What it guarantees:

    * Every account that is followed is subscribed to on each connection, and asked for once the subscription is live,
      until the answer is provably as new as the subscription: no gap stays. See `Snapshots`.
    * A subscription without an answer is asked for again, and after two more times in vain the connection is made
      anew; one that is refused is asked for again as long as it is wanted.
    * A connection that is open but brings nothing, or no slots, for `silent_s` is made anew: slots come several times
      a second.
    * When a slot tells that an earlier one was abandoned, all accounts are asked for anew, since nodes take nothing
      back. So they are every `refresh_s`, since a notification may be lost without a trace; where one was, its
      subscription is made anew, as it may be deaf.
    * Notifications of what was not asked for are refused by name.
    * The volume of a swap is told at most once, from its confirmed transaction; what swaps moved while there was no
      connection, or faster than 80 a second, is not told.

    :arg ws_url: The node's PubSub, `ws://` or `wss://`.

    :arg rpc_url: Its JSON-RPC, for snapshots and transactions.

    :arg commitment: `processed`, `confirmed` or `finalized`, of the accounts; swaps are told at `confirmed`.

    :arg genesis_hash: Of the cluster that the endpoint must belong to. None: any.

    :arg silent_s: How long an open connection may bring no message.

    :arg answer_s: How long a subscription may stay unanswered.

    :arg refresh_s: Time between two snapshots of all accounts while nothing is amiss.

    """

    def __init__(
        self,
        name: str,
        ws_url: str,
        rpc_url: str,
        commitment: str = "confirmed",
        *,
        genesis_hash: str | None = None,
        silent_s: float = 10.0,
        answer_s: float = 5.0,
        refresh_s: float = 5.0,
    ) -> None:
        self.name = name
        self._ws_url = ws_url
        self._rpc_url = rpc_url
        self._commitment = commitment
        self._genesis_hash = genesis_hash
        self._silent_s = silent_s
        self._answer_s = answer_s
        self._refresh_s = refresh_s
        self._subscriptions = Subscriptions(commitment)
        self._accounts: tuple[str, ...] = ()
        self._pools: frozenset[str] = frozenset()
        self._guard = SlotGuard()
        self._slot = 0
        self._slot_s = 0.0
        self._retries = 0
        self._states: dict[str, tuple[str, str]] = {}
        self._notified: set[str] = set()
        self._quiet: set[str] = set()
        self._link: WebsocketLink | None = None
        self._timers: dict[str, Timer] = {}

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        self._accounts = tuple(dict.fromkeys(account for accounts in pools.values() for account in accounts))
        self._pools = frozenset(pools)
        if self._link is None:
            self._subscriptions.want(self._accounts, pools, 0.0)
            return
        self._snapshots.keep(self._accounts)
        self._states = {address: state for address, state in self._states.items() if address in self._accounts}
        self._send(self._subscriptions.want(self._accounts, pools, self._reactor.now()))

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._snapshots = Snapshots(reactor, self._node(), outlet, self._guard, self._commitment, self._take_state)
        self._volumes = VolumeFetcher(reactor, self._node(), outlet, lambda pool: pool in self._pools)
        self._link = WebsocketLink(
            reactor,
            self._ws_url,
            outlet,
            on_connected=self._connected,
            on_text=self._receive,
            on_disconnected=self._disconnected,
            limits=WebsocketLimits(silent_s=self._silent_s),
        )
        self._link.start()

    def stop(self) -> None:
        if self._link is not None:
            self._link.stop()
            self._cancel_timers()
            self._snapshots.stop()
            self._volumes.stop()

    def _node(self) -> RpcNode:
        return RpcNode(
            self._reactor, self._rpc_url, self._outlet, timeout_s=RPC_TIMEOUT_S, genesis_hash=self._genesis_hash
        )

    def _connected(self, send: Callable[[str | bytes], bool]) -> None:
        del send  # the link's own
        self._retries = 0
        self._slot = 0
        self._slot_s = self._reactor.now()
        self._states.clear()
        self._notified.clear()
        self._quiet.clear()
        self._send(self._subscriptions.connected(self._reactor.now()))
        self._set_timer("answers", self._answer_s, self._check_answers)
        self._set_timer("refresh", self._refresh_s, self._refresh)

    def _disconnected(self, failure: LinkFailure) -> None:
        del failure  # the link counts and logs it
        self._subscriptions.disconnected()
        self._snapshots.forget()
        self._cancel_timers()

    def _receive(self, data: bytes | bytearray) -> None:
        heard = self._subscriptions.receive(data)
        match heard:
            case AccountUpdate():
                if self._is_believed(heard.slot):
                    self._snapshots.notified(heard.slot)
                    self._notified.add(heard.address)
                    self._states[heard.address] = (heard.owner, heard.data)
                    self._outlet.put(heard)
            case SlotSeen():
                if self._is_believed(heard.slot):
                    self._take_slot(heard)
            case LogsSeen():
                if heard.is_swap and not heard.is_failed:
                    self._volumes.want(heard.signature)
            case Subscribed(target=target):
                if target.kind == "account":
                    self._snapshots.need((target.address,))
            case Refusal():
                self._outlet.refuse(heard.cause, heard.detail)
            case None:
                pass
            case _:
                assert_never(heard)
        self._send(self._subscriptions.outgoing())

    def _take_state(self, update: AccountUpdate) -> None:
        """Tell a state of a snapshot; if it is new, but nothing was notified since the last one, that was lost."""
        address, state = update.address, (update.owner, update.data)
        if address in self._quiet and address not in self._notified and self._states.get(address, state) != state:
            self._outlet.note("missed_writes", f"{address} changed without a notification")
            self._send(self._subscriptions.renew(Target("account", address), self._reactor.now()))
        self._quiet.discard(address)
        self._states[address] = state
        self._outlet.put(update)

    def _is_believed(self, slot: int) -> bool:
        if self._guard.believes(slot):
            return True
        self._outlet.refuse("slot_leap", f"slot {slot} after {self._guard.newest}")
        return False

    def _take_slot(self, seen: SlotSeen) -> None:
        if seen.slot <= self._slot:
            return  # late, or told twice
        if seen.parent < self._slot:
            self._outlet.note("forks", f"slot {seen.slot} builds on {seen.parent}: {self._slot} is abandoned")
            self._snapshots.need(self._accounts)
        self._slot, self._slot_s = seen.slot, self._reactor.now()
        self._snapshots.slot_began(seen.slot)
        self._outlet.put(SlotUpdate(seen.slot))

    def _check_answers(self) -> None:
        now_s = self._reactor.now()
        if now_s - self._slot_s > self._silent_s and self._link is not None:
            self._link.reconnect("slots_silent", f"no slot for {self._silent_s:g} s")
            return
        late = self._subscriptions.unanswered(now_s, self._answer_s)
        if late and self._retries >= MOST_RETRIES and self._link is not None:
            first = f"{late[0].kind} {late[0].address}".strip()
            self._link.reconnect("subscription_unanswered", f"{len(late)} of them, the first to {first}")
            return
        self._retries = self._retries + 1 if late else 0
        frames = self._subscriptions.retry(now_s, self._answer_s)
        for _ in frames:
            self._outlet.note("resubscribes")
        self._send(frames)
        self._set_timer("answers", self._answer_s, self._check_answers)

    def _refresh(self) -> None:
        self._quiet = set(self._accounts) - self._notified
        self._notified.clear()
        self._snapshots.look(self._accounts)
        self._set_timer("refresh", self._refresh_s, self._refresh)

    def _send(self, frames: list[bytes]) -> None:
        if self._link is not None:
            for frame in frames:
                self._link.send(frame)

    def _set_timer(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        self._timers[name] = self._reactor.call_in(delay_s, call)

    def _cancel_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
