"""An engine with pools and a funded wallet in one process, where signed bytes are carried out at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.account import Account as ChainAccount
from solders.clock import Clock
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from connectors.clusters.pool_loading import LoadedPool, load_pool, needed_accounts
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.swaps import route_of
from dlmm import swap
from dlmm.meteora.pool import MeteoraPool
from dlmm.programs import associated_token_account
from dlmm.records import MAX_U64, Account, SwapQuote, SwapRequest, Venue
from dlmm.saros.pool import SarosPool
from dlmm.swap import Pool
from operators.orders.commands import Swap
from sandbox.cluster import MODEL_PROGRAMS
from sandbox.engine import Engine, Execution
from sandbox.ledger.keys import resolve
from sandbox.model.engine import ModelEngine
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS, PoolPlan
from sandbox.real import RealEngine
from sandbox.wallets import fund, fund_lamports
from tests.sandbox.true_programs import programs

ENGINES = ("model", "real")
"""The second skips its test where the true programs are not at hand."""

METEORA_SOL, SAROS_SOL, METEORA_JUP, SAROS_JUP = range(4)
"""Places of the planted pools."""

BLOCKHASH = "4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi"
_START, _FIRST_SLOT = 1_735_700_000, 400_000_000
_LAMPORTS, _TOKENS = 10**13, 10**16


@dataclass(frozen=True)
class KeySigner:
    """Signs with a key that a test made."""

    keypair: Keypair

    @property
    def address(self) -> Pubkey:
        return self.keypair.pubkey()

    def sign(self, message: bytes) -> bytes:
        return bytes(self.keypair.sign_message(message))

    def derived(self, name: str) -> Keypair:
        return Keypair.from_seed(name.encode().ljust(32, b"."))


WALLET = KeySigner(Keypair.from_seed(bytes([7]) * 32))


class Floor:
    """Pools on an engine, and what a client sees of them."""

    def __init__(self, engine: Engine, plans: Sequence[PoolPlan] = DEFAULT_PLANS, around: int = 2) -> None:
        self.engine = engine
        self.facts = plant(engine, plans=plans)
        self._around = around
        self._steps = 0
        fund_lamports(engine, WALLET.address, _LAMPORTS)
        for facts in self.facts:
            for mint in (facts.mint_x, facts.mint_y):
                fund(engine, WALLET.address, mint, _TOKENS)
        self.tick()

    def tick(self) -> None:
        """Let a second pass."""
        self._steps += 1
        self.engine.set_clock(Clock(self.slot, _START, 0, 0, _START + self._steps))

    @property
    def slot(self) -> int:
        return _FIRST_SLOT + self._steps

    def account(self, address: str) -> Account | None:
        found = self.engine.get(Pubkey.from_string(address))
        return None if found is None else Account(str(found.owner), bytes(found.data))

    def read(self, place: int) -> PoolAccounts:
        address = str(self.facts[place].address)
        need = needed_accounts(address, self.account(address), self._around)
        assert isinstance(need, list)
        accounts = {key: found for key in (address, *need) if (found := self.account(key)) is not None}
        loaded = load_pool(address, accounts, self.slot)
        assert isinstance(loaded, LoadedPool), loaded
        return PoolAccounts(loaded.info, accounts, self.slot, _START + self._steps)

    def pools(self) -> dict[str, PoolAccounts]:
        return {pool.info.pool: pool for pool in map(self.read, range(len(self.facts)))}

    def balance(self, mint: str) -> int:
        held = self.engine.get(associated_token_account(WALLET.address, Pubkey.from_string(mint)))
        return 0 if held is None else int.from_bytes(held.data[64:72], "little")

    def run(self, wire: bytes) -> Execution:
        tx = VersionedTransaction.from_bytes(wire)
        assert all(tx.verify_with_results())
        done = self.engine.execute(tx, resolve(tx, self.engine.get))
        self.tick()
        return done

    def put(self, key: Pubkey, account: Account) -> None:
        lamports = self.engine.rent_exemption(len(account.data))
        self.engine.set(key, ChainAccount(lamports, account.data, Pubkey.from_string(account.owner), False, 0))


def floor_on(engine: str, plans: Sequence[PoolPlan] = DEFAULT_PLANS, around: int = 2) -> Floor:
    """Open a floor on the model or on the true programs."""
    return Floor(ModelEngine(MODEL_PROGRAMS) if engine == "model" else RealEngine(programs()), plans, around)


def as_quoted(pool: PoolAccounts) -> Pool:
    """Return a pool as the arithmetic takes it."""
    kind = SarosPool if pool.info.venue is Venue.SAROS else MeteoraPool
    built: Pool = kind.from_accounts(pool.info.pool, pool.accounts)
    return built


def quoted(pool: PoolAccounts, amount: int, *, exact_in: bool, swap_for_y: bool) -> tuple[Swap, SwapQuote]:
    """Return a swap whose threshold is its quote to the unit, and that quote, with the arrays that are passed."""
    loose = 0 if exact_in else MAX_U64
    wanted = Swap(pool=pool.info.pool, exact_in=exact_in, swap_for_y=swap_for_y, amount=amount, threshold=loose)
    request = SwapRequest(exact_in, amount, swap_for_y, loose, arrays=route_of(wanted, pool).arrays)
    quote = swap.quote(as_quoted(pool), request, pool.clock)
    assert isinstance(quote, SwapQuote), quote
    exact = Swap(
        pool=pool.info.pool,
        exact_in=exact_in,
        swap_for_y=swap_for_y,
        amount=amount,
        threshold=quote.amount_out if exact_in else quote.amount_in,
        compute_units=quote.compute_units,
    )
    return exact, quote
