"""The model engine beside the true runtime: the same accounts, the same transactions, everything compared."""

from collections.abc import Mapping, Sequence

import numpy as np
from solders.account import Account
from solders.clock import Clock
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from dlmm.programs import SYSTEM_PROGRAM
from sandbox.engine import Execution, Keys
from sandbox.ledger.keys import resolve
from sandbox.model.engine import ModelEngine
from sandbox.model.invocation import Program
from sandbox.real import RealEngine

SOL = 1_000_000_000


def address_of(number: int) -> Pubkey:
    return Pubkey(number.to_bytes(32, "little"))


def compiled(instructions: Sequence[Instruction], payer: Pubkey) -> tuple[VersionedTransaction, Keys]:
    """A transaction and its keys; signatures are the chain's to check, so these are blank."""
    message = MessageV0.try_compile(payer, list(instructions), [], Hash.default())
    blank = [Signature.default()] * message.header.num_required_signatures
    tx = VersionedTransaction.populate(message, blank)
    return tx, resolve(tx, lambda _: None)


class Twins:
    """Both engines with the same accounts."""

    def __init__(self, programs: Mapping[Pubkey, Program]) -> None:
        self.model = ModelEngine(programs)
        self.real = RealEngine()
        self.clock(Clock(1_000, 1_700_000_000, 100, 101, 1_700_000_000))

    def clock(self, clock: Clock) -> None:
        self.model.set_clock(clock)
        self.real.set_clock(clock)

    def put(self, key: Pubkey, account: Account | None) -> Pubkey:
        self.model.set(key, account)
        self.real.set(key, account)
        return key

    def wallet(self, number: int, lamports: int = 100 * SOL) -> Pubkey:
        """A wallet with lamports."""
        return self.put(address_of(number), Account(lamports, b"", SYSTEM_PROGRAM))

    def run(self, instructions: Sequence[Instruction], payer: Pubkey, units: int = 0) -> Execution:
        """Run a transaction on both, and hold everything they say of it equal.

        :arg units: By how many compute units the two may differ; then lines that report units may too.

        """
        tx, keys = compiled(instructions, payer)
        foreseen = self.model.simulate(tx, keys)
        real, model = self.real.execute(tx, keys), self.model.execute(tx, keys)
        assert told(model, units) == told(real, units), "\n".join([*real.logs, "-- model:", *model.logs])
        assert abs(model.units - real.units) <= units, (model.units, real.units, real.logs)
        assert foreseen == model
        for key in keys.all:
            self.hold(key)
        return model

    def model_alone(self, instructions: Sequence[Instruction], payer: Pubkey) -> Execution:
        """Run a transaction on the model, where the true runtime here is known not to be as a node."""
        return self.model.execute(*compiled(instructions, payer))

    def hold(self, key: Pubkey) -> None:
        """Hold an account of both equal."""
        if self.model.get(key) is None or not self.model.get(key).executable:  # type: ignore[union-attr]  # just asked
            assert fields(self.model.get(key)) == fields(self.real.get(key)), key


def told(execution: Execution, units: int) -> object:
    """What an engine said of a transaction, without units where these may differ."""
    logs = execution.logs
    if units:
        logs = [line for line in logs if " compute units" not in line]
    inner = [group for group in execution.inner if group]
    written = sorted(map(str, execution.accounts)) if execution.fee else []
    return execution.error, logs, execution.fee, inner, execution.return_data, written


def fields(account: Account | None) -> object:
    return account and (account.lamports, str(account.owner), account.executable, account.data.hex())


def seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
