"""Arrays whose references a kernel does not count.

Numba counts references to every array that one kernel hands to another, with atomic operations, twice a call: where a
loop over a million rows calls a few kernels with ten arrays each, that takes longer than the work. The arrays that a
kernel was called with from outside are held by its caller, and cannot go while it runs; so it may as well not count.
"""

from typing import Any, TypeVar

from numba.core import types
from numba.extending import intrinsic

from dlmm.jit import kernel

T = TypeVar("T")


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.BaseTuple):
        kinds: Any = kind
        parts = [builder.extract_value(value, place) for place in range(len(kinds))]
        return context.make_tuple(
            builder, kind, [_without_owner(context, builder, *part) for part in zip(kinds, parts, strict=True)]
        )
    if not isinstance(kind, types.Array):
        return value
    array = context.make_array(kind)(context, builder, value)
    for field in ("meminfo", "parent"):
        setattr(array, field, getattr(array, field).type(None))
    return array._getvalue()


@intrinsic
def _borrow(typing: Any, arrays: Any) -> Any:
    del typing

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _without_owner(context, builder, signature.args[0], values[0])

    return arrays(arrays), build


@kernel
def borrowed(arrays: T) -> T:
    """Return an array, or a tuple of what may be arrays, whose references are not counted.

    For what the outermost kernel was called with alone, and to be handed inwards only: never keep it or return it, and
    never borrow what the kernel made itself, which would be gone after its last use by name.
    """
    return _borrow(arrays)  # type: ignore[call-arg] # numba hands over the types besides
