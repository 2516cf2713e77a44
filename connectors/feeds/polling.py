"""The feed that asks: the states of all followed accounts, again and again, from whichever endpoint is well."""

from collections.abc import Mapping, Sequence
from functools import partial

from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.rpc_node import RpcNode
from connectors.feeds.slot_guard import SlotGuard
from connectors.wire.accounts import MOST_ACCOUNTS, AccountsAnswer, get_multiple_accounts, read_multiple_accounts
from connectors.wire.events import AccountUpdate, SlotUpdate
from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import SLOTS, get_slot
from dlmm.errors import DlmmError

REFRESH_SLOTS = 4
"""Slots after which a state that has not changed is told again; where forks can undo what others told, it is one."""
FORGET_SLOT_S = 30.0


class PollingFeed(Feed):
    """Poll RPC endpoints for the followed accounts, a hundred at a time.

    What it guarantees:

    * The accounts come from one endpoint at a time, the first of the list that is well. One that fails, is limited,
      hangs, or tells of an older slot than any before is left alone for a while, and the round goes on at the next.
      It is asked for its slot beside the rounds, which do not wait for it, until it is well again.
    * Slots never go back: every question asks for at least the newest slot seen (`minContextSlot`), and an endpoint
      that answers with an older one all the same is taken for unwell. Only when nothing newer was told for 30 s, as
      after the restart of a cluster, what was seen is forgotten.
    * An account is told of when its bytes changed, and every four slots even if not, at `processed` in every slot:
      whoever listens knows by that that the state still holds, and comes back to it where another feed told of a fork
      that came to nothing.
    * Each new slot is told, so that time goes on while websockets are down.
    * At `processed` a node answers from a block that is still being made. Such a state is told as of the slot before,
      which it is at least as new as, so that it never displaces what the block was in the end.

    What it cannot: see states that came and went between two questions.

    :arg urls: Endpoints, the preferred one first.

    :arg interval_s: Time between the beginnings of two rounds. A round that takes longer delays the next.

    :arg commitment: `processed`, `confirmed` or `finalized`.

    :arg timeout_s: How long an endpoint may take for an answer.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    """

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        *,
        interval_s: float = 0.1,
        commitment: str = "confirmed",
        timeout_s: float = 1.0,
        genesis_hash: str | None = None,
    ) -> None:
        if not urls:
            raise DlmmError(f"feed {name}: no endpoint to poll")
        self.name = name
        self._urls = tuple(urls)
        self._interval_s = interval_s
        self._commitment = commitment
        self._timeout_s = timeout_s
        self._genesis_hash = genesis_hash
        self._accounts: dict[str, None] = {}
        self._told: dict[str, AccountUpdate] = {}
        self._guard = SlotGuard()
        self._slot = 0
        self._slot_s = 0.0
        self._slot_node: RpcNode | None = None
        self._nodes: list[RpcNode] = []
        self._node: RpcNode | None = None
        self._timer: Timer | None = None
        self._batches: list[tuple[str, ...]] = []
        self._round_s = 0.0

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        self._accounts = dict.fromkeys(account for accounts in pools.values() for account in accounts)
        self._told = {address: update for address, update in self._told.items() if address in self._accounts}

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._nodes = [
            RpcNode(reactor, url, outlet, timeout_s=self._timeout_s, genesis_hash=self._genesis_hash)
            for url in self._urls
        ]
        self._slot_s = reactor.now()
        self._timer = reactor.call_in(0.0, self._begin_round)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for node in self._nodes:
            node.close()
        self._batches = []
        self._outlet.set_connected(False)

    def _begin_round(self) -> None:
        self._round_s = self._reactor.now()
        if self._round_s - self._slot_s > FORGET_SLOT_S and self._slot:
            self._outlet.note("slot_resets", f"nothing newer than slot {self._slot} for {FORGET_SLOT_S:g} s")
            self._slot, self._slot_s = 0, self._round_s
            self._guard.reset()
        self._probe()
        accounts = tuple(self._accounts)
        self._batches = [accounts[i : i + MOST_ACCOUNTS] for i in range(0, len(accounts), MOST_ACCOUNTS)]
        self._go_on()

    def _probe(self) -> None:
        """Ask endpoints that are not well for their slot, as long as there is another to poll."""
        if any(node.is_well for node in self._nodes):
            for node in self._nodes:
                if node.is_ready and not node.is_well:
                    least = partial(self._take_probe, node, self._slot)
                    node.ask(lambda number: get_slot(number, self._commitment), SLOTS.read, least)

    def _take_probe(self, node: RpcNode, least: int, slot: int | Refusal) -> None:
        if not isinstance(slot, Refusal) and slot < least:
            node.fail(refusal("stale_answer", f"slot {slot} after {least}"))

    def _go_on(self) -> None:
        """Ask for the next batch of the round, at the best endpoint there is, or end the round."""
        ready = [node for node in self._nodes if node.is_ready] if self._batches else []
        node = next((node for node in ready if node.is_well), ready[0] if ready else None)
        if node is None:
            if self._batches:
                self._outlet.set_connected(False)
            self._end_round()
            return
        if node is not self._node:
            if self._node is not None:
                self._outlet.note("failovers", f"from {self._node.label} to {node.label}")
            self._node = node
        addresses = self._batches[0]
        node.ask(
            lambda number: get_multiple_accounts(number, addresses, self._commitment, self._slot or None),
            lambda status, body, number: read_multiple_accounts(status, body, number, addresses),
            partial(self._take, node),
        )

    def _end_round(self) -> None:
        delay_s = max(self._round_s + self._interval_s - self._reactor.now(), 0.0)
        if self._batches:  # no endpoint is well: come again when the first of them may be
            delay_s = max(delay_s, min(node.ready_in_s for node in self._nodes))
        self._timer = self._reactor.call_in(delay_s, self._begin_round)

    def _take(self, node: RpcNode, answer: AccountsAnswer | Refusal) -> None:
        if isinstance(answer, AccountsAnswer) and self._is_fresh(node, answer.slot):
            self._batches.pop(0)
            self._outlet.set_connected(True)
            self._tell(node, answer)
        self._go_on()

    def _is_fresh(self, node: RpcNode, slot: int) -> bool:
        if slot < self._slot:
            node.fail(refusal("stale_answer", f"slot {slot} after {self._slot}"))
            return False
        if not self._guard.believes(slot):
            node.fail(refusal("slot_leap", f"slot {slot} after {self._slot}"))
            return False
        return True

    def _tell(self, node: RpcNode, answer: AccountsAnswer) -> None:
        slot = answer.slot
        if slot > self._slot:
            self._slot, self._slot_s, self._slot_node = slot, self._reactor.now(), node
            self._outlet.put(SlotUpdate(slot))
        elif node is not self._slot_node:
            return  # of two nodes in the same slot either may be ahead of the other in it
        is_later = self._commitment == "processed" and slot > 0
        state_slot = slot - is_later
        refresh_slots = 1 if is_later else REFRESH_SLOTS
        for update in answer.accounts:
            if update.address not in self._accounts:
                continue
            told = self._told.get(update.address)
            if (
                told is not None
                and told.data == update.data
                and told.owner == update.owner
                and state_slot < told.slot + refresh_slots
            ):
                continue
            fresh = AccountUpdate(state_slot, update.address, update.owner, update.data, update.encoding, is_later)
            self._told[update.address] = fresh
            self._outlet.put(fresh)
