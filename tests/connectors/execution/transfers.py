"""Real transactions for a sandbox: transfers of a wallet that was funded for the test."""

import itertools

from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from dlmm.records import Record
from tests.processes import SandboxNode

LAMPORTS = 10**9
FEE = 5_000
_AMOUNTS = itertools.count(1_000_000)


class Transfer(Record, frozen=True):
    """A signed transfer to nobody."""

    signature: str
    wire: bytes
    last_valid_block_height: int
    lamports: int


class Payer:
    """A wallet with some SOL."""

    def __init__(self, node: SandboxNode) -> None:
        self._node = node
        self._key = Keypair()
        self.address = str(self._key.pubkey())
        node.call("requestAirdrop", self.address, LAMPORTS)
        node.call("sandbox_advance", 2)

    def transfer(self, lamports: int | None = None) -> Transfer:
        """Sign a transfer that no other one equals."""
        amount = next(_AMOUNTS) if lamports is None else lamports
        latest = self._node.call("getLatestBlockhash", {"commitment": "confirmed"})["value"]
        payer = self._key.pubkey()
        paid = transfer(TransferParams(from_pubkey=payer, to_pubkey=Pubkey.new_unique(), lamports=amount))
        message = MessageV0.try_compile(payer, [paid], [], Hash.from_string(latest["blockhash"]))
        signed = VersionedTransaction(message, [self._key])
        return Transfer(str(signed.signatures[0]), bytes(signed), latest["lastValidBlockHeight"], amount)
