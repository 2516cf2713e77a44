"""`initialize_bin_array` and `create_position`: new accounts, and the NFT that stands for a position."""

import struct

import numpy as np
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from dlmm.anchor import reader, signer, writer, writing_signer
from dlmm.liquidity import LiquidityFailure
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM
from dlmm.saros import liquidity
from dlmm.saros.layout import BIN_ARRAY, BIN_ARRAY_DISCRIMINATOR, PAIR, POSITION
from sandbox.model.invocation import Invocation
from sandbox.model.saros import errors, events, units
from sandbox.model.saros.accounts import CREATE_POSITION, INITIALIZE_BIN_ARRAY, Accounts, read_accounts
from sandbox.model.saros.constraints import check_event_authority, check_seeds, find_address
from sandbox.model.saros.errors import anchor_error, panic

_NAME = "Saros Liquidity Position"
_SYMBOL = "SLP"
_ADDRESS = "https://general-inventory.coin98.tech/file/saros-liquidity-position-metadata.json"
_MINT_BYTES = 234
_RANGE_OFFSET = 1096
_MAX_U32 = (1 << 32) - 1

_LEFT_PLACE = "instructions/create_position.rs:72:75"
_RIGHT_PLACE = "instructions/create_position.rs:75:75"
_TOO_NARROW_PLACE = "state/position.rs:30"
_TOO_WIDE_PLACE = "state/position.rs:31"
_RENT_PLACE = "manager/token_manager.rs:182:26"

_INITIALIZE_METADATA_POINTER = bytes((39, 0))
_INITIALIZE_MINT = 20
_MINT_TO = 7
_DROP_MINT_AUTHORITY = bytes((6, 0, 0))
_INITIALIZE_METADATA = bytes.fromhex("d2e11ea258b84d8d")


def run_initialize_bin_array(invocation: Invocation, index: int) -> None:
    """Run `initialize_bin_array`.

    :raises ProgramError: The program's refusals, in its order.

    """
    accounts = read_accounts(invocation, INITIALIZE_BIN_ARRAY)
    pair = accounts.key("pair")
    check_seeds(accounts, "bin_array", b"bin_array", bytes(pair), struct.pack("<I", index))
    _create(accounts, "bin_array", invocation.program, BIN_ARRAY.itemsize)
    check_event_authority(accounts)
    array = np.zeros(1, BIN_ARRAY)
    array["discriminator"] = np.frombuffer(BIN_ARRAY_DISCRIMINATOR, np.uint8)
    array["pair"] = np.frombuffer(bytes(pair), np.uint8)
    array["index"] = index
    accounts.write("bin_array", array.tobytes())
    invocation.consume(units.ARRAY_EVENT_UNITS)
    events.send(invocation, events.bin_array_initialization(pair, index))
    invocation.consume(units.ARRAY_END_UNITS)


def run_create_position(invocation: Invocation, left: int, right: int) -> None:
    """Run `create_position`.

    :arg left: Lowest bin, counted from the active one.

    :arg right: Highest bin, counted from the active one.

    :raises ProgramError: The program's refusals, in its order.

    """
    accounts = read_accounts(invocation, CREATE_POSITION)
    mint, position = accounts.key("position_mint"), accounts.key("position")
    check_seeds(accounts, "position", b"position", bytes(mint))
    _create(accounts, "position", invocation.program, POSITION.itemsize)
    _make_mint(accounts)
    check_event_authority(accounts)
    data = _position_data(accounts, left, right)
    accounts.write("position", data)
    _give_nft(accounts)
    lower, upper = struct.unpack_from("<II", data, _RANGE_OFFSET)
    invocation.consume(units.CREATION_EVENT_UNITS)
    events.send(invocation, events.position_creation(accounts.key("pair"), position, mint, lower, upper))
    invocation.consume(units.CREATION_END_UNITS)


def _create(accounts: Accounts, name: str, owner: Pubkey, size: int, *, signs: bool = True) -> None:
    """Make an account that the user pays for.

    :arg signs: Whether the program signs for its address.

    """
    invocation, place = accounts.invocation, accounts.place(name)
    invocation.consume(units.TOP_UP_UNITS if invocation.lamports(place) else units.CREATE_UNITS)
    invocation.create(place, owner, size, accounts.place("user"), signs=signs)


def _make_mint(accounts: Accounts) -> None:
    """Make the position's mint with a pointer to itself for metadata, and the user's account for it."""
    invocation = accounts.invocation
    mint, position, user = accounts.key("position_mint"), accounts.key("position"), accounts.key("user")
    _create(accounts, "position_mint", TOKEN_2022_PROGRAM, _MINT_BYTES, signs=False)
    pointer = _INITIALIZE_METADATA_POINTER + bytes(position) + bytes(mint)
    invocation.consume(units.POINTER_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, pointer, [writer(mint)]))
    initialize = bytes((_INITIALIZE_MINT, 0)) + bytes(position) + b"\0"
    invocation.consume(units.MINT_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, initialize, [writer(mint)]))
    invocation.consume(units.NFT_ACCOUNT_UNITS)
    seeds = (bytes(user), bytes(TOKEN_2022_PROGRAM), bytes(mint))
    account = find_address(invocation, seeds, ASSOCIATED_TOKEN_PROGRAM)
    metas = [
        writing_signer(user),
        writer(account),
        reader(user),
        reader(mint),
        reader(SYSTEM_PROGRAM),
        reader(TOKEN_2022_PROGRAM),
    ]
    invocation.call(Instruction(ASSOCIATED_TOKEN_PROGRAM, b"\0", metas))


def _position_data(accounts: Accounts, left: int, right: int) -> bytes:
    """Return the bytes of the new position.

    :raises ProgramError: The range is too narrow or too wide, or leaves the bins there are.

    """
    invocation, pair = accounts.invocation, accounts.read("pair")
    invocation.consume(units.RANGE_UNITS)
    active_id = int(np.frombuffer(pair, PAIR)["active_id"][0])
    for place, bin_id in ((_LEFT_PLACE, active_id + left), (_RIGHT_PLACE, active_id + right)):
        if not 0 <= bin_id <= _MAX_U32:
            raise panic(invocation, place, "called `Option::unwrap()` on a `None` value")
    position = liquidity.create_position(
        pair_address=bytes(accounts.key("pair")),
        pair=pair,
        position_mint=bytes(accounts.key("position_mint")),
        relative_bin_id_left=left,
        relative_bin_id_right=right,
    )
    if isinstance(position, LiquidityFailure):
        place = _TOO_NARROW_PLACE if right <= left else _TOO_WIDE_PLACE
        raise anchor_error(invocation, errors.INVALID_BIN_RANGE, place)
    return position


def _give_nft(accounts: Accounts) -> None:
    """Name the NFT, pay for the bytes that takes, mint the only one, and let nobody mint another."""
    invocation = accounts.invocation
    place = accounts.place("position_mint")
    mint, position, user = accounts.key("position_mint"), accounts.key("position"), accounts.key("user")
    signers = (position,)
    metadata = _INITIALIZE_METADATA + b"".join(
        struct.pack("<I", len(text)) + text.encode() for text in (_NAME, _SYMBOL, _ADDRESS)
    )
    metas = [writer(mint), reader(position), reader(mint), signer(position)]
    invocation.consume(units.METADATA_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, metadata, metas), signers)
    missing = invocation.rent_exemption(len(invocation.read(place))) - invocation.lamports(place)
    if missing < 0:
        raise panic(invocation, _RENT_PLACE, "attempt to subtract with overflow")
    if missing:
        invocation.call(transfer(TransferParams(from_pubkey=user, to_pubkey=mint, lamports=missing)))
    account = accounts.key("position_token_account")
    mint_to = struct.pack("<BQ", _MINT_TO, 1)
    metas = [writer(mint), writer(account), signer(position)]
    invocation.consume(units.MINT_TO_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, mint_to, metas), signers)
    metas = [writer(mint), signer(position)]
    invocation.consume(units.DROP_AUTHORITY_UNITS)
    invocation.call(Instruction(TOKEN_2022_PROGRAM, _DROP_MINT_AUTHORITY, metas), signers)
