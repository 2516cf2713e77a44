"""Compare the instruction that our builders make with the one that a vector's transaction carried."""

from solders.instruction import Instruction

from dlmm.conformance import meteora_instructions, saros_instructions
from dlmm.conformance.mismatch import Mismatch
from dlmm.conformance.vectors import Vector
from dlmm.records import Venue


def check_instruction(vector: Vector) -> Mismatch | None:
    """Check a row that carries its instruction (`ix_full`): program, data, and every account with its flags.

    :returns: The first difference, or `None` when there is none, or nothing to compare.

    """
    full = vector.row.get("ix_full")
    if full is None:
        return None
    venue = meteora_instructions if vector.venue is Venue.METEORA else saros_instructions
    ours = venue.build_swap(vector) if vector.row["kind"] == "swap" else venue.build_life(vector)
    identity = str(vector.row["id"])
    if ours is None:
        return Mismatch(identity, "instruction", "no builder", str(full["name"]))
    return _difference(identity, ours, full)


def _difference(identity: str, ours: Instruction, full: dict[str, object]) -> Mismatch | None:
    if str(ours.program_id) != full["program"]:
        return Mismatch(identity, "program", str(ours.program_id), str(full["program"]))
    if ours.data.hex() != full["data"]:
        return Mismatch(identity, "instruction data", ours.data.hex(), str(full["data"]))
    mine = [[str(meta.pubkey), int(meta.is_signer), int(meta.is_writable)] for meta in ours.accounts]
    theirs = full["accounts"]
    assert isinstance(theirs, list)
    for index, (one, other) in enumerate(zip(mine, theirs, strict=False)):
        if one != other:
            return Mismatch(identity, f"account {index}", str(one), str(other))
    if len(mine) != len(theirs):
        return Mismatch(identity, "number of accounts", str(len(mine)), str(len(theirs)))
    return None
