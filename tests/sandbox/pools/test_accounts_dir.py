import base64
import json
from pathlib import Path
from typing import Any

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.errors import AccountError
from dlmm.meteora.layout import LB_PAIR
from sandbox.market.pool_access import access
from sandbox.pools.accounts_dir import AccountFileError, load_accounts
from sandbox.pools.genesis import plant
from sandbox.pools.plans import USDC, PoolFacts
from sandbox.real import RealEngine


def planted() -> tuple[RealEngine, list[PoolFacts]]:
    engine = RealEngine()
    return engine, plant(engine)


def fields(key: Pubkey, account: Account) -> dict[str, Any]:
    data = [base64.b64encode(account.data).decode(), "base64"]
    held = {"lamports": account.lamports, "data": data, "owner": str(account.owner), "executable": account.executable}
    return {"pubkey": str(key), "account": {**held, "rentEpoch": 2**64 - 1, "space": len(account.data)}}


def write_json(folder: Path, key: Pubkey, account: Account | None) -> None:
    assert account is not None
    folder.mkdir(exist_ok=True)
    (folder / f"{key}.json").write_text(json.dumps(fields(key, account)))


def dumped(folder: Path) -> tuple[RealEngine, list[PoolFacts]]:
    """Write every account of planted pools as JSON files."""
    engine, pools = planted()
    for facts in pools:
        for key, account in engine.owned_by(facts.program):
            write_json(folder / facts.venue, key, account)
        for key in (facts.mint_x, facts.mint_y, facts.vault_x, facts.vault_y):
            write_json(folder / "tokens", key, engine.get(key))
    return engine, pools


def test_json_files_bring_the_pools_back(tmp_path: Path) -> None:
    engine, pools = dumped(tmp_path)
    other = RealEngine()
    loaded = {facts.address: facts for facts in load_accounts(other, tmp_path)}
    assert len(loaded) == len(pools)
    for facts in pools:
        again = loaded[facts.address]
        assert again.price == pytest.approx(facts.price)
        for name in (
            "venue",
            "program",
            "mint_x",
            "mint_y",
            "symbol_x",
            "decimals_y",
            "bin_step",
            "vault_x",
            "vault_y",
        ):
            assert getattr(again, name) == getattr(facts, name)
        assert access(again, other.get).read().active_id == access(facts, engine.get).read().active_id
        for key, account in engine.owned_by(facts.program):
            assert other.get(key) == account


def raw_folder(root: Path) -> tuple[RealEngine, PoolFacts]:
    """Write one Meteora pool as a folder of raw accounts."""
    engine, pools = planted()
    facts = pools[0]
    folder = root / str(facts.address)
    folder.mkdir()
    row = None
    for key, account in engine.owned_by(facts.program):
        if key == facts.address:
            (folder / "lb_pair.bin").write_bytes(account.data)
            row = account.data
        elif bytes(facts.address) == account.data[24:56] and account.data[:8].hex() == "5c8e5cdc059446b5":
            (folder / f"bin_array_{key}.bin").write_bytes(account.data)
    assert row is not None
    oracle = engine.get(Pubkey(row[552:584]))
    vaults = [engine.get(key) for key in (facts.vault_x, facts.vault_y)]
    assert oracle is not None
    assert vaults[0] is not None
    assert vaults[1] is not None
    (folder / "oracle.bin").write_bytes(oracle.data)
    (folder / "reserve_x.bin").write_bytes(vaults[0].data)
    (folder / "reserve_y.bin").write_bytes(vaults[1].data)
    return engine, facts


def test_a_folder_of_raw_accounts_is_a_pool(tmp_path: Path) -> None:
    engine, facts = raw_folder(tmp_path)
    other = RealEngine()
    (loaded,) = load_accounts(other, tmp_path)
    assert loaded.address == facts.address
    assert (loaded.symbol_x, loaded.symbol_y) == ("SOL", "USDC")
    for key in (facts.vault_x, facts.vault_y, facts.address):
        assert other.get(key) == engine.get(key)
    assert access(loaded, other.get).read().active_id == access(facts, engine.get).read().active_id


def test_files_that_are_missing_from_a_folder_are_named(tmp_path: Path) -> None:
    _, facts = raw_folder(tmp_path)
    (tmp_path / str(facts.address) / "oracle.bin").unlink()
    with pytest.raises(AccountFileError, match=r"oracle\.bin"):
        load_accounts(RealEngine(), tmp_path)


def test_a_folder_with_another_name_is_refused(tmp_path: Path) -> None:
    _, facts = raw_folder(tmp_path)
    (tmp_path / str(facts.address)).rename(tmp_path / "pool")
    with pytest.raises(AccountFileError, match="not named"):
        load_accounts(RealEngine(), tmp_path)


@pytest.mark.parametrize("name", ["lb_pair.bin", "reserve_x.bin"])
def test_a_file_of_another_length_is_refused(tmp_path: Path, name: str) -> None:
    _, facts = raw_folder(tmp_path)
    (tmp_path / str(facts.address) / name).write_bytes(bytes(LB_PAIR.itemsize // 10))
    with pytest.raises(AccountFileError, match=name):
        load_accounts(RealEngine(), tmp_path)


def test_a_bin_array_that_is_none_is_refused(tmp_path: Path) -> None:
    _, facts = raw_folder(tmp_path)
    (tmp_path / str(facts.address) / "bin_array_9.bin").write_bytes(bytes(10_136))
    with pytest.raises(AccountFileError, match="no bin array"):
        load_accounts(RealEngine(), tmp_path)


def test_a_pool_without_its_mint_is_refused(tmp_path: Path) -> None:
    dumped(tmp_path)
    (tmp_path / "tokens" / f"{USDC.mint}.json").unlink()
    with pytest.raises(AccountError, match="missing"):
        load_accounts(RealEngine(), tmp_path)


def test_no_folder_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AccountFileError, match="no folder"):
        load_accounts(RealEngine(), tmp_path / "nowhere")
    with pytest.raises(AccountFileError, match="no accounts"):
        load_accounts(RealEngine(), tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"pubkey": 3}',
        '{"pubkey": "x", "account": {"lamports": 1, "data": ["", "base64"], "owner": "y"}}',
        '{"pubkey": "x", "account": {"lamports": 1, "data": ["!", "base64"], "owner": "y"}}',
        '{"pubkey": "x", "account": {"lamports": 1, "data": ["", "base58"], "owner": "y"}}',
        f'{{"pubkey": "{USDC.mint}", "account": {{"lamports": -1, "data": ["", "base64"], "owner": "{USDC.mint}"}}}}',
    ],
)
def test_a_file_that_is_no_account_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "account.json").write_text(text)
    with pytest.raises(AccountFileError, match=r"account\.json"):
        load_accounts(RealEngine(), tmp_path)
