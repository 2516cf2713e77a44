"""The bytes of mints and token accounts, with Token-2022's extensions behind them.

Both are changed in place: what a program does not write keeps its bytes, such as the key of a delegate that was
revoked.
"""

import struct

from sandbox.model.token.failures import refusal

MINT_LENGTH = 82
HOLDING_LENGTH = 165
MULTISIG_LENGTH = 355
MINT_TYPE, HOLDING_TYPE = 1, 2
INITIALIZED, FROZEN = 1, 2

TRANSFER_FEE_CONFIG, TRANSFER_FEE_AMOUNT = 1, 2
IMMUTABLE_OWNER = 7
NON_TRANSFERABLE, NON_TRANSFERABLE_ACCOUNT = 9, 13
TRANSFER_HOOK, TRANSFER_HOOK_ACCOUNT = 14, 15
METADATA_POINTER, TOKEN_METADATA = 18, 19
PAUSABLE, PAUSABLE_ACCOUNT = 26, 27

_HEAD = struct.Struct("<HH")
_U64 = struct.Struct("<Q")
_KEY = 32
_TAG = 4


class _Bytes:
    """Account data in place: integers, keys, keys that may be missing, and extensions."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def u64(self, at: int) -> int:
        return int(_U64.unpack_from(self.data, at)[0])

    def set_u64(self, at: int, value: int) -> None:
        _U64.pack_into(self.data, at, value)

    def key(self, at: int) -> bytes:
        return bytes(self.data[at : at + _KEY])

    def set_key(self, at: int, key: bytes) -> None:
        self.data[at : at + _KEY] = key

    def option(self, at: int) -> bytes | None:
        """Return a key that may be missing."""
        return self.key(at + _TAG) if self.data[at] else None

    def set_option(self, at: int, key: bytes | None, *, wipe: bool) -> None:
        """Set a key, or remove it; `wipe` also zeroes what stood there."""
        self.data[at : at + _TAG] = (key is not None).to_bytes(_TAG, "little")
        if key is not None or wipe:
            self.set_key(at + _TAG, key or bytes(_KEY))

    def extension(self, kind: int) -> bytes | None:
        """Return an extension's value, or `None` without it."""
        found = self._place(kind)
        return None if found is None else bytes(self.data[found[0] : found[1]])

    def set_extension(self, kind: int, value: bytes) -> bool:
        """Replace an extension's value by one as long; whether it is there."""
        found = self._place(kind)
        if found is None:
            return False
        self.data[found[0] : found[1]] = value
        return True

    def add_extension(self, kind: int, value: bytes, *, account_type: int) -> None:
        """Put an extension behind the last one, into bytes that are free.

        :raises ProgramError: There are not enough.

        """
        at = self.extensions_end
        if at + _HEAD.size + len(value) > len(self.data):
            raise refusal("InvalidAccountData")
        _HEAD.pack_into(self.data, at, kind, len(value))
        self.data[at + _HEAD.size : at + _HEAD.size + len(value)] = value
        self.data[HOLDING_LENGTH] = account_type

    @property
    def kinds(self) -> list[int]:
        """Kinds of the extensions there are, in their order."""
        return [kind for kind, _, _ in self._extensions()]

    @property
    def extensions_end(self) -> int:
        """Where the next extension would begin."""
        found = self._extensions()
        return found[-1][2] if found else HOLDING_LENGTH + 1

    def _place(self, kind: int) -> tuple[int, int] | None:
        return next(((start, end) for known, start, end in self._extensions() if known == kind), None)

    def _extensions(self) -> list[tuple[int, int, int]]:
        """Kind, first and last offset of each extension."""
        found = []
        at = HOLDING_LENGTH + 1
        while at + _HEAD.size <= len(self.data):
            kind, length = _HEAD.unpack_from(self.data, at)
            if kind == 0:
                break
            start, at = at + _HEAD.size, at + _HEAD.size + length
            if at > len(self.data):
                raise refusal("InvalidAccountData")
            found.append((kind, start, at))
        return found


class Holding(_Bytes):
    """A token account: who holds how much of what."""

    __slots__ = ()

    MINT, OWNER, AMOUNT, DELEGATE, STATE, NATIVE, DELEGATED, CLOSER = 0, 32, 64, 72, 108, 109, 121, 129

    @property
    def mint(self) -> bytes:
        """Address of the mint."""
        return self.key(self.MINT)

    @property
    def owner(self) -> bytes:
        """Address of the wallet or program that owns it."""
        return self.key(self.OWNER)

    @property
    def amount(self) -> int:
        """Raw units held."""
        return self.u64(self.AMOUNT)

    @amount.setter
    def amount(self, value: int) -> None:
        self.set_u64(self.AMOUNT, value)

    @property
    def delegate(self) -> bytes | None:
        """Address that may spend `delegated_amount`, or `None`."""
        return self.option(self.DELEGATE)

    @property
    def delegated_amount(self) -> int:
        """Raw units that the delegate may still spend."""
        return self.u64(self.DELEGATED)

    @delegated_amount.setter
    def delegated_amount(self, value: int) -> None:
        self.set_u64(self.DELEGATED, value)

    @property
    def close_authority(self) -> bytes | None:
        """Address that may close it in the owner's place, or `None`."""
        return self.option(self.CLOSER)

    @property
    def state(self) -> int:
        """0 for nothing yet, 1 initialised, 2 frozen."""
        return self.data[self.STATE]

    @property
    def is_frozen(self) -> bool:
        """Tell whether the freeze authority froze it."""
        return self.state == FROZEN

    @property
    def is_native(self) -> bool:
        """Tell whether what it holds are lamports."""
        return bool(self.data[self.NATIVE])

    @property
    def reserve(self) -> int:
        """Lamports of a native account that are rent and not tokens."""
        return self.u64(self.NATIVE + _TAG)

    def make_native(self, reserve: int) -> None:
        """Say that it holds lamports, above those it keeps for rent."""
        self.data[self.NATIVE : self.NATIVE + _TAG] = b"\1\0\0\0"
        self.set_u64(self.NATIVE + _TAG, reserve)


class Mint(_Bytes):
    """A mint: supply, decimals, and who may change them."""

    __slots__ = ()

    AUTHORITY, SUPPLY, DECIMALS, INITIALIZED, FREEZER = 0, 36, 44, 45, 46

    @property
    def authority(self) -> bytes | None:
        """Address that may mint, or `None` where the supply is fixed."""
        return self.option(self.AUTHORITY)

    @property
    def freezer(self) -> bytes | None:
        """Address that may freeze accounts, or `None`."""
        return self.option(self.FREEZER)

    @property
    def supply(self) -> int:
        """Raw units in all accounts together."""
        return self.u64(self.SUPPLY)

    @supply.setter
    def supply(self, value: int) -> None:
        self.set_u64(self.SUPPLY, value)

    @property
    def decimals(self) -> int:
        """Digits after the point of one whole token."""
        return self.data[self.DECIMALS]

    @property
    def is_initialized(self) -> bool:
        """Tell whether it is a mint yet."""
        return self.data[self.INITIALIZED] == 1
