"""Run instructions on the true programs, where a folder with their files is at hand."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from solders.clock import Clock
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from dlmm import records
from dlmm.meteora.pdas import PROGRAM_ID as METEORA_PROGRAM
from dlmm.saros.pdas import PROGRAM as SAROS_PROGRAM
from sandbox.engine import Engine, Execution
from sandbox.ledger.keys import resolve
from sandbox.real import RealEngine
from sandbox.wallets import fund, fund_lamports

FILES = {METEORA_PROGRAM: "lb_clmm_prod.so", SAROS_PROGRAM: "saros_dlmm.so"}
START = 1_735_700_000
FIRST_SLOT = 400_000_000


def programs() -> dict[Pubkey, bytes]:
    """Return the executables, or skip the calling test where DLMM_PROGRAMS names no folder with them."""
    folder = os.environ.get("DLMM_PROGRAMS")
    if not folder:
        pytest.skip("DLMM_PROGRAMS names no folder with lb_clmm_prod.so and saros_dlmm.so")
    return {program: (Path(folder) / file).read_bytes() for program, file in FILES.items()}


class Runner:
    """Runs one transaction after another on an engine, each one second after the last."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.steps = 0
        self.tick()

    def tick(self, seconds: int = 1) -> None:
        self.steps += seconds
        self.engine.set_clock(Clock(FIRST_SLOT + self.steps, START, 0, 0, START + self.steps))

    @property
    def clock(self) -> records.Clock:
        return records.Clock(FIRST_SLOT + self.steps, START + self.steps)

    def wallet(self, number: int, *mints: Pubkey, amount: int = 10**15) -> Keypair:
        key = Keypair.from_seed(bytes([number]) * 32)
        fund_lamports(self.engine, key.pubkey(), 10**12)
        for mint in mints:
            fund(self.engine, key.pubkey(), mint, amount)
        return key

    def run(self, instructions: Sequence[Instruction], *signers: Keypair) -> Execution:
        wanted = [set_compute_unit_limit(1_400_000 - self.steps % 1000), *instructions]
        message = MessageV0.try_compile(signers[0].pubkey(), wanted, [], Hash.default())
        tx = VersionedTransaction(message, list(signers))
        return self.engine.execute(tx, resolve(tx, self.engine.get))

    def balance(self, account: Pubkey) -> int:
        held = self.engine.get(account)
        return 0 if held is None else int.from_bytes(held.data[64:72], "little")


def real_runner() -> Runner:
    return Runner(RealEngine(programs()))
