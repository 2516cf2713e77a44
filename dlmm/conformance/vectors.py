"""Read a folder of golden vectors: accounts by hash, states by name, one row a transaction.

Format: three gzip JSON-lines files a venue, `<venue>_accounts`, `<venue>_states` and `<venue>_vectors`, as written by
the runs of the real programs. Amounts may exceed 2^53 and are read as exact integers.
"""

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from dlmm.errors import DlmmError
from dlmm.records import Record, Venue


class VectorError(DlmmError):
    """A folder of vectors that cannot be read: says which file, which line and why."""

    def __init__(self, place: str, reason: str) -> None:
        """Keep both values, and name the place first."""
        super().__init__(f"vectors {place}: {reason}")
        self.place = place
        self.reason = reason


class StateAccount(Record, frozen=True):
    """One account of a state, before the transaction.

    :arg pubkey: Address, base58.

    :arg owner: Owning program, base58.

    :arg lamports: Balance.

    :arg data: The account's bytes.

    """

    pubkey: str
    owner: str
    lamports: int
    data: bytes


State = Mapping[str, StateAccount]
"""Accounts of one state by role, such as `lb_pair`, `bin_array:-3`, `vault_x` or `position`."""


class Vector(Record, frozen=True):
    """One transaction of the real program, with the accounts that it met.

    :arg venue: Whose program ran.

    :arg row: The row as written: `id`, `kind` (`swap` or `life`), `clock`, `ok` and the rest.

    :arg state: Accounts before, by role.

    """

    venue: Venue
    row: dict[str, Any]
    state: State


class _AccountLine(msgspec.Struct, frozen=True):
    pubkey: str
    owner: str
    lamports: int
    data: str


class _StateLine(msgspec.Struct, frozen=True):
    state: str
    accounts: dict[str, _AccountLine]


class VectorFolder:
    """The vectors of one folder, for whichever venues it holds."""

    def __init__(self, path: Path, states: Mapping[Venue, Mapping[str, State]]) -> None:
        """Keep what `load` has read; rows are read from disk as they are asked for."""
        self.path = path
        self._states = states

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read accounts and states, and find the rows.

        :arg path: Folder that holds the files of at least one venue.

        :raises VectorError: The folder is missing or empty, a file is missing, cut short or garbled, or an account's
            bytes are not those that its hash names.

        """
        folder = Path(path)
        if not folder.is_dir():
            raise VectorError(str(folder), "no such folder")
        venues = [venue for venue in Venue if any(_file(folder, venue, part).exists() for part in _PARTS)]
        if not venues:
            raise VectorError(str(folder), "no vector files of any venue (such as meteora_vectors.jsonl.gz)")
        for venue in venues:
            for part in _PARTS:
                if not _file(folder, venue, part).exists():
                    raise VectorError(str(folder), f"{_file(folder, venue, part).name} is missing")
        return cls(folder, {venue: _states(folder, venue) for venue in venues})

    @property
    def venues(self) -> list[Venue]:
        """Return the venues that this folder has vectors of."""
        return list(self._states)

    def vectors(self) -> Iterator[Vector]:
        """Yield every row of every venue in the order written.

        :raises VectorError: A file is cut short or garbled, or a row names a state that does not exist.

        """
        for venue, states in self._states.items():
            path = _file(self.path, venue, "vectors")
            for number, row in _lines(path):
                place = f"{path.name}:{number}"
                missing = [key for key in _ROW_KEYS if key not in row]
                if missing:
                    raise VectorError(place, f"a row without {', '.join(missing)}")
                state = states.get(str(row["state"]))
                if state is None:
                    raise VectorError(place, f"row {row['id']} names an unknown state {row['state']!r}")
                yield Vector(venue, row, state)


_PARTS = ("accounts", "states", "vectors")
_ROW_KEYS = ("id", "kind", "state", "clock", "ok")


def short_hash(data: bytes) -> str:
    """Return the first 16 hex digits of SHA-256, by which the vectors name account bytes."""
    return hashlib.sha256(data).hexdigest()[:16]


def _file(folder: Path, venue: Venue, part: str) -> Path:
    return folder / f"{venue.value}_{part}.jsonl.gz"


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise VectorError(f"{path.name}:{number}", "not a JSON object")
                yield number, record
    except json.JSONDecodeError as error:
        raise VectorError(f"{path.name}:{number}", f"not JSON: {error}") from error
    except (EOFError, OSError, UnicodeDecodeError, zlib.error) as error:
        raise VectorError(f"{path.name}:{number}", f"cut short or garbled: {error}") from error


def _accounts(path: Path) -> dict[str, bytes]:
    accounts: dict[str, bytes] = {}
    for number, record in _lines(path):
        try:
            name, data = record["sha16"], base64.b64decode(record["data"], validate=True)
        except (KeyError, TypeError, binascii.Error) as error:
            raise VectorError(f"{path.name}:{number}", f"not an account: {error!r}") from error
        if short_hash(data) != name:
            raise VectorError(f"{path.name}:{number}", f"the bytes of account {name} hash to {short_hash(data)}")
        accounts[name] = data
    return accounts


def _states(folder: Path, venue: Venue) -> dict[str, State]:
    accounts = _accounts(_file(folder, venue, "accounts"))
    path = _file(folder, venue, "states")
    states: dict[str, State] = {}
    for number, record in _lines(path):
        place = f"{path.name}:{number}"
        try:
            line = msgspec.convert(record, _StateLine)
        except msgspec.ValidationError as error:
            raise VectorError(place, f"not a state: {error}") from error
        state: dict[str, StateAccount] = {}
        for role, account in line.accounts.items():
            data = accounts.get(account.data)
            if data is None:
                raise VectorError(place, f"{role} names unknown account bytes {account.data}")
            state[role] = StateAccount(account.pubkey, account.owner, account.lamports, data)
        states[line.state] = state
    return states
