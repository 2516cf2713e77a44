"""The pool's oracle: a ring of observations of the active bin, which every swap adds to.

An observation sums the active bin's id over seconds; one lasts two minutes, then the next place of the ring begins.

Source: the program's behaviour in process; `tests/sandbox/model/test_meteora.py` compares it.
"""

import struct

_HEAD = struct.Struct("<8xQQQ")
_OBSERVATION = struct.Struct("<Qqqq")
_LIFETIME_S = 120
_LOW = (1 << 64) - 1


def observed(oracle: bytes, *, active_id: int, time: int) -> bytes:
    """Return an oracle's bytes after a swap.

    :arg oracle: The account before.

    :arg active_id: Active bin before the swap.

    :arg time: Clock sysvar's unix timestamp.

    """
    index, filled, length = _HEAD.unpack_from(oracle)
    offset = _HEAD.size + _OBSERVATION.size * index
    low, high, created, last = _OBSERVATION.unpack_from(oracle, offset)
    total = (high << 64 | low) + active_id * (time - last if last else 1)
    if filled == 0:
        filled, created = 1, time
    elif time - created >= _LIFETIME_S:
        index = (index + 1) % length
        filled = max(filled, index + 1)
        created = time
        offset = _HEAD.size + _OBSERVATION.size * index
    after = bytearray(oracle)
    struct.pack_into("<QQ", after, 8, index, filled)
    _OBSERVATION.pack_into(after, offset, total & _LOW, total >> 64, created, time)
    return bytes(after)
