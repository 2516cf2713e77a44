"""Transactions as bundles to a Jito block engine: all of a bundle lands, in order, or none, and for a tip."""

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


class BundleOutcome(Record, frozen=True):
    """What a block engine says of a bundle; whether its transactions landed is for `Confirmations` to say.

    :arg status: `landed`, `failed` (no leader took it), `unknown` (nothing was told of it for `patience_s`).

    :arg slot: Where it landed, else 0.

    """

    bundle_id: str
    status: Literal["landed", "failed", "unknown"]
    slot: int = 0


class Bundles:
    """Send bundles to one block engine, a question at a time, and ask what became of them.

    Nothing is sent a second time: a bundle that the auction did not take is told as failed, and its owner signs nothing
    anew before its blockhash has expired.

    Counted in the outlet: the notes `bundles`, `bundles_landed`, `bundles_failed`, `bundles_unknown`, and failures as
    `RpcNode` names them.

    :arg url: The engine's bundles path, such as `https://mainnet.block-engine.jito.wtf/api/v1/bundles`; a key goes into
        its query (`?uuid=`).

    :arg poll_s: Time between two questions for the open bundles; engines answer one a second.

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
        patience_s: float = 90.0,
        refresh_s: float = 300.0,
        timeout_s: float = 5.0,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._poll_s = poll_s
        self._patience_s = patience_s
        self._refresh_s = refresh_s
        self._endpoint = Endpoints(reactor, (url,), outlet, timeout_s=timeout_s)
        self._accounts: tuple[Pubkey, ...] = ()
        self._tips = 0
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
        """Close the connection; no call is made from here on."""
        self._is_running = False
        for timer in self._timers.values():
            timer.cancel()
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

    def send(
        self,
        transactions: Sequence[bytes],
        on_taken: Callable[[str | Refusal], None],
        on_outcome: Callable[[BundleOutcome], None],
    ) -> None:
        """Send signed transactions, at most five, as one bundle.

        :arg on_taken: Called once with the bundle's id, or with why the engine did not take it.

        :arg on_outcome: Called once after an id, with what became of the bundle.

        """
        wires = tuple(transactions)

        def taken(bundle_id: str | Refusal) -> None:
            if not isinstance(bundle_id, Refusal):
                self._open[bundle_id] = _Open(self._reactor.now() + self._patience_s, on_outcome)
            on_taken(bundle_id)

        self._outlet.note("bundles")
        self._endpoint.ask(lambda number: send_bundle(number, wires), read_send_bundle, taken, tries=1)

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
        self._open.pop(outcome.bundle_id).on_outcome(outcome)

    def _set_timer(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        if self._is_running:
            self._timers[name] = self._reactor.call_in(delay_s, call)


class _Open(Record, frozen=True):
    """A bundle that the engine took."""

    until_s: float
    on_outcome: Callable[[BundleOutcome], None]


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
