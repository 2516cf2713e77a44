"""Make `sample.parquet`: a seeded market in four pools, every swap of it done by `dlmm`'s own arithmetic.

    python replay_data/make_sample.py

Two tokens have a fair price each, a seeded random walk. Each has a pool on either venue. Noise traders swap lognormal
amounts either way; arbitrageurs swap when a pool's price has strayed from the fair one by more than its fee. Every
account that a swap changes becomes a row with the account's bytes, bin arrays before their pair, as the recorder of a
cluster would have it.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
from solders.pubkey import Pubkey

from connectors.recording import write_recording
from dlmm.meteora.pdas import bin_array_address as meteora_array_address
from dlmm.price import human_price, nearest_exponent, price_x64, ratio_of, raw_price
from dlmm.profile import PoolTerms, synthetic_pool
from dlmm.records import Account, Clock, SwapFailure, SwapRequest, Venue
from dlmm.saros.pdas import bin_array_address as saros_array_address
from dlmm.swap import Pool, apply
from dlmm.tokens import TOKEN_PROGRAM
from operators.pools import PoolInfo

SEED = 20260401
SLOTS = 3_000
SLOT_NS = 400_000_000
FIRST_SLOT = 400_000_000
FIRST_NS = 1_775_000_000_000_000_000
HALF_WIDTH = 120
TOKENS = (("SOL", 9, 150.0, 2e-4), ("JUP", 6, 0.85, 3e-4))
VENUES = ((Venue.METEORA, 4, 2_000_000.0), (Venue.SAROS, 5, 1_200_000.0))
NOISE_RATE, NOISE_VALUE, ARBITRAGE_RATE = 0.15, 6_000.0, 0.3
OUT = Path(__file__).parent / "sample.parquet"


def key(name: str) -> Pubkey:
    """Return an address that stands for a name."""
    return Pubkey.from_bytes(sha256(f"dlmm-hft sample {name}".encode()).digest())


def mint(decimals: int) -> Account:
    """Return the account of a plain SPL mint."""
    data = bytearray(82)
    data[44], data[45] = decimals, 1
    return Account(TOKEN_PROGRAM, bytes(data))


class SamplePool:
    """One pool of the sample, with its accounts under their true addresses."""

    def __init__(self, base: str, decimals: int, price: float, venue: Venue, bin_step: int, value: float) -> None:
        address = key(f"{base} {venue}")
        self.info = PoolInfo(
            pool=str(address),
            venue=venue,
            base=base,
            quote="USDC",
            bin_step=bin_step,
            base_factor=5_000 if venue is Venue.METEORA else 4_000,
            decimals_x=decimals,
            decimals_y=6,
            mint_x=str(key(base)),
            mint_y=str(key("USDC")),
            filter_period=30,
            decay_period=600,
            reduction_factor=5_000,
            variable_fee_control=5_000,
            max_volatility_accumulator=350_000,
            protocol_share=500,
        )
        active_id = self.info.zero_bin + nearest_exponent(raw_price(price, decimals, 6), bin_step)
        fields = {name: getattr(self.info, name) for name in PoolTerms.__struct_fields__ if name != "address"}
        made = synthetic_pool(PoolTerms(address=str(address), **fields), active_id, int(value * 1e6), HALF_WIDTH)
        owner = "lb_pair" if venue is Venue.METEORA else "pair"
        array_address = meteora_array_address if venue is Venue.METEORA else saros_array_address
        made.pair["mint_x"] = np.frombuffer(bytes(key(base)), np.uint8)
        made.pair["mint_y"] = np.frombuffer(bytes(key("USDC")), np.uint8)
        made.arrays[owner] = np.frombuffer(bytes(address), np.uint8)
        addresses = tuple(str(array_address(address, int(index))) for index in made.arrays["index"])
        self.mints = {self.info.mint_x: mint(decimals), self.info.mint_y: mint(6)}
        named = dict(zip((str(address), *addresses), made.to_accounts().values(), strict=True))
        self.pool: Pool = type(made).from_accounts(str(address), {**named, **self.mints})
        self.numbers = {name: number for number, name in enumerate((*named, *self.mints))}

    @property
    def price(self) -> float:
        """Price of the active bin, in whole tokens."""
        exponent = self.pool.active_id - self.info.zero_bin
        return human_price(ratio_of(price_x64(exponent, self.info.bin_step)), self.info.decimals_x, 6)

    def liquidity(self, reach: int = 35) -> float:
        """Return what stands within `reach` bins of the active one, in quote currency."""
        fields = ("amount_x", "amount_y") if self.info.venue is Venue.METEORA else ("reserve_x", "reserve_y")
        width = self.pool.arrays["bins"].shape[1]
        ids = (self.pool.arrays["index"][:, None].astype(np.int64) * width + np.arange(width)).ravel()
        near = np.abs(ids - self.pool.active_id) <= reach
        x, y = (float(self.pool.arrays["bins"][field].ravel()[near].sum()) for field in fields)
        return float(x / 10**self.info.decimals_x * self.price + y / 1e6)

    def swap(self, value: float, swap_for_y: bool, clock: Clock) -> tuple[Pool, float] | None:
        """Swap an amount worth `value` and return the pool before it and the quote currency that moved."""
        amount = int(value * 1e6) if not swap_for_y else int(value / self.price * 10**self.info.decimals_x)
        done = apply(self.pool, SwapRequest(True, amount, swap_for_y, 0), clock)
        if isinstance(done, SwapFailure):
            return None
        before, (quote, self.pool) = self.pool, done
        return before, (quote.amount_out if swap_for_y else quote.amount_in) / 1e6


class Recorder:
    """The rows, in the order in which the cluster wrote them."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.last: dict[str, dict[str, Any]] = {}

    def write(self, pool: SamplePool, slot: int, order: int, volume: float, accounts: dict[str, Account]) -> None:
        """Write one row for each account; price and volume change with the last of them, the pair."""
        at = FIRST_NS + (slot - FIRST_SLOT) * SLOT_NS
        now = {"active_id": pool.pool.active_id, "price": pool.price, "liquidity": pool.liquidity(), "volume": volume}
        last = {**self.last.get(pool.info.pool, now), "volume": 0.0}
        for number, (address, account) in enumerate(accounts.items(), 1):
            self.rows.append(
                {
                    "pool": pool.info.pool,
                    "slot": slot,
                    "seq": len(self.rows) + 1,
                    "write_order": order,
                    "ts_event_ns": at,
                    "ts_recv_ns": at + 1_000_000 * (order + 1),
                    **(now if number == len(accounts) else last),
                    "account": address,
                    "owner": account.owner,
                    "data": account.data,
                    "account_no": pool.numbers[address],
                }
            )
        self.last[pool.info.pool] = now


def changed(before: Pool, after: Pool) -> dict[str, Account]:
    """Return the accounts that a swap changed, the pair last."""
    old, new = before.to_accounts(), after.to_accounts()
    pair = {after.address: new.pop(after.address)}
    return {address: account for address, account in new.items() if account != old[address]} | pair


def wanted(pool: SamplePool, fair: float, rng: np.random.Generator) -> tuple[float, bool] | None:
    """Return what a trader wants of a pool in this slot, if anything: value, and whether X goes in."""
    fee = pool.info.base_factor * pool.info.bin_step * 10 / 1e9
    gap = fair / pool.price - 1.0
    if abs(gap) > fee + pool.info.bin_step / 1e4 and rng.random() < ARBITRAGE_RATE:
        per_bin = pool.liquidity() / 71.0
        bins = (abs(gap) - fee) / (pool.info.bin_step / 1e4)
        return per_bin * bins, gap < 0.0
    if rng.random() < NOISE_RATE:
        return NOISE_VALUE * float(rng.lognormal(0.0, 1.2)), bool(rng.random() < 0.5)
    return None


def main() -> None:
    """Run the market and write the recording."""
    rng = np.random.default_rng(SEED)
    fair = np.array([price for _, _, price, _ in TOKENS])
    pools = [
        (index, SamplePool(base, decimals, price, venue, bin_step, value))
        for index, (base, decimals, price, _) in enumerate(TOKENS)
        for venue, bin_step, value in VENUES
    ]
    recorder = Recorder()
    for order, (_, pool) in enumerate(pools):
        accounts = pool.pool.to_accounts()
        pair = {pool.info.pool: accounts.pop(pool.info.pool)}
        recorder.write(pool, FIRST_SLOT, order, 0.0, {**pool.mints, **accounts, **pair})
    for slot in range(FIRST_SLOT + 1, FIRST_SLOT + SLOTS):
        fair *= np.exp(rng.standard_normal(len(TOKENS)) * [sigma for *_, sigma in TOKENS])
        clock = Clock(slot, (FIRST_NS + (slot - FIRST_SLOT) * SLOT_NS) // 1_000_000_000, slot // 432_000)
        for order, place in enumerate(rng.permutation(len(pools))):
            token, pool = pools[place]
            wish = wanted(pool, float(fair[token]), rng)
            done = pool.swap(*wish, clock) if wish is not None else None
            if done is not None:
                before, volume = done
                recorder.write(pool, slot, order, volume, changed(before, pool.pool))
    frame = pl.DataFrame(recorder.rows, infer_schema_length=None)
    source = f"replay_data/make_sample.py, seed {SEED}: a made-up market in pools of dlmm's own arithmetic"
    write_recording(OUT, frame, [pool.info for _, pool in pools], source)
    print(f"{OUT.name}: {len(frame):,} rows, {OUT.stat().st_size / 1e6:.1f} MB")
    for _, pool in pools:
        print(msgspec.json.encode({"pool": pool.info.pool, "price": round(pool.price, 4)}).decode())


if __name__ == "__main__":
    main()
