"""What a person is shown of an order journal."""

from pathlib import Path

import pytest
from rich.console import Console

from connectors.execution.order_entries import Entry
from connectors.execution.order_journal import OrderJournal
from connectors.execution.order_journal_format import NAME
from connectors.execution.orders_report import OrdersReport, describe, render_orders, report_orders
from connectors.recordings.journal_format import JournalError
from dlmm.shapes import Shape
from operators.orders.commands import (
    AddLiquidity,
    Approved,
    ClaimFees,
    ClosePosition,
    Command,
    CreatePosition,
    Rebalance,
    RemoveLiquidity,
    Swap,
    SwapRoute,
)
from tests.connectors.execution.journaled_orders import (
    NETWORK_FEE,
    TIP,
    WALLET,
    WHOLE_LIFE,
    expired,
    intent,
    refused,
    signed,
)

ENTRIES: list[Entry] = [
    *WHOLE_LIFE,
    intent(8),
    signed("8.0", signature="B"),
    expired("8.0", signature="B"),
    signed("8.0", signature="C"),
    intent(9),
    refused("9.0"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = OrderJournal.open(tmp_path, WALLET)
    for entry in ENTRIES:
        journal.record(entry)
    journal.close()
    return tmp_path


def shown(report: OrdersReport, *, only_open: bool = False) -> list[str]:
    console = Console(width=240, color_system=None)
    with console.capture() as capture:
        console.print(render_orders(report, only_open=only_open))
    return capture.get().splitlines()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip()[1:-1].split("│")]


def test_every_order_has_its_phase_times_slot_and_signatures(folder: Path) -> None:
    lines = shown(report_orders(folder))
    assert lines[0].strip() == f"{folder / NAME}: orders of wallet {WALLET}"
    rows = [cells(line) for line in lines if line.startswith("│")]
    what = "swap 1,000,000 X for at least 149,000 Y in 5rCf1DM8LjKTw4YqhnoLcngyZYeNnQqztScTogYHAS6"
    assert [(row[0], row[2]) for row in rows] == [
        ("7.0", "done"),
        ("8.0", "signed"),
        ("", ""),
        ("9.0", "refused: deadline_passed"),
    ]
    assert rows[0][1:] == [what, "done", "2023-11-14 22:13:20", "+0.000 s", "104", "0", "A landed"]
    assert [row[6:] for row in rows[1:3]] == [["0", "B expired"], ["0", "C signed"]]
    assert (
        lines[-1].strip() == f"3 orders, 1 open; the next is 10; network fees and tips {NETWORK_FEE + TIP:,} lamports"
    )


def test_only_open_orders_can_be_shown(folder: Path) -> None:
    rows = [cells(line) for line in shown(report_orders(folder), only_open=True) if line.startswith("│")]
    assert [row[0] for row in rows] == ["8.0", ""]


def test_a_journal_in_use_is_read_and_left_as_it_is(folder: Path) -> None:
    path = folder / NAME
    journal = OrderJournal.open(folder, WALLET)
    with path.open("ab") as file:
        file.write(b"ORD1torn")
    content = path.read_bytes()
    report = report_orders(folder)
    assert len(report.orders) == 3
    assert "Not as it should be: the last 8 bytes were cut off: 8 bytes of a record's header of 12" in shown(report)[-1]
    assert path.read_bytes() == content
    journal.close()


def test_a_folder_without_a_journal_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no order journal"):
        report_orders(tmp_path)


BUY = Swap("POOL", exact_in=False, swap_for_y=False, amount=1_000, threshold=2_000)
SELL = Swap("OTHER", exact_in=True, swap_for_y=True, amount=1_000, threshold=1_900)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (BUY, "swap at most 2,000 Y for 1,000 X in POOL"),
        (
            SwapRoute((BUY, SELL)),
            "swap at most 2,000 Y for 1,000 X in POOL, then swap 1,000 X for at least 1,900 Y in OTHER",
        ),
        (CreatePosition("POOL", 7, -5, 9), "create position 7 (bins -5 to 9) in POOL"),
        (
            AddLiquidity("POOL", 7, -5, 9, 1_000, 2_000, 0, Shape.SPOT),
            "add 1,000 X and 2,000 Y to position 7 (bins -5 to 9) in POOL",
        ),
        (RemoveLiquidity("POOL", 7, -5, 9, 2_550), "remove 25.5 % of position 7 (bins -5 to 9) in POOL"),
        (ClaimFees("POOL", 7, -5, 9), "claim the fees of position 7 (bins -5 to 9) in POOL"),
        (ClosePosition("POOL", 7, -5, 9), "close position 7 (bins -5 to 9) in POOL"),
        (
            SwapRoute((BUY, SELL, BUY)),
            "swap at most 2,000 Y for 1,000 X in POOL, then swap 1,000 X for at least 1,900 Y in OTHER,"
            " then swap at most 2,000 Y for 1,000 X in POOL",
        ),
        (
            Rebalance("POOL", 7, -5, 9, 1, 3, 1_000, 2_000, 2, old_position=6, old_lower=-9, old_upper=5),
            "close position 6 and place 2,000 Y in bins to 1 and 1,000 X in bins from 3 as position 7 (bins -5 to 9)"
            " in POOL",
        ),
        (
            Rebalance("POOL", 7, -5, 9, 1, 3, 0, 2_000, 2),
            "place 2,000 Y in bins to 1 as position 7 (bins -5 to 9) in POOL",
        ),
    ],
)
def test_every_command_is_described(command: Command, words: str) -> None:
    assert describe(Approved("main", 7, 0, command, 150, 1, 100)) == words


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (BUY, "swap at most 2000 y of POOL for 1000 x of POOL in POOL"),
        (
            AddLiquidity("POOL", 7, -5, 9, 1_000, 2_000, 0, Shape.SPOT),
            "add 1000 x of POOL and 2000 y of POOL to position 7 (bins -5 to 9) in POOL",
        ),
        (
            Rebalance("POOL", 7, -5, 9, 1, 3, 1_000, 2_000, 2),
            "place 2000 y of POOL in bins to 1 and 1000 x of POOL in bins from 3 as position 7 (bins -5 to 9) in POOL",
        ),
    ],
)
def test_amounts_are_written_as_the_reader_wants_them(command: Command, words: str) -> None:
    def written(amount: int, pool: str, *, is_x: bool) -> str:
        return f"{amount} {'x' if is_x else 'y'} of {pool}"

    assert describe(Approved("main", 7, 0, command, 150, 1, 100), written) == words
