"""How every flow's module makes its `flow` when Bytewax's runner asks for it."""

import os
import sys
from collections.abc import Callable

from bytewax.dataflow import Dataflow

from connectors.results.run_folder import Outcome
from dlmm.errors import DlmmError
from flows.failure import exit_by, say_own_errors_in_one_line
from flows.settings.load import load_settings
from flows.settings.tree import Settings


def wire(name: str, build: Callable[[Settings, Outcome], Dataflow]) -> Dataflow:
    """Answer a module's `__getattr__`, so that importing the module reads no settings and starts nothing.

    What keeps the flow from being built, or ends it, is said in one line, and the exit status is then 1.

    :arg name: Attribute that was asked for.

    :arg build: Builds the flow from the settings, given where it says how it ended.

    :raises AttributeError: It is not `flow`.

    """
    if name != "flow":
        raise AttributeError(name)
    say_own_errors_in_one_line()
    outcome = Outcome()
    exit_by(lambda: outcome.failure)
    try:
        return build(load_settings(os.environ), outcome)
    except DlmmError as error:
        outcome.failure = str(error)  # said at the very end, below whatever else is still being ended
        sys.exit(1)
