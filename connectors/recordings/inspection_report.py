"""Check a whole recording, and show what the check found."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Group
from rich.table import Table

from connectors.recordings.inspection import Finding, Inspector, PoolCount
from connectors.recordings.recording import Recording
from dlmm.records import Record
from operators.blocks import TICK

SLICE_ROWS = 100_000


class InspectionReport(Record, frozen=True):
    """What a recording holds.

    :arg rows: All rows, good or not.

    :arg ticks: Those of them that tell the time and no price, which no pool's count covers.

    :arg refused: Rows that a replay will leave out.

    :arg first_ns: Earliest time at the source of a good row.

    :arg last_ns: Latest.

    :arg account_writes: Whether rows carry account bytes.

    :arg unknown_pools: Rows by the name of a pool that the metadata does not list.

    :arg notes: What its journal held and the recording does not, a line each.

    """

    path: str
    source: str
    rows: int
    ticks: int
    refused: int
    first_ns: int
    last_ns: int
    first_slot: int
    last_slot: int
    account_writes: bool
    pools: tuple[PoolCount, ...]
    findings: tuple[Finding, ...]
    unknown_pools: dict[str, int]
    notes: tuple[str, ...]


def inspect_recording(path: Path | str, progress: Callable[[int, int], None] | None = None) -> InspectionReport:
    """Read a whole recording and report on it.

    :arg progress: Called now and then with the rows done and the rows in all.

    :raises RecordingError: As `Recording.open`, or a file turns out to be damaged.

    """
    recording = Recording.open(path)
    inspector = Inspector(recording.pools)
    done = ticks = 0
    for rows in recording.slices(SLICE_ROWS):
        ticks += int((rows["kind"] == TICK).sum())
        inspector.check(rows)
        done += len(rows)
        if progress is not None:
            progress(done, len(recording))
    pools = inspector.pools
    traded = [pool for pool in pools if pool.rows > pool.refused]
    return InspectionReport(
        path=str(path),
        source=recording.source,
        rows=len(recording),
        ticks=ticks,
        refused=inspector.refused,
        first_ns=min((pool.first_ns for pool in traded), default=0),
        last_ns=max((pool.last_ns for pool in traded), default=0),
        first_slot=min((pool.first_slot for pool in traded), default=0),
        last_slot=max((pool.last_slot for pool in traded), default=0),
        account_writes=recording.has_accounts,
        pools=tuple(pools),
        findings=tuple(inspector.findings),
        unknown_pools=recording.unknown_pools,
        notes=recording.notes,
    )


def render_report(report: InspectionReport) -> Group:
    """Lay a report out for a terminal."""
    pools = Table(title=f"{report.path}: {report.source}", title_justify="left")
    for name in ("pool", "rows", "refused", "lowest price", "highest price", "volume"):
        pools.add_column(name, justify="left" if name == "pool" else "right")
    for pool in report.pools:
        is_empty = pool.rows == pool.refused
        figures = ("-", "-", "-") if is_empty else (f"{pool.low:.8g}", f"{pool.high:.8g}", f"{pool.volume:,.0f}")
        pools.add_row(pool.pool, f"{pool.rows:,}", f"{pool.refused:,}", *figures)
    for name, count in report.unknown_pools.items():
        pools.add_row(f"{name or '(none)'}, not in the metadata", f"{count:,}", f"{count:,}", "-", "-", "-")
    ticks = f"{report.ticks:,} of them ticks, " if report.ticks else ""
    span = (
        f"{report.rows:,} rows, {ticks}{report.refused:,} refused; "
        f"{_time(report.first_ns)} to {_time(report.last_ns)}, "
        f"slots {report.first_slot:,} to {report.last_slot:,}"
        f"{'; with account bytes' if report.account_writes else ''}"
    )
    missing = [f"Not in it: {note}" for note in report.notes]
    findings = findings_table(report.findings) if report.findings else "Nothing to object to."
    return Group(pools, span, *missing, findings)


def findings_table(findings: tuple[Finding, ...] | list[Finding]) -> Table:
    """Lay findings out for a terminal."""
    table = Table(title="What the data check found", title_justify="left")
    for name in ("finding", "rows", "are", "first at seq", "worst", "at seq", "meaning"):
        table.add_column(name, justify="right" if name in {"rows", "first at seq", "at seq"} else "left")
    for finding in findings:
        worst = "" if finding.worst is None or not finding.unit else f"{finding.worst:.6g} {finding.unit}"
        table.add_row(
            finding.kind,
            f"{finding.count:,}",
            "refused" if finding.is_refused else "noted",
            str(finding.first_seq),
            worst,
            str(finding.worst_seq) if worst else "",
            finding.meaning,
        )
    return table


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
