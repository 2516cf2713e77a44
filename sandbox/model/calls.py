"""What a program may pass on when it calls another, and what the call itself costs."""

from collections.abc import Sequence

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from sandbox.model.program_error import ProgramError
from sandbox.model.state import TransactionState

_UNITS = 1_000
_BYTES_PER_UNIT = 250


def call_units(run: TransactionState, instruction: Instruction) -> int:
    """Units of a call before the callee begins: a fixed part, and one for each 250 bytes handed over."""
    units = _UNITS + len(instruction.data) // _BYTES_PER_UNIT
    for key in {meta.pubkey for meta in instruction.accounts}:
        state = run.accounts.get(key)
        if state is not None:
            units += len(state.data) // _BYTES_PER_UNIT
    return units


def granted(
    run: TransactionState, caller: Sequence[AccountMeta], instruction: Instruction, signers: frozenset[Pubkey]
) -> list[AccountMeta]:
    """Check the privileges that a call passes on, and give duplicates of an account the same ones.

    :arg caller: What the calling instruction was given.

    :arg signers: Program-derived addresses that sign beside those.

    :returns: The callee's accounts.

    :raises ProgramError: An account or the program is not there, or a privilege is passed on that the caller lacks.

    """
    held = {meta.pubkey: meta for meta in caller}
    wanted: dict[Pubkey, tuple[bool, bool]] = {}
    for meta in instruction.accounts:
        key = meta.pubkey
        if key not in held:
            run.log(f"Instruction references an unknown account {key}")
            raise ProgramError("MissingAccount")
        signs, writes = wanted.get(key, (False, False))
        wanted[key] = (signs or meta.is_signer, writes or meta.is_writable)
    for key, (signs, writes) in wanted.items():
        if writes and not held[key].is_writable:
            run.log(f"{key}'s writable privilege escalated")
            raise ProgramError("PrivilegeEscalation")
        if signs and not (held[key].is_signer or key in signers):
            run.log(f"{key}'s signer privilege escalated")
            raise ProgramError("PrivilegeEscalation")
    if instruction.program_id not in run.index:
        run.log(f"Unknown program {instruction.program_id}")
        raise ProgramError("MissingAccount")
    return [AccountMeta(meta.pubkey, *wanted[meta.pubkey]) for meta in instruction.accounts]
