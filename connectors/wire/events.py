"""What feeds say, whatever the protocol they heard it by."""

import msgspec

from operators.orders.execution_reports import Report


class AccountUpdate(msgspec.Struct, frozen=True, gc=False):
    """The state of an account as of a slot, its bytes still as they travelled.

    :arg slot: Slot whose end the state belongs to.

    :arg owner: Program that owns it; the system program where the account is gone.

    :arg data: As the peer wrote it, in `encoding`; decoding waits until nobody wrote a newer state.

    :arg encoding: `base64`, `base64+zstd`, or `raw` where `data` holds latin-1 characters for bytes (made up in tests).

    :arg is_later: Whether the state was read from the next block while it was made: it is as new as the end of `slot`
        or newer, but not newer than the end of the next one.

    """

    slot: int
    address: str
    owner: str
    data: str
    encoding: str
    is_later: bool = False

    @property
    def place(self) -> tuple[int, bool]:
        """Place among the states of the account: the larger is the newer one."""
        return self.slot, self.is_later


class SlotUpdate(msgspec.Struct, frozen=True, gc=False):
    """A slot that the cluster works on."""

    slot: int


class SwapVolume(msgspec.Struct, frozen=True, gc=False):
    """What one landed swap moved.

    :arg pool: Address.

    :arg amount_x: Raw units of token X that went in or came out.

    :arg amount_y: Raw units of token Y that came out or went in.

    """

    pool: str
    slot: int
    signature: str
    amount_x: int
    amount_y: int


class PriceUpdate(msgspec.Struct, frozen=True, gc=False):
    """What a third party says a pool's price is; it names no slot.

    :arg price: Y per X, in whole tokens.

    :arg liquidity: Quote currency.

    :arg volume_24h: Quote currency.

    """

    pool: str
    price: float
    liquidity: float
    volume_24h: float


Event = AccountUpdate | SlotUpdate | SwapVolume | PriceUpdate | Report
"""Reports come from the execution connector, which the inbox turns like any feed."""
