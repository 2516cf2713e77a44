"""From settings to the feeds of a live run."""

from collections.abc import Iterator

from connectors.feeds.chain import ChainFeed
from connectors.feeds.feed import Feed
from connectors.feeds.polling import PollingFeed
from connectors.feeds.prices import PriceFeed
from dlmm.errors import DlmmError
from flows.market import Market
from flows.settings.inputs import CustomFeed
from flows.settings.tree import Settings
from operators.user_classes import make


def make_feeds(settings: Settings, market: Market) -> list[Feed]:
    """Make every feed that is switched on, all at once live.

    :raises DlmmError: None is, two have one name, or a custom one cannot be loaded.

    """
    feeds = list(_feeds(settings, market))
    names = [feed.name for feed in feeds]
    if not feeds:
        raise DlmmError("feeds: none is switched on; set feeds.chain, feeds.polling or feeds.prices_url")
    if len(set(names)) < len(names):
        raise DlmmError(f"feeds: two have the same name among {', '.join(names)}")
    return feeds


def _feeds(settings: Settings, market: Market) -> Iterator[Feed]:
    terms, commitment = settings.feeds, settings.network.commitment
    if terms.chain:
        yield ChainFeed(
            "chain",
            market.ws_url,
            market.rpc_urls[0],
            commitment,
            genesis_hash=market.genesis_hash,
            silent_s=terms.silent_after_s,
        )
    if terms.polling:
        yield PollingFeed(
            "polling",
            market.rpc_urls,
            interval_s=terms.polling_interval_ms / 1e3,
            commitment=commitment,
            genesis_hash=market.genesis_hash,
        )
    if market.prices_url is not None:
        yield PriceFeed("prices", market.prices_url, silent_s=terms.silent_after_s)
    for custom in terms.custom:
        yield _load_feed(custom)


def _load_feed(custom: CustomFeed) -> Feed:
    feed = make("feed", custom.class_path, {"name": custom.name, **custom.params}, DlmmError)
    if not isinstance(feed, Feed):
        raise DlmmError(f"feed {custom.class_path}: is no connectors.feeds.feed.Feed")
    if not isinstance(getattr(feed, "name", None), str):
        raise DlmmError(f"feed {custom.class_path}: has no name; keep the one that it is made with as self.name")
    return feed
