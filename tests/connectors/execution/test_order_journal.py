"""What an order journal recorded is what the next process knows, however this one ended."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.execution.order_entries import (
    Entry,
    OrderKnown,
    Refused,
    SignatureKnown,
    SignatureUnknown,
    StillPending,
)
from connectors.execution.order_journal import OrderJournal, OtherWallet
from connectors.execution.order_journal_format import NAME, read_order_journal
from connectors.recordings.journal_format import JournalError
from connectors.recordings.sealing import WriterAlive
from tests.connectors.execution.journaled_orders import (
    NETWORK_FEE,
    OTHER,
    TIP,
    WALLET,
    WHOLE_LIFE,
    done,
    expired,
    intent,
    landed,
    report,
    sent,
    signed,
)
from tests.shared import ROOT

LIVES: list[Entry] = [
    *WHOLE_LIFE,
    intent(8),
    signed("8.0", signature="B"),
    sent("8.0", signature="B"),
    intent(9, 2),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "orders"


def write(folder: Path, entries: list[Entry]) -> None:
    journal = OrderJournal.open(folder, WALLET)
    for entry in entries:
        journal.record(entry)
    journal.close()


@pytest.mark.parametrize("fsync", [False, True])
def test_the_next_process_knows_what_was_recorded(folder: Path, fsync: bool) -> None:
    journal = OrderJournal.open(folder, WALLET, fsync=fsync)
    assert (journal.next_order, journal.open_orders(), journal.fees_since(0)) == (1, [], 0)
    told = [journal.record(entry) for entry in LIVES]
    assert [order.phase for order in told[:5]] == ["intent", "signed", "sent", "landed", "done"]
    for again in range(2):
        assert (journal.cuts, journal.is_damaged) == ((), False)
        assert [journal.knows(key) for key in ("7.0", "8.0", "9.2", "9.0")] == [True, True, True, False]
        assert [journal.phase(key) for key in ("7.0", "8.0", "9.2", "9.0")] == ["done", "sent", "intent", None]
        assert [order.key for order in journal.open_orders()] == ["8.0", "9.2"]
        assert journal.order("8.0") == told[7]
        assert journal.order("9.0") is None
        assert [one.signature for one in journal.signatures_of("7.0")] == ["A"]
        assert journal.signatures_of("9.0") == ()
        assert journal.last_reports() == {"7.0": report("7.0")}
        assert journal.fees_since(0) == NETWORK_FEE + TIP
        assert journal.next_order == 10
        journal.close()
        if not again:
            journal = OrderJournal.open(folder, WALLET)


@pytest.mark.parametrize("fsync", [False, True])
def test_an_intent_and_what_follows_it_are_written_at_once(folder: Path, fsync: bool) -> None:
    journal = OrderJournal.open(folder, WALLET, fsync=fsync)
    told = [journal.begin(intent(7), signed("7.0", signature="A")), journal.begin(intent(8), Refused("8.0", "why", 1))]
    assert [order.phase for order in told] == ["signed", "refused"]
    with pytest.raises(OrderKnown):
        journal.begin(intent(7), signed("7.0", signature="B"))
    with pytest.raises(SignatureKnown):
        journal.begin(intent(9), signed("9.0", signature="A"))
    assert not journal.knows("9.0")
    journal.record(sent("7.0", signature="A"))
    open_orders, next_order = journal.open_orders(), journal.next_order
    journal.close()
    journal = OrderJournal.open(folder, WALLET)
    assert (journal.cuts, journal.is_damaged) == ((), False)
    assert (journal.open_orders(), journal.next_order) == (open_orders, next_order)
    assert [journal.phase(key) for key in ("7.0", "8.0", "9.0")] == ["sent", "refused", None]
    journal.close()


def test_what_is_refused_is_not_written(folder: Path) -> None:
    write(folder, LIVES)
    size = (folder / NAME).stat().st_size
    journal = OrderJournal.open(folder, WALLET)
    with pytest.raises(OrderKnown):
        journal.record(intent(7))
    with pytest.raises(StillPending):
        journal.record(signed("8.0", signature="C"))
    with pytest.raises(SignatureUnknown):
        journal.record(landed("9.2"))
    assert (folder / NAME).stat().st_size == size
    journal.record(expired("8.0", signature="B"))
    journal.record(signed("8.0", signature="C"))
    journal.close()
    assert len(read_order_journal(folder / NAME).entries) == len(LIVES) + 2


def test_another_wallets_journal_is_refused_by_both_addresses(folder: Path) -> None:
    write(folder, LIVES)
    content = (folder / NAME).read_bytes()
    with pytest.raises(OtherWallet) as refusal:
        OrderJournal.open(folder, OTHER)
    assert WALLET in str(refusal.value)
    assert OTHER in str(refusal.value)
    assert (folder / NAME).read_bytes() == content
    OrderJournal.open(folder, WALLET).close()  # and let go


def test_a_second_journal_of_the_folder_is_locked_out(folder: Path) -> None:
    journal = OrderJournal.open(folder, WALLET)
    with pytest.raises(WriterAlive, match=f"is being written by process {os.getpid()}"):
        OrderJournal.open(folder, WALLET)
    journal.close()
    OrderJournal.open(folder, WALLET).close()


def test_a_torn_tail_is_cut_off_and_named(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder, LIVES)
    path = folder / NAME
    content = path.read_bytes()
    path.write_bytes(content + content[-100:-3])
    with caplog.at_level(logging.WARNING):
        journal = OrderJournal.open(folder, WALLET)
    (cut,) = journal.cuts
    assert not journal.is_damaged
    assert cut.named.startswith("the last 97 bytes were cut off: ")
    assert str(cut) in caplog.text
    assert path.read_bytes() == content
    journal.record(done("9.2"))
    journal.close()
    assert read_order_journal(path).entries == [*LIVES, done("9.2")]


def test_damage_in_the_middle_is_named_at_every_opening(folder: Path) -> None:
    write(folder, LIVES)
    path = folder / NAME
    content = bytearray(path.read_bytes())
    place = content.index(b"transaction B")
    content[place] ^= 1
    path.write_bytes(content)
    for _ in range(2):
        journal = OrderJournal.open(folder, WALLET)
        assert journal.is_damaged
        left_out, out_of_order = journal.cuts
        assert left_out.named.endswith("were left out: a record's checksum is wrong")
        assert "order 8.0: step 0 has no signature B" in out_of_order.named
        assert [one.is_pending for one in journal.signatures_of("8.0")] == [True]
        journal.close()
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="file: cannot be made: File exists"):
        OrderJournal.open(tmp_path / "file", WALLET)


WRITER = """
import sys
from connectors.execution.order_journal import OrderJournal
from tests.connectors.execution.journaled_orders import WALLET, done, intent, landed, sent, signed
journal = OrderJournal.open(sys.argv[1], WALLET)
while True:
    order = journal.next_order
    key, name = f"{order}.0", f"S{order}"
    for entry in (intent(order), signed(key, signature=name), sent(key, signature=name),
                  landed(key, signature=name), done(key)):
        journal.record(entry)
        print("recorded", flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_recorded(folder: Path) -> None:
    count = 0
    for entries in (1, 7, 100, 33, 4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            told = sum(writer.stdout.readline() == "recorded\n" for _ in range(entries))
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.read().count("recorded\n")
        assert told >= entries
        journal = OrderJournal.open(folder, WALLET)
        assert not journal.is_damaged
        journal.close()
        there = len(read_order_journal(folder / NAME).entries)
        assert there - count in {told, told + 1}  # the last one was written, and nobody told of it
        count = there
