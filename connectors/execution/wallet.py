"""The key that pays and signs: read from a file of the Solana command line, and kept from everything that shows values.

A `Wallet` can sign and tell its address. It has no other representation: it is not printed, pickled or copied, and what
is refused about its file is said without the file's contents.
"""

import hmac
import os
import stat
from pathlib import Path
from typing import NoReturn

import msgspec
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from dlmm.errors import DlmmError

LONGEST_FILE = 4096
"""Bytes of a key file at most: 64 numbers take 300."""

_SECRET_BYTES = 32
_KEY_BYTES = 64
_BYTE = range(256)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DERIVED = b"dlmm-hft derived key: "


class WalletError(DlmmError):
    """A key file that is refused, or a wallet that was asked for its key.

    :arg path: The file, or what was asked.

    :arg reason: What is wrong.

    """

    def __init__(self, path: Path | str, reason: str) -> None:
        """Keep both values, and name the file first."""
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Wallet:
    """Sign for one address. Made by `load` or `ephemeral`.

    :ivar address: Its public key.

    """

    __slots__ = ("_keypair", "address")

    def __init__(self, keypair: Keypair) -> None:
        self._keypair = keypair
        self.address: Pubkey = keypair.pubkey()

    @classmethod
    def load(cls, path: Path | str) -> "Wallet":
        """Read a key file as `solana-keygen` writes it: a JSON array of 64 bytes, secret first.

        :raises WalletError: It is missing, no regular file, of another user, open to others, longer than a key file,
            malformed, or its public half is not that of the secret.

        """
        keypair = _keypair_of(_read(Path(path)))
        # The refusal is raised here, where no variable of any frame holds what the file does.
        if isinstance(keypair, str):
            raise WalletError(path, keypair)
        return cls(keypair)

    @classmethod
    def ephemeral(cls) -> "Wallet":
        """Make a new key, which ends with this object."""
        return cls(Keypair())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message, 64 bytes; of its 37 us the curve takes all."""
        return bytes(self._keypair.sign_message(message))

    def derived(self, name: str) -> Keypair:
        """Return the key of this wallet's account of some name: the same one at every call, in every process.

        :arg name: For example the number of the order that makes a position.

        """
        seed = hmac.digest(self._keypair.secret(), _DERIVED + name.encode(), "sha256")
        return Keypair.from_seed(seed)

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # What pickle and copy call.
        raise WalletError(repr(self), "is neither pickled nor copied")

    def __reduce__(self) -> NoReturn:
        self.__reduce_ex__(0)


def _read(path: Path) -> bytes:
    try:
        # Without waiting for the writer of a pipe; the checks are made of what was opened, not of what has its name.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise WalletError(path, "there is no such key file") from None
    except ValueError:
        raise WalletError(path, "cannot be read: its name has a zero byte") from None
    except OSError as error:
        raise WalletError(path, f"cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise WalletError(path, "is no regular file")
        if status.st_uid not in {os.geteuid(), 0}:
            raise WalletError(path, f"belongs to user {status.st_uid}: a key file must be yours (or root's)")
        if status.st_mode & _OTHERS:
            mode = stat.S_IMODE(status.st_mode)
            raise WalletError(path, f"others than you may use it (mode {mode:04o}): run chmod 600 '{path}'")
        if status.st_size > LONGEST_FILE:
            raise WalletError(path, f"has {status.st_size} bytes, no key file has more than {LONGEST_FILE}")
        return os.read(fd, LONGEST_FILE + 1)
    except OSError as error:
        raise WalletError(path, f"cannot be read: {error.strerror}") from None
    finally:
        os.close(fd)


def _keypair_of(content: bytes) -> Keypair | str:
    """Make the key of a file's content, or say what is wrong with it without quoting any of it."""
    try:
        numbers = msgspec.json.decode(content, type=list[int])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "is no key file: not a JSON array of whole numbers"
    if len(numbers) != _KEY_BYTES:
        return f"is no key file: {len(numbers)} numbers, not {_KEY_BYTES}"
    if any(number not in _BYTE for number in numbers):
        return "is no key file: not every number is a byte"
    keypair = Keypair.from_seed(bytes(numbers[:_SECRET_BYTES]))
    if bytes(keypair.pubkey()) != bytes(numbers[_SECRET_BYTES:]):
        return "its public half is not that of its secret half: the file is damaged"
    return keypair
