"""What the token programs' instructions consume, measured on their binaries.

SPL Token is the rewrite whose instructions cost a hundred units or two. An instruction that succeeds is priced by its
number and, for Token-2022, by the extensions of the accounts it reads: within 150 units, most of them exactly. One that
fails costs what lies before the failure, so it is within a thousand for Token-2022 and within 200 for SPL Token.
"""

from collections.abc import Mapping

from dlmm.records import Record
from sandbox.model.invocation import Invocation
from sandbox.model.token.accounts import HOLDING_LENGTH, TRANSFER_FEE_CONFIG, Mint
from sandbox.model.token.rules import Rules

_SPL: Mapping[int, int] = {
    0: 87,
    1: 150,
    3: 76,
    4: 126,
    5: 108,
    6: 127,
    7: 119,
    8: 123,
    9: 120,
    10: 145,
    11: 141,
    12: 105,
    13: 163,
    14: 161,
    15: 126,
    16: 168,
    17: 201,
    18: 235,
    20: 201,
    21: 183,
    22: 38,
}
_SPL_FAILURE = 215
_TRANSFER_CHECKED = 12
_TARGETS = {3: 1, _TRANSFER_CHECKED: 2}
"""Which account a transfer's tokens go to, by the instruction's number."""

_TO_ITSELF, _CHECKED_TO_ITSELF, _NOTHING, _CHECKED_NOTHING, _NATIVE = 48, 53, 18, 17, 7
_NATIVE_OFFSET = 109


class _Reading(Record, frozen=True):
    """What reading an account adds: for its first extension, for each other one, and for a transfer fee."""

    index: int
    first: int
    other: int
    fee: int = 0


class _Cost(Record, frozen=True):
    base: int
    readings: tuple[_Reading, ...] = ()


_NEW_ACCOUNT = (_Reading(0, 45, 0), _Reading(1, 346, 184))
_FROZEN = (_Reading(0, 2, 0), _Reading(1, 76, 0))
_MINTED = (_Reading(0, 245, 162), _Reading(1, 7, 0))
_BURNT = (_Reading(0, 63, 54), _Reading(1, 301, 216))
_EXTENDED: Mapping[int, _Cost] = {
    0: _Cost(1_388),
    1: _Cost(1_894, _NEW_ACCOUNT),
    3: _Cost(1_457, (_Reading(0, 288, 110), _Reading(1, 120, 162))),
    4: _Cost(1_122, (_Reading(0, 63, 54),)),
    5: _Cost(860, (_Reading(0, 6, 0),)),
    6: _Cost(957, (_Reading(0, 83, 54),)),
    7: _Cost(1_282, _MINTED),
    8: _Cost(1_371, _BURNT),
    9: _Cost(1_219, (_Reading(0, 226, 373),)),
    10: _Cost(1_152, _FROZEN),
    11: _Cost(1_152, _FROZEN),
    12: _Cost(1_791, (_Reading(0, 120, 109), _Reading(1, 300, 216, fee=508), _Reading(2, 120, 162))),
    13: _Cost(1_407, (_Reading(0, 63, 54), _Reading(1, 76, 0))),
    14: _Cost(1_289, _MINTED),
    15: _Cost(1_378, _BURNT),
    16: _Cost(1_687, _NEW_ACCOUNT),
    17: _Cost(994, (_Reading(0, 4, 0),)),
    18: _Cost(1_567, _NEW_ACCOUNT),
    20: _Cost(1_273, (_Reading(0, 497, 0),)),
    21: _Cost(820, (_Reading(0, 239, 76, fee=244),)),
    22: _Cost(734),
    39: _Cost(908),
    0xD2: _Cost(3_464),
}
_SIZE_OF_EXTENSIONS = 384
_EXTENDED_UNKNOWN = 560


def of_success(call: Invocation, rules: Rules) -> int:
    """Units of an instruction that succeeds, on its accounts as they are before it runs."""
    number = call.data[0] if call.data else -1
    if not rules.is_extended:
        return _SPL.get(number, 0) + (_moved(call, _TARGETS[number]) if number in _TARGETS else 0)
    cost = _EXTENDED.get(number)
    if cost is None:
        return 0
    asked = _SIZE_OF_EXTENSIONS if number == 21 and len(call.data) > 1 else 0
    return cost.base + asked + sum(_reading_units(call, reading) for reading in cost.readings)


def _moved(call: Invocation, target: int) -> int:
    """More for a transfer of nothing, to the account itself, or of wrapped SOL, whose lamports move too.

    :arg target: Place of the account that receives it.

    """
    if target >= call.count:
        return 0
    is_checked = call.data[0] == _TRANSFER_CHECKED
    if call.key(0) == call.key(target):
        nothing = not any(call.data[1:9])
        return (_CHECKED_TO_ITSELF if is_checked else _TO_ITSELF) - nothing
    if not any(call.data[1:9]):
        return _CHECKED_NOTHING if is_checked else _NOTHING
    return _NATIVE if any(call.read(0)[_NATIVE_OFFSET : _NATIVE_OFFSET + 4]) else 0


def of_failure(rules: Rules, cost: int, *, said: bool) -> int:
    """Units of an instruction that fails.

    :arg cost: Units had it succeeded.

    :arg said: Whether the program itself ended it; else the runtime did, when all was done.

    """
    if cost and not said:
        return cost
    if not rules.is_extended:
        return _SPL_FAILURE
    return cost * 9 // 10 if cost else _EXTENDED_UNKNOWN


def _reading_units(call: Invocation, reading: _Reading) -> int:
    data = call.read(reading.index) if reading.index < call.count else b""
    if len(data) <= HOLDING_LENGTH:
        return 0
    kinds = Mint(data).kinds
    if not kinds:
        return 0
    return reading.first + reading.other * (len(kinds) - 1) + reading.fee * (TRANSFER_FEE_CONFIG in kinds)
