"""What an order needs to know of the chain, known before it is needed."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from connectors.execution.endpoints import Endpoints
from connectors.execution.priority_fees import FeeTerms, price_of
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.slot_guard import SlotGuard
from connectors.wire.accounts import AccountsAnswer, get_multiple_accounts, read_multiple_accounts
from connectors.wire.heights import Height, get_heights, read_heights
from connectors.wire.refusal import Refusal
from connectors.wire.statuses import (
    LatestBlockhash,
    PriorityFee,
    get_latest_blockhash,
    get_recent_prioritization_fees,
    read_latest_blockhash,
    read_recent_prioritization_fees,
)
from connectors.wire.wallet_holdings import IDS, Holdings, get_holdings, read_holdings
from dlmm.records import Record

FORGET_S = 30.0
HOLDINGS_TRIES = 10
LANES = 3
"""Questions at a time: the refreshing of blockhash and heights must not wait for fees or accounts."""


class FreshBlockhash(Record, frozen=True):
    """A blockhash to sign with.

    :arg last_valid_block_height: Of the last block that a transaction with it can be in.

    :arg slot: Of the bank that it was read from.

    :arg read_s: When its answer came, in the reactor's seconds.

    """

    blockhash: str
    last_valid_block_height: int
    slot: int
    read_s: float


class ChainState:
    """Keep a blockhash, block heights, the slot and recent priority fees at hand, refreshed in the background.

    Reading an attribute costs nothing and asks nobody. An answer that is older than one before it is left out, so that
    slots and heights never go back, whichever endpoint tells them, and a slot that leaps ahead has to be told twice;
    only when nothing newer came for 30 s, as after the restart of a cluster, what was known is forgotten.

    Counted in the outlet: the note `stale_answers`, the refusal `slot_leap`, and the failures of endpoints as `RpcNode`
    names them.

    :arg urls: JSON-RPC endpoints, the preferred one first; the next one is asked when one fails.

    :arg commitment: Of slot, holdings and accounts. Blockhash and block height are read at `confirmed` at least: what
        a fork takes back is neither a blockhash to sign with nor a reason to give an order up.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    :arg wallet_address: Whose holdings are asked for.

    :arg refresh_s: Time between two refreshes of blockhash, heights and slot.

    :arg fees_s: Time between two refreshes of the fees of all followed groups.

    :arg max_age_s: Until when a blockhash that was not refreshed is still signed with.

    :ivar block_height: Newest block height at the commitment, `confirmed` at least; 0 before the first answer.

    :ivar finalized_block_height: Newest block height at `finalized`; 0 before the first answer.

    :ivar slot: Newest slot at the commitment; 0 before the first answer.

    """

    def __init__(
        self,
        reactor: Reactor,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        commitment: str,
        genesis_hash: str | None,
        wallet_address: str,
        fee_terms: FeeTerms,
        refresh_s: float = 1.0,
        fees_s: float = 5.0,
        max_age_s: float = 10.0,
        timeout_s: float = 2.0,
    ) -> None:
        self._reactor = reactor
        self._outlet = outlet
        self._commitment = commitment
        self._safe = "confirmed" if commitment == "processed" else commitment
        self._wallet = wallet_address
        self._fee_terms = fee_terms
        self._refresh_s = refresh_s
        self._fees_s = fees_s
        self._max_age_s = max_age_s
        self._endpoints = Endpoints(reactor, urls, outlet, timeout_s=timeout_s, genesis_hash=genesis_hash, lanes=LANES)
        # Each question has its own: two answers of one moment do not confirm each other.
        self._guards = {"blockhash": SlotGuard(), "heights": SlotGuard()}
        self._known: FreshBlockhash | None = None
        self._groups: dict[str, tuple[str, ...]] = {}
        self._fees: dict[str, tuple[int, ...]] = {}
        self._timers: dict[str, Timer] = {}
        self._is_running = False
        self._newer_s = 0.0
        self.block_height = 0
        self.finalized_block_height = 0
        self.slot = 0

    @property
    def blockhash(self) -> FreshBlockhash | None:
        """The newest blockhash; `None` where it is older than `max_age_s`, or there is none yet."""
        known = self._known
        return known if known is not None and self._reactor.now() - known.read_s <= self._max_age_s else None

    @property
    def blockhash_age_s(self) -> float | None:
        """Seconds since the newest blockhash was read; `None` where there is none yet."""
        return None if self._known is None else self._reactor.now() - self._known.read_s

    def start(self) -> None:
        """Begin to refresh."""
        self._is_running = True
        self._newer_s = self._reactor.now()
        self._refresh_blockhash()
        self._refresh_heights()
        self._refresh_fees()

    def stop(self) -> None:
        """Close every connection; no call is made from here on."""
        self._is_running = False
        for timer in self._timers.values():
            timer.cancel()
        self._endpoints.close()

    def follow_fees(self, groups: Mapping[str, Sequence[str]]) -> None:
        """Say for which accounts recent fees are kept.

        :arg groups: By a name, such as the pool's address, the writable accounts that transactions for it contend for,
            at most `MOST_FEE_ACCOUNTS`.

        """
        before, self._groups = self._groups, {name: tuple(accounts) for name, accounts in groups.items()}
        self._fees = {name: fees for name, fees in self._fees.items() if self._groups.get(name) == before.get(name)}
        if self._is_running:
            self._refresh_fees()

    def recent_fees(self, name: str) -> tuple[int, ...]:
        """Prices that were paid of late for a group of accounts, micro-lamports, rising; empty where unknown."""
        return self._fees.get(name, ())

    def price(self, name: str, *, urgency: int, compute_units: int, spent_today: int) -> int | Refusal:
        """Choose the price of a compute unit, micro-lamports, from the recent fees of a group; see `price_of`."""
        return price_of(
            self.recent_fees(name),
            urgency=urgency,
            compute_units=compute_units,
            terms=self._fee_terms,
            spent_today=spent_today,
        )

    def ask_holdings(self, then: Callable[[Holdings | Refusal], None]) -> None:
        """Ask for the wallet's lamports and token accounts, all as of one slot, `slot` at least.

        :arg then: Called once, in a later round, unless `stop` comes first. A refusal where no endpoint gave a whole
            answer, or none of one slot (`mixed_slots`), in several tries.

        """
        self._ask_holdings(then, self.slot, HOLDINGS_TRIES)

    def _ask_holdings(self, then: Callable[[Holdings | Refusal], None], least: int, tries: int) -> None:
        def read(status: int, body: bytes, number: int) -> _Told | Refusal:
            answer = read_holdings(status, body, number)
            # Where a slot began between its parts, that is nothing that an endpoint should rest for.
            if isinstance(answer, Refusal) and answer.cause != "mixed_slots":
                return answer
            return _Told(answer)

        def taken(told: _Told | Refusal) -> None:
            answer = told.answer if isinstance(told, _Told) else told
            if isinstance(told, _Told) and isinstance(answer, Refusal) and tries > 1:
                self._ask_holdings(then, max(least, answer.code or 0), tries - 1)
            else:
                then(answer)

        self._endpoints.ask(
            lambda number: get_holdings(number, self._wallet, self._commitment, least or None), read, taken, ids=IDS
        )

    def ask_accounts(self, addresses: Sequence[str], then: Callable[[AccountsAnswer | Refusal], None]) -> None:
        """Ask for the bytes of a few accounts, at most `MOST_ACCOUNTS`, as of `slot` at least.

        :arg then: Called once, in a later round, unless `stop` comes first.

        """
        wanted, least = tuple(addresses), self.slot or None
        self._endpoints.ask(
            lambda number: get_multiple_accounts(number, wanted, self._commitment, least),
            lambda status, body, number: read_multiple_accounts(status, body, number, wanted),
            then,
        )

    def _refresh_blockhash(self) -> None:
        self._endpoints.ask(
            lambda number: get_latest_blockhash(number, self._safe), read_latest_blockhash, self._take_blockhash
        )

    def _take_blockhash(self, answer: LatestBlockhash | Refusal) -> None:
        self._again("blockhash", self._refresh_s, self._refresh_blockhash)
        if isinstance(answer, Refusal) or not self._is_believed("blockhash", answer.slot):
            return
        known = self._known
        if known is not None and answer.slot < known.slot:
            self._outlet.note("stale_answers", f"the blockhash of slot {answer.slot} after {known.slot}")
            return
        self._known = FreshBlockhash(answer.blockhash, answer.last_valid_block_height, answer.slot, self._reactor.now())

    def _refresh_heights(self) -> None:
        commitments = tuple(dict.fromkeys((self._commitment, self._safe, "finalized")))
        self._endpoints.ask(
            lambda number: get_heights(number, commitments),
            lambda status, body, number: read_heights(status, body, number, len(commitments)),
            partial(self._take_heights, commitments),
            ids=len(commitments),
        )

    def _take_heights(self, commitments: Sequence[str], answer: list[Height] | Refusal) -> None:
        self._again("heights", self._refresh_s, self._refresh_heights)
        now_s = self._reactor.now()
        if now_s - self._newer_s > FORGET_S and self.slot:
            self._outlet.note("slot_resets", f"nothing newer than slot {self.slot} for {FORGET_S:g} s")
            self.slot = self.block_height = self.finalized_block_height = 0
            self._known, self._newer_s = None, now_s
            for guard in self._guards.values():
                guard.reset()
        if isinstance(answer, Refusal):
            return
        told = dict(zip(commitments, answer, strict=True))
        if not self._is_believed("heights", told[self._commitment].slot):
            return
        if told[self._commitment].slot > self.slot:
            self.slot, self._newer_s = told[self._commitment].slot, now_s
        self.block_height = max(self.block_height, told[self._safe].block_height)
        self.finalized_block_height = max(self.finalized_block_height, told["finalized"].block_height)

    def _is_believed(self, question: str, slot: int) -> bool:
        guard = self._guards[question]
        if guard.believes(slot):
            return True
        self._outlet.refuse("slot_leap", f"slot {slot} after {guard.newest}")
        return False

    def _refresh_fees(self) -> None:
        self._again("fees", self._fees_s, self._refresh_fees)
        for name, accounts in self._groups.items():
            self._endpoints.ask(
                partial(_fees_question, accounts),
                read_recent_prioritization_fees,
                partial(self._take_fees, name, accounts),
                tries=1,
            )

    def _take_fees(self, name: str, accounts: tuple[str, ...], answer: tuple[PriorityFee, ...] | Refusal) -> None:
        if not isinstance(answer, Refusal) and self._groups.get(name) == accounts:
            # Sorted here, so that choosing one of them takes next to nothing.
            self._fees[name] = tuple(sorted(fee.price for fee in answer))

    def _again(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        if self._is_running:
            self._timers[name] = self._reactor.call_in(delay_s, call)


class _Told(Record, frozen=True):
    """What a node that is well said: holdings, or that its parts are of several slots."""

    answer: Holdings | Refusal


def _fees_question(accounts: tuple[str, ...], number: int) -> bytes:
    return get_recent_prioritization_fees(number, accounts)
