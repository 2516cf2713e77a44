"""The same Saros pools on two engines, and random transactions about them, good and failing."""

import re
import struct
from collections.abc import Sequence

import numpy as np
from solders.account import Account
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.programs import (
    MEMO_PROGRAM,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    associated_token_account,
)
from dlmm.records import Record
from dlmm.saros.keys import PairKeys
from dlmm.saros.layout import MIDDLE_BIN_ID, PAIR, PAIR_DISCRIMINATOR
from dlmm.saros.pdas import PROGRAM, bin_array_address, pair_address, position_address
from sandbox.engine import Execution, Keys
from sandbox.model.saros.program import liquidity_book
from tests.sandbox.model.twins import Twins, compiled, fields

PLAIN, TOKEN_2022, WITH_FEE, WITH_EXTENSION = range(4)
"""What a mint is: of the token program; of Token-2022 without extensions, with a transfer fee, with another one."""

PROGRAMS = {PROGRAM: liquidity_book}
_RENT = 10**9
_FUNDS = 10**17


class Pool(Record, frozen=True):
    """A pool of the world, and the bins that it began at."""

    keys: PairKeys
    start: int


class Position(Record, frozen=True):
    """A position of the world."""

    pool: Pool
    owner: Pubkey
    mint: Pubkey
    lower: int
    width: int


class Pair(Record, frozen=True):
    """One transaction on both engines."""

    keys: Keys
    real: Execution
    model: Execution


class World:
    """The pools, wallets and positions; the true program is believed about which positions there are."""

    def __init__(self, seed: int, program: bytes, *, kinds: Sequence[tuple[int, int]]) -> None:
        """Make one pool for each pair of mint kinds.

        :arg program: The true program's executable.

        """
        self.rng = np.random.default_rng(seed)
        self.twins = Twins(PROGRAMS)
        self.twins.real.add_program(PROGRAM, program)
        self.time = 1_700_000_000
        self.epoch = 7
        self.payer = self.wallet()
        self.wallets = [self.wallet() for _ in range(3)]
        self.pass_time(0)
        self.pools = [self._pool(kind_x, kind_y) for kind_x, kind_y in kinds]
        self.positions: list[Position] = []

    def address(self) -> Pubkey:
        return Pubkey.from_bytes(self.rng.bytes(32))

    def wallet(self) -> Pubkey:
        return self.twins.put(self.address(), Account(10**13, b"", SYSTEM_PROGRAM))

    def pass_time(self, seconds: int) -> None:
        self.time += seconds
        self.twins.clock(Clock(1000, self.time, self.epoch, self.epoch + 1, self.time))

    def run(self, *instructions: Instruction, units: int = 1_400_000) -> Pair:
        """Execute one transaction on both engines."""
        tx, keys = compiled([set_compute_unit_limit(units), *instructions], self.payer)
        return Pair(keys, self.twins.real.execute(tx, keys), self.twins.model.execute(tx, keys))

    def data(self, key: Pubkey) -> bytes:
        """Return an account's data, of the true engine."""
        account = self.twins.real.get(key)
        assert account is not None
        return account.data

    def any_pool(self) -> Pool:
        return self.pools[int(self.rng.integers(len(self.pools)))]

    def any_wallet(self) -> Pubkey:
        return self.wallets[int(self.rng.integers(len(self.wallets)))]

    def any_position(self) -> Position:
        return self.positions[int(self.rng.integers(len(self.positions)))]

    def any_address(self) -> Pubkey:
        """Return an address that something may be at: anything that instructions name."""
        pool, wallet = self.any_pool(), self.any_wallet()
        keys = pool.keys
        choices = [
            keys.pair,
            keys.mint_x,
            keys.mint_y,
            keys.vault_x,
            keys.vault_y,
            keys.user_vault_x(wallet),
            keys.user_vault_y(wallet),
            bin_array_address(keys.pair, pool.start // 256 + int(self.rng.integers(-2, 3))),
            keys.token_program_x,
            TOKEN_2022_PROGRAM,
            MEMO_PROGRAM,
            SYSTEM_PROGRAM,
            PROGRAM,
            wallet,
            self.address(),
        ]
        if self.positions:
            position = self.any_position()
            choices += [
                position.mint,
                position_address(position.mint),
                associated_token_account(position.owner, position.mint, TOKEN_2022_PROGRAM),
            ]
        return choices[int(self.rng.integers(len(choices)))]

    def mint(self, kind: int) -> Pubkey:
        key = self.address()
        decimals = int(self.rng.integers(0, 10))
        data = bytes(36) + struct.pack("<QBB", 10**18, decimals, 1) + bytes(36)
        if kind == WITH_FEE:
            fees = [struct.pack("<QQH", epoch, 10**12, int(self.rng.integers(0, 300))) for epoch in (0, 7)]
            data += bytes(83) + b"\1" + struct.pack("<HH", 1, 108) + bytes(72) + b"".join(fees)
        if kind == WITH_EXTENSION:
            data += bytes(83) + b"\1" + struct.pack("<HH", 3, 32) + bytes(32)
        self.twins.put(key, Account(_RENT, data, TOKEN_PROGRAM if kind == PLAIN else TOKEN_2022_PROGRAM))
        return key

    def fund(self, owner: Pubkey, mint: Pubkey, amount: int) -> Pubkey:
        account = self.twins.real.get(mint)
        assert account is not None
        data = bytes(mint) + bytes(owner) + struct.pack("<Q", amount) + bytes(36) + b"\1" + bytes(56)
        if account.owner == TOKEN_2022_PROGRAM:
            fee = struct.pack("<HHQ", 2, 8, 0) if len(account.data) > 82 and account.data[166] == 1 else b""
            data += b"\2" + fee + struct.pack("<HH", 7, 0)
        key = associated_token_account(owner, mint, account.owner)
        lamports = self.twins.real.rent_exemption(len(data))
        self.twins.put(key, Account(lamports, data, account.owner))
        return key

    def _pool(self, kind_x: int, kind_y: int) -> Pool:
        rng = self.rng
        mints = self.mint(kind_x), self.mint(kind_y)
        config, step = self.address(), int(rng.integers(1, 101))
        start = MIDDLE_BIN_ID + int(rng.integers(-2_000, 2_000)) * 10 // step
        row = np.zeros(1, PAIR)
        row["discriminator"] = np.frombuffer(PAIR_DISCRIMINATOR, np.uint8)
        row["config"] = np.frombuffer(bytes(config), np.uint8)
        row["bin_step"] = row["bin_step_seed"] = step
        row["mint_x"], row["mint_y"] = (np.frombuffer(bytes(mint), np.uint8) for mint in mints)
        row["base_factor"] = rng.integers(0, 20_000)
        row["filter_period"], row["decay_period"] = 30, 600
        row["reduction_factor"] = 5_000
        row["variable_fee_control"] = rng.choice([0, 40_000, 200_000])
        row["max_volatility_accumulator"] = 350_000
        row["protocol_share"] = rng.integers(0, 2_500)
        row["active_id"] = row["index_reference"] = start
        pair = pair_address(config, *mints, step)
        row["bump"] = Pubkey.find_program_address(
            [b"pair", bytes(config), *map(bytes, mints), bytes((step,))], PROGRAM
        )[1]
        self.twins.put(pair, Account(2_310_720, row.tobytes(), PROGRAM))
        programs = [TOKEN_PROGRAM if kind == PLAIN else TOKEN_2022_PROGRAM for kind in (kind_x, kind_y)]
        keys = PairKeys(pair, *mints, *programs)
        for mint in mints:
            self.fund(pair, mint, 0)
            for wallet in self.wallets:
                self.fund(wallet, mint, _FUNDS)
        return Pool(keys, start)


class Difference(Record, frozen=True):
    """What two engines disagree on."""

    what: str
    real: object
    model: object


_UNITS = re.compile(r"consumed \d+ of \d+")
_LOADER = re.compile(r"BPFLoader(Upgradeab1e11111111111111111111111|2111111111111111111111111111111111)")


def differences(world: World, pair: Pair) -> list[Difference]:
    """Compare all that both executions say, and the accounts after them, but for the units."""
    real, model = pair.real, pair.model
    found = [
        Difference(what, there, here)
        for what, there, here in (
            ("error", real.error, model.error),
            ("fee", real.fee, model.fee),
            ("inner", [group for group in real.inner if group], [group for group in model.inner if group]),
            ("return data", real.return_data, model.return_data),
            ("logs", masked(real.logs), masked(model.logs)),
        )
        if there != here
    ]
    for key in pair.keys.all:
        there, here = world.twins.real.get(key), world.twins.model.get(key)
        if (there is None or not there.executable) and fields(there) != fields(here):
            found.append(Difference(f"account {key}", fields(there), fields(here)))
    return found


def masked(logs: Sequence[str]) -> list[str]:
    """Leave out what may differ: units, and which loader owns the programs."""
    return [_LOADER.sub("loader", _UNITS.sub("consumed", line)) for line in logs]
