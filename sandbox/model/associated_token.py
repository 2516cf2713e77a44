"""The associated token account program: creates the account where a wallet keeps a token unless it says otherwise.

Units were measured on the program's binary; what mints with extensions add is known to a thousand. `recover_nested` is
left out.
"""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm.anchor import reader, writer
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM, SYSTEM_PROGRAM
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.token.accounts import HOLDING_LENGTH, Holding
from sandbox.model.token.rules import SPL, TOKEN_2022, Rules

_CREATE, _CREATE_IDEMPOTENT = b"\0", b"\1"
_FUNDER, _ACCOUNT, _WALLET, _MINT, _SYSTEM, _TOKEN_PROGRAM = range(6)
_INVALID_OWNER = 0
_DATA_SIZE = bytes((21, 7, 0))
_IMMUTABLE_OWNER = bytes((22,))
_INITIALIZE_ACCOUNT_3 = bytes((18,))

_UNITS_UNREAD, _UNITS_FEW = 1_448, 1_576
_UNITS_FOUND = 3_558
_UNITS_TRY = 1_500
_UNITS_BLANK, _UNITS_FOREIGN, _UNITS_THERE, _UNITS_OTHERS = 690, 35, 879, 1_463
_UNITS_ASKING, _UNITS_CREATING, _UNITS_TOPPING, _UNITS_RICH = 833, 4_490, 781, 185
_UNITS_EXTRA_ACCOUNT, _UNITS_DUPLICATE = 140, 100
_RULES = {SPL.program: SPL, TOKEN_2022.program: TOKEN_2022}


def associated_token(call: Invocation) -> None:
    """Run an instruction of the associated token account program."""
    if call.data not in (b"", _CREATE, _CREATE_IDEMPOTENT):
        call.consume(_UNITS_UNREAD)
        raise ProgramError("InvalidInstructionData")
    is_idempotent = call.data == _CREATE_IDEMPOTENT
    call.log("CreateIdempotent" if is_idempotent else "Create")
    if call.count <= _TOKEN_PROGRAM:
        call.consume(_UNITS_FEW)
        raise ProgramError("NotEnoughAccountKeys")
    account, wallet = call.key(_ACCOUNT), call.key(_WALLET)
    mint, program = call.key(_MINT), call.key(_TOKEN_PROGRAM)
    address, bump = Pubkey.find_program_address([bytes(wallet), bytes(program), bytes(mint)], ASSOCIATED_TOKEN_PROGRAM)
    call.consume(
        _UNITS_FOUND
        + _UNITS_TRY * (255 - bump)
        + _UNITS_EXTRA_ACCOUNT * (call.count - _TOKEN_PROGRAM - 1)
        - _UNITS_DUPLICATE * (wallet == call.key(_FUNDER))
    )
    if address != account:
        call.log("Error: Associated address does not match seed derivation")
        raise ProgramError("InvalidSeeds")
    if is_idempotent and call.owner(_ACCOUNT) == program and _is_there(call, wallet, mint):
        return
    if call.owner(_ACCOUNT) != SYSTEM_PROGRAM:
        call.consume(_UNITS_FOREIGN)
        raise ProgramError("IllegalOwner")
    _create(call, account, wallet, mint, program)


def _is_there(call: Invocation, wallet: Pubkey, mint: Pubkey) -> bool:
    """Tell whether the account stands already.

    :raises ProgramError: It does, but belongs to somebody else by now.

    """
    data = call.read(_ACCOUNT)
    if len(data) < HOLDING_LENGTH:
        return False
    if Holding(data).state == 0:
        call.consume(_UNITS_BLANK)
        return False
    holding = Holding(data)
    if holding.owner != bytes(wallet):
        call.consume(_UNITS_OTHERS)
        call.log("Associated token account owner does not match address derivation")
        raise ProgramError(_INVALID_OWNER)
    call.consume(_UNITS_THERE)
    if holding.mint != bytes(mint):
        raise ProgramError("InvalidAccountData")
    return True


def _create(call: Invocation, account: Pubkey, wallet: Pubkey, mint: Pubkey, program: Pubkey) -> None:
    rules: Rules | None = _RULES.get(program)
    call.consume(_UNITS_ASKING)
    call.call(Instruction(program, _DATA_SIZE, [reader(mint)]))
    returned = call.return_data
    if rules is None or returned is None or returned[0] != program:
        raise ProgramError("InvalidInstructionData")
    size, held = int.from_bytes(returned[1], "little"), call.lamports(_ACCOUNT)
    if held:
        call.consume(_UNITS_TOPPING if held < call.rent_exemption(size) else _UNITS_RICH)
    call.create(_ACCOUNT, program, size, _FUNDER)
    call.log("Initialize the associated token account")
    call.call(Instruction(program, _IMMUTABLE_OWNER, [writer(account)]))
    call.call(Instruction(program, _INITIALIZE_ACCOUNT_3 + bytes(wallet), [writer(account), reader(mint)]))
    call.consume(_UNITS_CREATING)
