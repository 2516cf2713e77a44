"""What execution is allowed and told, as one value."""

from connectors.execution.priority_fees import FeeTerms
from dlmm.records import Record


class BundleTerms(Record, frozen=True):
    """How transactions go to a Jito block engine.

    :arg url: The engine's bundles path.

    :arg tip_lamports: By urgency, 0 low to 3 critical.

    :arg is_only_way: Whether transactions go to the engine alone; they go to the endpoints as well otherwise.

    """

    url: str
    tip_lamports: tuple[int, int, int, int] = (1_000, 5_000, 20_000, 100_000)
    is_only_way: bool = False


class ExecutionTerms(Record, frozen=True):
    """Settings of the execution connector.

    :arg rpc_urls: JSON-RPC endpoints: all are sent to, questions go to the first that is well.

    :arg ws_url: The PubSub of one node.

    :arg folder: Keeps the order journal; a file named `STOP` in it is the operator's emergency stop.

    :arg commitment: At which a transaction counts as landed, and holdings are read: `processed`, `confirmed` or
        `finalized`. Fills are read at `confirmed` at least.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    :arg is_dry_run: Sign and simulate, send nothing.

    :arg fsync: Whether each entry of the order journal is on the disk before its transaction is sent.

    :arg fees: Limits of the priority fees.

    :arg bundles: How to send to a block engine; None: not at all.

    :arg lookup_tables: Addresses of lookup tables for messages that would not fit otherwise.

    :arg reserve_lamports: Native SOL that is never wrapped; also the least to begin a run with.

    :arg unwrap_at_end: Whether wrapped SOL becomes native SOL again when a run ends.

    :arg check_s: Time between two looks at the wallet while nothing is in flight.

    :arg most_tries: How often a step of a liquidity command is tried in all.

    :arg skip_preflight: Whether endpoints pass transactions on without a simulation.

    """

    rpc_urls: tuple[str, ...]
    ws_url: str
    folder: str
    commitment: str = "confirmed"
    genesis_hash: str | None = None
    is_dry_run: bool = False
    fsync: bool = False
    fees: FeeTerms = FeeTerms()
    bundles: BundleTerms | None = None
    lookup_tables: tuple[str, ...] = ()
    reserve_lamports: int = 50_000_000
    unwrap_at_end: bool = False
    check_s: float = 10.0
    rebroadcast_s: float = 2.0
    most_tries: int = 4
    skip_preflight: bool = True
