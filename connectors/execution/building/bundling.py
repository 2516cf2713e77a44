"""Several steps in one transaction, as far as its bytes and compute units allow."""

from collections.abc import Callable, Sequence

from connectors.execution.building.compute_budget import BUDGET_UNITS, MAX_UNITS
from connectors.execution.building.steps import Step

Fits = Callable[[Step], bool]
"""Tell whether a step goes into one packet, with all that is sent along with it."""


def bundled(steps: Sequence[Step]) -> Step | None:
    """Join steps into one; `None` where it would use too many compute units."""
    used = sum(step.compute_units - BUDGET_UNITS for step in steps) + BUDGET_UNITS
    if len(steps) > 1 and used > MAX_UNITS:
        return None
    return Step(
        tuple(instruction for step in steps for instruction in step.instructions),
        used,
        tuple(name for step in steps for name in step.extra),
    )


def longest(steps: Sequence[Step], fits: Fits) -> Step:
    """Join as many steps as go into one transaction, from the first on; that one goes in any case."""
    found = steps[0]
    for count in range(2, len(steps) + 1):
        more = bundled(steps[:count])
        if more is None or not fits(more):
            break
        found = more
    return found
