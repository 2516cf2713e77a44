"""URLs taken apart, and refused without being shown."""

import pytest

from connectors.feeds.endpoint import Endpoint, EndpointError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ws://127.0.0.1:8900", Endpoint("127.0.0.1", 8900, False, "/")),
        ("wss://Example.com", Endpoint("example.com", 443, True, "/")),
        ("http://node/rpc?api-key=k&x=%20", Endpoint("node", 80, False, "/rpc?api-key=k&x=%20")),
        ("https://[::1]:9/a#fragment", Endpoint("::1", 9, True, "/a")),
        ("http://node?key", Endpoint("node", 80, False, "/?key")),
    ],
)
def test_a_url_has_host_port_security_and_target(url: str, expected: Endpoint) -> None:
    assert Endpoint.parse(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "node:80",
        "ftp://node/secret",
        "ws:///secret",
        "ws://:80/secret",
        "http://.node/secret",
        "http://node:0/secret",
        "http://node:99999/secret",
        "http://node:x/secret",
        "http://[::1/secret",
        "https://me:secret@node/",
        "http://node/a secret",
        "http://node/secret\n",
        "http://n\u00f6de/secret",
    ],
)
def test_other_urls_are_refused_without_showing_them(url: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoint.parse(url)
    assert "secret" not in str(caught.value)


def test_its_label_shows_no_key() -> None:
    assert Endpoint.parse("https://node/KEY?k=KEY").label == "node:443"
    assert Endpoint.parse("http://[::1]:8899/").label == "[::1]:8899"


def test_a_host_header_has_the_port_where_it_is_not_the_schemes_own() -> None:
    assert Endpoint.parse("https://node/").authority == "node"
    assert Endpoint.parse("http://node:443/").authority == "node:443"
    assert Endpoint.parse("http://[::1]/").authority == "[::1]"
