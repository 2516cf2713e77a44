"""What is known of a pool before any row of it arrives."""

from typing import Annotated

from msgspec import Meta

from dlmm.records import Record, Venue
from dlmm.saros.layout import MIDDLE_BIN_ID

U8 = Annotated[int, Meta(ge=0, le=0xFF)]
U16 = Annotated[int, Meta(ge=0, le=0xFFFF)]
U32 = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
BinStep = Annotated[int, Meta(ge=1, le=10_000)]


class PoolInfo(Record, frozen=True):
    """Static facts of one pool, as a recording's metadata or a cluster gives them.

    :arg pool: Address, or any unique name for a pool that is on no chain.

    :arg base: Symbol of token X.

    :arg quote: Symbol of token Y; prices are Y per X.

    :arg bin_step: Step between bins in basis points.

    The remaining fields are the fee parameters of both programs, under the programs' own names.

    """

    pool: str
    venue: Venue
    base: str
    quote: str
    bin_step: BinStep
    base_factor: U16
    decimals_x: U8 = 9
    decimals_y: U8 = 6
    mint_x: str = ""
    mint_y: str = ""
    base_fee_power_factor: U8 = 0
    filter_period: U16 = 0
    decay_period: U16 = 0
    reduction_factor: U16 = 0
    variable_fee_control: U32 = 0
    max_volatility_accumulator: U32 = 0
    protocol_share: U16 = 0

    @property
    def base_fee(self) -> float:
        """Return the base fee as a fraction, whatever the program would cap it at."""
        rate: int = self.base_factor * self.bin_step * 10 * 10**self.base_fee_power_factor
        return rate / 1e9

    @property
    def zero_bin(self) -> int:
        """Return the bin whose raw price is 1, in the venue's own ids."""
        return MIDDLE_BIN_ID if self.venue is Venue.SAROS else 0
