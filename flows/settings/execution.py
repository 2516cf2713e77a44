"""Sections of the settings that say how approved orders are carried out, and with which wallet."""

from typing import Annotated, Literal

from msgspec import Meta

from flows.settings.values import FilePath, HttpUrl, PoolName, Section

Lamports = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]


class Execution(Section, frozen=True):
    """What becomes of approved orders.

    :arg mode: `paper`: simulated fills against the live state of the pools. `signed`: real transactions, which need a
        wallet. None: signed on the embedded sandbox, with a key of its own, and paper on every other cluster.

    :arg folder: Keeps the order journal, one folder for each wallet.

    :arg commitment: At which a transaction counts as landed.

    :arg fsync: Whether each entry of the order journal is on the disk before its transaction is sent. Without, the
        death of the machine may lose the last entries; that of the process loses none.

    :arg skip_preflight: Whether endpoints pass transactions on without simulating them first, which takes them time.

    :arg rebroadcast_ms: Time between two sendings of a transaction that has not landed yet.

    :arg fee_floor: Least priority fee, micro-lamports for a compute unit.

    :arg fee_cap: Highest priority fee, micro-lamports for a compute unit.

    :arg fee_cap_per_order: Most lamports that one transaction pays for priority.

    :arg fee_cap_per_day: Most lamports that all transactions of 24 hours pay for priority.

    :arg bundles_url: Jito block engine to send to as well, as bundles with a tip.

    :arg bundles_only: Whether transactions go there alone.

    :arg lookup_tables: Addresses of lookup tables, for transactions that would not fit without.

    """

    mode: Literal["paper", "signed"] | None = None
    folder: FilePath = "orders"
    commitment: Literal["processed", "confirmed", "finalized"] = "confirmed"
    fsync: bool = False
    skip_preflight: bool = True
    rebroadcast_ms: Annotated[int, Meta(ge=50, le=60_000)] = 2_000
    fee_floor: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 1_000
    fee_cap: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 5_000_000
    fee_cap_per_order: Lamports = 1_000_000
    fee_cap_per_day: Lamports = 200_000_000
    bundles_url: HttpUrl | None = None
    bundles_only: bool = False
    lookup_tables: tuple[PoolName, ...] = ()


class Wallet(Section, frozen=True):
    """The wallet that pays and signs.

    :arg keypair_path: File that holds the key; never the key itself. None: no wallet, or the sandbox's own.

    :arg reserve_sol: Native SOL that is kept for fees and rent; what is above it is wrapped for pools that trade SOL.

    :arg unwrap_at_end: Whether wrapped SOL becomes native SOL again when a run ends.

    """

    keypair_path: FilePath | None = None
    reserve_sol: Annotated[float, Meta(ge=0, le=1e6)] = 0.5
    unwrap_at_end: bool = True
