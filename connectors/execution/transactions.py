"""Signed transactions: what a command or a step becomes with a blockhash, a bid and the wallet's signature."""

from collections.abc import Iterable, Mapping, Sequence

from solders.instruction import Instruction

from connectors.execution.building.lookup_tables import LookupTable
from connectors.execution.building.messages import fits_packet, step_message
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.swaps import units_of
from connectors.execution.building.templates import SwapTemplates, Terms
from connectors.execution.bundles import Bundles
from connectors.execution.chain_state import ChainState, FreshBlockhash
from connectors.execution.priority_fees import priority_fee
from connectors.execution.terms import ExecutionTerms
from connectors.execution.wallet import Wallet
from connectors.wire.refusal import Refusal, refusal
from dlmm.records import Record
from operators.orders.commands import ClaimFees, ClosePosition, Command, RemoveLiquidity, Swap, SwapRoute

SIGNATURE_FEE = 5_000
"""Lamports that the cluster takes for each signature."""

CRITICAL = 3
"""Urgency of what unwinds a portfolio."""

_VARIANTS = 64
"""Limits of compute units that equal transactions get in turn: with the same bytes they would be one to the cluster."""


class SignedTransaction(Record, frozen=True):
    """A transaction that may be sent.

    :arg most_paid: Lamports that it costs at most: fees and tip.

    """

    signature: str
    wire: bytes
    blockhash: str
    last_valid_block_height: int
    most_paid: int


def takes_risk_off(command: Command, urgency: int) -> bool:
    """Tell whether a command must be sent whatever was spent today: it brings tokens home, sells X, or unwinds."""
    if isinstance(command, Swap):
        return command.swap_for_y or urgency >= CRITICAL
    return isinstance(command, RemoveLiquidity | ClosePosition | ClaimFees) or urgency >= CRITICAL


class TransactionWriter:
    """Compile and sign, with what is known of the chain at the moment.

    :arg bundles: Where tips are paid to; None: no tips.

    """

    def __init__(self, wallet: Wallet, chain: ChainState, terms: ExecutionTerms, bundles: Bundles | None) -> None:
        self._wallet = wallet
        self._chain = chain
        self._terms = terms
        self._bundles = bundles
        self._tables: tuple[LookupTable, ...] = ()
        self._templates = SwapTemplates(wallet.address)
        self._count = 0

    def use_tables(self, tables: Sequence[LookupTable]) -> None:
        """Take other lookup tables from now on."""
        self._tables = tuple(tables)
        self._templates.use_tables(tables)

    def prepare(self, pools: Iterable[PoolAccounts]) -> bool:
        """Compile the swaps of some pools ahead; False where there is no blockhash yet."""
        hash_ = self._chain.blockhash
        if hash_ is None:
            return False
        found = tuple(pools)
        tips = () if self._bundles is None else self._bundles.tips(self._wallet.address, 0)
        for tip in tips or (None,):  # the lamports are written when it is sent
            self._templates.prepare(found, Terms(hash_.blockhash, 0, 0, tip))
        return True

    def swap(
        self,
        command: Swap | SwapRoute,
        pools: Mapping[str, PoolAccounts],
        *,
        urgency: int,
        spent_today: int,
    ) -> SignedTransaction | Refusal:
        """Write and sign a swap, or some in one transaction; the hot path.

        :arg pools: As they were last seen, by address.

        :arg spent_today: Lamports paid, or promised, in the last 24 hours.

        :returns: A refusal is `no_blockhash`, `no_tip_accounts` where bundles are the only way and their engine has not
            answered, `daily_fee_cap`, or a `BuildError`'s kind.

        """
        hash_ = self._hash()
        if isinstance(hash_, Refusal):
            return hash_
        try:
            units = units_of(command, pools) + self._variant()
            price = self._price(command, units, urgency, spent_today)
            if isinstance(price, Refusal):
                return price
            tip = self._tip(urgency)
            message = self._templates.message(command, pools, Terms(hash_.blockhash, units, price, tip))
            return self._signed(message, (), hash_, priority_fee(price, units), urgency, tip)
        except BuildError as error:
            return refusal(error.kind, error.reason)

    def step(self, command: Command, step: Step, *, urgency: int, spent_today: int) -> SignedTransaction | Refusal:
        """Compile and sign one transaction of a command; refusals are those of `swap`."""
        hash_ = self._hash()
        if isinstance(hash_, Refusal):
            return hash_
        units = step.compute_units + self._variant()
        price = self._price(command, units, urgency, spent_today)
        if isinstance(price, Refusal):
            return price
        tip = self._tip(urgency)
        whole = Step(step.instructions if tip is None else (*step.instructions, tip), units, step.extra)
        try:
            message = step_message(whole, self._wallet.address, hash_.blockhash, price, self._tables)
            return self._signed(message, step.extra, hash_, priority_fee(price, units), urgency, tip)
        except BuildError as error:
            return refusal(error.kind, error.reason)

    def fits(self, step: Step) -> bool:
        """Tell whether a step goes into one packet, together with a tip where one is paid."""
        tips = () if self._bundles is None else self._bundles.tips(self._wallet.address, 0)[:1]
        whole = Step((*step.instructions, *tips), step.compute_units, step.extra)
        return fits_packet(whole, self._wallet.address, self._tables)

    def housekeeping(self, step: Step) -> SignedTransaction | Refusal:
        """Compile and sign a transaction that belongs to no order, at the least price."""
        hash_ = self._chain.blockhash
        if hash_ is None:
            return _no_blockhash()
        price = self._terms.fees.floor
        try:
            message = step_message(step, self._wallet.address, hash_.blockhash, price, self._tables)
            return self._signed(message, step.extra, hash_, priority_fee(price, step.compute_units), 0, None)
        except BuildError as error:
            return refusal(error.kind, error.reason)

    def _hash(self) -> FreshBlockhash | Refusal:
        """Return a blockhash to sign an order with."""
        bundles = self._terms.bundles
        if bundles is not None and bundles.is_only_way and (self._bundles is None or not self._bundles.is_ready):
            return refusal("no_tip_accounts", "the block engine has not told them")
        hash_ = self._chain.blockhash
        return _no_blockhash() if hash_ is None else hash_

    def _variant(self) -> int:
        self._count += 1
        return self._count % _VARIANTS

    def _price(self, command: Command, units: int, urgency: int, spent_today: int) -> int | Refusal:
        price = self._chain.price(command.pool, urgency=urgency, compute_units=units, spent_today=spent_today)
        if isinstance(price, Refusal) and takes_risk_off(command, urgency):
            return self._terms.fees.floor
        return price

    def _tip(self, urgency: int) -> Instruction | None:
        terms = self._terms.bundles
        if self._bundles is None or terms is None:
            return None
        return self._bundles.tip(self._wallet.address, terms.tip_lamports[urgency])

    def _signed(
        self,
        message: bytes,
        extra: Sequence[str],
        hash_: FreshBlockhash,
        fee: int,
        urgency: int,
        tip: Instruction | None,
    ) -> SignedTransaction:
        signature, wire = sign(self._wallet, message, extra)
        tipped = 0 if tip is None or self._terms.bundles is None else self._terms.bundles.tip_lamports[urgency]
        most_paid = fee + tipped + SIGNATURE_FEE * message[1]
        return SignedTransaction(signature, wire, hash_.blockhash, hash_.last_valid_block_height, most_paid)


def _no_blockhash() -> Refusal:
    return refusal("no_blockhash", "none was read of late")
