"""Associated token accounts and memos beside their binaries."""

import pytest
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from spl.token import instructions as spl

from dlmm.programs import (
    ASSOCIATED_TOKEN_PROGRAM,
    MEMO_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    associated_token_account,
)
from tests.sandbox.model.token_worlds import (
    extension,
    fee_config,
    holding_bytes,
    metadata,
    mint_bytes,
    pointer,
    r,
    s,
    w,
)
from tests.sandbox.model.twins import SOL, Twins, address_of, seeded

TOKENS = {"spl": TOKEN_PROGRAM, "token_2022": TOKEN_2022_PROGRAM}
UNITS = 1_000


class World:
    """A payer, wallets, and mints of a token program."""

    def __init__(self, program: Pubkey) -> None:
        self.program = program
        self.twins = Twins({})
        self.payer = self.twins.wallet(1)
        plain = mint_bytes(self.payer)
        kinds = [plain]
        if program == TOKEN_2022_PROGRAM:
            named = pointer(self.payer) + metadata(self.payer)
            kinds += [
                mint_bytes(None, extensions=more) for more in (fee_config(self.payer, 5), named, pointer(self.payer))
            ]
            kinds += [mint_bytes(None, extensions=extension(9, b"") + extension(14, bytes(64)))]
        self.mints = [
            self.twins.put(address_of(10 + number), Account(SOL, data, program)) for number, data in enumerate(kinds)
        ]

    def create(self, wallet: Pubkey, mint: Pubkey, *, idempotent: bool) -> Instruction:
        build = spl.create_idempotent_associated_token_account if idempotent else spl.create_associated_token_account
        return build(self.payer, wallet, mint, self.program)


@pytest.mark.parametrize("program", TOKENS.values(), ids=list(TOKENS))
def test_accounts_are_created_once(program: Pubkey) -> None:
    world = World(program)
    for number, mint in enumerate(world.mints):
        for idempotent in (False, True):
            wallet = world.twins.wallet(100 + 2 * number + idempotent)
            first, again = (
                world.twins.run([world.create(wallet, mint, idempotent=idempotent)], world.payer, units=UNITS)
                for _ in range(2)
            )
            assert first.error is None
            assert (again.error is None) is idempotent


@pytest.mark.parametrize("program", TOKENS.values(), ids=list(TOKENS))
@pytest.mark.parametrize("lamports", [1, 1_000_000, 2_039_280, 2_074_080, 10_000_000])
def test_an_address_that_has_lamports_is_topped_up(program: Pubkey, lamports: int) -> None:
    world = World(program)
    wallet = address_of(200)
    account = associated_token_account(wallet, world.mints[0], program)
    world.twins.put(account, Account(lamports, b"", SYSTEM_PROGRAM))
    done = world.twins.run([world.create(wallet, world.mints[0], idempotent=True)], world.payer, units=UNITS)
    assert done.error is None


@pytest.mark.parametrize("program", TOKENS.values(), ids=list(TOKENS))
def test_what_stands_there_already_is_judged_alike(program: Pubkey) -> None:
    world = World(program)
    wallet, mint = address_of(200), world.mints[0]
    account = associated_token_account(wallet, mint, program)
    for owner, data in (
        (program, holding_bytes(mint, wallet, 5)),
        (program, holding_bytes(mint, address_of(7), 5)),
        (program, holding_bytes(address_of(7), wallet, 5)),
        (program, bytes(165)),
        (program, bytes(20)),
        (address_of(9), b"x"),
    ):
        for idempotent in (False, True):
            world.twins.put(account, Account(SOL, data, owner))
            world.twins.run([world.create(wallet, mint, idempotent=idempotent)], world.payer, units=UNITS)


def test_random_flaws_are_refused_alike() -> None:
    rng = seeded(5)
    for program in TOKENS.values():
        world = World(program)
        for number in range(100):
            sound = world.create(address_of(300 + number), world.mints[0], idempotent=bool(rng.random() < 0.7))
            metas, data = list(sound.accounts), bytes(sound.data)
            at = int(rng.integers(6))
            match int(rng.integers(5)):
                case 0:
                    metas[at] = AccountMeta(address_of(8_000 + number), is_signer=at == 0, is_writable=at < 2)
                case 1:
                    metas[at] = AccountMeta(metas[at].pubkey, is_signer=False, is_writable=False)
                case 2:
                    del metas[at]
                case 3:
                    data = bytes([int(rng.integers(3, 200))])
                case _:
                    data += b"\1"
            world.twins.run([Instruction(sound.program_id, data, metas)], world.twins.wallet(2), units=12_000)


@pytest.mark.parametrize("mint", [b"", bytes(82), bytes(165)])
def test_what_is_no_mint_has_no_accounts(mint: bytes) -> None:
    for program in TOKENS.values():
        world = World(program)
        key = world.twins.put(address_of(60), Account(SOL, mint, program)) if mint else address_of(61)
        assert world.twins.run([world.create(address_of(200), key, idempotent=True)], world.payer, units=UNITS).error


def test_an_account_is_refused_for_the_other_token_program() -> None:
    world = World(TOKEN_PROGRAM)
    foreign = spl.create_associated_token_account(world.payer, address_of(200), world.mints[0], TOKEN_2022_PROGRAM)
    assert foreign.program_id == ASSOCIATED_TOKEN_PROGRAM
    assert world.twins.run([foreign], world.payer, units=UNITS).error is not None


@pytest.mark.parametrize("text", [b"", b"Swap", b"0123456789", b"\xc3\xa4'\"\n", b"x" * 100, b"y" * 566])
def test_memos_cost_and_log_exactly_as_the_binary(text: bytes) -> None:
    twins = Twins({})
    payer = twins.wallet(1)
    for signers in ([], [payer], [payer, address_of(2), address_of(3)]):
        twins.run([Instruction(MEMO_PROGRAM, text, [s(key) for key in signers])], payer)


@pytest.mark.parametrize("text", [b"Swap \xff", b"\xc3", b"a\xe2\x82", b"\xed\xa0\x80", b"\xf5abc", b"ok\xe2\x28\xa1"])
def test_memos_that_are_no_text_fail(text: bytes) -> None:
    twins = Twins({})
    assert twins.run([Instruction(MEMO_PROGRAM, text, [])], twins.wallet(1), units=10).error is not None


def test_a_memo_wants_every_account_to_sign() -> None:
    twins = Twins({})
    metas = [s(address_of(2)), r(address_of(3)), w(address_of(4))]
    done = twins.run([Instruction(MEMO_PROGRAM, b"Swap", metas)], twins.wallet(1), units=30)
    assert done.error == {"InstructionError": [0, "MissingRequiredSignature"]}


def test_the_log_is_cut_at_ten_thousand_bytes() -> None:
    twins = Twins({})
    memos = [Instruction(MEMO_PROGRAM, b"x" * length, []) for length in (900,) * 9 + (700, 500, 30, 300, 5)]
    assert "Log truncated" in twins.run(memos, twins.wallet(1)).logs
