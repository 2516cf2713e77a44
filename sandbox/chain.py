"""The chain: slots over an engine, a queue of transactions, commitments, and forks.

Everything runs on one thread. `submit` queues a transaction; it is executed when its slot freezes, after the bundles,
highest price first. Observers hear of each frozen slot and of each advance of the confirmed and the finalized slot.
"""

import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import Record
from sandbox.engine import Engine
from sandbox.faults import Faults
from sandbox.ledger.blockhashes import Age, Blockhashes
from sandbox.ledger.blocks import Block, Blocks
from sandbox.ledger.bundles import TIP_ACCOUNTS, Bundle, Bundles, bundle_id, tip_account
from sandbox.ledger.filling import Filling
from sandbox.ledger.history import History, Version
from sandbox.ledger.keys import LoadError, bid, resolve
from sandbox.ledger.transactions import Preview, Queued

FINALIZED_LAG = 31
SLOTS_PER_EPOCH = 432_000
BLOCK_UNITS = 60_000_000
_FAUCET_LAMPORTS = 10**18
_TIP_ACCOUNT_LAMPORTS = 10**9
_DAY_S = 86_400
_LONGEST_FORGOTTEN = 50_000
_PRUNE_EVERY = 64


class Terms(Record, frozen=True):
    """What kind of chain it is.

    :arg first_slot: Slot of the state that the engine holds at the start.

    :arg confirm_lag: Blocks from processed to confirmed, at least 1.

    :arg keep_blocks: Blocks kept.

    :arg keep_versions: Slots for which versions of accounts are kept.

    :arg seed: Names the genesis, the faucet and the blockhashes.

    """

    first_slot: int = 400_000_000
    confirm_lag: int = 1
    keep_blocks: int = 2500
    keep_versions: int = 600
    seed: int = 1


class Observer(Protocol):
    """Who is told of what happens on the chain."""

    def on_received(self, signature: Signature) -> None:
        """Hear that a transaction was queued."""

    def on_frozen(self, block: Block) -> None:
        """Hear that a slot was processed."""

    def on_commitment(self, commitment: str, blocks: Sequence[Block]) -> None:
        """Hear that blocks became `confirmed` or `finalized`."""


def digest(*parts: object) -> bytes:
    """Derive 32 bytes that differ for different parts."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


class Chain:
    """One leader's chain.

    :arg engine: Holds the accounts as they are at the start.

    :arg now: Unix seconds; tests pass a clock of their own.

    """

    def __init__(
        self,
        engine: Engine,
        terms: Terms | None = None,
        faults: Faults | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.terms = terms if terms is not None else Terms()
        self.faults = faults if faults is not None else Faults()
        self.history = History(engine.get)
        self.hashes = Blockhashes()
        self.bundles = Bundles()
        self.observers: list[Observer] = []
        self.counts: Counter[str] = Counter()
        self.genesis_hash = Hash(digest("sandbox", self.terms.seed, "genesis"))
        self.faucet = Keypair.from_seed(digest("sandbox", self.terms.seed, "faucet"))
        engine.set(self.faucet.pubkey(), Account(_FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM, False, 0))
        for key in TIP_ACCOUNTS:
            if engine.get(key) is None:
                engine.set(key, tip_account(_TIP_ACCOUNT_LAMPORTS))
        self._now = now
        self._arrivals = itertools.count()
        self._queue: dict[Signature, Queued] = {}
        self._forgotten: dict[Signature, None] = {}
        self._written: set[Pubkey] = set()
        self._programs: dict[Pubkey, Account] = {}
        slot = self._last_slot = self.terms.first_slot
        self.processed = self.confirmed = self.finalized = slot
        self._set_clock(slot)
        first = Block(slot, slot - 1, slot, self._blockhash(slot), self.now(), (), ())
        self.blocks = Blocks(first, self.terms.keep_blocks)
        self.hashes.add(first.hash, Age(slot, slot))

    def now(self) -> int:
        """Unix seconds of a slot that would be frozen now."""
        return int(self._now())

    def _blockhash(self, slot: int) -> Hash:
        return Hash(digest("sandbox", self.terms.seed, slot, self._now()))

    def _set_clock(self, slot: int) -> None:
        now, epoch = self.now(), slot // SLOTS_PER_EPOCH
        self.engine.set_clock(Clock(slot, now - _DAY_S, epoch, epoch + 1, now))

    @property
    def head(self) -> Block:
        """The newest processed block."""
        return self.blocks[self.processed]

    @property
    def waiting(self) -> int:
        """How many transactions wait for a slot."""
        return len(self._queue)

    def slot_at(self, commitment: str, lag: int = 0) -> int:
        """Find the slot that a reader at a commitment sees.

        :arg lag: Slots by which the reader's node is behind.

        """
        slot = {"processed": self.processed, "confirmed": self.confirmed}.get(commitment, self.finalized)
        return min(slot, self.blocks.at_or_before(self.processed - lag)) if lag else slot

    def level(self, slot: int) -> str:
        """Name the commitment that a slot has reached."""
        if slot <= self.finalized:
            return "finalized"
        return "confirmed" if slot <= self.confirmed else "processed"

    # accounts

    def get(self, key: Pubkey) -> Account | None:
        """Read an account's newest state."""
        return self.engine.get(key)

    def _peek(self, key: Pubkey) -> Account | None:
        """Read an account's newest state, a program's without copying its megabyte each time."""
        program = self._programs.get(key)
        if program is not None:
            return program
        account = self.get(key)
        if account is not None and account.executable:
            self._programs[key] = account
        return account

    def version(self, key: Pubkey, slot: int) -> Version:
        """Read an account as of the end of a slot."""
        return self.history.at(key, slot)

    def set_account(self, key: Pubkey, account: Account | None) -> None:
        """Write an account from outside of any transaction; readers see it in the next frozen slot."""
        self.history.begin(key, self.get(key))
        self.engine.set(key, account)
        self._programs.pop(key, None)
        self._written.add(key)

    # transactions

    def is_known(self, signature: Signature) -> bool:
        """Whether the transaction waits, or has landed."""
        return signature in self._queue or self.blocks.landed(signature) is not None

    def is_forgotten(self, signature: Signature) -> bool:
        """Whether the transaction was taken and will never land: lost, expired, or unable to load."""
        return signature in self._forgotten

    def submit(
        self, tx: VersionedTransaction, wire: bytes | None = None, *, verified: bool = False, faulty: bool = False
    ) -> Signature:
        """Queue a transaction; one that is known already changes nothing.

        :arg verified: Its signatures need no further check.

        :arg faulty: It may be lost or delayed, where such faults are on.

        """
        signature = tx.signatures[0]
        if self.is_known(signature):
            return signature
        not_before = 0
        if faulty:
            if self.faults.hit("tx.drop"):
                self._forget(signature, "dropped")
                return signature
            not_before = self.processed + 1 + round(self.faults.draw("tx.delay"))
        self._queue[signature] = self._queued(tx, wire, not_before, verified=verified)
        for observer in self.observers:
            observer.on_received(signature)
        return signature

    def submit_bundle(self, txs: Sequence[VersionedTransaction]) -> str:
        """Queue transactions that land together or not at all, and suffer the faults of bundles.

        :arg txs: Their signatures are verified already.

        :returns: The bundle's id.

        """
        name = bundle_id(tx.signatures[0] for tx in txs)
        not_before = self.processed + 1 + round(self.faults.draw("tx.delay"))
        queued = tuple(self._queued(tx, None, not_before, verified=True) for tx in txs)
        self.counts["bundles"] += 1
        bundle = Bundle(name, queued, not_before, self.now())
        self.bundles.add(bundle, is_auctioned=not self.faults.hit("bundle.drop"))
        return name

    def _queued(self, tx: VersionedTransaction, wire: bytes | None, not_before: int, *, verified: bool) -> Queued:
        raw = bytes(tx) if wire is None else wire
        return Queued(tx.signatures[0], tx, raw, next(self._arrivals), bid(tx)[0], not_before, verified)

    def airdrop(self, to: Pubkey, lamports: int) -> Signature:
        """Queue a transfer from the faucet."""
        self.counts["airdrops"] += 1
        faucet = self.faucet.pubkey()
        # the first transfer makes equal airdrops in one slot different transactions
        unique = transfer(TransferParams(from_pubkey=faucet, to_pubkey=faucet, lamports=self.counts["airdrops"]))
        paid = transfer(TransferParams(from_pubkey=faucet, to_pubkey=to, lamports=lamports))
        message = MessageV0.try_compile(faucet, [unique, paid], [], self.head.hash)
        return self.submit(VersionedTransaction(message, [self.faucet]), verified=True)

    def preview(self, tx: VersionedTransaction, slot: int, *, check_hash: bool = True) -> Preview:
        """Simulate a transaction on the newest state.

        :arg slot: A blockhash made after this slot is refused, as the bank of a commitment would.

        """
        expired = self.faults.hit("tx.expire") if check_hash else False
        if check_hash and (expired or not self.is_usable(tx.message.recent_blockhash, slot)):
            return Preview("BlockhashNotFound")
        if self.blocks.landed(tx.signatures[0]) is not None:
            return Preview("AlreadyProcessed")
        try:
            keys = resolve(tx, self.get)
        except LoadError as error:
            return Preview(error.name)
        size = sum(len(account.data) for account in map(self._peek, keys.all) if account is not None)
        execution = self.engine.simulate(tx, keys)
        return Preview(execution.error, execution, keys, size)

    def is_usable(self, blockhash: Hash, slot: int | None = None) -> bool:
        """Whether a transaction may name a blockhash in the next block, and a bank of `slot` knows it."""
        return self.hashes.is_usable(blockhash, self.head.height, slot)

    def _forget(self, signature: Signature, why: str) -> None:
        self._queue.pop(signature, None)
        self._forgotten[signature] = None
        self.counts[why] += 1

    # slots

    def advance(self) -> Block | None:
        """Produce the next slot.

        :returns: Its block, which a fault may already have abandoned; `None` for a skipped slot.

        """
        slot = self._last_slot = self._last_slot + 1
        if self.faults.hit("slot.skip"):
            self.counts["skipped"] += 1
            return None
        self._set_clock(slot)
        filling = self._fill(slot)
        before = filling.before
        for key, account in before.items():
            self.history.begin(key, account)
        written, self._written = self._written, set()
        changed = (*before, *(written - before.keys()))
        for key in changed:
            self.history.add(key, slot, self.get(key))
        parent = self.head
        block = Block(
            slot, parent.slot, parent.height + 1, self._blockhash(slot), self.now(), tuple(filling.landed), changed
        )
        self.blocks.add(block)
        self.hashes.add(block.hash, Age(slot, block.height))
        self.processed = slot
        for observer in self.observers:
            observer.on_frozen(block)
        if self.faults.hit("fork"):
            self._abandon(block, before, written)
        else:
            self._confirm()
        if slot % _PRUNE_EVERY == 0:
            self._prune()
        return block

    def _fill(self, slot: int) -> Filling:
        """Execute what waits, bundles first, until the block is full."""
        filling = Filling(self.engine, self._peek, slot)
        for bundle in self.bundles.ready(slot):
            self._auction(bundle, filling)
        ready = [queued for queued in self._queue.values() if queued.not_before <= slot]
        ready.sort(key=lambda queued: (-queued.price, queued.arrival))
        for queued in ready:
            if filling.units > BLOCK_UNITS:
                break
            if not self.is_usable(queued.tx.message.recent_blockhash):
                self._forget(queued.signature, "expired")
            elif filling.land(queued):
                del self._queue[queued.signature]
            else:
                self._forget(queued.signature, "rejected")
        self.counts["executed"] += len(filling.landed)
        self.counts["failed"] += sum(one.execution.error is not None for one in filling.landed)
        return filling

    def _auction(self, bundle: Bundle, filling: Filling) -> None:
        """Land a bundle, or tell that it failed."""
        standing = {one.signature for one in filling.landed}
        is_fit = not self.faults.hit("bundle.lose") and all(
            self.is_usable(queued.tx.message.recent_blockhash)
            and queued.signature not in standing
            and self.blocks.landed(queued.signature) is None
            for queued in bundle.queued
        )
        if is_fit and filling.land_together(bundle.queued):
            self.counts["bundles_landed"] += 1
            for queued in bundle.queued:
                self._queue.pop(queued.signature, None)  # it may have been sent by itself as well
        else:
            self.counts["bundles_failed"] += 1
            self.bundles.fail(bundle)

    def _abandon(self, block: Block, before: dict[Pubkey, Account | None], written: set[Pubkey]) -> None:
        """Undo a processed slot; readers of `processed` have seen it, and a node tells them nothing."""
        self.counts["forks"] += 1
        self.blocks.abandon()
        self.hashes.forget(block.hash)
        self.history.abandon(block.changed)
        for key, account in before.items():
            self.engine.set(key, account)
        self._written |= written
        self.processed = block.parent
        for landed in block.landed:
            self._queue[landed.signature] = landed.queued

    def _confirm(self) -> None:
        slots = self.blocks.slots
        for commitment, lag in (("confirmed", self.terms.confirm_lag), ("finalized", FINALIZED_LAG)):
            old = self.slot_at(commitment)
            new = slots[max(len(slots) - 1 - lag, 0)]
            if new <= old:
                continue
            if commitment == "confirmed":
                self.confirmed = new
            else:
                self.finalized = new
            passed = self.blocks.between(old, new)
            for observer in self.observers:
                observer.on_commitment(commitment, passed)

    def _prune(self) -> None:
        horizon = self.processed - self.terms.keep_versions
        self.blocks.prune(horizon)
        self.history.prune(min(horizon, self.finalized), self.finalized)
        while len(self._forgotten) > _LONGEST_FORGOTTEN:
            self._forgotten.pop(next(iter(self._forgotten)))
