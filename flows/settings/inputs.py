"""Sections of the settings that say where market data comes from and how a run is watched."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from flows.settings.values import ClassPath, FilePath, HttpUrl, Name, Section, WebsocketUrl


class Network(Section, frozen=True):
    """The cluster to talk to. The addresses may carry a provider's key: they are never shown whole.

    :arg rpc_url: None: the embedded sandbox, which needs no network.

    :arg ws_url: None: `rpc_url` with `ws` for `http`.

    :arg backup_rpc_urls: Asked in turn when the first does not answer.

    :arg commitment: State of the chain that the feeds follow; `processed` is the fastest, and may be taken back.

    :arg genesis_hash: Refuse to start on any other cluster.

    """

    rpc_url: HttpUrl | None = None
    ws_url: WebsocketUrl | None = None
    backup_rpc_urls: tuple[HttpUrl, ...] = ()
    commitment: Literal["processed", "confirmed", "finalized"] = "confirmed"
    genesis_hash: Annotated[str, Meta(pattern=r"^[1-9A-HJ-NP-Za-km-z]{32,44}\Z", description="a hash")] | None = None


class CustomFeed(Section, frozen=True):
    """One feed of the user's own.

    :arg name: In logs and metrics; handed to the class with the others.

    :arg class_path: Where its class is, under the key `class`; see `connectors.feeds.feed`.

    :arg params: Handed to the class as they are.

    """

    name: Name
    class_path: ClassPath = msgspec.field(name="class")
    params: dict[str, object] = msgspec.field(default_factory=dict)


class Feeds(Section, frozen=True):
    """Where market data comes from. All that are on run at once, and the freshest state of each account counts.

    :arg chain: Subscriptions to the pools' accounts, their swaps and the slots.

    :arg polling: Asking for the same accounts again and again.

    :arg polling_interval_ms: Time between two questions.

    :arg prices_url: Websocket of a third party's prices. They count only while the accounts themselves are silent.

    :arg arrays_around: Bin arrays that are followed on either side of the active one.

    :arg silent_after_s: A connection on which nothing came for so long is made anew.

    :arg spin_us: For how long after something happened to look for the next thing without sleeping. It takes a
        processor of its own, and saves what waking up and running cold cost.

    :arg custom: Further feeds.

    """

    chain: bool = True
    polling: bool = True
    polling_interval_ms: Annotated[int, Meta(ge=10, le=60_000)] = 100
    prices_url: WebsocketUrl | None = None
    arrays_around: Annotated[int, Meta(ge=1, le=20)] = 2
    silent_after_s: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    spin_us: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    custom: tuple[CustomFeed, ...] = ()


class Recording(Section, frozen=True):
    """The journal of what the inbox saw, which is a recording that can be replayed.

    :arg record: Whether a live run keeps one; without, it cannot be replayed nor taken up again after a crash.

    :arg folder: Receives one folder a run.

    :arg segment_seconds: Length of one file.

    """

    record: bool = True
    folder: FilePath = "recordings"
    segment_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 60


class Sandbox(Section, frozen=True):
    """The embedded cluster, which runs when no other is configured.

    :arg slot_ms: Length of a slot; shorter is faster than life.

    :arg seed: Of prices and traders.

    :arg market: Prices and traders, as `sandbox.market.spec` describes them. The default is livelier than the sandbox's
        own, so that there is something to see within seconds.

    :arg faults: What goes wrong, such as `ws.drop=30,http.429=0.1`.

    """

    slot_ms: Annotated[int, Meta(ge=10, le=60_000)] = 400
    seed: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 1
    market: str = "sigma=0.006,jumps=360,jump=0.003,rate=2,usd=1000"
    faults: str = ""


class Monitoring(Section, frozen=True):
    """Reports and alerts.

    :arg metrics_port: Port of `/metrics`, `/healthz` and `/readyz`; 0 serves none.

    :arg metrics_host: Address that they are served on.

    """

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] = 9464
    metrics_host: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.:-]{1,255}\Z", description="an address")] = "127.0.0.1"

    performance_report_interval_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 60
    health_check_interval_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 30
    alert_latency_threshold_us: Annotated[int, Meta(ge=1, le=60_000_000)] = 1_000
