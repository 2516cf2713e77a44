"""Random swaps on both venues: exact in and out, the older forms too, with every refusal that a client meets."""

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from dlmm import swap
from dlmm.meteora.instructions import swap as meteora_swap
from dlmm.programs import associated_token_account
from dlmm.records import SwapFailure, SwapRequest
from dlmm.swap import Pool
from sandbox.comparison.world import Command, World
from sandbox.market.pool_access import MeteoraAccess, PoolAccess

MAX_U64 = (1 << 64) - 1
_LOSS = 0.01


def meteora_command(world: World) -> Command:
    """Draw a swap on Meteora."""
    _, pool_access = world.meteora()
    return _command(world, pool_access)


def saros_command(world: World) -> Command:
    """Draw a swap on Saros."""
    _, pool_access = world.saros()
    return _command(world, pool_access)


def random_request(world: World, pool_access: PoolAccess, pool: Pool) -> SwapRequest:
    """Draw what a swap asks for: mostly what can be had, with a limit near the quote on either side of it."""
    exact_in, swap_for_y = world.happens(0.7), world.happens(0.5)
    amount = world.amounts(pool_access.facts, world.value(0.01, 40_000.0))[exact_in != swap_for_y]
    if world.happens(0.03):
        amount = world.pick([0, 1, 2, 10, 10**18, MAX_U64])
    loose = 0 if exact_in else MAX_U64
    wanted = pool_access.request(pool, amount, swap_for_y=swap_for_y, exact_in=exact_in, threshold=loose)
    quote = swap.quote(pool, wanted, world.clock)
    if isinstance(quote, SwapFailure) or world.happens(0.15):
        return wanted
    exact = quote.amount_out if exact_in else quote.amount_in
    # at the quote itself, a little on the safe side, or one unit beyond what the pool gives
    slack = world.pick([0, 0, 0, *([int(exact * _LOSS)] * 5), -1, -int(exact * _LOSS) - 1])
    threshold = exact - slack if exact_in else exact + slack
    threshold = min(max(threshold, 0), MAX_U64)
    return pool_access.request(pool, amount, swap_for_y=swap_for_y, exact_in=exact_in, threshold=threshold)


def _with_other_arrays(world: World, wanted: SwapRequest) -> SwapRequest:
    arrays = wanted.arrays or (0,)
    far = world.between(2, 40)
    choices = [
        tuple(reversed(arrays)),
        arrays[:1] * len(arrays),
        tuple(index + 1 for index in arrays),
        tuple(index - 1 for index in arrays),
        tuple(index + far for index in arrays),
        arrays[1:] or arrays,
    ]
    return SwapRequest(wanted.exact_in, wanted.amount, wanted.swap_for_y, wanted.threshold, arrays=world.pick(choices))


def _command(world: World, pool_access: PoolAccess) -> Command:
    user = world.wallets[world.wallet()]
    pool = pool_access.read()
    wanted = random_request(world, pool_access, pool)
    kind = f"{pool_access.facts.venue} swap {'in' if wanted.exact_in else 'out'}"
    if world.happens(0.05):
        wanted = _with_other_arrays(world, wanted)
    instruction = _instruction(world, pool_access, wanted, user.pubkey())
    units = world.between(300, 3_000) if world.happens(0.02) else 1_400_000
    return Command(kind, [instruction], [user], units)


def _instruction(world: World, pool_access: PoolAccess, wanted: SwapRequest, user: Pubkey) -> Instruction:
    if not isinstance(pool_access, MeteoraAccess):
        return pool_access.swap(user, wanted)
    keys = pool_access.keys
    host = None
    if world.happens(0.1):
        mint = keys.mint_x if wanted.swap_for_y else keys.mint_y
        host = associated_token_account(world.wallets[1].pubkey(), mint)
    accounts = meteora_swap.SwapAccounts(keys, user, wanted.swap_for_y, wanted.arrays or (), host_fee_in=host)
    older = world.happens(0.15)
    if wanted.exact_in:
        build = meteora_swap.swap if older else meteora_swap.swap2
        return build(accounts, amount_in=wanted.amount, min_amount_out=wanted.threshold)
    build_out = meteora_swap.swap_exact_out if older else meteora_swap.swap_exact_out2
    return build_out(accounts, max_amount_in=wanted.threshold, amount_out=wanted.amount)
