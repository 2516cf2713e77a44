"""Write settings down again, as the file that would give them."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
import tomli_w

from flows.settings.tree import Settings


def dump_settings(settings: Settings) -> str:
    """Write every key as TOML; loading the text gives the same settings again."""
    return tomli_w.dumps(_without_none(msgspec.to_builtins(settings)))


def without_secrets(settings: Settings) -> Settings:
    """Cut the addresses of others down to their hosts: providers put keys into paths, queries and user names.

    :returns: Settings that may be shown, logged and stored beside results.

    """
    network, feeds, execution = settings.network, settings.feeds, settings.execution
    network = msgspec.structs.replace(
        network,
        rpc_url=_host_only(network.rpc_url),
        ws_url=_host_only(network.ws_url),
        backup_rpc_urls=tuple(host_only(url) for url in network.backup_rpc_urls),
    )
    feeds = msgspec.structs.replace(feeds, prices_url=_host_only(feeds.prices_url))
    execution = msgspec.structs.replace(execution, bundles_url=_host_only(execution.bundles_url))
    return msgspec.structs.replace(settings, network=network, feeds=feeds, execution=execution)


def _host_only(url: str | None) -> str | None:
    return None if url is None else host_only(url)


def host_only(url: str) -> str:
    """Return an address without user name, path and query."""
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:  # an address that no client would take either, such as an unclosed bracket
        host = ""
    return f"{url.partition('://')[0]}://{host or 'hidden'}"


def _without_none(value: Any) -> Any:
    """Drop the keys that are not set: TOML has no word for them."""
    match value:
        case dict():
            return {key: _without_none(each) for key, each in value.items() if each is not None}
        case list() | tuple():
            return [_without_none(each) for each in value]
        case _:
            return value
