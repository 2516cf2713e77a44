"""Check life-cycle rows: the instruction, and where it succeeded everything it did.

Of every row the instruction is rebuilt and compared byte for byte, accounts and flags included. Of a row that succeeded
the change of the user's token accounts and of the pool's vaults is predicted, and every account of the state
afterwards, but for a hook's: those that the row says changed must have our bytes, those that it does not mention must
be as before. Of a row that failed only the instruction is checked.
"""

from collections.abc import Mapping

from dlmm.conformance import meteora_life, saros_life
from dlmm.conformance.effect import HOOK_ROLES, Effect
from dlmm.conformance.instructions import check_instruction
from dlmm.conformance.mismatch import Mismatch
from dlmm.conformance.vectors import Vector, short_hash
from dlmm.liquidity import LiquidityFailure
from dlmm.records import Venue


def check_life_row(vector: Vector) -> Mismatch | None:
    """Check one life-cycle row.

    :returns: The first difference, or `None` when there is none.

    """
    if vector.row.get("ix_full") is None:
        return Mismatch(str(vector.row["id"]), "instruction", "no check without the row's own", str(vector.row["what"]))
    mismatch = check_instruction(vector)
    if mismatch is not None or not vector.row["ok"]:
        return mismatch
    predict = meteora_life.predict if vector.venue is Venue.METEORA else saros_life.predict
    effect = predict(vector)
    identity = str(vector.row["id"])
    if effect is None:
        return Mismatch(identity, "effect", "no prediction", str(vector.row["what"]))
    if isinstance(effect, LiquidityFailure):
        return Mismatch(identity, "outcome", f"{effect.name} ({effect.reason})", "success")
    return _check_amounts(vector, effect) or _check_accounts(vector, effect)


def _check_amounts(vector: Vector, effect: Effect) -> Mismatch | None:
    vault = "reserve" if vector.venue is Venue.METEORA else "vault"
    ours = {
        "user_x": effect.user.x,
        "user_y": effect.user.y,
        f"{vault}_x": effect.vault.x,
        f"{vault}_y": effect.vault.y,
    }
    for name, amount in ours.items():
        theirs = vector.row["delta"][name]
        if amount != theirs:
            return Mismatch(str(vector.row["id"]), f"delta {name}", str(amount), str(theirs))
    return None


def _check_accounts(vector: Vector, effect: Effect) -> Mismatch | None:
    identity = str(vector.row["id"])
    post: Mapping[str, Mapping[str, object]] = vector.row["post"]
    for role, change in post.items():
        if role.startswith(HOOK_ROLES):
            continue
        if role not in effect.accounts and role not in effect.closed:
            return Mismatch(identity, f"account {role}", "unchanged", "changed")
        if change.get("closed") or role in effect.closed:
            if bool(change.get("closed")) != (role in effect.closed):
                return Mismatch(identity, f"account {role}", *_closed(role in effect.closed))
            continue
        theirs = change.get("full") or change.get("sha16")
        ours = short_hash(effect.accounts[role])
        if ours != theirs:
            return Mismatch(identity, f"bytes of {role}", ours, str(theirs))
    for role, data in effect.accounts.items():
        if role not in post and (role not in vector.state or vector.state[role].data != data):
            return Mismatch(identity, f"account {role}", "changed", "unchanged")
    for role in effect.closed:
        if role not in post:
            return Mismatch(identity, f"account {role}", "closed", "unchanged")
    return None


def _closed(ours: bool) -> tuple[str, str]:
    return ("closed", "open") if ours else ("open", "closed")
