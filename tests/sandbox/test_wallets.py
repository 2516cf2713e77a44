import struct

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from dlmm import records
from dlmm.programs import SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL, associated_token_account
from dlmm.tokens import decode_mint
from sandbox.chain import Chain
from sandbox.pools.genesis import ensure_mint, mint_authority
from sandbox.pools.plans import SOL, USDC
from sandbox.real import RealEngine
from sandbox.wallets import ChainLedger, FundingError, fund, fund_lamports, keypair_of, mint_bytes

OWNER = keypair_of(1, "owner").pubkey()
MINT = keypair_of(1, "mint").pubkey()


def ledger() -> RealEngine:
    engine = RealEngine()
    for token in (SOL, USDC):
        ensure_mint(engine, token, seed=1)
    return engine


def read(engine: RealEngine, key: Pubkey) -> Account:
    account = engine.get(key)
    assert account is not None
    return account


def amount(account: Account) -> int:
    return int.from_bytes(account.data[64:72], "little")


def test_names_and_seed_decide_a_key() -> None:
    assert keypair_of(1, "a", "b") == keypair_of(1, "a", "b")
    keys = [keypair_of(1, "a", "b"), keypair_of(2, "a", "b"), keypair_of(1, "ab"), keypair_of(1, "b", "a")]
    assert len({key.pubkey() for key in keys}) == 4


def test_a_mint_is_what_a_client_reads() -> None:
    account = read(ledger(), USDC.mint)
    mint = decode_mint(str(USDC.mint), _plain(account))
    assert (mint.decimals, mint.is_token_2022) == (6, False)
    assert account.data[4:36] == bytes(mint_authority(1))


def _plain(account: Account) -> records.Account:
    return records.Account(str(account.owner), account.data)


def test_funding_makes_an_associated_account() -> None:
    engine = ledger()
    key = fund(engine, OWNER, USDC.mint, 5_000)
    account = read(engine, key)
    assert key == associated_token_account(OWNER, USDC.mint)
    assert (amount(account), account.lamports, account.owner) == (5_000, 2_039_280, TOKEN_PROGRAM)
    assert account.data[:64] == bytes(USDC.mint) + bytes(OWNER)


def test_wrapped_sol_is_there_in_lamports_too() -> None:
    engine = ledger()
    key = fund(engine, OWNER, WRAPPED_SOL, 10**9)
    assert read(engine, key).lamports == 10**9 + 2_039_280
    fund(engine, OWNER, WRAPPED_SOL, 5)
    assert (amount(read(engine, key)), read(engine, key).lamports) == (5, 5 + 2_039_280)


def test_funding_again_sets_the_balance_and_keeps_the_rest() -> None:
    engine = ledger()
    key = fund(engine, OWNER, USDC.mint, 1)
    held = read(engine, key)
    delegated = held.data[:72] + struct.pack("<I", 1) + bytes(MINT) + held.data[108:]
    engine.set(key, Account(held.lamports, delegated, held.owner, False, 0))
    fund(engine, OWNER, USDC.mint, 7)
    account = read(engine, key)
    assert amount(account) == 7
    assert account.data[72:] == delegated[72:]


@pytest.mark.parametrize("takes_fees", [False, True])
def test_token_2022_accounts_carry_their_extensions(takes_fees: bool) -> None:
    engine = RealEngine()
    data = mint_bytes(6, 0, None)
    if takes_fees:
        data += bytes(83) + b"\x01" + struct.pack("<HH", 1, 108) + bytes(108)
    engine.set(MINT, Account(10**9, data, TOKEN_2022_PROGRAM, False, 0))
    account = read(engine, fund(engine, OWNER, MINT, 9))
    assert account.owner == TOKEN_2022_PROGRAM
    assert account.lamports == engine.rent_exemption(len(account.data))
    assert len(account.data) == (182 if takes_fees else 170)
    assert account.data[165:170] == b"\x02" + struct.pack("<HH", 7, 0)


def test_tokens_of_no_mint_are_refused() -> None:
    engine = RealEngine()
    with pytest.raises(FundingError, match=str(MINT)):
        fund(engine, OWNER, MINT, 1)
    fund_lamports(engine, MINT, 10**9)
    with pytest.raises(FundingError):
        fund(engine, OWNER, MINT, 1)


def test_a_running_chain_is_a_ledger() -> None:
    engine = ledger()
    chain = Chain(engine)
    on_chain = ChainLedger(chain)
    fund_lamports(on_chain, OWNER, 10**9)
    key = fund(on_chain, OWNER, USDC.mint, 3)
    assert on_chain.get(OWNER) == Account(10**9, b"", SYSTEM_PROGRAM, False, 0)
    block = chain.advance()
    assert block is not None
    assert {OWNER, key} <= set(block.changed)
