"""A position's liquidity while an instruction changes it."""

from collections.abc import Iterable

import numpy as np
from solders.pubkey import Pubkey

from dlmm.liquidity import Amounts, LiquidityState, PoolTokens
from dlmm.meteora.book import Book
from dlmm.meteora.layout import LB_PAIR, POSITION
from dlmm.meteora.pdas import bin_array_index
from dlmm.programs import associated_token_account
from sandbox.model import anchor_errors as anchor
from sandbox.model.invocation import Invocation, ProgramError
from sandbox.model.meteora import errors
from sandbox.model.meteora.accounts import Accounts, Constraint, Field
from sandbox.model.meteora.arrays import array_places, liquidity_state, passed_arrays, refuse, write_liquidity
from sandbox.model.meteora.errors import anchor_error, runtime_error
from sandbox.model.meteora.life_units import LIQUIDITY_CHECKED, SECOND_TOKEN_2022, Ends
from sandbox.model.meteora.liquidity_fields import TOKEN_PROGRAMS
from sandbox.model.meteora.position import check_sender, owner_of
from sandbox.model.meteora.tokens import Side, mint_at, pay_in, pay_out, sides

_HOOK_KINDS = 2


class Change:
    """A position's liquidity while an instruction changes it: accounts, arrays, and the state that `dlmm` works on."""

    def __init__(
        self, invocation: Invocation, fields: tuple[Field, ...], slices: list[tuple[int, int]], *, mints: bool
    ) -> None:
        """Read and check the accounts.

        :arg slices: Which remaining accounts are transfer hooks'.

        :arg mints: Whether the user's accounts are checked to hold the pool's tokens.

        :raises ProgramError: An account is not what it has to be.

        """
        self.invocation = invocation
        self.accounts = accounts = Accounts(invocation, fields)
        also: dict[str, Constraint] = {"position": check_sender(invocation)}
        if mints:
            also |= {"user_token_x": _holds("token_x_mint"), "user_token_y": _holds("token_y_mint")}
        accounts.constrain(**also)
        accounts.use(LIQUIDITY_CHECKED)
        self.newer = "bin_array_lower" not in accounts.places
        self.pair = np.frombuffer(accounts.data("lb_pair"), LB_PAIR)[0]
        head = np.frombuffer(accounts.data("position"), POSITION, count=1)[0]
        self.lower, self.upper = int(head["lower_bin_id"]), int(head["upper_bin_id"])
        self.operated = accounts.key("sender") != owner_of(accounts.data("position"))
        mint_x, mint_y = (mint_at(invocation, accounts.places[name]) for name in ("token_x_mint", "token_y_mint"))
        self.tokens = PoolTokens(mint_x, mint_y, invocation.clock.epoch)
        names = next(names for names in TOKEN_PROGRAMS if names[0] in accounts.places)
        self.sides = sides(accounts, (mint_x, mint_y), programs=(names[0], names[1]), checked=self.newer)
        pair = accounts.key("lb_pair")
        self.in_use = [pair]
        if self.newer:
            places = array_places(invocation, slices, accounts.remaining.start, kinds=_HOOK_KINDS)
        else:
            places = range(accounts.places["bin_array_lower"], accounts.places["bin_array_upper"] + 1)
        self.arrays, self.refused = passed_arrays(invocation, places, pair=pair)

    @property
    def time(self) -> int:
        """Clock sysvar's unix timestamp."""
        return self.invocation.clock.unix_timestamp

    def state(self) -> LiquidityState:
        """Return the accounts' bytes for `dlmm`."""
        places = self.accounts.places
        return liquidity_state(
            self.invocation,
            self.arrays,
            pair=places["lb_pair"],
            position=places["position"],
            extension=places.get("bin_array_bitmap_extension"),
        )

    def settled(self, state: LiquidityState) -> LiquidityState:
        """Credit the fees of all the position's bins, as the older instructions do."""
        book = Book(state)
        for bin_id in range(self.lower, self.upper + 1):
            if book.has_position_bin(bin_id):
                book.settle(bin_id)
        return book.after()

    def due(self, bins: Iterable[int]) -> tuple[int, int]:
        """Count the bins that the position has a share of, and the tokens of which it is owed more since it looked."""
        book = Book(self.state())
        shares = tokens = 0
        for bin_id in bins:
            if book.has_position_bin(bin_id) and book.share(bin_id):
                credited = book.pending(bin_id)
                book.settle(bin_id)
                now = book.pending(bin_id)
                shares, tokens = shares + 1, tokens + (now.x != credited.x) + (now.y != credited.y)
        return shares, tokens

    def write(self, before: LiquidityState, after: LiquidityState) -> None:
        """Write the accounts that changed."""
        places = self.accounts.places
        extension = places.get("bin_array_bitmap_extension")
        write_liquidity(self.invocation, self.arrays, before, after, pair=places["lb_pair"], extension=extension)
        self.invocation.write(places["position"], after.position)

    def lacks(self, bins: Iterable[int]) -> bool:
        """Tell whether an array of the bins is not among those passed, in their order.

        :arg bins: Ascending; the program takes an array when the first of its bins comes, and passes over others.

        """
        passed = iter([array.index for array in self.arrays])
        return not all(index in passed for index in sorted({bin_array_index(bin_id) for bin_id in bins}))

    def fault(self, bins: Iterable[int]) -> ProgramError | None:
        """Return how the program ends for the arrays that it was given, or `None` when it has those of all bins.

        :arg bins: As in `lacks`; the older instructions look at their two arrays whatever the bins.

        """
        if not self.newer:
            return self._fault_of_two()
        return refuse(self.invocation, self.refused, borrowed=self.in_use) if self.lacks(bins) else None

    def fault_in_step(self, bins: Iterable[int]) -> ProgramError | None:
        """Do as `fault` does, for an instruction that passes over no array."""
        if not self.newer:
            return self._fault_of_two()
        for count, index in enumerate(sorted({bin_array_index(bin_id) for bin_id in bins})):
            if count == len(self.arrays):
                return refuse(self.invocation, self.refused, borrowed=self.in_use)
            if self.arrays[count].index != index:
                return anchor_error(errors.INVALID_INPUT, "state/bin.rs:54")
        return None

    def _fault_of_two(self) -> ProgramError | None:
        """Return how the older instructions end that name two arrays: they want those of the whole position."""
        if self.accounts.key("bin_array_lower") == self.accounts.key("bin_array_upper"):
            return runtime_error("AccountBorrowFailed")
        lower, upper = self.arrays
        if lower.index != bin_array_index(self.lower):
            return anchor_error(errors.INVALID_INPUT, "state/bin.rs:54")
        if upper.index != lower.index + 1:
            return anchor_error(errors.NON_CONTINUOUS_ARRAYS, "state/bin.rs:63")
        if bin_array_index(self.upper) > upper.index:
            return anchor_error(errors.INVALID_BIN_ARRAY, "state/dynamic_position.rs:220")
        return None

    def owner(self) -> Pubkey:
        """Return whose position it is."""
        return owner_of(self.accounts.data("position"))

    def check_receivers(self, owner: Pubkey, place: str) -> None:
        """Refuse to pay anybody but the owner when somebody else has asked.

        :arg place: File and line of the program's source.

        """
        for name, side in zip(("user_token_x", "user_token_y"), self.sides, strict=True):
            if self.accounts.key(name) != associated_token_account(owner, side.mint_key, side.program):
                raise anchor_error(errors.WRONG_TOKEN_ACCOUNT, place)

    @property
    def token_2022(self) -> int:
        """How many of the pool's mints are of Token-2022."""
        return self.tokens.mint_x.is_token_2022 + self.tokens.mint_y.is_token_2022

    @property
    def has_extension(self) -> bool:
        """Whether the bitmap extension was passed."""
        return self.accounts.has("bin_array_bitmap_extension")

    @property
    def width(self) -> int:
        """How many bins the position has."""
        return self.upper - self.lower + 1

    def pay_in(self, amounts: Amounts, ends: Ends) -> None:
        """Take both tokens from the sender."""
        for number, (name, side, amount) in enumerate(self._legs(amounts)):
            self.invocation.consume((ends.transfer + SECOND_TOKEN_2022 * side.mint.is_token_2022) * (number > 0))
            pay_in(self.invocation, side, self.accounts.key(name), self.accounts.key("sender"), amount)

    def pay_out(self, amounts: Amounts, ends: Ends, *, skip_zero: bool) -> None:
        """Pay both tokens to the receiver.

        :arg skip_zero: Whether a transfer of nothing is left out.

        """
        paid = 0
        for name, side, amount in self._legs(amounts):
            if amount or not skip_zero:
                self.invocation.consume((ends.transfer + SECOND_TOKEN_2022 * side.mint.is_token_2022) * (paid > 0))
                paid += 1
                pay_out(self.invocation, side, self.accounts.key(name), self.accounts.key("lb_pair"), amount)

    def _legs(self, amounts: Amounts) -> Iterable[tuple[str, Side, int]]:
        return zip(("user_token_x", "user_token_y"), self.sides, (amounts.x, amounts.y), strict=True)


def _holds(mint: str) -> Constraint:
    """Return the check that a user's account holds a mint's tokens."""
    name = mint.replace("token_", "user_token_").removesuffix("_mint")

    def check(accounts: Accounts) -> None:
        if Pubkey.from_bytes(accounts.data(name)[:32]) != accounts.key(mint):
            raise anchor_error(anchor.TOKEN_MINT)

    return check
