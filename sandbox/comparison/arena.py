"""Run one transaction on two engines, and find what differs in what they say and in what they leave."""

from collections.abc import Sequence

from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.message import MessageV0
from solders.transaction import VersionedTransaction

from dlmm import records
from dlmm.errors import DlmmError
from dlmm.records import Record
from sandbox.comparison.world import Command
from sandbox.engine import Engine, Execution, Keys
from sandbox.ledger.keys import resolve

START = 1_735_700_000
FIRST_SLOT = 400_000_000
_SLOTS_PER_EPOCH = 432_000
_SHOWN_BYTES = 24
_ORACLE_DISCRIMINATOR = bytes.fromhex("8bc283b38cb3e5f4")


class Outcome(Record, frozen=True):
    """What a command came to on both engines.

    :arg differences: What is not the same, one line each; none when the engines agree.

    :arg logs_equal: Whether every log line is the same, but for the numbers of compute units.

    :arg units: Compute units on the reference, and on the other.

    """

    command: Command
    error: object | None
    differences: tuple[str, ...]
    logs_equal: bool
    units: tuple[int, int]
    logs: tuple[tuple[str, ...], tuple[str, ...]]


class Arena:
    """Two engines in the same state, and a clock for both.

    :arg reference: The engine that is right.

    :arg other: The engine that is checked.

    """

    def __init__(self, reference: Engine, other: Engine) -> None:
        self._reference, self._other = reference, other
        self._slot, self._time, self._sent = FIRST_SLOT, START, 0
        self.pass_time(0)

    @property
    def clock(self) -> records.Clock:
        """The time that the next transaction sees."""
        return records.Clock(self._slot, self._time, self._slot // _SLOTS_PER_EPOCH)

    def pass_time(self, seconds: int) -> None:
        """Let time pass on both engines."""
        self._time += seconds
        self._slot += 1 + seconds * 5 // 2
        epoch = self._slot // _SLOTS_PER_EPOCH
        for engine in (self._reference, self._other):
            engine.set_clock(Clock(self._slot, START, epoch, epoch + 1, self._time))

    def run(self, command: Command) -> Outcome:
        """Run a command on both engines; where they differ, the other one then takes the reference's state."""
        self._sent += 1
        budget = [set_compute_unit_price(self._sent % 100_000)]
        if command.units is not None:
            budget.append(set_compute_unit_limit(command.units))
        payer = command.signers[0].pubkey()
        message = MessageV0.try_compile(payer, [*budget, *command.instructions], [], Hash.default())
        needed = message.account_keys[: message.header.num_required_signatures]
        signers = [signer for signer in command.signers if signer.pubkey() in needed]
        tx = VersionedTransaction(message, signers)
        keys = resolve(tx, self._reference.get)
        expected, found = self._reference.execute(tx, keys), self._execute(tx, keys)
        differences = [*_compare_executions(expected, found), *self._compare_accounts(keys)]
        return Outcome(
            command,
            expected.error,
            tuple(differences),
            _without_units(expected.logs) == _without_units(found.logs),
            (expected.units, found.units),
            (tuple(expected.logs), tuple(found.logs)),
        )

    def _execute(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        """Run a transaction on the engine that is checked; one that breaks over it differs, and the run goes on."""
        try:
            return self._other.execute(tx, keys)
        except (DlmmError, ArithmeticError, LookupError, ValueError) as error:
            return Execution(f"the engine broke: {type(error).__name__}: {error}", [], 0, 0, [], None, {})

    def _compare_accounts(self, keys: Keys) -> list[str]:
        differences: list[str] = []
        for key, is_writable in zip(keys.all, keys.writable, strict=True):
            if not is_writable:
                continue
            right, theirs = self._reference.get(key), self._other.get(key)
            line = _difference(right, theirs)
            if line:
                differences.append(f"{_role(right if right is not None else theirs)} {key}: {line}")
                self._other.set(key, right)
        return differences


def _compare_executions(expected: Execution, found: Execution) -> list[str]:
    differences = []
    if expected.error != found.error:
        differences.append(f"error: {expected.error} there, {found.error} here")
    if expected.fee != found.fee:
        differences.append(f"fee: {expected.fee} there, {found.fee} here")
    if expected.return_data != found.return_data:
        differences.append(f"return data: {expected.return_data} there, {found.return_data} here")
    if expected.error is None and expected.inner != found.inner:
        differences.append(_inner_difference(expected, found))
    return differences


def _inner_difference(expected: Execution, found: Execution) -> str:
    for place, (theirs, ours) in enumerate(zip(expected.inner, found.inner, strict=False)):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            if one != other:
                return f"call {number} of instruction {place}: {one} there, {other} here"
        if len(theirs) != len(ours):
            return f"calls of instruction {place}: {len(theirs)} there, {len(ours)} here"
    return f"instructions with calls: {len(expected.inner)} there, {len(found.inner)} here"


def _difference(right: Account | None, theirs: Account | None) -> str:
    if right is None or theirs is None:
        if right is theirs:
            return ""
        return "gone there, here still" if right is None else "there, but gone here"
    if right.lamports != theirs.lamports:
        return f"lamports: {right.lamports} there, {theirs.lamports} here"
    if right.owner != theirs.owner:
        return f"owner: {right.owner} there, {theirs.owner} here"
    if right.data == theirs.data:
        return ""
    if len(right.data) != len(theirs.data):
        return f"length: {len(right.data)} there, {len(theirs.data)} here"
    start = next(place for place, (a, b) in enumerate(zip(right.data, theirs.data, strict=True)) if a != b)
    shown = slice(start, start + _SHOWN_BYTES)
    return f"bytes from {start}: {right.data[shown].hex()} there, {theirs.data[shown].hex()} here"


_ROLES = {
    bytes.fromhex("210b3162b565b10d"): "lb_pair",
    bytes.fromhex("5c8e5cdc059446b5"): "bin_array",
    bytes.fromhex("75b0d4c7f5b485b6"): "position",
    bytes.fromhex("89b7d45b731d8de3"): "limit_order",
    bytes.fromhex("506f7c7137ed1205"): "bitmap_extension",
    bytes.fromhex("554831b0b6e48d52"): "pair",
    bytes.fromhex("aabc8fe47a40f7d0"): "position",
    _ORACLE_DISCRIMINATOR: "oracle",
}


def _role(account: Account | None) -> str:
    if account is None:
        return "account"
    return _ROLES.get(account.data[:8], "token account" if len(account.data) >= 165 else "account")


def _without_units(logs: Sequence[str]) -> list[str]:
    return [line for line in logs if " consumed " not in line]
