"""The Meteora program's entry point: which instruction it is, by the first eight bytes of its data."""

from collections.abc import Mapping

from solders.pubkey import Pubkey

from dlmm.anchor import discriminator
from dlmm.meteora.pdas import PROGRAM_ID
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import EVENT_PREFIX, Invocation, Program, ProgramError
from sandbox.model.meteora import array, deposits, orders, position, swap, withdrawals
from sandbox.model.meteora.errors import account_error, anchor_error
from sandbox.model.meteora.units import EACH_ACCOUNT, ENTRY, FAILURE

_INSTRUCTIONS: Mapping[str, Program] = {
    **{kind.name: swap.swapper(kind) for kind in swap.KINDS},
    **{kind.name: position.opener(kind) for kind in position.OPENINGS},
    **{kind.name: position.lengthener(kind) for kind in position.LENGTHENINGS},
    **{kind.name: position.closer(kind) for kind in position.CLOSINGS},
    "add_liquidity2": deposits.add_liquidity2,
    "add_liquidity_by_strategy": deposits.by_strategy(newer=False),
    "add_liquidity_by_strategy2": deposits.by_strategy(newer=True),
    "remove_liquidity_by_range": withdrawals.remove_by_range(newer=False),
    "remove_liquidity_by_range2": withdrawals.remove_by_range(newer=True),
    "claim_fee": withdrawals.claim(newer=False),
    "claim_fee2": withdrawals.claim(newer=True),
    "place_limit_order": orders.place_limit_order,
    "cancel_limit_order": orders.cancel_limit_order,
    "close_limit_order_if_empty": orders.close_limit_order_if_empty,
    "initialize_bin_array": array.initialize_bin_array,
    "initialize_bin_array_bitmap_extension": array.initialize_bitmap_extension,
}
_BY_DISCRIMINATOR = {
    discriminator(name): ("".join(word.title() for word in name.split("_")), run) for name, run in _INSTRUCTIONS.items()
}


def meteora(invocation: Invocation) -> None:
    """Run one instruction of the Meteora program.

    :raises ProgramError: It fails; as the program itself would.

    """
    invocation.consume(ENTRY + EACH_ACCOUNT * invocation.count)
    tag = invocation.data[: len(EVENT_PREFIX)]
    known = _BY_DISCRIMINATOR.get(tag)
    if known is None:
        if tag == EVENT_PREFIX:  # an event, which only the program may send
            raise account_error(invocation, anchor.SIGNER, "event_authority")
        raise anchor_error(anchor.FALLBACK_NOT_FOUND)
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
