"""The block store: frozen slots, their transactions, and which of them were abandoned."""

from collections import deque

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from dlmm.records import Record
from sandbox.ledger.transactions import Landed

_LONGEST_LIST = 2000


class Block(Record, frozen=True):
    """A frozen slot.

    :arg parent: The slot before it; slots between were skipped.

    :arg height: Blocks before it.

    :arg time: Unix seconds.

    :arg changed: Accounts with a new version.

    """

    slot: int
    parent: int
    height: int
    hash: Hash
    time: int
    landed: tuple[Landed, ...]
    changed: tuple[Pubkey, ...]


class Blocks:
    """The recent blocks of the chain, and their transactions by signature and by account.

    :arg keep: How many blocks.

    """

    def __init__(self, first: Block, keep: int) -> None:
        self._keep = keep
        self._blocks = {first.slot: first}
        self._order = deque([first.slot])
        self._dead: dict[int, Block] = {}
        self._landed: dict[Signature, Landed] = {}
        self._of_account: dict[Pubkey, deque[Landed]] = {}

    def __getitem__(self, slot: int) -> Block:
        """Read a living block that is known to be there."""
        return self._blocks[slot]

    def get(self, slot: int) -> Block | None:
        """Read a living block, or `None`."""
        return self._blocks.get(slot)

    def is_dead(self, slot: int) -> bool:
        """Whether a fork abandoned the slot."""
        return slot in self._dead

    @property
    def slots(self) -> deque[int]:
        """Living slots, ascending."""
        return self._order

    def latest(self, count: int) -> list[Block]:
        """Read the newest living blocks, oldest first."""
        return [self._blocks[slot] for slot in list(self._order)[-count:]]

    def at_or_before(self, slot: int) -> int:
        """Find the newest living slot that is not after another; the oldest one where there is none."""
        return next((living for living in reversed(self._order) if living <= slot), self._order[0])

    def between(self, after: int, upto: int) -> list[Block]:
        """Living blocks after a slot, up to another, oldest first."""
        found = []
        for slot in reversed(self._order):
            if slot <= after:
                break
            if slot <= upto:
                found.append(self._blocks[slot])
        return found[::-1]

    def landed(self, signature: Signature) -> Landed | None:
        """Find a transaction in a living block."""
        return self._landed.get(signature)

    def of_account(self, key: Pubkey) -> list[Landed]:
        """Transactions that name an account, newest first."""
        return list(self._of_account.get(key, ()))

    def add(self, block: Block) -> None:
        """Append a block."""
        self._blocks[block.slot] = block
        self._order.append(block.slot)
        for landed in block.landed:
            self._landed[landed.signature] = landed
            for key in landed.keys.all:
                self._of_account.setdefault(key, deque(maxlen=_LONGEST_LIST)).appendleft(landed)

    def abandon(self) -> Block:
        """Take the newest block off the chain again."""
        block = self._blocks.pop(self._order.pop())
        self._dead[block.slot] = block
        for landed in block.landed:
            del self._landed[landed.signature]
            for key in set(landed.keys.all):
                kept = (other for other in self._of_account[key] if other is not landed)
                self._of_account[key] = deque(kept, maxlen=_LONGEST_LIST)
        return block

    def prune(self, horizon: int) -> None:
        """Forget the blocks beyond those to keep, and abandoned ones before a slot."""
        while len(self._order) > self._keep:
            for landed in self._blocks.pop(self._order.popleft()).landed:
                del self._landed[landed.signature]
                for key in set(landed.keys.all):
                    of_key = self._of_account.get(key)
                    if of_key and of_key[-1] is landed:
                        of_key.pop()
                    if not of_key:
                        self._of_account.pop(key, None)
        for slot in [slot for slot in self._dead if slot < horizon]:
            del self._dead[slot]
