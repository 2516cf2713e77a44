"""One Meteora pool on two engines, from the accounts of a golden vector, and what can be asked of it."""

import re
import struct
from collections.abc import Sequence

import numpy as np
from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm import records
from dlmm.conformance.meteora_instructions import pool_keys
from dlmm.conformance.vectors import State
from dlmm.meteora.instructions.liquidity import PositionAccounts
from dlmm.meteora.layout import BITMAP_EXTENSION, LB_PAIR
from dlmm.meteora.pdas import PROGRAM_ID, bin_array_address, oracle_address
from dlmm.programs import (
    MEMO_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    WRAPPED_SOL,
    associated_token_account,
)
from dlmm.records import Record
from dlmm.tokens import decode_mint
from sandbox.engine import Engine, Execution, Keys
from sandbox.model.meteora.program import PROGRAMS
from tests.sandbox.model.twins import Twins, compiled, fields

FUNDS = 10**15
RENT = 2_039_280
_UNITS = re.compile(r"consumed \d+ of \d+")
_LOADER, _MODEL_LOADER = "BPFLoaderUpgradeab1e11111111111111111111111", "BPFLoader2111111111111111111111111111111111"


class Position(Record, frozen=True):
    """A position that was asked for; whether it exists, the accounts say."""

    key: Pubkey
    owner: Pubkey
    lower: int
    upper: int


class Order(Record, frozen=True):
    """A limit order that was asked for."""

    key: Pubkey
    owner: Pubkey
    bins: tuple[int, ...]


class Pair(Record, frozen=True):
    """One transaction on both engines."""

    keys: Keys
    real: Execution
    model: Execution


class World:
    """The pool, wallets with both tokens, and the positions and orders that were made."""

    def __init__(self, seed: int, program: bytes, state: State, clock: tuple[int, int, int]) -> None:
        """Put a state's accounts on both engines.

        :arg program: The true program's executable.

        :arg clock: Slot, time and epoch.

        """
        self.rng = np.random.default_rng(seed)
        self.twins = Twins(PROGRAMS)
        self.twins.real.add_program(PROGRAM_ID, program)
        for held in state.values():
            account = Account(held.lamports, held.data, Pubkey.from_string(held.owner))
            self.twins.put(Pubkey.from_string(held.pubkey), account)
        self.slot, self.time, self.epoch = clock
        self.pool = pool_keys(state)
        self.payer, *self.wallets = [self.wallet() for _ in range(4)]
        self.positions: list[Position] = []
        self.orders: list[Order] = []
        self.pass_time(0)

    def pass_time(self, seconds: int) -> None:
        self.time += seconds
        self.slot += 1
        self.twins.clock(Clock(self.slot, 0, self.epoch, self.epoch, self.time))

    def address(self) -> Pubkey:
        return Pubkey.from_bytes(self.rng.bytes(32))

    def wallet(self) -> Pubkey:
        owner = self.twins.put(self.address(), Account(10**13, b"", SYSTEM_PROGRAM))
        for mint in (self.pool.mint_x, self.pool.mint_y):
            self.fund(owner, mint, FUNDS)
        return owner

    def fund(self, owner: Pubkey, mint: Pubkey, amount: int) -> None:
        account = self.twins.real.get(mint)
        assert account is not None
        key = associated_token_account(owner, mint, account.owner)
        self.twins.put(key, token_account(self.twins.real, owner, mint, amount))

    def data(self, key: Pubkey) -> bytes:
        """Return an account's data on the true engine; empty where there is none."""
        account = self.twins.real.get(key)
        return b"" if account is None else account.data

    @property
    def pair(self) -> np.void:
        row: np.void = np.frombuffer(self.data(self.pool.lb_pair), LB_PAIR)[0]
        return row

    @property
    def extension(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        key = self.pool.bitmap_extension
        return np.frombuffer(b"" if key is None else self.data(key), BITMAP_EXTENSION)

    def any_wallet(self) -> Pubkey:
        return self.wallets[int(self.rng.integers(len(self.wallets)))]

    def any_position(self) -> PositionAccounts:
        position = self.positions[int(self.rng.integers(len(self.positions)))]
        return PositionAccounts(self.pool, position.key, position.owner)

    def any_address(self) -> Pubkey:
        """Return an address that something may be at."""
        pool, wallet = self.pool, self.any_wallet()
        index = int(self.pair["active_id"]) // 70
        choices = [
            pool.lb_pair,
            pool.mint_x,
            pool.mint_y,
            pool.reserve_x,
            pool.reserve_y,
            pool.oracle,
            pool.user_token_x(wallet),
            pool.user_token_y(wallet),
            bin_array_address(pool.lb_pair, index + int(self.rng.integers(-2, 3))),
            oracle_address(wallet),
            TOKEN_PROGRAM,
            TOKEN_2022_PROGRAM,
            MEMO_PROGRAM,
            PROGRAM_ID,
            wallet,
            self.address(),
            *(position.key for position in self.positions),
            *(order.key for order in self.orders),
        ]
        return choices[int(self.rng.integers(len(choices)))]

    def run(self, *instructions: Instruction, units: int = 1_400_000) -> Pair:
        """Execute one transaction on both engines."""
        tx, keys = compiled([set_compute_unit_limit(units), *instructions], self.payer)
        return Pair(keys, self.twins.real.execute(tx, keys), self.twins.model.execute(tx, keys))

    def differences(self, pair: Pair) -> list[str]:
        """Compare all that both engines say, and every account after, but for compute units."""
        real, model = pair.real, pair.model
        found = [
            f"{what}: {there} is not {here}"
            for what, there, here in (
                ("error", real.error, model.error),
                ("fee", real.fee, model.fee),
                ("inner", [group for group in real.inner if group], [group for group in model.inner if group]),
                ("logs", masked(real.logs), masked(model.logs)),
            )
            if there != here
        ]
        for key in pair.keys.all:
            there, here = self.twins.real.get(key), self.twins.model.get(key)
            if (there is None or not there.executable) and fields(there) != fields(here):
                found.append(f"account {key}")
        return found


def masked(logs: Sequence[str]) -> list[str]:
    """Leave out of a log what may differ: compute units, and under which loader a program stands."""
    return [_UNITS.sub("consumed", line).replace(_LOADER, _MODEL_LOADER) for line in logs]


def token_account(engine: Engine, owner: Pubkey, mint: Pubkey, amount: int) -> Account:
    """Make a token account as its program would, for a mint that the engine knows."""
    account = engine.get(mint)
    assert account is not None
    is_native = mint == WRAPPED_SOL
    native = struct.pack("<IQ", 1, RENT) if is_native else bytes(12)
    data = bytes(mint) + bytes(owner) + struct.pack("<Q", amount) + bytes(36) + b"\1" + native + bytes(44)
    if account.owner == TOKEN_2022_PROGRAM:
        held = decode_mint(str(mint), records.Account(str(account.owner), account.data))
        data += b"\2" + (struct.pack("<HHQ", 2, 8, 0) if held.older_fee else b"") + struct.pack("<HH", 7, 0)
    return Account(RENT + amount * is_native, data, account.owner)
