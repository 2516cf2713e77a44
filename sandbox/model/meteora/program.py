"""The Meteora program's entry point: which instruction it is, by the first eight bytes of its data."""

from collections.abc import Mapping

from solders.pubkey import Pubkey

from dlmm.anchor import discriminator
from dlmm.meteora.pdas import PROGRAM_ID
from sandbox.model.invocation import EVENT_PREFIX, Invocation, Program, ProgramError
from sandbox.model.meteora import errors, swap
from sandbox.model.meteora.errors import account_error, anchor_error
from sandbox.model.meteora.units import FAILURE

_INSTRUCTIONS: Mapping[str, Program] = {
    **{kind.name: swap.swapper(kind) for kind in swap.KINDS},
}
_BY_DISCRIMINATOR = {
    discriminator(name): ("".join(word.title() for word in name.split("_")), run) for name, run in _INSTRUCTIONS.items()
}


def meteora(invocation: Invocation) -> None:
    """Run one instruction of the Meteora program.

    :raises ProgramError: It fails; as the program itself would.

    """
    tag = invocation.data[: len(EVENT_PREFIX)]
    known = _BY_DISCRIMINATOR.get(tag)
    if known is None:
        if tag == EVENT_PREFIX:  # an event, which only the program may send
            raise account_error(invocation, errors.SIGNER, "event_authority")
        raise anchor_error(errors.FALLBACK_NOT_FOUND)
    name, run = known
    invocation.log(f"Instruction: {name}")
    try:
        run(invocation)
    except ProgramError as error:
        if error.log is not None:  # the program's own, not that of one it called
            invocation.consume(FAILURE)
        raise


PROGRAMS: Mapping[Pubkey, Program] = {PROGRAM_ID: meteora}
"""The program at its address, for `sandbox.model.engine.ModelEngine`."""
