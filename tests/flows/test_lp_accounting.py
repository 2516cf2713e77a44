"""A position held through 2,000 swaps: what replay says it is worth is what the program pays out, to the unit."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from bytewax.testing import run_main

from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.recordings.recording import write_recording
from dlmm.price import human_price, price_x64, ratio_of
from dlmm.records import Venue
from flows.replay import replay
from flows.settings.load import load_settings
from operators.blocks import MARKET, REPORT, ROW, STATE, AccountWrite, Rows
from operators.orders.execution_reports import REPORT_OWNER, PositionState, TokenChange, WalletReport, encode_report
from operators.pools import PoolInfo
from tests.connectors.execution.building.exchange_floor import ENGINES
from tests.connectors.execution.building.liquidity_floor import LiquidityFloor
from tests.connectors.execution.building.test_planning import Life, about

SWAPS = 2_000
REACH = {Venue.METEORA: 12, Venue.SAROS: 4}
"""Bins on either side of the price: one position on chain each."""
LARGEST = {Venue.METEORA: 50_000, Venue.SAROS: 40_000}
"""Whole Y of the largest swap: some bins' worth, so that the price leaves the position and comes back."""

SETTINGS = """
[replay]
recording = "{recording}"
[results]
runs_dir = "{runs}"
[portfolio]
capital = 1.0
[strategies.market_making]
enabled = false
[[strategies.custom]]
class = "tests.flows.test_lp_accounting:Nothing"
"""


class Nothing:
    """A strategy that only holds what there is."""

    name = "nothing"

    def start(self, pool: PoolInfo) -> None:
        """Remember nothing."""

    def on_row(self, row: object, memory: None) -> tuple[None, None]:
        """Want nothing."""
        return None, None


class Recorder:
    """Writes down a pool's accounts as a recorder that misses nothing would."""

    def __init__(self, seen: PoolAccounts) -> None:
        self.info = seen.info
        self._rows: list[Rows] = []
        self._writes: list[AccountWrite] = []
        self._bytes: dict[str, bytes] = {}
        self.see(seen)

    def see(self, seen: PoolAccounts) -> None:
        """Write down what has changed, the pool's own account last, as prices come from that."""
        changed = {key: each for key, each in seen.accounts.items() if self._bytes.get(key) != each.data}
        for address, account in sorted(changed.items(), key=lambda item: item[0] == self.info.pool):
            self._bytes[address] = account.data
            kind = MARKET if address == self.info.pool else STATE
            self._write(seen, kind, AccountWrite(self._next, address, account.owner, account.data))

    def tell(self, seen: PoolAccounts, report: WalletReport) -> None:
        """Write down what the execution connector told."""
        self._write(seen, REPORT, AccountWrite(self._next, "report", REPORT_OWNER, encode_report(report)))

    @property
    def _next(self) -> int:
        return len(self._rows) + 1

    def _write(self, seen: PoolAccounts, kind: int, write: AccountWrite) -> None:
        info, row = self.info, np.zeros(1, ROW)
        row["seq"] = row["write_order"] = write.seq
        row["slot"], row["kind"], row["active_id"] = seen.slot, kind, seen.active_id
        row["ts_event_ns"] = row["ts_recv_ns"] = seen.unix_timestamp * 10**9
        raw = ratio_of(price_x64(seen.active_id - info.zero_bin, info.bin_step))
        row["price"] = human_price(raw, info.decimals_x, info.decimals_y)
        row["liquidity"] = row["volume"] = np.nan
        row["account"] = sorted(self._bytes).index(write.address) + 1 if kind == STATE else 0
        self._rows.append(row)
        self._writes.append(write)

    def save(self, path: Path) -> None:
        write_recording(path, np.concatenate(self._rows), (self.info,), "test", writes=self._writes)


def replayed(recording: Path, folder: Path) -> dict[str, float]:
    """Replay, and return what the ledger says of the pool."""
    config = folder / "replay.toml"
    config.write_text(SETTINGS.format(recording=recording, runs=folder / "runs"))
    run_main(replay(load_settings({"HFT_CONFIG": str(config)})))
    (run,) = (folder / "runs").iterdir()
    summary = json.loads((run / "summary.json").read_text())
    assert not summary["troubles"]
    pools: dict[str, dict[str, float]] = summary["pools"]
    (pool,) = pools.values()
    return pool


def trade(floor: LiquidityFloor, recorder: Recorder) -> set[int]:
    """Let 2,000 swaps pass, back and forth; return the active bins that there were."""
    draw, info = np.random.default_rng(5), recorder.info
    middle, visited = floor.active_id, set()
    for _ in range(SWAPS):
        value = float(draw.uniform(1.0, LARGEST[floor.venue]))
        # Back towards the middle more often than away from it, and so again and again through all bins.
        sells = bool(draw.random() < (0.65 if floor.active_id > middle else 0.35))
        price = human_price(
            ratio_of(price_x64(middle - info.zero_bin, info.bin_step)), info.decimals_x, info.decimals_y
        )
        amount = int(value / price * 10**info.decimals_x) if sells else int(value * 10**info.decimals_y)
        floor.swap(amount, swap_for_y=sells)
        recorder.see(floor.state(about(floor).create()))
        visited.add(floor.active_id)
    return visited


def positions(life: Life) -> Sequence[PositionState]:
    standing = life.floor.standing(life.create())
    return [PositionState(0, life.floor.pool, str(one.address), one.lower, one.upper, one.data) for one in standing]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("venue", list(Venue))
def test_a_position_held_through_2000_swaps_pays_out_what_replay_predicted(
    engine: str, venue: Venue, tmp_path: Path
) -> None:
    floor = LiquidityFloor(engine, venue)
    life = about(floor, REACH[venue])
    floor.carry_out(life.create())
    floor.carry_out(life.add())
    seen = floor.state(life.create())
    recorder = Recorder(floor.floor.read(floor.place))
    info = recorder.info
    tokens = (TokenChange(info.mint_x, 0), TokenChange(info.mint_y, 0))
    recorder.tell(seen, WalletReport("opening", "wallet", seen.slot, 0, tokens, tuple(positions(life)), 1))

    visited = trade(floor, recorder)
    assert min(visited) < life.lower
    assert max(visited) > life.upper
    recorder.save(tmp_path / "held.parquet")
    predicted = replayed(tmp_path / "held.parquet", tmp_path)

    before = floor.holdings()
    floor.carry_out(life.close())
    paid = [now - was for now, was in zip(floor.holdings(), before, strict=True)]
    in_bins = (predicted["base_in_bins"] * 10**info.decimals_x, predicted["quote_in_bins"] * 10**info.decimals_y)
    assert [round(amount) for amount in in_bins] == paid
    assert predicted["fees_earned"] > 0.0
