"""Transactions as bundles to a Jito block engine: all of a bundle lands, in order, or none, and for a tip."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from connectors.execution.endpoints import Endpoints
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.wire.bundles import (
    MOST_BUNDLES,
    BundleRefused,
    InflightBundle,
    get_inflight_bundle_statuses,
    get_tip_accounts,
    read_inflight_bundle_statuses,
    read_send_bundle,
    read_tip_accounts,
    send_bundle,
)
from connectors.wire.refusal import Refusal, refusal
from dlmm.records import Record

RETRY_S = 2.0
LANES = 3
"""Questions that an engine is asked at a time: a bundle shall not wait for what is asked of another."""


class BundleOutcome(Record, frozen=True):
    """What a block engine says of a bundle; whether its transactions landed is for `Confirmations` to say.

    :arg status: `landed`, `failed` (no leader took it), `unknown` (nothing was told of it for `patience_s`).

    :arg slot: Where it landed, else 0.

    """

    bundle_id: str
    status: Literal["landed", "failed", "unknown"]
    slot: int = 0


class Bundles:
    """Send bundles to one block engine, and ask what became of them.

    A bundle that the engine did not take, or that no leader took, is sent again until it is forgotten: it is the same
    transactions each time, so that they land once.

    Counted in the outlet: the notes `bundles`, `bundles_sent_again`, `bundles_landed`, `bundles_failed`,
    `bundles_unknown`, and failures as `RpcNode` names them.

    :arg url: The engine's bundles path, such as `https://mainnet.block-engine.jito.wtf/api/v1/bundles`; a key goes into
        its query (`?uuid=`).

    :arg poll_s: Time between two questions for the open bundles; engines answer one a second.

    :arg again_s: Time until a bundle is sent again.

    :arg patience_s: How long a bundle is asked after.

    :arg refresh_s: Time between two questions for the tip accounts.

    """

    def __init__(
        self,
        reactor: Reactor,
        url: str,
        outlet: Outlet,
        *,
        poll_s: float = 2.0,
        again_s: float = 1.0,
        patience_s: float = 90.0,
        refresh_s: float = 300.0,
        timeout_s: float = 5.0,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._poll_s = poll_s
        self._again_s = again_s
        self._patience_s = patience_s
        self._refresh_s = refresh_s
        self._endpoint = Endpoints(reactor, (url,), outlet, timeout_s=timeout_s, lanes=LANES)
        self._accounts: tuple[Pubkey, ...] = ()
        self._tips = 0
        self._parcels: dict[str, _Parcel] = {}
        self._open: dict[str, _Open] = {}
        self._is_polling = self._is_running = False
        self._timers: dict[str, Timer] = {}

    @property
    def is_ready(self) -> bool:
        """Whether the tip accounts are known."""
        return bool(self._accounts)

    def start(self) -> None:
        """Ask for the tip accounts, and refresh them from then on."""
        self._is_running = True
        self._refresh()
        self._set_timer("poll", self._poll_s, self._poll)

    def stop(self) -> None:
        """Close the connections; no call is made from here on."""
        self._is_running = False
        for timer in self._timers.values():
            timer.cancel()
        for name in list(self._parcels):
            self.forget(name)
        self._open.clear()
        self._endpoint.close()

    def tip(self, payer: Pubkey, lamports: int) -> Instruction | None:
        """Return the instruction that pays a tip, to each of the tip accounts in turn; `None` before they are known.

        It belongs at the end of the bundle's last transaction.

        """
        if not self._accounts:
            return None
        self._tips += 1
        return tip_instruction(payer, self._accounts[self._tips % len(self._accounts)], lamports)

    def tips(self, payer: Pubkey, lamports: int) -> tuple[Instruction, ...]:
        """Return what `tip` may return, for each of the tip accounts."""
        return tuple(tip_instruction(payer, account, lamports) for account in self._accounts)

    def send(
        self,
        name: str,
        transactions: Sequence[bytes],
        on_taken: Callable[[int], None],
        on_refused: Callable[[str], None],
    ) -> None:
        """Send signed transactions, at most five, as one bundle, and again where nothing came of it.

        One that is under way already changes nothing.

        :arg name: To forget it by, such as its first signature.

        :arg on_taken: Called once with the time, in Unix nanoseconds, when the engine has taken it.

        :arg on_refused: Called with the reason each time that the engine does not take it, or no leader does. That it
            was processed already is none.

        """
        if name in self._parcels:
            return
        parcel = self._parcels[name] = _Parcel(tuple(transactions), on_taken, on_refused)
        self._outlet.note("bundles")
        self._put(parcel)

    def forget(self, name: str) -> None:
        """Send it no more, and make no further call for it; unknown ones are ignored."""
        parcel = self._parcels.pop(name, None)
        if parcel is not None:
            parcel.is_forgotten = True
            if parcel.timer is not None:
                parcel.timer.cancel()

    def _put(self, parcel: "_Parcel") -> None:
        self._endpoint.ask(
            lambda number: send_bundle(number, parcel.wires), read_send_bundle, partial(self._answered, parcel), tries=1
        )

    def _answered(self, parcel: "_Parcel", answer: str | BundleRefused | Refusal) -> None:
        match answer:
            case str():
                self._open[answer] = _Open(self._reactor.now() + self._patience_s, parcel)
                if not parcel.is_taken and not parcel.is_forgotten:
                    parcel.is_taken = True
                    parcel.on_taken(time.time_ns())
            case BundleRefused(kind="already_processed"):
                return
            case BundleRefused(kind=kind, detail=detail):
                self._refused(parcel, f"{kind}: {detail}", is_final=kind == "no_tip")
            case Refusal(cause=cause, detail=detail):
                self._refused(parcel, f"{cause}: {detail}")

    def _refused(self, parcel: "_Parcel", reason: str, *, is_final: bool = False) -> None:
        if parcel.is_forgotten:
            return
        if not is_final:
            parcel.timer = self._reactor.call_in(self._again_s, partial(self._put_again, parcel))
        parcel.on_refused(reason)

    def _put_again(self, parcel: "_Parcel") -> None:
        self._outlet.note("bundles_sent_again")
        self._put(parcel)

    def _refresh(self) -> None:
        self._endpoint.ask(get_tip_accounts, read_tip_accounts, self._take_accounts, tries=1)

    def _take_accounts(self, answer: tuple[str, ...] | Refusal) -> None:
        accounts = answer if isinstance(answer, Refusal) else tip_accounts_of(answer)
        if isinstance(accounts, Refusal):
            if not isinstance(answer, Refusal):  # those of the endpoint are counted already
                self._outlet.refuse(accounts.cause, accounts.detail)
            self._set_timer("refresh", RETRY_S, self._refresh)
            return
        self._accounts = accounts
        self._set_timer("refresh", self._refresh_s, self._refresh)

    def _poll(self) -> None:
        self._set_timer("poll", self._poll_s, self._poll)
        now_s = self._reactor.now()
        for bundle_id in [bundle_id for bundle_id, one in self._open.items() if one.until_s <= now_s]:
            self._end(BundleOutcome(bundle_id, "unknown"))
        asked = tuple(self._open)[:MOST_BUNDLES]
        if not asked or self._is_polling:
            return
        self._is_polling = True
        self._endpoint.ask(
            lambda number: get_inflight_bundle_statuses(number, asked),
            lambda status, body, number: read_inflight_bundle_statuses(status, body, number, asked),
            partial(self._polled, asked),
            tries=1,
        )

    def _polled(self, asked: Sequence[str], answer: tuple[InflightBundle | None, ...] | Refusal) -> None:
        self._is_polling = False
        for bundle_id in asked:  # what was asked for goes to the end: engines answer for five at a time
            if bundle_id in self._open:
                self._open[bundle_id] = self._open.pop(bundle_id)
        if isinstance(answer, Refusal):
            return
        for told in answer:
            if told is not None and told.bundle_id in self._open:
                outcome = outcome_of(told)
                if outcome is not None:
                    self._end(outcome)

    def _end(self, outcome: BundleOutcome) -> None:
        self._outlet.note(f"bundles_{outcome.status}")
        parcel = self._open.pop(outcome.bundle_id).parcel
        if outcome.status == "failed":
            self._refused(parcel, "bundle_failed: no leader took it")

    def _set_timer(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        if self._is_running:
            self._timers[name] = self._reactor.call_in(delay_s, call)


class _Parcel:
    """A bundle that is sent until it is forgotten."""

    def __init__(
        self, wires: tuple[bytes, ...], on_taken: Callable[[int], None], on_refused: Callable[[str], None]
    ) -> None:
        self.wires = wires
        self.on_taken = on_taken
        self.on_refused = on_refused
        self.is_taken = self.is_forgotten = False
        self.timer: Timer | None = None


class _Open(Record, frozen=True, gc=True):
    """A bundle that the engine took, and that is asked after."""

    until_s: float
    parcel: _Parcel


def tip_instruction(payer: Pubkey, account: Pubkey, lamports: int) -> Instruction:
    """Return the transfer that pays a tip."""
    return transfer(TransferParams(from_pubkey=payer, to_pubkey=account, lamports=lamports))


def tip_accounts_of(addresses: Sequence[str]) -> tuple[Pubkey, ...] | Refusal:
    """Read the addresses that tips may go to; one that is none spoils them all (`tip_account`)."""
    if not addresses:
        return refusal("tip_account", "none at all")
    accounts = []
    for address in addresses:
        try:
            accounts.append(Pubkey.from_string(address))
        except ValueError as error:
            return refusal("tip_account", f"{address}: {error}")
    return tuple(accounts)


def outcome_of(told: InflightBundle) -> BundleOutcome | None:
    """Say what a status means for the bundle; `None`: nothing yet.

    An engine calls a bundle invalid that it does not know, which holds for the first moments of each.

    """
    match told.status:
        case "Landed":
            return BundleOutcome(told.bundle_id, "landed", told.landed_slot or 0)
        case "Failed":
            return BundleOutcome(told.bundle_id, "failed")
        case "Pending" | "Invalid":
            return None
