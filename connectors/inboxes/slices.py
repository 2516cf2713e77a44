"""Rows to the blocks of a slice, as both inboxes hand them on."""

from collections.abc import Iterable, Mapping

from operators.blocks import AccountWrite, Block, Rows, split_by_pool


def writes_by_pool(rows: Rows, writes: Iterable[AccountWrite]) -> dict[int, list[AccountWrite]]:
    """Group account writes by the pool of the row that they came with; those without a row are left out."""
    if len(rows) == 1:  # as most slices of a live run
        ((seq, pool),) = zip(rows["seq"].tolist(), rows["pool"].tolist(), strict=True)
        return {pool: [write for write in writes if write.seq == seq]}
    pool_of = dict(zip(rows["seq"].tolist(), rows["pool"].tolist(), strict=True))
    found: dict[int, list[AccountWrite]] = {}
    for write in writes:
        if write.seq in pool_of:
            found.setdefault(pool_of[write.seq], []).append(write)
    return found


def blocks_of(
    rows: Rows,
    writes: Mapping[int, list[AccountWrite]],
    pools: int,
    slice_no: int,
    *,
    is_last: bool = False,
    findings: tuple[tuple[str, bool, int], ...] = (),
    failure: str = "",
) -> list[tuple[str, Block]]:
    """Split a slice into one block for each pool that has rows, or one empty block where none has.

    :arg writes: By index of the pool.

    :arg pools: How many there are.

    :returns: Blocks, keyed by pool.

    """
    first = int(rows["pool"][0]) if len(rows) else 0
    parts = split_by_pool(rows, pools) if len(rows) > 1 else [(first, rows)]
    return [
        (
            str(pool),
            Block(
                pool=pool,
                slice_no=slice_no,
                slice_blocks=len(parts),
                is_last=is_last,
                rows=part,
                writes=tuple(writes.get(pool, ())),
                findings=findings,
                failure=failure,
            ),
        )
        for pool, part in parts
    ]
