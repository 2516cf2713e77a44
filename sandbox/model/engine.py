"""The model engine: keeps accounts, charges fees, and runs each transaction whole or not at all.

It follows agave 4.1: fee payers, compute budget, rent, privileges, conservation of lamports. Programs are functions
(`sandbox.model.invocation.Program`); those that every cluster has are built in.
"""

from collections.abc import Iterable, Mapping, Sequence

from solders.account import Account
from solders.clock import Clock
from solders.instruction import AccountMeta, CompiledInstruction
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from dlmm.programs import (
    ASSOCIATED_TOKEN_PROGRAM,
    COMPUTE_BUDGET_PROGRAM,
    MEMO_PROGRAM,
    RENT_SYSVAR,
    SYSTEM_PROGRAM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
)
from sandbox.engine import Execution, Keys
from sandbox.model.associated_token import associated_token
from sandbox.model.compute_budget import Budget, TransactionRefused, compute_budget, requested_budget
from sandbox.model.invocation import BUILTINS, Program, ProgramError, run_instruction
from sandbox.model.memo import memo
from sandbox.model.rent import RENT_SYSVAR_DATA, may_become, rent_exemption
from sandbox.model.state import TransactionState
from sandbox.model.system import system
from sandbox.model.token.program import spl_token, token_2022

NATIVE_LOADER = Pubkey.from_string("NativeLoader1111111111111111111111111111111")
LOADER = Pubkey.from_string("BPFLoader2111111111111111111111111111111111")
CLOCK_SYSVAR = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")
SYSVAR_OWNER = Pubkey.from_string("Sysvar1111111111111111111111111111111111111")
_LOADERS = frozenset((NATIVE_LOADER, LOADER))
_LOADED_OVERHEAD = 64
_BUILT_IN: Mapping[Pubkey, Program] = {
    SYSTEM_PROGRAM: system,
    COMPUTE_BUDGET_PROGRAM: compute_budget,
    TOKEN_PROGRAM: spl_token,
    TOKEN_2022_PROGRAM: token_2022,
    ASSOCIATED_TOKEN_PROGRAM: associated_token,
    MEMO_PROGRAM: memo,
}


class ModelEngine:
    """An engine of programs written as functions; `sandbox.engine.Engine` describes its methods."""

    name = "model"

    def __init__(self, programs: Mapping[Pubkey, Program]) -> None:
        """Begin with an account for each program, and no others.

        :arg programs: What runs at which address, beside what every cluster has.

        """
        self._programs: dict[Pubkey, Program] = {**_BUILT_IN, **programs}
        self._accounts: dict[Pubkey, Account] = {}
        self._owned: dict[Pubkey, set[Pubkey]] = {}
        self._clock = Clock(0, 0, 0, 0, 0)
        for program in self._programs:
            self.set(program, Account(1, b"", NATIVE_LOADER if program in BUILTINS else LOADER, executable=True))
        self.set(RENT_SYSVAR, Account(1, RENT_SYSVAR_DATA, SYSVAR_OWNER))
        self.set_clock(self._clock)

    def get(self, key: Pubkey) -> Account | None:
        return self._accounts.get(key)

    def set(self, key: Pubkey, account: Account | None) -> None:
        before = self._accounts.get(key)
        if before is not None:
            self._owned[before.owner].discard(key)
        if account is None or not account.lamports:
            self._accounts.pop(key, None)
            return
        self._accounts[key] = account
        self._owned.setdefault(account.owner, set()).add(key)

    def owned_by(self, program: Pubkey) -> Iterable[tuple[Pubkey, Account]]:
        return [(key, self._accounts[key]) for key in self._owned.get(program, ())]

    def set_clock(self, clock: Clock) -> None:
        self._clock = clock
        self.set(CLOCK_SYSVAR, Account(1, bytes(clock), SYSVAR_OWNER))

    def rent_exemption(self, size: int) -> int:
        return rent_exemption(size)

    def execute(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        execution = self.simulate(tx, keys)
        for key, account in execution.accounts.items():
            self.set(key, account)
        return execution

    def simulate(self, tx: VersionedTransaction, keys: Keys) -> Execution:
        message = tx.message
        try:
            budget = requested_budget(message.instructions, keys.all)
            fee = budget.fee(message.header.num_required_signatures)
            self._check_payer(keys.all[0], fee)
        except TransactionRefused as refused:
            return _never_ran(refused.error)
        try:
            self._check_loaded(message.instructions, keys.all, budget)
        except TransactionRefused as refused:
            return _never_ran(refused.error, fee, {keys.all[0]: self._charged(keys.all[0], fee)})
        return self._run(message.instructions, keys, budget, fee)

    def _check_payer(self, payer: Pubkey, fee: int) -> None:
        """Check that the first key can pay the fee.

        :raises TransactionRefused: It cannot, so the transaction never loads and nothing is charged.

        """
        account = self._accounts.get(payer)
        if account is None or not account.lamports:
            raise TransactionRefused("AccountNotFound")
        if account.owner != SYSTEM_PROGRAM or account.data:
            raise TransactionRefused("InvalidAccountForFee")
        if account.lamports < fee:
            raise TransactionRefused("InsufficientFundsForFee")
        if not may_become((account.lamports, 0), (account.lamports - fee, 0)):
            raise TransactionRefused({"InsufficientFundsForRent": {"account_index": 0}})

    def _check_loaded(
        self, instructions: Sequence[CompiledInstruction], keys: Sequence[Pubkey], budget: Budget
    ) -> None:
        """Check what the transaction loads.

        :raises TransactionRefused: It loads too much, or calls what is no program; the fee is charged.

        """
        loaded = 0
        for key in keys:
            account = self._accounts.get(key)
            loaded += 0 if account is None else _LOADED_OVERHEAD + len(account.data)
        if loaded > budget.loaded_bytes:
            raise TransactionRefused("MaxLoadedAccountsDataSizeExceeded")
        for instruction in instructions:
            program = self._accounts.get(keys[instruction.program_id_index])
            if program is None:
                raise TransactionRefused("ProgramAccountNotFound")
            if not program.executable or program.owner not in _LOADERS:
                raise TransactionRefused("InvalidProgramForExecution")

    def _charged(self, payer: Pubkey, fee: int) -> Account | None:
        account = self._accounts[payer]
        left = account.lamports - fee
        return Account(left, account.data, account.owner) if left else None

    def _run(self, instructions: Sequence[CompiledInstruction], keys: Keys, budget: Budget, fee: int) -> Execution:
        payer = keys.all[0]
        state = TransactionState(keys.all, self._accounts.get, self._clock)
        state.accounts[payer].lamports -= fee
        before = [(account.lamports, len(account.data)) for account in map(state.accounts.__getitem__, keys.all)]
        state.remaining = budget.units
        metas = [
            AccountMeta(key, is_signer=index < keys.signers, is_writable=keys.writable[index])
            for index, key in enumerate(keys.all)
        ]
        error = self._run_all(instructions, state, metas)
        if error is None:
            error = _rent_error(state, keys, before)
        if error is None:
            accounts = {
                key: state.accounts[key].account()
                for key, writes in zip(keys.all, keys.writable, strict=True)
                if writes
            }
        else:
            accounts = {payer: self._charged(payer, fee)}
        returned = state.return_data
        return Execution(
            error=error,
            logs=state.logs,
            units=budget.units - state.remaining,
            fee=fee,
            inner=state.inner,
            return_data=returned if returned is not None and returned[1] else None,
            accounts=accounts,
        )

    def _run_all(
        self, instructions: Sequence[CompiledInstruction], state: TransactionState, metas: Sequence[AccountMeta]
    ) -> object | None:
        state.inner.extend([] for _ in instructions)
        for index, instruction in enumerate(instructions):
            state.running = index
            program = metas[instruction.program_id_index].pubkey
            given = [metas[account] for account in bytes(instruction.accounts)]
            try:
                run_instruction(state, self._programs, program, given, bytes(instruction.data), 1)
            except ProgramError as error:
                return {"InstructionError": [index, error.json()]}
        return None


def _rent_error(state: TransactionState, keys: Keys, before: Sequence[tuple[int, int]]) -> object | None:
    for index, key in enumerate(keys.all):
        account = state.accounts[key]
        if keys.writable[index] and not may_become(before[index], (account.lamports, len(account.data))):
            return {"InsufficientFundsForRent": {"account_index": index}}
    return None


def _never_ran(error: object, fee: int = 0, accounts: dict[Pubkey, Account | None] | None = None) -> Execution:
    return Execution(
        error=error,
        logs=[],
        units=0,
        fee=fee,
        inner=[],
        return_data=None,
        accounts={} if accounts is None else accounts,
    )
