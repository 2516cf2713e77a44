"""A slot while it is filled: transactions one by one, and bundles of them that land together or not at all."""

from collections.abc import Callable, Sequence

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey

from sandbox.engine import Engine
from sandbox.ledger.bundles import LEAST_TIP, tip_of
from sandbox.ledger.keys import LoadError, resolve
from sandbox.ledger.tokens import balances
from sandbox.ledger.transactions import Landed, Queued


class Filling:
    """What a slot holds so far.

    :arg peek: Reads an account's newest state, and copies no program.

    :ivar landed: Transactions in the order in which they were executed.

    :ivar before: What each account that was written was before the slot.

    :ivar units: Compute units that were used.

    """

    def __init__(self, engine: Engine, peek: Callable[[Pubkey], Account | None], slot: int) -> None:
        self.landed: list[Landed] = []
        self.before: dict[Pubkey, Account | None] = {}
        self.units = 0
        self._engine = engine
        self._peek = peek
        self._slot = slot

    def land(self, queued: Queued) -> bool:
        """Execute a transaction; False where the chain records nothing of it."""
        one = self._run(queued, len(self.landed), self.before)
        if one is None:
            return False
        self._keep(one)
        return True

    def land_together(self, bundle: Sequence[Queued]) -> bool:
        """Execute transactions in order; False, and nothing is left of any, where one fails or the tip is too low."""
        before: dict[Pubkey, Account | None] = {}
        landed: list[Landed] = []
        for queued in bundle:
            one = self._run(queued, len(self.landed) + len(landed), before)
            if one is None or one.execution.error is not None:
                break
            landed.append(one)
        else:
            if tip_of(landed) >= LEAST_TIP:
                for one in landed:
                    self._keep(one)
                for key, account in before.items():
                    self.before.setdefault(key, account)
                return True
        for key, account in before.items():
            self._engine.set(key, account)
        return False

    def _keep(self, one: Landed) -> None:
        self.landed.append(one)
        self.units += one.execution.units

    def _run(self, queued: Queued, index: int, before: dict[Pubkey, Account | None]) -> Landed | None:
        if not queued.verified and not all(queued.tx.verify_with_results()):
            return None
        try:
            keys = resolve(queued.tx, self._engine.get)
        except LoadError:
            return None
        old = [self._peek(key) for key in keys.all]
        held_before = balances(keys.all, old, self._engine.get)
        execution = self._engine.execute(queued.tx, keys)
        failed = execution.error is not None
        if isinstance(execution.error, str) and not execution.fee:
            return None
        # a node stores every account that a transaction may write, changed or not; of a failed one, who paid
        stored = [i == 0 if failed else writable for i, writable in enumerate(keys.writable)]
        new = [self._engine.get(key) if stored[i] else old[i] for i, key in enumerate(keys.all)]
        for i, key in enumerate(keys.all):
            if stored[i] and (old[i] is not None or new[i] is not None):
                before.setdefault(key, old[i])
        # the states are in the engine by now; a block that kept them too would be thousands of times as large
        outcome = msgspec.structs.replace(execution, accounts={})
        held_after = balances(keys.all, new, self._engine.get)
        return Landed(queued, keys, self._slot, index, outcome, held_before, held_after)
