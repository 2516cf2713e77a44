"""The system program: lamports, and the birth of accounts.

Source: agave 4.1's system processor; `tests/sandbox/model/test_system.py` compares with it. Nonces are left out: an
instruction about one is refused as data that the program does not know.
"""

import struct
from collections.abc import Callable, Mapping

from solders.pubkey import Pubkey

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.model.invocation import Invocation, ProgramError

UNITS = 150
MAX_LENGTH = 10 * 1024 * 1024
_ALREADY_IN_USE = 0
_RESULT_WITH_NEGATIVE_LAMPORTS = 1
_INVALID_DATA_LENGTH = 3
_SEED_MISMATCH = 5
_MAX_SEED = 32


class _Arguments:
    """Reads an instruction's arguments one by one; what is left over at the end is nobody's."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 4

    def u64(self) -> int:
        return int(struct.unpack("<Q", self._take(8))[0])

    def key(self) -> Pubkey:
        return Pubkey(self._take(32))

    def text(self) -> str:
        try:
            return self._take(self.u64()).decode()
        except UnicodeDecodeError as error:
            raise ProgramError("InvalidInstructionData") from error

    def _take(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        if len(found) < size:
            raise ProgramError("InvalidInstructionData")
        self._at += size
        return found


class _Address:
    """An address that signs by itself, or by the base that it derives from."""

    def __init__(self, key: Pubkey, base: Pubkey | None = None) -> None:
        self.key = key
        self.base = base

    def has_signed(self, call: Invocation) -> bool:
        who = self.key if self.base is None else self.base
        return any(meta.pubkey == who and meta.is_signer for meta in call.metas)

    def __str__(self) -> str:
        base = "None" if self.base is None else f"Some({self.base})"
        return f"Address {{ address: {self.key}, base: {base} }}"


def system(call: Invocation) -> None:
    """Run an instruction of the system program."""
    call.consume(UNITS)
    known = _INSTRUCTIONS.get(call.data[:4])
    if known is None:
        raise ProgramError("InvalidInstructionData")
    run, needed, arguments = known[0], known[1], _Arguments(call.data)
    run(call, arguments, needed)


def _need(call: Invocation, accounts: int) -> None:
    if call.count < accounts:
        raise ProgramError("MissingAccount")


def _create_account(call: Invocation, arguments: _Arguments, needed: int) -> None:
    lamports, space, owner = arguments.u64(), arguments.u64(), arguments.key()
    _need(call, needed)
    _create(call, _Address(call.key(1)), lamports, space, owner)


def _create_with_seed(call: Invocation, arguments: _Arguments, needed: int) -> None:
    base, seed, lamports = arguments.key(), arguments.text(), arguments.u64()
    space, owner = arguments.u64(), arguments.key()
    _need(call, needed)
    _create(call, _derived(call, call.key(1), base, seed, owner), lamports, space, owner)


def _assign_alone(call: Invocation, arguments: _Arguments, needed: int) -> None:
    owner = arguments.key()
    _need(call, needed)
    _assign(call, 0, _Address(call.key(0)), owner)


def _assign_with_seed(call: Invocation, arguments: _Arguments, needed: int) -> None:
    base, seed, owner = arguments.key(), arguments.text(), arguments.key()
    _need(call, needed)
    _assign(call, 0, _derived(call, call.key(0), base, seed, owner), owner)


def _allocate_alone(call: Invocation, arguments: _Arguments, needed: int) -> None:
    space = arguments.u64()
    _need(call, needed)
    _allocate(call, 0, _Address(call.key(0)), space)


def _allocate_with_seed(call: Invocation, arguments: _Arguments, needed: int) -> None:
    base, seed, space, owner = arguments.key(), arguments.text(), arguments.u64(), arguments.key()
    _need(call, needed)
    address = _derived(call, call.key(0), base, seed, owner)
    _allocate(call, 0, address, space)
    _assign(call, 0, address, owner)


def _transfer_alone(call: Invocation, arguments: _Arguments, needed: int) -> None:
    lamports = arguments.u64()
    _need(call, needed)
    _transfer(call, 0, 1, lamports)


def _transfer_with_seed(call: Invocation, arguments: _Arguments, needed: int) -> None:
    lamports, seed, owner = arguments.u64(), arguments.text(), arguments.key()
    _need(call, needed)
    if not call.is_signer(1):
        call.log_raw(f"Transfer: 'from' account {call.key(1)} must sign")
        raise ProgramError("MissingRequiredSignature")
    derived = _with_seed(call.key(1), seed, owner)
    if derived != call.key(0):
        call.log_raw(f"Transfer: 'from' address {call.key(0)} does not match derived address {derived}")
        raise ProgramError(_SEED_MISMATCH)
    _move(call, 0, 2, lamports)


def _create(call: Invocation, address: _Address, lamports: int, space: int, owner: Pubkey) -> None:
    if call.lamports(1):
        call.log_raw(f"Create Account: account {address} already in use")
        raise ProgramError(_ALREADY_IN_USE)
    _allocate(call, 1, address, space)
    _assign(call, 1, address, owner)
    _transfer(call, 0, 1, lamports)


def _allocate(call: Invocation, index: int, address: _Address, space: int) -> None:
    if not address.has_signed(call):
        call.log_raw(f"Allocate: 'to' account {address} must sign")
        raise ProgramError("MissingRequiredSignature")
    if call.read(index) or call.owner(index) != SYSTEM_PROGRAM:
        call.log_raw(f"Allocate: account {address} already in use")
        raise ProgramError(_ALREADY_IN_USE)
    if space > MAX_LENGTH:
        call.log_raw(f"Allocate: requested {space}, max allowed {MAX_LENGTH}")
        raise ProgramError(_INVALID_DATA_LENGTH)
    call.write(index, bytes(space))


def _assign(call: Invocation, index: int, address: _Address, owner: Pubkey) -> None:
    if call.owner(index) == owner:
        return
    if not address.has_signed(call):
        call.log_raw(f"Assign: account {address} must sign")
        raise ProgramError("MissingRequiredSignature")
    call.set_owner(index, owner)


def _transfer(call: Invocation, source: int, destination: int, lamports: int) -> None:
    if not call.is_signer(source):
        call.log_raw(f"Transfer: `from` account {call.key(source)} must sign")
        raise ProgramError("MissingRequiredSignature")
    _move(call, source, destination, lamports)


def _move(call: Invocation, source: int, destination: int, lamports: int) -> None:
    if call.read(source):
        call.log_raw("Transfer: `from` must not carry data")
        raise ProgramError("InvalidArgument")
    held = call.lamports(source)
    if lamports > held:
        call.log_raw(f"Transfer: insufficient lamports {held}, need {lamports}")
        raise ProgramError(_RESULT_WITH_NEGATIVE_LAMPORTS)
    call.set_lamports(source, held - lamports)
    call.set_lamports(destination, call.lamports(destination) + lamports)


def _derived(call: Invocation, address: Pubkey, base: Pubkey, seed: str, owner: Pubkey) -> _Address:
    derived = _with_seed(base, seed, owner)
    if derived != address:
        call.log_raw(f"Create: address {address} does not match derived address {derived}")
        raise ProgramError(_SEED_MISMATCH)
    return _Address(address, base)


def _with_seed(base: Pubkey, seed: str, owner: Pubkey) -> Pubkey:
    if len(seed.encode()) > _MAX_SEED:
        raise ProgramError("MaxSeedLengthExceeded")
    return Pubkey.create_with_seed(base, seed, owner)


_Body = Callable[[Invocation, _Arguments, int], None]
_INSTRUCTIONS: Mapping[bytes, tuple[_Body, int]] = {
    struct.pack("<I", number): (body, accounts)
    for number, body, accounts in (
        (0, _create_account, 2),
        (1, _assign_alone, 1),
        (2, _transfer_alone, 2),
        (3, _create_with_seed, 2),
        (8, _allocate_alone, 1),
        (9, _allocate_with_seed, 1),
        (10, _assign_with_seed, 1),
        (11, _transfer_with_seed, 3),
    )
}
"""What runs each instruction, by its number, and how many accounts it needs at least."""
