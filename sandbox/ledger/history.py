"""Versions of accounts, slot by slot, so that readers at different commitments see different states."""

from bisect import bisect_right
from collections.abc import Callable, Iterable

from solders.account import Account
from solders.pubkey import Pubkey


class Version:
    """An account's state since a slot, with the JSON that was already written of it.

    :arg slot: First slot of the state, 0 where nobody knows.

    :arg account: `None` where there is no such account.

    """

    __slots__ = ("account", "slot", "texts")

    def __init__(self, slot: int, account: Account | None) -> None:
        self.slot = slot
        self.account = account
        self.texts: dict[object, bytes] = {}
        """What was written of the state, by encoding; whoever writes it keeps it here."""


def _slot(version: Version) -> int:
    return version.slot


class History:
    """Every account's recent versions, the abandoned ones apart.

    :arg get: Reads an account's newest state, for those that never changed.

    """

    def __init__(self, get: Callable[[Pubkey], Account | None]) -> None:
        self._get = get
        self._living: dict[Pubkey, list[Version]] = {}
        self._dead: dict[Pubkey, list[Version]] = {}

    def at(self, key: Pubkey, slot: int) -> Version:
        """Read an account as of the end of a slot."""
        versions = self._living.get(key)
        if versions is None:
            version = Version(0, self._get(key))
            if version.account is not None:  # an account that is asked for is asked for again
                self._living[key] = [version]
            return version
        if versions[-1].slot <= slot:
            return versions[-1]
        return versions[max(bisect_right(versions, slot, key=_slot) - 1, 0)]

    def begin(self, key: Pubkey, before: Account | None) -> None:
        """Keep what an account was before its first known change."""
        if key not in self._living:
            self._living[key] = [Version(0, before)]

    def add(self, key: Pubkey, slot: int, account: Account | None) -> None:
        """Keep an account's state at the end of a slot."""
        self._living[key].append(Version(slot, account))

    def abandon(self, keys: Iterable[Pubkey]) -> None:
        """Undo the newest version of these accounts, and remember that there was one."""
        for key in keys:
            self._dead.setdefault(key, []).append(self._living[key].pop())

    def living(self, key: Pubkey) -> list[Version]:
        """Versions of an account in the chain, oldest first."""
        return list(self._living.get(key, ())) or [self.at(key, 0)]

    def dead(self, key: Pubkey) -> list[Version]:
        """Versions of an account that forks abandoned."""
        return list(self._dead.get(key, ()))

    def prune(self, horizon: int, settled: int) -> None:
        """Forget what no reader at or after a slot can see.

        :arg settled: Versions before this slot are hardly read any more: forget what was written of all but the newest.

        """
        for key in list(self._living):
            versions = self._living[key]
            seen = bisect_right(versions, horizon, key=_slot) - 1
            if seen > 0:
                del versions[:seen]
            if len(versions) == 1 and versions[0].slot < horizon:
                del self._living[key]
            for version in versions[: bisect_right(versions, settled, key=_slot) - 1]:
                version.texts.clear()
        for key in list(self._dead):
            kept = [version for version in self._dead[key] if version.slot >= horizon]
            if kept:
                self._dead[key] = kept
            else:
                del self._dead[key]
