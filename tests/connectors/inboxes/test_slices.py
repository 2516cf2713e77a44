from connectors.inboxes.slices import blocks_of, writes_by_pool
from operators.blocks import ROW, AccountWrite
from tests.tapes import tape


def write(seq: int) -> AccountWrite:
    return AccountWrite(seq, f"account {seq}", "owner", b"")


def test_writes_go_with_the_pool_of_their_row() -> None:
    rows, pools = tape(20)
    found = writes_by_pool(rows, [write(seq) for seq in rows["seq"].tolist()])
    assert set(found) == set(rows["pool"].tolist())
    for pool, writes in found.items():
        assert [each.seq for each in writes] == rows["seq"][rows["pool"] == pool].tolist()
    assert len(pools) == len(found)


def test_writes_without_their_row_are_left_out() -> None:
    rows, _ = tape(20)
    assert writes_by_pool(rows[:0], [write(1)]) == {}
    last = int(rows["seq"][-1])
    assert writes_by_pool(rows[:-1], [write(last), write(last + 1)]) == {}


def test_a_slice_is_a_block_for_each_pool_that_has_rows() -> None:
    rows, pools = tape(40)
    writes = writes_by_pool(rows, [write(int(rows["seq"][3]))])
    blocks = blocks_of(rows, writes, len(pools) + 1, 7, is_last=True, findings=(("stale", True, 2),), failure="why")
    assert len(blocks) == len(pools)
    for key, block in blocks:
        assert (key, block.slice_no, block.slice_blocks) == (str(block.pool), 7, len(pools))
        assert block.rows.tobytes() == rows[rows["pool"] == block.pool].tobytes()
        assert block.writes == tuple(writes.get(block.pool, ()))
        assert (block.is_last, block.findings, block.failure) == (True, (("stale", True, 2),), "why")


def test_a_single_row_is_a_block_of_its_own_pool() -> None:
    rows, pools = tape(40)
    for row in (rows[:1], rows[-1:]):
        ((key, block),) = blocks_of(row, {}, len(pools), 0)
        assert key == str(row["pool"][0])
        assert block.rows.tobytes() == row.tobytes()


def test_a_slice_without_rows_is_one_empty_block() -> None:
    rows, pools = tape(1)
    ((key, block),) = blocks_of(rows[:0], {}, len(pools), 3, is_last=True)
    assert (key, block.pool, block.slice_blocks, len(block.rows), block.is_last) == ("0", 0, 1, 0, True)
    assert block.rows.dtype == ROW
