"""Which feeds the settings ask for, and what is said of those that cannot be had."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from dlmm.errors import DlmmError
from flows.feeds import make_feeds
from flows.market import Market
from flows.settings.tree import Settings

MARKET = Market(
    rpc_urls=("http://127.0.0.1:1", "http://127.0.0.1:2"),
    ws_url="ws://127.0.0.1:1",
    prices_url=None,
    pools=(),
    genesis_hash="5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
    source="a test",
)
WITH_PRICES = msgspec.structs.replace(MARKET, prices_url="ws://127.0.0.1:3")


class Silent(Feed):
    """A feed of a user's own."""

    def __init__(self, name: str, words: str = "") -> None:
        self.name = name
        self.words = words

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        pass

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        pass

    def stop(self) -> None:
        pass


class Nameless(Silent):
    def __init__(self, name: str) -> None:
        pass


def asked(**feeds: object) -> Settings:
    return msgspec.convert({"feeds": feeds}, Settings)


def custom(name: str, class_name: str = "Silent", **params: object) -> dict[str, Any]:
    return {"name": name, "class": f"{__name__}:{class_name}", "params": params}


def refusal(settings: Settings, market: Market = MARKET) -> str:
    with pytest.raises(DlmmError) as error:
        make_feeds(settings, market)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("settings", "market", "names"),
    [
        (asked(), MARKET, ["chain", "polling"]),
        (asked(), WITH_PRICES, ["chain", "polling", "prices"]),
        (asked(chain=False), MARKET, ["polling"]),
        (asked(polling=False), MARKET, ["chain"]),
        (asked(chain=False, polling=False), WITH_PRICES, ["prices"]),
        (asked(chain=False, polling=False, custom=[custom("mine")]), MARKET, ["mine"]),
        (asked(custom=[custom("a"), custom("b")]), MARKET, ["chain", "polling", "a", "b"]),
    ],
)
def test_every_feed_that_is_switched_on_is_made(settings: Settings, market: Market, names: list[str]) -> None:
    assert [feed.name for feed in make_feeds(settings, market)] == names


def test_a_users_feed_is_made_with_its_name_and_its_params() -> None:
    feed = make_feeds(asked(custom=[custom("mine", words="hello")]), MARKET)[-1]
    assert type(feed).__name__ == "Silent"
    assert (feed.name, vars(feed)["words"]) == ("mine", "hello")


def test_a_users_feed_is_found_on_pythons_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_users_feed.py").write_text(f"from {__name__} import Silent\nclass Mine(Silent): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    feed = make_feeds(asked(custom=[{"name": "mine", "class": "a_users_feed:Mine"}]), MARKET)[-1]
    assert type(feed).__qualname__ == "Mine"
    del sys.modules["a_users_feed"]


def test_no_feed_at_all_is_refused() -> None:
    assert refusal(asked(chain=False, polling=False)).startswith("feeds: none is switched on")


@pytest.mark.parametrize("names", [["chain"], ["polling"], ["mine", "mine"]])
def test_two_feeds_of_one_name_are_refused(names: list[str]) -> None:
    text = refusal(asked(custom=[custom(name) for name in names]))
    assert "two have the same name" in text
    assert names[0] in text


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ({"name": "mine", "class": "no_such_module:Thing"}, "cannot import no_such_module"),
        ({"name": "mine", "class": f"{__name__}:Nothing"}, "has no class Nothing"),
        (custom("mine", colour="red"), "colour"),
        ({"name": "mine", "class": "connectors.feeds.feed:Feed"}, "TypeError"),
        ({"name": "mine", "class": "types:SimpleNamespace"}, "is no connectors.feeds.feed.Feed"),
        (custom("mine", "Nameless"), "has no name"),
    ],
)
def test_a_users_feed_that_cannot_run_is_refused_by_its_class(feed: dict[str, Any], said: str) -> None:
    text = refusal(asked(custom=[feed]))
    assert text.startswith(f"feed {feed['class']}: ")
    assert said in text
