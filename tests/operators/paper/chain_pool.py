"""A pool with account bytes as a chain has them: swapped on by the exact arithmetic, with a true position or none."""

import numpy as np
from msgspec.structs import replace
from solders.pubkey import Pubkey

from dlmm.liquidity import BASIS_POINTS, NOTHING, Amounts, LiquidityChange, LiquidityState, PoolTokens
from dlmm.meteora.liquidity import claim_fees, deposit, remove_liquidity
from dlmm.meteora.pool import MeteoraPool
from dlmm.meteora.positions import new_position
from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import Account, Clock, SwapFailure, SwapRequest, Venue
from dlmm.saros.instructions import LiquidityShare
from dlmm.saros.liquidity import close_position, create_position, increase_position
from dlmm.saros.pool import SarosPool
from dlmm.shapes import apportion
from dlmm.swap import Pool, apply
from dlmm.tokens import TOKEN_PROGRAM
from operators.pools import PoolInfo
from tests.operators.markets import ORIGINS, START_NS

VENUES = (Venue.METEORA, Venue.SAROS)
CLOCK = Clock(slot=1_000, unix_timestamp=START_NS // 10**9)
SHARE = 2_000


def key(name: int) -> Pubkey:
    return Pubkey.from_bytes(bytes([name]) * 32)


RECORDED = tuple(
    PoolInfo(
        pool=str(key(10 + index)),
        venue=venue,
        base="SOL",
        quote="USDC",
        bin_step=(20, 10)[index],
        base_factor=(10_000, 2_000)[index],
        decimals_x=(9, 6)[index],
        mint_x=str(key(20 + index)),
        mint_y=str(key(30)),
        protocol_share=SHARE,
    )
    for index, venue in enumerate(VENUES)
)


def mint_account(decimals: int) -> Account:
    data = bytearray(82)
    data[44], data[45] = decimals, 1
    return Account(TOKEN_PROGRAM, bytes(data))


class ChainPool:
    """One pool of either venue around its origin.

    :arg value: Whole Y that all of its bins are worth.

    """

    def __init__(self, index: int, value: float = 610_000.0, half_width: int = 30) -> None:
        self.info = RECORDED[index]
        self.origin = ORIGINS[index]
        info = self.info
        terms = PoolTerms(
            **{name: getattr(info, name) for name in PoolTerms.__struct_fields__ if name != "address"},
            address=info.pool,
        )
        made = synthetic_pool(terms, self.origin, int(value * 10**6), half_width)
        owner = np.frombuffer(bytes(Pubkey.from_string(info.pool)), np.uint8)
        made.arrays["lb_pair" if isinstance(made, MeteoraPool) else "pair"] = owner
        for name in ("mint_x", "mint_y"):
            made.pair[name] = np.frombuffer(bytes(Pubkey.from_string(getattr(info, name))), np.uint8)
        self.mints = {info.mint_x: mint_account(info.decimals_x), info.mint_y: mint_account(6)}
        accounts = made.to_accounts()
        self.accounts = {
            address if address == info.pool else str(key(100 + place)): account
            for place, (address, account) in enumerate(accounts.items())
        } | self.mints

    @property
    def pool(self) -> Pool:
        decode = SarosPool.from_accounts if self.info.venue is Venue.SAROS else MeteoraPool.from_accounts
        pool: Pool = decode(self.info.pool, self.accounts)
        return pool

    @property
    def bins(self) -> int:
        """The active bin, from the origin."""
        return self.pool.active_id - self.origin

    def swap(self, amount: int, *, for_y: bool) -> bool:
        """Swap, and tell whether it went through."""
        made = apply(self.pool, SwapRequest(True, amount, for_y, 0), CLOCK)
        if isinstance(made, SwapFailure):
            return False
        self.accounts |= made[1].to_accounts()
        return True

    def reach(self, bins: int) -> None:
        """Swap the price to a bin beyond or at one, as closely as whole bins allow."""
        step = 2_000 * 10**6
        while self.bins != bins:
            up = self.bins < bins
            unit = 1 if up else 10**-6 / float(self.pool.price_x64 / 2**64) * 10**6
            assert self.swap(int(step * unit), for_y=not up)

    def put(self, lower: int, upper: int, wanted: dict[int, Amounts]) -> Amounts:
        """Deposit as a position of our own; return what was paid."""
        state = self._state(b"")
        change: object
        if self.info.venue is Venue.METEORA:
            width = upper - lower + 1
            position = new_position(lb_pair=bytes(32), owner=bytes(32), lower_bin_id=lower, width=width, time=0)
            assert isinstance(position, bytes)
            bins = list(wanted.items())
            change = deposit(replace(state, position=position), bins, tokens=self.tokens, time=CLOCK.unix_timestamp)
        else:
            active_id = self.pool.active_id
            position = create_position(
                pair_address=bytes(32),
                pair=state.pair,
                position_mint=bytes(32),
                relative_bin_id_left=lower - active_id,
                relative_bin_id_right=upper - active_id,
            )
            assert isinstance(position, bytes)
            given = [wanted.get(bin_id, NOTHING) for bin_id in range(lower, upper + 1)]
            total = sum(given, NOTHING)
            in_x, in_y = _basis_points([one.x for one in given]), _basis_points([one.y for one in given])
            places = range(lower - active_id, upper - active_id + 1)
            change = increase_position(
                replace(state, position=position),
                amount_x=total.x,
                amount_y=total.y,
                shares=[LiquidityShare(*row) for row in zip(places, in_x, in_y, strict=True)],
                tokens=self.tokens,
            )
        assert isinstance(change, LiquidityChange), change
        self._take(change.after)
        return NOTHING - change.user

    def take_out(self, lower: int, upper: int) -> tuple[Amounts, Amounts]:
        """Withdraw everything; return what the bins gave, and the fees beside."""
        state = self._state(self.position)
        if self.info.venue is Venue.SAROS:
            closed = close_position(state, tokens=self.tokens)
            assert isinstance(closed, LiquidityChange)
            return closed.user, NOTHING
        time = CLOCK.unix_timestamp
        removed = remove_liquidity(
            state, from_bin_id=lower, to_bin_id=upper, bps=BASIS_POINTS, tokens=self.tokens, time=time
        )
        assert isinstance(removed, LiquidityChange)
        claimed = claim_fees(removed.after, min_bin_id=lower, max_bin_id=upper, tokens=self.tokens, time=time)
        return removed.user, claimed.user

    @property
    def tokens(self) -> PoolTokens:
        return PoolTokens(self.pool.mint_x, self.pool.mint_y, 0)

    def _state(self, position: bytes) -> LiquidityState:
        pool = self.pool
        arrays = {int(array["index"]): array.tobytes() for array in pool.arrays}
        return LiquidityState(pool.pair.tobytes(), position, arrays)

    def _take(self, after: LiquidityState) -> None:
        pool = self.pool
        self.position = after.position
        owner = self.accounts[self.info.pool].owner
        self.accounts[self.info.pool] = Account(owner, after.pair)
        for address, array in zip(pool.array_addresses, pool.arrays, strict=True):
            self.accounts[address] = Account(owner, after.bin_arrays[int(array["index"])])


def _basis_points(amounts: list[int]) -> list[int]:
    return apportion(BASIS_POINTS, amounts) if any(amounts) else [0] * len(amounts)
