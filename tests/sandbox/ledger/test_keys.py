from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from sandbox.ledger.keys import bid, resolve

PAYER = Keypair.from_seed(bytes(32))
PROGRAM = Pubkey(bytes(31) + b"\7")
READ, WRITTEN = Pubkey(bytes(31) + b"\5"), Pubkey(bytes(31) + b"\6")


def made(*instructions: Instruction) -> VersionedTransaction:
    return VersionedTransaction(MessageV0.try_compile(PAYER.pubkey(), instructions, [], Hash.default()), [PAYER])


def test_write_locks_follow_the_header_and_spare_invoked_programs() -> None:
    metas = [AccountMeta(READ, False, False), AccountMeta(WRITTEN, False, True), AccountMeta(PROGRAM, False, True)]
    keys = resolve(made(Instruction(PROGRAM, b"", metas)), lambda _: None)
    flags = dict(zip(keys.all, keys.writable, strict=True))
    assert flags == {PAYER.pubkey(): True, READ: False, WRITTEN: True, PROGRAM: False}
    assert (keys.signers, keys.static, keys.loaded_writable, keys.loaded_readonly) == (1, 4, [], [])


def test_a_bid_is_read_from_the_compute_budget() -> None:
    plain = Instruction(PROGRAM, b"", [])
    assert bid(made(plain, plain)) == (0, 400_000)
    assert bid(made(set_compute_unit_price(77), set_compute_unit_limit(5_000), plain)) == (77, 5_000)
    assert bid(made(set_compute_unit_limit(9_000_000), plain)) == (0, 1_400_000)
