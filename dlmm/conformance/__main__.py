"""`python -m dlmm.conformance DIR`: run every golden vector of a folder against our own code.

Prints each row that differs with its id, then how many rows failed for reasons of accounts (they are not checked),
and last how many of the checked rows match. A row that cannot be checked, or is of a kind or instruction that nothing
here knows, is one that differs. Exit status 0 when all match, 1 when some do not, 2 when the folder cannot be read.
"""

import sys
from collections.abc import Sequence
from typing import TextIO

from dlmm.conformance.life import check_life_row
from dlmm.conformance.mismatch import Mismatch
from dlmm.conformance.swaps import check_swap_row, fails_for_accounts, pool_of
from dlmm.conformance.vectors import Vector, VectorError, VectorFolder
from dlmm.errors import DlmmError
from dlmm.meteora.pool import MeteoraPool
from dlmm.records import Record
from dlmm.saros.pool import SarosPool

USAGE = "usage: python -m dlmm.conformance DIR"
_PROGRESS_ROWS = 50
_ROW_ERRORS = (DlmmError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Tally(Record, frozen=True):
    """What a run over a folder found.

    :arg checked: Rows checked.

    :arg matched: Those of them that match.

    :arg account_reasons: Rows left out, because they failed for accounts that a pool's numbers do not show.

    """

    checked: int = 0
    matched: int = 0
    account_reasons: int = 0


class Checker:
    """Check rows one by one, and build each state's pool once."""

    def __init__(self) -> None:
        """Begin without a pool."""
        self._state: object = None
        self._pool: MeteoraPool | SarosPool | None = None

    def check(self, vector: Vector) -> Mismatch | None:
        """Check a row of either kind.

        :returns: The first difference, or `None` when there is none. What a garbled row provokes is a difference too:
            it shall not hide what there is to say of the others.

        """
        row = vector.row
        try:
            match row["kind"]:
                case "life":
                    return check_life_row(vector)
                case "swap":
                    return check_swap_row(vector, self._pool_of(vector))
                case kind:
                    return Mismatch(str(row["id"]), "kind", "no check", str(kind))
        except _ROW_ERRORS as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return Mismatch(str(row["id"]), "check", text, "success" if row["ok"] else str(row.get("err")))

    def _pool_of(self, vector: Vector) -> MeteoraPool | SarosPool:
        if vector.state is not self._state or self._pool is None:
            self._pool, self._state = pool_of(vector), vector.state
        return self._pool


def run(folder: VectorFolder, out: TextIO, progress: TextIO | None) -> Tally:
    """Check every row, and print those that differ.

    :arg progress: Where to keep one line on how far it is, or `None`.

    :raises VectorError: A file cannot be read.

    """
    checker = Checker()
    checked = matched = account_reasons = 0
    for number, vector in enumerate(folder.vectors(), 1):
        if vector.row["kind"] == "swap" and fails_for_accounts(vector):
            account_reasons += 1
            continue
        mismatch = checker.check(vector)
        checked += 1
        if mismatch is None:
            matched += 1
        else:
            print(mismatch, file=out)
        if progress is not None and number % _PROGRESS_ROWS == 0:
            print(f"\r{number} rows, {checked - matched} mismatches", end="", file=progress, flush=True)
    if progress is not None:
        print("\r\x1b[K", end="", file=progress, flush=True)
    return Tally(checked, matched, account_reasons)


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 0 if list(arguments) in (["-h"], ["--help"]) else 2
    try:
        tally = run(VectorFolder.load(arguments[0]), sys.stdout, sys.stderr if sys.stderr.isatty() else None)
    except VectorError as error:
        print(error, file=sys.stderr)
        return 2
    if tally.checked == 0:
        print(f"vectors {arguments[0]}: no rows", file=sys.stderr)
        return 2
    print(f"not checked, failed for reasons of accounts: {tally.account_reasons} rows")
    print(f"conformance: {tally.matched} of {tally.checked} rows match")
    return 0 if tally.matched == tally.checked else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
