"""Load accounts from files: the JSON files of solana-test-validator, and folders of a Meteora pool's raw accounts.

Such a folder is named by the pool's address and holds `lb_pair.bin`, `oracle.bin`, `bin_array_*.bin`, both reserves and
both mints, each the bytes of one account; MeteoraAg/dlmm-sdk has them among its tests.
"""

import base64
import binascii
from pathlib import Path

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.errors import AccountError, DlmmError
from dlmm.meteora.keys import PoolKeys
from dlmm.meteora.layout import BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_address
from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from dlmm.records import Account as PlainAccount
from dlmm.records import Record
from dlmm.tokens import MINT_LENGTH
from sandbox.engine import Engine
from sandbox.pools.facts import facts_of, is_pool
from sandbox.pools.genesis import ensure_mint
from sandbox.pools.plans import SOL, USDC, PoolFacts
from sandbox.pools.planting import put_data
from sandbox.wallets import TOKEN_ACCOUNT_BYTES

_NATIVE_OFFSET, _RESERVE_OFFSET, _AMOUNT_OFFSET = 109, 113, 64
_NATIVE = b"\x01\x00\x00\x00"
_LARGEST_ACCOUNT = 10 * 1024 * 1024


class AccountFileError(DlmmError):
    """Refuse a file or a folder of accounts.

    :arg path: Which.

    :arg reason: What is wrong with it.

    """

    def __init__(self, path: Path, reason: str) -> None:
        """Keep both values, and name the path first."""
        super().__init__(f"accounts {path}: {reason}")
        self.path = path
        self.reason = reason


class _AccountFields(Record, frozen=True):
    lamports: int
    data: tuple[str, str]
    owner: str
    executable: bool = False


class _AccountFile(Record, frozen=True):
    pubkey: str
    account: _AccountFields


def load_accounts(engine: Engine, folder: Path, *, seed: int = 1) -> list[PoolFacts]:
    """Write every account that a folder and those below it hold.

    :arg seed: Decides who may mint tokens of a mint that the files lack.

    :returns: The pools among them, by their addresses.

    :raises AccountFileError: There is no such folder, nothing is in it, or a file in it cannot be read as an account.

    :raises AccountError: A pool among them lacks one of its mints, or is not what it says.

    """
    if not folder.is_dir():
        raise AccountFileError(folder, "is no folder")
    written = [_load_json(engine, path) for path in sorted(folder.rglob("*.json"))]
    written += [_load_pool_folder(engine, path.parent, seed) for path in sorted(folder.rglob("lb_pair.bin"))]
    if not written:
        raise AccountFileError(folder, "holds no accounts: neither JSON files nor folders with lb_pair.bin")
    pools = {key for key in written if (account := engine.get(key)) is not None and is_pool(account)}
    return [facts_of(engine.get, key) for key in sorted(pools, key=str)]


def _load_json(engine: Engine, path: Path) -> Pubkey:
    try:
        held = msgspec.json.decode(_bytes_of(path), type=_AccountFile)
        if held.account.data[1] != "base64":
            raise AccountFileError(path, f"data in {held.account.data[1]!r} instead of base64")
        data = base64.b64decode(held.account.data[0], validate=True)
        key, owner = Pubkey.from_string(held.pubkey), Pubkey.from_string(held.account.owner)
        account = Account(held.account.lamports, data, owner, held.account.executable, 0)
    except (msgspec.MsgspecError, binascii.Error, ValueError, OverflowError) as error:
        raise AccountFileError(path, f"is no account: {error}") from error
    engine.set(key, account)
    return key


def _load_pool_folder(engine: Engine, folder: Path, seed: int) -> Pubkey:
    try:
        address = Pubkey.from_string(folder.name)
    except ValueError as error:
        raise AccountFileError(folder, "is not named by a pool's address") from error
    pair = _bytes_of(folder / "lb_pair.bin")
    try:
        keys = PoolKeys.of(address, PlainAccount(str(PROGRAM_ID), pair), has_bitmap_extension=False)
    except AccountError as error:
        raise AccountFileError(folder / "lb_pair.bin", error.reason) from error
    put_data(engine, address, pair, PROGRAM_ID)
    put_data(engine, keys.oracle, _bytes_of(folder / "oracle.bin"), PROGRAM_ID)
    for path in sorted(folder.glob("bin_array_*.bin")):
        data = _bytes_of(path)
        if len(data) != BIN_ARRAY.itemsize or data[:8] != BIN_ARRAY_DISCRIMINATOR:
            raise AccountFileError(path, "is no bin array")
        index = int.from_bytes(data[8:16], "little", signed=True)
        put_data(engine, bin_array_address(address, index), data, PROGRAM_ID)
    for mint, name in ((keys.mint_x, "token_x_mint.bin"), (keys.mint_y, "token_y_mint.bin")):
        _put_mint(engine, mint, folder / name, seed)
    for vault, name in ((keys.reserve_x, "reserve_x.bin"), (keys.reserve_y, "reserve_y.bin")):
        _put_vault(engine, vault, _bytes_of(folder / name), folder / name)
    return address


def _put_mint(engine: Engine, mint: Pubkey, path: Path, seed: int) -> None:
    known = {token.mint: token for token in (SOL, USDC)}
    if path.exists():
        data = _bytes_of(path)
        put_data(engine, mint, data, TOKEN_PROGRAM if len(data) == MINT_LENGTH else TOKEN_2022_PROGRAM)
    elif mint in known:
        ensure_mint(engine, known[mint], seed)
    elif engine.get(mint) is None:
        raise AccountFileError(path, f"is missing, and mint {mint} is not known without it")


def _put_vault(engine: Engine, key: Pubkey, data: bytes, path: Path) -> None:
    if len(data) < TOKEN_ACCOUNT_BYTES:
        raise AccountFileError(path, f"length {len(data)} is not that of a token account")
    program = TOKEN_PROGRAM if len(data) == TOKEN_ACCOUNT_BYTES else TOKEN_2022_PROGRAM
    if data[_NATIVE_OFFSET:_RESERVE_OFFSET] == _NATIVE:
        kept, amount = (int.from_bytes(data[at : at + 8], "little") for at in (_RESERVE_OFFSET, _AMOUNT_OFFSET))
        engine.set(key, Account(kept + amount, data, program, False, 0))
    else:
        put_data(engine, key, data, program)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > 2 * _LARGEST_ACCOUNT:
            raise AccountFileError(path, "is larger than any account")
        return path.read_bytes()
    except OSError as error:
        raise AccountFileError(path, f"cannot be read: {error.strerror}") from error
