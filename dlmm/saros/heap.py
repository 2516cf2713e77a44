"""How much of its 32 KiB heap the program uses in a swap, to the byte, and therefore how many bins a swap may cross.

The program's allocator never frees. A walk costs: 208 bytes for each bin of the upper array (the lookup first fails in
the lower array, and builds an error), a growing list of 80-byte events (room for 4, 8, 16, 32, 64 .. of them, the old
lists stay behind), and at the end 591 bytes to emit each event. So growth to 64 events at bin 33 is a cliff, and the
limit lies between 28 and 34 bins: 33 or 34 in the lower array alone, 31 in the upper one; with a hook 32 and 28.

What comes before the walk depends on the pair's hook, on mints with extensions (a Token-2022 mint without any counts as
a plain one), on which side of the swap those are, and on whether the two mints belong to different token programs.

Source: measured by shrinking the heap constant of the real program until a swap no longer fits, over all combinations;
pinned by the golden vectors tagged `cross`.
"""

import numpy as np

from dlmm.jit import kernel

HEAP_BYTES = 32 * 1024
_UPPER_BIN = 208
_EVENT = 591
_EVENT_SLOT = 80
_MIXED_PROGRAMS = 72

DONE, REFUSED_OUT, REFUSED_IN, NOT_FOUND = range(4)
"""Where a swap ends: with its events; refused for too little out, or for too much in; off its arrays."""

# By [end][hook][mints with extensions: neither, that of the computed amount, that of the given amount, both].
_BASE = np.array(
    [
        [[2556, 2727, 2724, 2895], [4836, 5007, 5012, 5175]],
        [[2464, 2632, 2632, 2800], [4744, 4912, 4920, 5080]],
        [[2456, 2632, 2624, 2800], [4736, 4912, 4912, 5080]],
        [[2384, 2472, 2552, 2640], [4664, 4752, 4840, 4920]],
    ],
    np.int64,
)


@kernel
def heap_used(end: int, hook: bool, extended: int, mixed: bool, bins: int, upper_bins: int, starts_upper: bool) -> int:
    """Return the bytes that a swap needs.

    :arg end: `DONE`, `REFUSED_OUT`, `REFUSED_IN` or `NOT_FOUND`.

    :arg hook: Whether the pair has a hook.

    :arg extended: 1 if the mint of the computed amount has extensions, plus 2 if that of the given amount has.

    :arg mixed: Whether the mints belong to different token programs.

    :arg bins: Bins walked.

    :arg upper_bins: Those of them in the upper array.

    :arg starts_upper: Whether the first one is in the upper array.

    """
    used: int = _BASE[end, 1 if hook else 0, extended]
    if mixed:
        used += _MIXED_PROGRAMS
    if starts_upper and (hook or extended != 0):
        used -= 8  # the error's box fills what the list's alignment would waste
    room = 0
    while room < bins:
        room = max(4, 2 * room)
        used += _EVENT_SLOT * room
    used += _UPPER_BIN * upper_bins
    if end == DONE:
        used += _EVENT * bins
    return used
