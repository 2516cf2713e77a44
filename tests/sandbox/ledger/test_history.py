from solders.account import Account
from solders.pubkey import Pubkey

from sandbox.ledger.history import History

KEY = Pubkey(bytes(31) + b"\1")


def state(lamports: int) -> Account:
    return Account(lamports, b"", Pubkey.default(), False, 0)


def lamports(history: History, slot: int) -> int:
    account = history.at(KEY, slot).account
    return account.lamports if account is not None else 0


def test_a_reader_sees_the_last_version_up_to_its_slot() -> None:
    history = History(lambda _: None)
    history.begin(KEY, state(1))
    for slot in (10, 12, 15):
        history.add(KEY, slot, state(slot))
    assert [lamports(history, slot) for slot in (1, 9, 10, 11, 12, 14, 15, 99)] == [1, 1, 10, 10, 12, 12, 15, 15]


def test_an_account_that_never_changed_is_as_the_engine_has_it() -> None:
    accounts = {KEY: state(3)}
    history = History(accounts.get)
    assert lamports(history, 5) == 3
    assert history.at(KEY, 5) is history.at(KEY, 6)
    assert history.at(Pubkey.default(), 5).account is None


def test_an_abandoned_version_is_unread_but_remembered() -> None:
    history = History(lambda _: None)
    history.begin(KEY, state(1))
    history.add(KEY, 10, state(10))
    history.abandon([KEY])
    assert lamports(history, 10) == 1
    assert [version.slot for version in history.living(KEY)] == [0]
    assert [version.slot for version in history.dead(KEY)] == [10]


def test_pruning_keeps_what_a_reader_at_the_horizon_sees() -> None:
    history = History(lambda _: state(15))
    history.begin(KEY, state(1))
    for slot in (10, 12, 15):
        history.add(KEY, slot, state(slot))
    history.prune(13, 13)
    assert [version.slot for version in history.living(KEY)] == [12, 15]
    assert lamports(history, 13) == 12
    history.prune(99, 99)
    assert lamports(history, 99) == 15


def test_what_was_written_of_settled_versions_is_forgotten() -> None:
    history = History(lambda _: None)
    history.begin(KEY, state(1))
    for slot in (10, 12, 15):
        history.add(KEY, slot, state(slot))
        history.at(KEY, slot).texts["base64"] = b"{}"
    history.prune(0, 13)
    assert [bool(history.at(KEY, slot).texts) for slot in (10, 12, 15)] == [False, True, True]
