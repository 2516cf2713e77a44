from collections.abc import Sequence

import pytest
from solders.account import Account
from solders.compute_budget import set_compute_unit_price
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.chain import FINALIZED_LAG, Chain, Terms
from sandbox.ledger.blockhashes import MAX_AGE
from sandbox.ledger.blocks import Block
from tests.sandbox.nodes import ENGINES, SOL, chain_of, payment

PAYER = Keypair.from_seed(bytes(32))
TARGET = Keypair.from_seed(bytes([1]) * 32).pubkey()


@pytest.fixture(params=ENGINES)
def chain(request: pytest.FixtureRequest) -> Chain:
    made = chain_of(ENGINES[request.param]())
    made.set_account(PAYER.pubkey(), Account(100 * SOL, b"", SYSTEM_PROGRAM, False, 0))
    made.advance()
    return made


def lamports(chain: Chain, key: Pubkey, commitment: str = "processed") -> int:
    account = chain.version(key, chain.slot_at(commitment)).account
    return account.lamports if account is not None else 0


def pay(chain: Chain, amount: int) -> VersionedTransaction:
    return payment(PAYER, chain.head.hash, amount, TARGET)


def bid(chain: Chain, amount: int, price: int) -> VersionedTransaction:
    paid = transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=TARGET, lamports=amount))
    message = MessageV0.try_compile(PAYER.pubkey(), [set_compute_unit_price(price), paid], [], chain.head.hash)
    return VersionedTransaction(message, [PAYER])


class Notes:
    """Writes down what an observer hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def on_received(self, signature: Signature) -> None:
        self.heard.append(("received", 0))

    def on_frozen(self, block: Block) -> None:
        self.heard.append(("frozen", block.slot))

    def on_commitment(self, commitment: str, blocks: Sequence[Block]) -> None:
        self.heard.extend((commitment, block.slot) for block in blocks)


def test_a_transaction_waits_for_the_slot_to_freeze(chain: Chain) -> None:
    signature = chain.submit(pay(chain, SOL))
    assert chain.is_known(signature)
    assert lamports(chain, TARGET) == 0
    block = chain.advance()
    assert block is not None
    assert [landed.signature for landed in block.landed] == [signature]
    assert lamports(chain, TARGET) == SOL
    assert lamports(chain, PAYER.pubkey()) == 99 * SOL - 5000


def test_each_commitment_reads_its_own_state(chain: Chain) -> None:
    chain.submit(pay(chain, SOL))
    chain.advance()
    assert [lamports(chain, TARGET, level) for level in ("processed", "confirmed", "finalized")] == [SOL, 0, 0]
    chain.advance()
    assert [lamports(chain, TARGET, level) for level in ("confirmed", "finalized")] == [SOL, 0]
    for _ in range(FINALIZED_LAG):
        chain.advance()
    assert lamports(chain, TARGET, "finalized") == SOL


def test_the_highest_price_goes_first_and_equal_ones_by_arrival(chain: Chain) -> None:
    sent = [chain.submit(bid(chain, amount, price)) for amount, price in ((1, 5), (2, 9), (3, 5), (4, 9))]
    block = chain.advance()
    assert block is not None
    assert [landed.signature for landed in block.landed] == [sent[1], sent[3], sent[0], sent[2]]


def test_a_duplicate_lands_once(chain: Chain) -> None:
    tx = pay(chain, SOL)
    assert chain.submit(tx) == chain.submit(tx)
    chain.advance()
    chain.submit(tx)
    chain.advance()
    assert lamports(chain, TARGET) == SOL
    assert chain.preview(tx, chain.processed).error == "AlreadyProcessed"


def test_a_blockhash_lives_for_150_blocks(chain: Chain) -> None:
    tx = pay(chain, SOL)
    for _ in range(MAX_AGE):
        chain.advance()
    assert chain.is_usable(tx.message.recent_blockhash)
    assert chain.preview(tx, chain.processed).error is None
    chain.advance()
    assert not chain.is_usable(tx.message.recent_blockhash)
    assert chain.preview(tx, chain.processed).error == "BlockhashNotFound"
    signature = chain.submit(tx)
    chain.advance()
    assert chain.is_forgotten(signature)
    assert chain.counts["expired"] == 1


def test_a_blockhash_younger_than_the_bank_is_unknown_to_it(chain: Chain) -> None:
    tx = pay(chain, SOL)
    assert chain.preview(tx, chain.finalized).error == "BlockhashNotFound"


def test_a_forged_signature_never_lands(chain: Chain) -> None:
    tx = pay(chain, SOL)
    forged = VersionedTransaction.populate(tx.message, [Keypair().sign_message(b"else")])
    signature = chain.submit(forged)
    chain.advance()
    assert chain.is_forgotten(signature)
    assert chain.counts["rejected"] == 1
    assert lamports(chain, TARGET) == 0


def test_a_payer_without_lamports_leaves_no_trace(chain: Chain) -> None:
    stranger = Keypair()
    signature = chain.submit(payment(stranger, chain.head.hash, 1))
    block = chain.advance()
    assert block is not None
    assert not block.landed
    assert chain.is_forgotten(signature)


def test_a_failed_transaction_lands_and_pays_its_fee(chain: Chain) -> None:
    signature = chain.submit(pay(chain, 1_000 * SOL))
    chain.advance()
    landed = chain.blocks.landed(signature)
    assert landed is not None
    assert landed.execution.error == {"InstructionError": [0, {"Custom": 1}]}
    assert lamports(chain, PAYER.pubkey()) == 100 * SOL - 5000
    assert (landed.before.lamports[0], landed.after.lamports[0]) == (100 * SOL, 100 * SOL - 5000)


def test_a_fork_undoes_a_slot_and_its_transactions_land_in_the_next(chain: Chain) -> None:
    signature = chain.submit(pay(chain, SOL))
    chain.faults.set("fork=1")
    before, lost = chain.head, chain.advance()
    assert lost is not None
    assert chain.head == before
    assert chain.blocks.is_dead(lost.slot)
    assert chain.blocks.landed(signature) is None
    assert not chain.is_usable(lost.hash)
    assert lamports(chain, TARGET) == 0
    assert lamports(chain, PAYER.pubkey()) == 100 * SOL
    chain.faults.set("")
    block = chain.advance()
    assert block is not None
    assert (block.slot, block.parent) == (lost.slot + 1, before.slot)
    assert chain.blocks.landed(signature) is not None
    assert lamports(chain, TARGET) == SOL
    (dead,) = chain.history.dead(TARGET)
    assert (dead.slot, dead.account.lamports if dead.account else 0) == (lost.slot, SOL)


def test_what_was_written_from_outside_survives_a_fork(chain: Chain) -> None:
    chain.set_account(TARGET, Account(7, b"x", SYSTEM_PROGRAM, False, 0))
    chain.faults.set("fork=1")
    chain.advance()
    chain.faults.set("")
    block = chain.advance()
    assert block is not None
    assert block.changed == (TARGET,)
    assert lamports(chain, TARGET) == 7


def test_confirmed_never_goes_back(chain: Chain) -> None:
    chain.faults.set("fork=0.5,seed=3")
    seen = []
    for _ in range(60):
        chain.advance()
        seen.append(chain.confirmed)
        assert not chain.blocks.is_dead(chain.confirmed)
    assert seen == sorted(seen)
    assert chain.counts["forks"] > 10


def test_a_skipped_slot_has_no_block(chain: Chain) -> None:
    slot = chain.processed
    chain.faults.set("slot.skip=1")
    assert chain.advance() is None
    chain.faults.set("")
    block = chain.advance()
    assert block is not None
    assert (block.slot, block.parent, block.height) == (slot + 2, slot, chain.blocks[slot].height + 1)


def test_a_lost_transaction_never_lands(chain: Chain) -> None:
    chain.faults.set("tx.drop=1")
    signature = chain.submit(pay(chain, SOL), faulty=True)
    chain.faults.set("")
    chain.advance()
    assert chain.is_forgotten(signature)
    assert lamports(chain, TARGET) == 0


def test_a_delayed_transaction_lands_later(chain: Chain) -> None:
    chain.faults.set("tx.delay=2:2")
    chain.submit(pay(chain, SOL), faulty=True)
    balances = []
    for _ in range(4):
        chain.advance()
        balances.append(lamports(chain, TARGET))
    assert balances == [0, 0, SOL, SOL]


def test_equal_airdrops_both_land(chain: Chain) -> None:
    chain.airdrop(TARGET, SOL)
    chain.airdrop(TARGET, SOL)
    chain.advance()
    assert lamports(chain, TARGET) == 2 * SOL


def test_observers_hear_of_each_slot_once_for_each_commitment(chain: Chain) -> None:
    notes = Notes()
    chain.observers.append(notes)
    first = chain.processed
    chain.submit(pay(chain, SOL))
    for _ in range(FINALIZED_LAG + 2):
        chain.advance()
    assert notes.heard[0] == ("received", 0)
    frozen = [slot for what, slot in notes.heard if what == "frozen"]
    assert frozen == list(range(first + 1, first + FINALIZED_LAG + 3))
    assert [slot for what, slot in notes.heard if what == "confirmed"] == list(range(first, first + FINALIZED_LAG + 2))
    assert [slot for what, slot in notes.heard if what == "finalized"] == [first, first + 1, first + 2]


def test_what_nobody_can_see_any_more_is_forgotten() -> None:
    chain = chain_of(ENGINES["model"](), terms=Terms(keep_blocks=100, keep_versions=70))
    chain.set_account(PAYER.pubkey(), Account(100 * SOL, b"", SYSTEM_PROGRAM, False, 0))
    chain.advance()
    signature = chain.submit(pay(chain, SOL))
    for _ in range(400):
        chain.advance()
    assert chain.blocks.landed(signature) is None
    assert chain.blocks.of_account(TARGET) == []
    assert len(chain.blocks.slots) < 200
    assert lamports(chain, TARGET) == SOL
    assert [version.slot for version in chain.history.living(TARGET)] == [0]
