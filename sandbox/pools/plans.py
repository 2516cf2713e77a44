"""What the sandbox's pools are made of: their tokens, fees and depth, and what a pool is known by once it stands."""

from solders.pubkey import Pubkey

from dlmm.price import human_price, nearest_exponent, price_x64, ratio_of, raw_price
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Record, Venue


class Token(Record, frozen=True):
    """A token that pools trade.

    :arg decimals: Digits after the point of one whole token.

    """

    symbol: str
    mint: Pubkey
    decimals: int


SOL = Token("SOL", WRAPPED_SOL, 9)
USDC = Token("USDC", Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"), 6)
JUP = Token("JUP", Pubkey.from_string("JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN"), 6)


class FeeTerms(Record, frozen=True):
    """What a pool charges, in the programs' own units.

    :arg filter_period: Seconds within which trades count as one move.

    :arg decay_period: Seconds after which volatility is forgotten.

    :arg reduction_factor: Basis points of volatility kept between the two.

    :arg protocol_share: Basis points of the fee that the protocol takes.

    """

    base_factor: int
    variable_fee_control: int
    max_volatility_accumulator: int
    protocol_share: int
    filter_period: int = 30
    decay_period: int = 600
    reduction_factor: int = 5_000


class PoolPlan(Record, frozen=True):
    """A pool to plant.

    :arg price: Whole Y for one whole X, about which the liquidity lies.

    :arg depth: Value of the active bin and of each bin beside it, whole Y.

    :arg positions: Positions side by side, as many bins each as the venue allows.

    :arg floor: Part of the depth that the outermost bins still have.

    """

    venue: Venue
    token_x: Token
    token_y: Token
    bin_step: int
    fees: FeeTerms
    price: float
    depth: float
    positions: int
    floor: float = 0.2

    @property
    def name(self) -> str:
        """Return what tells the pool from the others, for the keys that are made for it."""
        return f"{self.venue}/{self.token_x.symbol}-{self.token_y.symbol}/{self.bin_step}"

    @property
    def exponent(self) -> int:
        """Return the active bin's distance from the bin whose price is 1."""
        return nearest_exponent(raw_price(self.price, self.token_x.decimals, self.token_y.decimals), self.bin_step)

    @property
    def start_price(self) -> float:
        """Return the active bin's price, whole Y for one whole X."""
        raw = ratio_of(price_x64(self.exponent, self.bin_step))
        return human_price(raw, self.token_x.decimals, self.token_y.decimals)


class PoolFacts(Record, frozen=True):
    """What is fixed about a planted pool.

    :arg program: Owner of the pool's account.

    :arg price: Active bin's price at the start, whole Y for one whole X.

    :arg provider: Wallet that owns the planted positions; `None` for a pool that came from elsewhere.

    """

    address: Pubkey
    venue: Venue
    program: Pubkey
    mint_x: Pubkey
    mint_y: Pubkey
    symbol_x: str
    symbol_y: str
    decimals_x: int
    decimals_y: int
    bin_step: int
    vault_x: Pubkey
    vault_y: Pubkey
    price: float
    provider: Pubkey | None = None

    @property
    def pair(self) -> str:
        """Return what the pool trades, such as `SOL/USDC`; pools of the same pair share one fair price."""
        return f"{self.symbol_x}/{self.symbol_y}"


DEFAULT_PLANS = (
    PoolPlan(
        venue=Venue.METEORA,
        token_x=SOL,
        token_y=USDC,
        bin_step=4,
        fees=FeeTerms(
            base_factor=10_000,
            variable_fee_control=40_000,
            max_volatility_accumulator=350_000,
            protocol_share=1_000,
        ),
        price=150.0,
        depth=4_000.0,
        positions=16,
    ),
    PoolPlan(
        venue=Venue.SAROS,
        token_x=SOL,
        token_y=USDC,
        bin_step=10,
        fees=FeeTerms(
            base_factor=5_000,
            variable_fee_control=20_000,
            max_volatility_accumulator=350_000,
            protocol_share=2_000,
        ),
        price=150.0,
        depth=6_000.0,
        positions=8,
    ),
    PoolPlan(
        venue=Venue.METEORA,
        token_x=JUP,
        token_y=USDC,
        bin_step=10,
        fees=FeeTerms(
            base_factor=10_000,
            variable_fee_control=40_000,
            max_volatility_accumulator=350_000,
            protocol_share=1_000,
        ),
        price=0.9,
        depth=2_500.0,
        positions=10,
    ),
    PoolPlan(
        venue=Venue.SAROS,
        token_x=JUP,
        token_y=USDC,
        bin_step=20,
        fees=FeeTerms(
            base_factor=4_000,
            variable_fee_control=10_000,
            max_volatility_accumulator=350_000,
            protocol_share=2_000,
        ),
        price=0.9,
        depth=3_000.0,
        positions=6,
    ),
)
"""Four pools: two pairs of tokens, each on both venues. The fees are of the size that such pools have on mainnet."""
