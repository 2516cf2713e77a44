"""What every method needs: which slot a reader sees, and the frame around an answer."""

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey
from solders.signature import Signature

from sandbox.chain import Chain
from sandbox.ledger.history import Version
from sandbox.ledger.transactions import Landed
from sandbox.rpc.account_json import AccountWriter
from sandbox.rpc.arguments import COMMITMENTS, ReadOptions, Slice
from sandbox.rpc.errors import MIN_CONTEXT_SLOT, RpcError, invalid
from sandbox.rpc.transaction_json import Json

API_VERSION = "2.3.7"
_MOST_TOLD = 10_000


def commitment_of(name: str | None) -> str:
    """Read a commitment, finalized where nothing is said."""
    if name is None:
        return "finalized"
    if name not in COMMITMENTS:
        raise invalid(
            f"Invalid params: unknown variant `{name}`, expected one of `processed`, `confirmed`, `finalized`."
        )
    return COMMITMENTS[name]


class View:
    """The chain as clients see it."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.accounts = AccountWriter(chain.get)
        self._told: dict[Signature, None] = {}

    def slot(self, options: ReadOptions) -> int:
        """Find the slot that these options ask for.

        :raises RpcError: The commitment is unknown, or the node has not come as far as `minContextSlot`.

        """
        return self.slot_of(options.commitment, options.min_context_slot)

    def slot_of(self, commitment: str | None, least: int | None = None) -> int:
        """Find the slot of a commitment, and refuse one before `least`."""
        slot = self.chain.slot_at(commitment_of(commitment), int(self.chain.faults.number("http.lag")))
        if least is not None and slot < least:
            raise RpcError(MIN_CONTEXT_SLOT, "Minimum context slot has not been reached", {"contextSlot": slot})
        return slot

    def account(self, key: Pubkey, slot: int, encoding: str, part: Slice | None = None) -> msgspec.Raw:
        """Write an account as of a slot."""
        return msgspec.Raw(self.accounts.write(self.version(key, slot), encoding, part))

    def written(self, account: Account | None, encoding: str) -> msgspec.Raw:
        """Write a state that no slot has."""
        return msgspec.Raw(self.accounts.text(account, encoding))

    def told_error(self, landed: Landed) -> object | None:
        """Return why a transaction failed, as its status tells it: once, for some, that it did not."""
        error = landed.execution.error
        if error is None or landed.signature in self._told or not self.chain.faults.is_on("status.lie"):
            return error
        self._told[landed.signature] = None
        if len(self._told) > _MOST_TOLD:
            del self._told[next(iter(self._told))]
        return None if self.chain.faults.hit("status.lie") else error

    def version(self, key: Pubkey, slot: int) -> Version:
        """Read an account as of a slot."""
        return self.chain.version(key, slot)


def with_context(slot: int, value: object) -> Json:
    """Say with an answer which slot it belongs to."""
    return {"context": {"apiVersion": API_VERSION, "slot": slot}, "value": value}
