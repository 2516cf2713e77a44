"""Transactions of the wallet that belong to no order: making token accounts, wrapping and unwrapping SOL."""

from collections.abc import Callable, Sequence
from functools import partial

from connectors.execution.building.steps import Step
from connectors.execution.building.token_accounts import clean_up
from connectors.execution.links import Links
from connectors.execution.outcomes import Outcome, Seen
from connectors.execution.reading import AccountReader, Fresh
from connectors.execution.transactions import SignedTransaction
from connectors.execution.wallet import Wallet
from connectors.feeds.reactor import Timer
from connectors.wire.error_names import failure_of, named_error
from connectors.wire.refusal import Refusal
from dlmm.programs import TOKEN_PROGRAM, WRAPPED_SOL, associated_token_account

MOST_TRIES = 5
AGAIN_S = 0.3


class Housekeeping:
    """Have steps on chain, one after the other; each may be done twice without harm.

    :arg then: Called once, in a later round, unless `stop` comes first: with an empty text once all of them landed, or
        with why one of them did not.

    """

    def __init__(self, links: Links, steps: Sequence[Step], then: Callable[[str], None]) -> None:
        self._links = links
        self._steps = list(steps)
        self._then = then
        self._tries = 0
        self._timer: Timer | None = None
        self.last_slot = 0
        """Slot that the last of them was seen in."""

    def start(self) -> None:
        """Begin with the first."""
        self._again(0.0)

    def stop(self) -> None:
        """Make no further call."""
        if self._timer is not None:
            self._timer.cancel()

    def _again(self, delay_s: float) -> None:
        self._timer = self._links.reactor.call_in(delay_s, self._go_on)

    def _go_on(self) -> None:
        if not self._steps:
            self._then("")
            return
        signed = self._links.writer.housekeeping(self._steps[0])
        if isinstance(signed, Refusal):
            self._missed(f"{signed.cause}: {signed.detail}")
            return
        self._links.sender.send(signed.signature, signed.wire, lambda _: None, lambda endpoint, refused: None)
        heard = partial(self._heard, signed)
        self._links.confirmations.follow(signed.signature, signed.last_valid_block_height, heard)

    def _heard(self, signed: SignedTransaction, outcome: Outcome) -> None:
        self._links.sender.forget(signed.signature)
        if not isinstance(outcome, Seen):
            self._missed(f"{signed.signature} did not land by block {outcome.block_height}")
        elif outcome.error_json is not None:
            failure = failure_of(outcome.error_json)
            self._missed(failure.detail if isinstance(failure, Refusal) else named_error(failure))
        else:
            self.last_slot = max(self.last_slot, outcome.slot)
            self._tries = 0
            self._steps.pop(0)
            self._again(0.0)

    def _missed(self, reason: str) -> None:
        self._tries += 1
        if self._tries < MOST_TRIES:
            self._links.outlet.note("housekeeping_failures", reason)
            self._again(AGAIN_S)
        else:
            self._then(reason)


class CleanUp:
    """Unwrap the wallet's SOL.

    :arg then: Called once, in a later round, unless `stop` comes first: with an empty text, or with why it failed.

    """

    def __init__(self, links: Links, reader: AccountReader, wallet: Wallet, then: Callable[[str], None]) -> None:
        self._links = links
        self._reader = reader
        self._owner = wallet.address
        self._then = then
        self._housekeeping: Housekeeping | None = None

    def start(self) -> None:
        """Look what there is to unwrap, and do it."""
        self._reader.read((str(associated_token_account(self._owner, WRAPPED_SOL, TOKEN_PROGRAM)),), 0, self._close)

    def stop(self) -> None:
        """Make no further call."""
        if self._housekeeping is not None:
            self._housekeeping.stop()

    def _close(self, fresh: Fresh) -> None:
        found = {address: account for address, account in fresh.accounts.items() if account is not None}
        self._housekeeping = Housekeeping(self._links, clean_up(self._owner, found, ()), self._then)
        self._housekeeping.start()
