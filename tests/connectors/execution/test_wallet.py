"""A wallet signs, and shows its key to nobody."""

import copy
import json
import os
import pickle
import traceback
from pathlib import Path

import msgspec
import pytest
from solders.keypair import Keypair
from solders.signature import Signature

from connectors.execution.wallet import LONGEST_FILE, Wallet, WalletError
from dlmm.errors import DlmmError


@pytest.fixture
def keypair() -> Keypair:
    return Keypair()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "id.json"


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def secrets_of(keypair: Keypair) -> list[str]:
    """Every way in which the secret could be written, and pieces of it."""
    whole = bytes(keypair)
    numbers = list(whole)
    return [str(keypair), whole.hex(), whole[:32].hex(), repr(whole[:32])[2:-1], str(numbers)[1:-1],
            str(numbers[:4])[1:-1], json.dumps(numbers[:4], separators=(",", ":"))[1:-1]]  # fmt: skip


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (",\n  ", ": ")])
def test_a_key_file_of_the_command_line_is_read(path: Path, keypair: Keypair, separators: tuple[str, str]) -> None:
    text = json.dumps(list(bytes(keypair)), separators=separators)
    for mode in (0o600, 0o400, 0o700):
        wallet = Wallet.load(write(path, text, mode))
        assert wallet.address == keypair.pubkey()
        path.unlink()


def test_what_it_signs_verifies(path: Path, keypair: Keypair) -> None:
    wallet = Wallet.load(write(path, keypair.to_json()))
    signature = wallet.sign(b"a message")
    assert signature == bytes(keypair.sign_message(b"a message"))
    assert Signature(signature).verify(wallet.address, b"a message")


def test_an_ephemeral_wallet_is_a_new_one() -> None:
    assert Wallet.ephemeral().address != Wallet.ephemeral().address


def test_derived_keys_are_the_same_in_every_process(path: Path, keypair: Keypair) -> None:
    write(path, keypair.to_json())
    one, two = Wallet.load(path), Wallet.load(path)
    assert one.derived("position 7") == two.derived("position 7")
    names = ["position 7", "position 8", "", "position 7 "]
    addresses = {one.derived(name).pubkey() for name in names} | {one.address}
    assert len(addresses) == 5
    assert Wallet.ephemeral().derived("position 7") != one.derived("position 7")


def test_the_derivation_never_changes(path: Path) -> None:
    # Positions on chain lie at these addresses.
    wallet = Wallet.load(write(path, Keypair.from_seed(bytes(range(32))).to_json()))
    assert str(wallet.address) == "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"
    assert str(wallet.derived("position 7").pubkey()) == "6eANwj2sVAtYqLbkGwL5pkhWhVJx7ZC2yBUew1LiVuUf"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601, 0o610])
def test_a_file_that_others_may_use_is_refused_with_the_command_that_helps(
    path: Path, keypair: Keypair, mode: int
) -> None:
    write(path, keypair.to_json(), mode)
    with pytest.raises(WalletError, match=f"mode {mode:04o}.*run chmod 600 '{path}'"):
        Wallet.load(path)


def test_what_is_no_file_of_ours_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="there is no such key file"):
        Wallet.load(path)
    with pytest.raises(WalletError, match="is no regular file"):
        Wallet.load(tmp_path)
    with pytest.raises(WalletError, match="is no regular file"):
        Wallet.load("/dev/null")
    os.mkfifo(path, 0o600)
    with pytest.raises(WalletError, match="is no regular file"):  # and nobody waits for its writer
        Wallet.load(path)
    with pytest.raises(WalletError, match="cannot be read: Not a directory"):
        Wallet.load("/dev/null/id.json")
    with pytest.raises(WalletError, match="cannot be read: its name has a zero byte"):
        Wallet.load("id\0.json")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(path: Path, keypair: Keypair) -> None:
    write(path, keypair.to_json())
    os.chown(path, 12_345, -1)
    with pytest.raises(WalletError, match="belongs to user 12345"):
        Wallet.load(path)


def test_a_file_that_is_too_long_is_refused(path: Path, keypair: Keypair) -> None:
    text = keypair.to_json()
    Wallet.load(write(path, text + " " * (LONGEST_FILE - len(text))))
    with pytest.raises(WalletError, match=f"has {LONGEST_FILE + 1} bytes"):
        Wallet.load(write(path, text + " " * (LONGEST_FILE + 1 - len(text))))


def malformed(keypair: Keypair) -> list[tuple[str | bytes, str]]:
    numbers = list(bytes(keypair))
    other = list(bytes(keypair)[:32] + bytes(Keypair().pubkey()))
    return [
        ("", "not a JSON array"),
        ("[", "not a JSON array"),
        (keypair.to_json()[:-1], "not a JSON array"),
        (keypair.to_json() + "1", "not a JSON array"),
        (str(keypair), "not a JSON array"),
        (json.dumps(str(keypair)), "not a JSON array"),
        (json.dumps({"key": numbers}), "not a JSON array"),
        (json.dumps([str(number) for number in numbers]), "not a JSON array"),
        (json.dumps([*numbers[:63], 1.5]), "not a JSON array"),
        (bytes(keypair), "not a JSON array"),
        (b"\xff\xfe", "not a JSON array"),
        ("[" * 4000, "not a JSON array"),
        ("[]", "0 numbers, not 64"),
        (json.dumps(numbers[:32]), "32 numbers, not 64"),
        (json.dumps([*numbers, 0]), "65 numbers, not 64"),
        (json.dumps([*numbers[:63], 256]), "not every number is a byte"),
        (json.dumps([-1, *numbers[1:]]), "not every number is a byte"),
        (json.dumps([*numbers[:63], 10**30]), "not "),
        (json.dumps(other), "its public half is not that of its secret half"),
    ]


def test_malformed_files_are_refused_without_a_word_of_what_they_hold(path: Path, keypair: Keypair) -> None:
    for content, named in malformed(keypair):
        write(path, content)
        with pytest.raises(WalletError, match=named) as refusal:
            Wallet.load(path)
        assert isinstance(refusal.value, DlmmError)
        assert refusal.value.__cause__ is None
        assert refusal.value.__context__ is None
        trace = traceback.TracebackException.from_exception(refusal.value, capture_locals=True)
        shown = "".join(
            frame
            for stack in trace.stack
            for frame in (stack.locals or {}).values()
            if stack.filename.endswith("/execution/wallet.py")
        )
        for text in (str(refusal.value), repr(refusal.value), shown):
            assert not [secret for secret in secrets_of(keypair) if secret in text]


def test_nothing_shows_the_key(path: Path, keypair: Keypair) -> None:
    wallet = Wallet.load(write(path, keypair.to_json()))
    assert repr(wallet) == f"{wallet}" == f"Wallet({keypair.pubkey()})"
    assert not hasattr(wallet, "__dict__")
    for text in (repr(wallet), str([wallet]), f"{wallet!a}"):
        assert not [secret for secret in secrets_of(keypair) if secret in text]


def test_a_wallet_is_neither_pickled_nor_copied() -> None:
    wallet = Wallet.ephemeral()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(WalletError, match="neither pickled nor copied"):
            pickle.dumps(wallet, protocol)
    for way in (copy.copy, copy.deepcopy, Wallet.__reduce__):
        with pytest.raises(WalletError, match="neither pickled nor copied"):
            way(wallet)
    with pytest.raises(TypeError):
        msgspec.json.encode(wallet)
    with pytest.raises(TypeError):
        json.dumps(wallet)
