"""What the order journal holds: one entry for each thing that happens to an order, in the order in which it did.

An order's key is `Approved.key`: one attempt of one order. An order takes one transaction or several, its steps; a step
may be signed again under a fresh blockhash once its earlier signature can land no more.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from dlmm.errors import DlmmError
from dlmm.records import Record
from operators.orders.commands import Approved

Key = Annotated[str, Meta(pattern=r"^-?[0-9]{1,19}\.[0-9]{1,19}\Z")]
"""Order and attempt; checked where an entry is read."""


class Intent(Record, frozen=True, tag="intent"):
    """An approved order arrived, and nothing has been done about it yet.

    :arg slot: Slot of its arrival.

    :arg ts_ns: Time of its arrival, as of all entries the time that it was told of here.

    """

    approved: Approved
    slot: int
    ts_ns: int

    @property
    def key(self) -> str:
        """The order's key."""
        return self.approved.key


class Signed(Record, frozen=True, tag="signed"):
    """A transaction of an order was signed: from here on it may land, whatever becomes of this process.

    :arg step: Which of the order's transactions it is, from 0.

    :arg transaction: All of it, as it goes to a node.

    :arg last_valid_block_height: Block height up to which it can land.

    :arg slot: Slot of its signing.

    """

    key: Key
    step: int
    signature: str
    transaction: bytes
    blockhash: str
    last_valid_block_height: int
    slot: int
    ts_ns: int


class Sent(Record, frozen=True, tag="sent"):
    """A transaction was given to a node, for the first time or again."""

    key: Key
    step: int
    signature: str
    ts_ns: int


class Landed(Record, frozen=True, tag="landed"):
    """A transaction is on chain and did what it should.

    :arg slot: Slot it landed in.

    :arg report: The encoded `ExecutionReport` that tells of it.

    """

    key: Key
    step: int
    signature: str
    slot: int
    ts_ns: int
    report: bytes


class Failed(Record, frozen=True, tag="failed"):
    """A transaction is on chain with an error: it paid its fee and did nothing else.

    :arg slot: Slot it landed in.

    :arg report: The encoded `ExecutionReport` that tells of it.

    """

    key: Key
    step: int
    signature: str
    slot: int
    ts_ns: int
    report: bytes


class Expired(Record, frozen=True, tag="expired"):
    """A transaction can land no more: the cluster's block height is past its last valid one, and it was not found.

    :arg slot: Slot in which that was so.

    :arg report: The encoded `ExecutionReport`, where the attempt ends with it; empty where it is signed again.

    """

    key: Key
    step: int
    signature: str
    slot: int
    ts_ns: int
    report: bytes = b""


class Undone(Record, frozen=True, tag="undone"):
    """A fork took back what had landed or failed; it may land again.

    :arg slot: Slot in which that was seen.

    :arg report: The encoded `ExecutionReport` that tells of it.

    """

    key: Key
    step: int
    signature: str
    slot: int
    ts_ns: int
    report: bytes


class Refused(Record, frozen=True, tag="refused"):
    """The order ends, and what is left of it was never sent.

    :arg report: The encoded `ExecutionReport` that tells of it.

    """

    key: Key
    reason: str
    ts_ns: int
    report: bytes = b""


class Simulated(Record, frozen=True, tag="simulated"):
    """The order ends with a dry run: nothing of it was sent.

    :arg report: The encoded `ExecutionReport` that tells of it.

    """

    key: Key
    ts_ns: int
    report: bytes = b""


class Done(Record, frozen=True, tag="done"):
    """The order ends: all of its transactions landed, or what did not is given up."""

    key: Key
    ts_ns: int
    report: bytes = b""


Fate = Landed | Failed | Expired | Undone
"""What can become of a transaction on chain."""

OfTransaction = Signed | Sent | Fate
End = Refused | Simulated | Done
Entry = Intent | OfTransaction | End

encode_entry = msgspec.msgpack.Encoder().encode
decode_entry = msgspec.msgpack.Decoder(Entry).decode


class EntryRefused(DlmmError):
    """An entry that contradicts what the order journal knows: nothing of it was written.

    :arg key: The order's key.

    :arg reason: What it contradicts.

    """

    def __init__(self, key: str, reason: str) -> None:
        """Keep both values, and name the order first."""
        super().__init__(f"order {key}: {reason}")
        self.key = key
        self.reason = reason


class OrderKnown(EntryRefused):
    """A second intent for an order that the journal has already."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "is in the order journal already")


class OrderUnknown(EntryRefused):
    """An entry for an order without an intent."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "has no intent in the order journal")


class SignatureKnown(EntryRefused):
    """A signature that was signed before: two orders with the same bytes are one transaction to the cluster.

    :arg holder: Key of the order that it belongs to.

    """

    def __init__(self, key: str, signature: str, holder: str) -> None:
        super().__init__(key, f"signature {signature} belongs to order {holder} already")
        self.signature = signature
        self.holder = holder


class SignatureUnknown(EntryRefused):
    """An entry for a transaction that was never signed."""

    def __init__(self, key: str, step: int, signature: str) -> None:
        super().__init__(key, f"step {step} has no signature {signature} in the order journal")
        self.step = step
        self.signature = signature


class StillPending(EntryRefused):
    """An order that would be signed anew, or ended, while an earlier signature of it can still land.

    :arg holder: Key of the attempt that was signed.

    """

    def __init__(self, key: str, holder: str, step: int, signature: str) -> None:
        super().__init__(key, f"signature {signature} of step {step} of order {holder} can still land")
        self.holder = holder
        self.step = step
        self.signature = signature


class StepLanded(EntryRefused):
    """A step that would be signed anew although it has landed."""

    def __init__(self, key: str, step: int, signature: str) -> None:
        super().__init__(key, f"step {step} has landed as {signature}")
        self.step = step
        self.signature = signature


class OutOfPhase(EntryRefused):
    """An entry that cannot follow what was last told of its order or transaction.

    :arg phase: What the journal has it in.

    :arg entry: Kind of the entry.

    """

    def __init__(self, key: str, what: str, phase: str, entry: str) -> None:
        super().__init__(key, f"{what} is {phase}: {entry} cannot follow")
        self.phase = phase
        self.entry = entry


class ReportUnreadable(EntryRefused):
    """An entry whose report is none of an execution."""

    def __init__(self, key: str, signature: str) -> None:
        super().__init__(key, f"the report on {signature} is not one that this program reads")
        self.signature = signature
