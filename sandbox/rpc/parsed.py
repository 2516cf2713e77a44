"""`jsonParsed`: token accounts, mints, and transfers in words; a node leaves everything else in bytes too."""

import struct
from collections.abc import Sequence

from solders.account import Account
from solders.pubkey import Pubkey

from dlmm.programs import SYSTEM_PROGRAM, TOKEN_PROGRAM
from sandbox.ledger.tokens import TOKEN_PROGRAMS, Get, decimals, holding, supply
from sandbox.rpc.amounts import ui_amount

_STATES = {0: "uninitialized", 1: "initialized", 2: "frozen"}
_SOME = b"\1\0\0\0"
_SYSTEM_TRANSFER = b"\2\0\0\0"
_TRANSFER, _TRANSFER_CHECKED = 3, 12


def _program_name(program: Pubkey) -> str:
    return "spl-token" if program == TOKEN_PROGRAM else "spl-token-2022"


def parsed_account(account: Account, get: Get) -> dict[str, object] | None:
    """Write a token account or a mint in words; `None` for anything else."""
    data = bytes(account.data)
    held = holding(account)
    info: dict[str, object]
    if held is not None:
        native = data[109:113] == _SOME
        info = {
            "isNative": native,
            "mint": str(held.mint),
            "owner": str(held.owner),
            "state": _STATES.get(data[108], "initialized"),
            "tokenAmount": ui_amount(held.amount, decimals(held.mint, get)),
        }
        if native:
            info["rentExemptReserve"] = ui_amount(struct.unpack_from("<Q", data, 113)[0], 9)
        kind = "account"
    else:
        issued = supply(account)
        if issued is None:
            return None
        info = {
            "decimals": issued.decimals,
            "freezeAuthority": str(Pubkey(data[50:82])) if data[46:50] == _SOME else None,
            "isInitialized": bool(data[45]),
            "mintAuthority": str(Pubkey(data[4:36])) if data[:4] == _SOME else None,
            "supply": str(issued.amount),
        }
        kind = "mint"
    return {"program": _program_name(account.owner), "parsed": {"info": info, "type": kind}, "space": len(data)}


def parsed_instruction(program: Pubkey, accounts: Sequence[Pubkey], data: bytes) -> dict[str, object] | None:
    """Write a transfer in words; `None` for anything else."""
    names = [str(key) for key in accounts]
    info: dict[str, object]
    if program == SYSTEM_PROGRAM:
        if data[:4] != _SYSTEM_TRANSFER or len(data) != 12 or len(names) < 2:
            return None
        info = {"source": names[0], "destination": names[1], "lamports": struct.unpack_from("<Q", data, 4)[0]}
        return {"parsed": {"info": info, "type": "transfer"}, "program": "system", "programId": str(program)}
    if program not in TOKEN_PROGRAMS:
        return None
    if data[:1] == bytes([_TRANSFER_CHECKED]) and len(data) == 10 and len(names) >= 4:
        info = {"authority": names[3], "destination": names[2], "mint": names[1], "source": names[0]}
        info["tokenAmount"] = ui_amount(struct.unpack_from("<Q", data, 1)[0], data[9])
        kind = "transferChecked"
    elif data[:1] == bytes([_TRANSFER]) and len(data) == 9 and len(names) >= 3:
        amount = struct.unpack_from("<Q", data, 1)[0]
        info = {"amount": str(amount), "authority": names[2], "destination": names[1], "source": names[0]}
        kind = "transfer"
    else:
        return None
    return {"parsed": {"info": info, "type": kind}, "program": _program_name(program), "programId": str(program)}
