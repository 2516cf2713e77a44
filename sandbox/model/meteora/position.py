"""Positions made, widened and closed."""

import numpy as np
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from dlmm.anchor import pack
from dlmm.liquidity import LiquidityFailure
from dlmm.meteora import positions
from dlmm.meteora.instructions.position import Side
from dlmm.meteora.layout import LB_PAIR, POSITION, POSITION_BINS, POSITION_EXTENSION_BIN
from dlmm.meteora.pdas import PROGRAM_ID, position_address
from dlmm.meteora.terms import ENABLED
from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import Record
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import MAX_GROWTH, Invocation, Program
from sandbox.model.meteora import errors, events, life_units
from sandbox.model.meteora.accounts import Accounts, Constraint, Field, Kind
from sandbox.model.meteora.arguments import Arguments
from sandbox.model.meteora.errors import account_error, anchor_error, math_error, panic

_LAST_BIN = (1 << 31) - 1
_MAX_ADDED_BINS = 91
_EVENTS = (Field("event_authority", Kind.EVENT_AUTHORITY), Field("program", Kind.UNCHECKED))


class OpenKind(Record, frozen=True):
    """Which of the three instructions makes a position.

    :arg base: Whether the position's address derives from a base, which signs instead of it.

    :arg may_exist: Whether a position that exists already is left as it is.

    :arg rent: Whether the rent sysvar is named.

    """

    name: str
    base: bool = False
    may_exist: bool = False
    rent: bool = True


class LengthenKind(Record, frozen=True):
    """Which of the two instructions widens a position.

    :arg to_a_bin: Whether the argument is the bin to reach upwards, not a number of bins and a side.

    :arg places: Lines of the program's source where it refuses the length, the width and the range.

    """

    name: str
    to_a_bin: bool
    places: tuple[int, int, int]


class CloseKind(Record, frozen=True):
    """Which of the three instructions closes a position.

    :arg newer: Whether the pool and two of its arrays are left out, which nothing looks at anyway.

    :arg only_if_empty: Whether a position that holds something is left as it is.

    :arg place: File and line of the program's source where it refuses a position that holds something.

    """

    name: str
    newer: bool
    only_if_empty: bool
    place: str


OPENINGS = (
    OpenKind("initialize_position"),
    OpenKind("initialize_position2", may_exist=True, rent=False),
    OpenKind("initialize_position_pda", base=True),
)
LENGTHENINGS = (
    LengthenKind("increase_position_length", to_a_bin=False, places=(36, 43, 56)),
    LengthenKind("increase_position_length2", to_a_bin=True, places=(47, 54, 67)),
)
CLOSINGS = (
    CloseKind("close_position", newer=False, only_if_empty=False, place="instructions/position/close_position.rs:55"),
    CloseKind("close_position2", newer=True, only_if_empty=False, place="instructions/v2/close_position2.rs:43"),
    CloseKind("close_position_if_empty", newer=True, only_if_empty=True, place=""),
)


def opener(kind: OpenKind) -> Program:
    """Return the program that makes positions by one of the three instructions."""
    fields = (
        Field("payer", Kind.SIGNER, is_mut=True),
        *((Field("base", Kind.SIGNER),) if kind.base else ()),
        Field("position", Kind.NEW),
        Field("lb_pair", Kind.PAIR),
        Field("owner", Kind.SIGNER),
        Field("system_program", Kind.SYSTEM_PROGRAM),
        *((Field("rent", Kind.UNCHECKED),) if kind.rent else ()),
        *_EVENTS,
    )

    def run(invocation: Invocation) -> None:
        lower, width = Arguments(invocation.data).take("ii")
        accounts = Accounts(invocation, fields)
        place = accounts.places["position"]
        if kind.base:
            wanted = position_address(accounts.key("lb_pair"), accounts.key("base"), lower, width)
            if invocation.key(place) != wanted:
                raise account_error(invocation, anchor.SEEDS, "position", (invocation.key(place), wanted))
        exists = kind.may_exist and invocation.owner(place) == PROGRAM_ID
        if not exists:
            if kind.may_exist and invocation.owner(place) != SYSTEM_PROGRAM:
                raise anchor_error(errors.INVALID_POSITION_OWNER)
            if not kind.may_exist and width < 0:
                raise panic(invocation, "state/position.rs:156:42", "attempt to multiply with overflow")
            more = 0 if kind.may_exist else max(width - POSITION_BINS, 0) * POSITION_EXTENSION_BIN.itemsize
            invocation.create(place, PROGRAM_ID, POSITION.itemsize + more, accounts.places["payer"], signs=kind.base)
        if exists and not kind.base and not invocation.is_signer(place):
            raise account_error(invocation, anchor.SIGNER, "position")
        accounts.constrain()
        if exists:
            if owner_of(accounts.data("position")) != accounts.key("owner"):
                raise anchor_error(errors.INVALID_POSITION_OWNER, f"instructions/position/{kind.name}.rs:43")
            accounts.use(life_units.OPEN_ALREADY)
            return
        before, after = life_units.OPENED[kind.name]
        if kind.base:
            keys = [bytes(accounts.key(name)) for name in ("lb_pair", "base")]
            before += life_units.search([b"position", *keys, pack("i", lower), pack("i", width)])
        accounts.use(before)
        data = positions.new_position(
            lb_pair=bytes(accounts.key("lb_pair")),
            owner=bytes(accounts.key("owner")),
            lower_bin_id=lower,
            width=width,
            time=invocation.clock.unix_timestamp,
        )
        _check_range(invocation, accounts, lower, lower + width - 1, data)
        assert isinstance(data, bytes)
        invocation.write(place, data)
        events.emit(
            invocation,
            events.position_create(accounts.key("lb_pair"), accounts.key("position"), accounts.key("owner")),
        )
        invocation.consume(after)

    return run


def _check_range(
    invocation: Invocation, accounts: Accounts, lower: int, upper: int, made: bytes | LiquidityFailure
) -> None:
    pair = np.frombuffer(accounts.data("lb_pair"), LB_PAIR)[0]
    place = "instructions/position/common.rs"
    if isinstance(made, LiquidityFailure):
        raise anchor_error(errors.POSITION_WIDTH, f"{place}:30")
    if upper > _LAST_BIN:
        invocation.log(math_error(f"{place}:35"))
        raise anchor_error(errors.MATH_OVERFLOW)
    if pair["status"] != ENABLED:
        raise anchor_error(errors.UNAUTHORIZED, f"{place}:41")
    if lower < pair["min_bin_id"]:
        raise anchor_error(errors.BIN_OUT_OF_BOUND, f"{place}:47")
    if upper > pair["max_bin_id"]:
        raise anchor_error(errors.BIN_OUT_OF_BOUND, f"{place}:52")


def lengthener(kind: LengthenKind) -> Program:
    """Return the program that widens positions by one of the two instructions."""
    fields = (
        Field("funder", Kind.SIGNER, is_mut=True),
        Field("lb_pair", Kind.PAIR),
        Field("position", Kind.POSITION, is_mut=True, relations=("lb_pair", "owner")),
        Field("owner", Kind.SIGNER),
        Field("system_program", Kind.SYSTEM_PROGRAM),
        *_EVENTS,
    )
    source = f"instructions/position/{kind.name}.rs"

    def run(invocation: Invocation) -> None:
        arguments = Arguments(invocation.data)
        argument, side = (*arguments.take("i"), Side.UPPER) if kind.to_a_bin else arguments.take("HB")
        accounts = Accounts(invocation, fields)
        data = accounts.data("position")
        head = np.frombuffer(data, POSITION, count=1)[0]
        pair = np.frombuffer(accounts.data("lb_pair"), LB_PAIR)[0]
        lower, upper = int(head["lower_bin_id"]), int(head["upper_bin_id"])
        added = argument - upper if kind.to_a_bin else argument
        if kind.to_a_bin:
            accounts.constrain()
            if added <= 0:
                accounts.use(life_units.WIDE_ALREADY)
                return
        else:
            if not invocation.is_writable(accounts.places["funder"]):
                raise account_error(invocation, anchor.MUT, "funder")
            _grow(invocation, accounts, upper - lower + 1, added)
            accounts.constrain()
        length, width, reach = (f"{source}:{line}" for line in kind.places)
        if not 0 < added <= _MAX_ADDED_BINS:
            raise anchor_error(errors.INVALID_RESIZE, length)
        upwards = side == Side.UPPER
        after = positions.widened_position(data, length_to_add=added, upwards=upwards)
        if isinstance(after, LiquidityFailure):
            raise anchor_error(errors.POSITION_WIDTH, width)
        if side not in tuple(Side):
            raise anchor_error(errors.INVALID_SIDE)
        if upper + added * upwards > pair["max_bin_id"] or lower - added * (not upwards) < pair["min_bin_id"]:
            raise anchor_error(errors.INVALID_BIN_ID, reach)
        if kind.to_a_bin:
            _grow(invocation, accounts, upper - lower + 1, added)
        accounts.use(life_units.widened(kind.name, upper - lower + 1, added, upwards=upwards))
        invocation.write(accounts.places["position"], after)
        lb_pair, position, owner = (accounts.key(name) for name in ("lb_pair", "position", "owner"))
        events.emit(invocation, events.increase_length(lb_pair, position, owner, added, side))
        invocation.consume(life_units.WIDENED[kind.name][1])

    return run


def _grow(invocation: Invocation, accounts: Accounts, width: int, added: int) -> None:
    """Pay for the bytes that further bins take, and take them, as Anchor's `realloc` does."""
    place, funder = accounts.places["position"], accounts.places["funder"]
    bins = max(width + added, POSITION_BINS) - max(width, POSITION_BINS)
    if bins == 0:
        return
    growth = bins * POSITION_EXTENSION_BIN.itemsize
    if growth > MAX_GROWTH:
        raise account_error(invocation, anchor.REALLOC_LIMIT, "position")
    data = invocation.read(place)
    missing = invocation.rent_exemption(len(data) + growth) - invocation.lamports(place)
    if missing > 0:
        parameters = TransferParams(
            from_pubkey=invocation.key(funder), to_pubkey=invocation.key(place), lamports=missing
        )
        invocation.call(transfer(parameters))
    invocation.write(place, data + bytes(growth))


def closer(kind: CloseKind) -> Program:
    """Return the program that closes positions by one of the three instructions."""
    pool = (
        Field("lb_pair", Kind.UNCHECKED, is_mut=True),
        *(Field(name, Kind.UNCHECKED, is_mut=True) for name in ("bin_array_lower", "bin_array_upper")),
    )
    fields = (
        Field("position", Kind.POSITION, is_mut=True),
        *(() if kind.newer else pool),
        Field("sender", Kind.SIGNER),
        Field("rent_receiver", Kind.UNCHECKED, is_mut=True),
        *_EVENTS,
    )

    def run(invocation: Invocation) -> None:
        accounts = Accounts(invocation, fields)
        if not kind.only_if_empty and accounts.key("rent_receiver") == accounts.key("position"):
            raise account_error(invocation, anchor.CLOSE, "position")
        accounts.constrain(position=check_sender(invocation))
        data = accounts.data("position")
        owner = owner_of(data)
        if accounts.key("sender") != owner and accounts.key("rent_receiver") != owner:
            raise anchor_error(errors.WRONG_RENT_RECEIVER, f"instructions/v2/{kind.name}.rs:32")
        accounts.use(life_units.POSITION_KEPT)
        if not positions.is_empty(data):
            if kind.only_if_empty:
                return
            raise anchor_error(errors.NON_EMPTY_POSITION, kind.place)
        head = np.frombuffer(data, POSITION, count=1)[0]
        accounts.use(life_units.closed(kind.name, int(head["upper_bin_id"]) - int(head["lower_bin_id"]) + 1))
        events.emit(invocation, events.position_close(accounts.key("position"), owner))
        invocation.close(accounts.places["position"], accounts.places["rent_receiver"])
        invocation.consume(life_units.CLOSED[kind.name][1])

    return run


def owner_of(position: bytes) -> Pubkey:
    """Return a position's owner."""
    return Pubkey.from_bytes(position[40:72])


def check_sender(invocation: Invocation) -> Constraint:
    """Return the check that a position's owner or operator is the sender."""

    def check(accounts: Accounts) -> None:
        data = accounts.data("position")
        operator = Pubkey.from_bytes(np.frombuffer(data, POSITION, count=1)[0]["operator"].tobytes())
        sender = accounts.key("sender")
        if sender not in (owner_of(data), operator):
            raise account_error(invocation, anchor.RAW, "position")

    return check
