"""The executor of `benchmarks.execution` alone: a sandbox with a funded wallet, and swaps that are approved here."""

import gc
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from connectors.clusters.cluster import Cluster
from connectors.clusters.pool_loading import LoadedPool
from connectors.clusters.sandbox_funding import LAMPORTS_PER_SOL, Funds, fund
from connectors.clusters.sandbox_process import SandboxFacts, SandboxProcess
from connectors.execution.executor import Executor
from connectors.execution.order_entries import Entry, Intent, Sent, Signed
from connectors.execution.order_journal import OrderJournal
from connectors.execution.order_phases import Order
from connectors.execution.terms import ExecutionTerms
from connectors.execution.wallet import Wallet
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.inboxes.intake import Intake
from connectors.inboxes.live import LONGEST_WAIT_S
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.records import MAX_U64, Record
from operators.orders.commands import Approved, Swap
from operators.orders.execution_reports import ExecutionReport

AROUND = 2
WARM_UP = 50
"""Orders that are left out at the beginning, back to back."""
BETWEEN_S = 0.004
"""Between orders that come back to back: by then the node has answered, and the connection is free."""
SLOT_MS = "100"
"""The node answers nobody while it makes a block: shorter ones keep the connections free."""

SETTLES_WITHIN_S = 60.0
TOKENS = 10**12
AMOUNT = 10**5
SEED = 7


class Times(Record, frozen=True):
    """When an order got how far; nanoseconds since it was submitted.

    :arg journaled: Its intent and its signed bytes are in the order journal.

    :arg written: The first socket has it.

    :arg returned: `submit` returned: all sockets have it.

    """

    signed: int
    journaled: int
    written: int
    returned: int


class Measured(Record, frozen=True):
    """What came of a row of orders.

    :arg landed: How many orders landed, those of the warm-up among them.

    """

    times: tuple[Times, ...]
    orders: int
    landed: int


class UnfinishedError(DlmmError):
    """Orders of the benchmark did not end in time."""


class _Journal(OrderJournal):
    """An order journal that tells when it had what was signed, and what its entries say of times."""

    def watch(self, seen: Callable[[str, str, int], None]) -> None:
        """Say whom to tell of what was reached by an order and when."""
        self._seen = seen

    def record(self, entry: Entry) -> Order:
        order = super().record(entry)
        if isinstance(entry, Sent):
            self._seen(entry.key, "written", entry.ts_ns)
        return order

    def begin(self, intent: Intent, entry: Entry) -> Order:
        order = super().begin(intent, entry)
        if isinstance(entry, Signed):
            self._seen(entry.key, "journaled", time.time_ns())
            self._seen(entry.key, "signed", entry.ts_ns)
        return order


class Alone:
    """An executor in this process, and a node with a market at rest in another one."""

    def __init__(self, facts: SandboxFacts, folder: Path, *, endpoints: int, fsync: bool) -> None:
        """Give a new wallet money, and begin."""
        cluster = Cluster(facts.rpc_url, "the sandbox", "confirmed")
        self._pools, _ = cluster.load_pools([pool.address for pool in facts.pools], AROUND)
        wallet = Wallet.ephemeral()
        fund(cluster, str(wallet.address), _funds(self._pools))
        terms = ExecutionTerms((facts.rpc_url,) * endpoints, facts.ws_url, str(folder), fsync=fsync)
        journal = _Journal.open(folder, str(wallet.address), fsync=fsync)
        assert isinstance(journal, _Journal), "it makes what it is asked of"
        journal.watch(self._see)
        self._journal = journal
        intake = Intake(self._pools, [], AROUND)
        intake.first(time.time_ns())
        self._reactor, self._outlet = Reactor(), Outlet("execution")
        infos = [pool.info for pool in self._pools]
        self._executor = Executor(terms, wallet, self._journal, infos, intake.accounts_of)
        self._executor.start(self._reactor, self._outlet)
        self._random = random.Random(SEED)  # of arrival times
        self._reached: dict[str, dict[str, int]] = {}
        self._landed = 0

    def close(self) -> None:
        """End everything but the node."""
        self._executor.stop()
        self._reactor.close()
        self._journal.close()

    def measure(self, count: int, rate: float) -> Measured:
        """Submit orders, turn the reactor as the inbox does meanwhile, and wait for the last one's end.

        :arg rate: Orders a second, Poisson; 0: back to back.

        :raises UnfinishedError: They do not end in time.

        """
        self._turn_for(0.5)
        self._reached.clear()
        self._landed = 0
        swaps = self._swaps()
        first = self._journal.next_order
        warm_up = min(WARM_UP, count)
        for number in range(warm_up + count):
            self._submit(first + number, next(swaps))
            is_paced = rate > 0.0 and number >= warm_up
            self._turn_for(self._random.expovariate(rate) if is_paced else BETWEEN_S, spins=not is_paced)
        deadline = time.monotonic() + SETTLES_WITHIN_S
        while not self._executor.is_idle:
            if time.monotonic() > deadline:
                raise UnfinishedError(f"{self._landed} of {warm_up + count} orders landed in {SETTLES_WITHIN_S:g} s")
            self._turn(LONGEST_WAIT_S)
        times = [self._times(f"{first + number}.0") for number in range(warm_up, warm_up + count)]
        return Measured(tuple(times), warm_up + count, self._landed)

    def _submit(self, order: int, swap: Swap) -> None:
        now_ns = time.time_ns()
        approved = Approved("benchmark", order, 0, swap, MAX_U64 >> 1, order % 3, 0, now_ns)
        reached = self._reached[approved.key] = {"submitted": time.time_ns()}
        self._executor.submit(approved)
        reached["returned"] = time.time_ns()

    def _swaps(self) -> Iterator[Swap]:
        """Yield swaps of all pools, directions and kinds in turn, with limits that all of them keep."""
        number = 0
        while True:
            for pool in self._pools:
                is_exact_in, swap_for_y = number % 4 < 2, number % 2 == 0
                threshold = 0 if is_exact_in else TOKENS
                yield Swap(pool.info.pool, is_exact_in, swap_for_y, AMOUNT + number, threshold, 60_000)
            number += 1

    def _turn(self, wait_s: float) -> None:
        self._reactor.run_once(wait_s)
        for _, event in self._outlet.drain():
            if isinstance(event, ExecutionReport):
                self._landed += event.status == "landed"

    def _turn_for(self, seconds: float, *, spins: bool = False) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0.0:
            self._turn(0.0 if spins else min(LONGEST_WAIT_S, left_s))

    def _times(self, key: str) -> Times:
        reached = self._reached[key]
        return Times(*(reached[name] - reached["submitted"] for name in Times.__struct_fields__))

    def _see(self, key: str, name: str, at_ns: int) -> None:
        self._reached[key].setdefault(name, at_ns)


@contextmanager
def alone(*, endpoints: int, fsync: bool, folder: Path | None = None) -> Iterator[Alone]:
    """Start a sandbox and an executor, with the collector of garbage at rest, as in a run.

    :arg folder: Where the order journal is made for as long as it takes: it says which disk is measured.

    :raises DlmmError: The sandbox does not start, or answers otherwise than it should.

    """
    with ExitStack() as undo:
        made = undo.enter_context(tempfile.TemporaryDirectory(dir=folder))
        sandbox = SandboxProcess(("--market", "off", "--slot-ms", SLOT_MS))
        undo.callback(sandbox.end)
        bench = Alone(sandbox.facts(Stop()), Path(made), endpoints=endpoints, fsync=fsync)
        undo.callback(bench.close)
        gc.collect()
        gc.freeze()
        gc.disable()
        undo.callback(gc.enable)
        undo.callback(gc.unfreeze)
        yield bench


def _funds(pools: Sequence[LoadedPool]) -> Funds:
    mints = {mint for pool in pools for mint in (pool.info.mint_x, pool.info.mint_y)}
    return Funds(100 * LAMPORTS_PER_SOL, dict.fromkeys(mints, TOKENS))
