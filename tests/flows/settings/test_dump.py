"""Settings written down load as the same settings; what may be a secret is left out of what is shown."""

import tomllib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, inspect

from flows.settings.check import check
from flows.settings.dump import dump_settings, without_secrets
from flows.settings.execution import Execution
from flows.settings.explain import item_of, keys_of, paths_of, section_of
from flows.settings.inputs import Network
from flows.settings.tree import Settings

PLAIN = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=8)
)
KEYS = st.text(st.characters(codec="utf-8"), max_size=5).filter(str.isprintable)
PARAMS = st.dictionaries(
    KEYS,
    st.recursive(PLAIN, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=5),
    max_size=3,
)

UNSET = {
    "execution.bundles_url",
    "execution.mode",
    "feeds.prices_url",
    "network.genesis_hash",
    "network.rpc_url",
    "network.ws_url",
    "strategies.market_making.budget",
    "strategies.momentum_trading.budget",
    "strategies.statistical_arbitrage.budget",
    "trading.dry_run",
    "wallet.keypair_path",
}


def values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return values(inner)
        case inspect.UnionType(types=kinds):
            return st.one_of(*[values(each) for each in kinds if not isinstance(each, inspect.NoneType)])
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType():
            return st.integers(kind.ge, kind.le)
        case inspect.FloatType():
            low, high = (kind.ge if kind.gt is None else kind.gt), (kind.le if kind.lt is None else kind.lt)
            return st.floats(low, high, exclude_min=kind.gt is not None, exclude_max=kind.lt is not None)
        case inspect.EnumType(cls=names):
            return st.sampled_from([each.value for each in names])
        case inspect.TupleType(item_types=kinds):
            return st.tuples(*[values(each) for each in kinds])
        case inspect.LiteralType(values=options):
            return st.sampled_from(options)
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True)
        case inspect.DictType():
            return PARAMS
        case _:
            return st.text(st.characters(codec="utf-8"))


def trees(annotation: Any) -> st.SearchStrategy[Any]:
    section: type[Struct] | None = section_of(annotation)
    item = item_of(annotation)
    if section is not None:
        fields = keys_of(section)
        needed = {key: trees(field.type) for key, field in fields.items() if field.required}
        free = {key: trees(field.type) for key, field in fields.items() if not field.required}
        return st.fixed_dictionaries(needed, optional=free)
    if item is not None:
        return st.lists(trees(item), max_size=3)
    return values(inspect.type_info(annotation))


@settings(max_examples=40)
@given(trees(Settings))
def test_settings_written_down_load_as_the_same_settings(raw: dict[str, object]) -> None:
    before = msgspec.convert(raw, Settings)
    after, _ = check(tomllib.loads(dump_settings(before)))
    assert after == before


def test_every_key_that_has_a_value_is_written() -> None:
    written = tomllib.loads(dump_settings(Settings()))
    for path in set(paths_of(Settings)) - UNSET:
        node: Any = written
        for key in path.split("."):
            node = node[key]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.mainnet-beta.solana.com", "https://api.mainnet-beta.solana.com"),
        ("http://127.0.0.1:8899", "http://127.0.0.1:8899"),
        ("https://node.example/SECRET/?api-key=SECRET", "https://node.example"),
        ("https://user:SECRET@node.example:443#SECRET", "https://node.example:443"),
        ("https://?SECRET", "https://hidden"),
        ("https://[SECRET", "https://hidden"),
    ],
)
def test_cluster_addresses_are_shown_without_a_providers_key(url: str, shown: str) -> None:
    network = Network(rpc_url=url, ws_url=url.replace("http", "ws", 1))
    execution = Execution(bundles_url=url)
    text = dump_settings(without_secrets(msgspec.structs.replace(Settings(), network=network, execution=execution)))
    assert f'rpc_url = "{shown}"' in text
    assert f'bundles_url = "{shown}"' in text
    assert f'ws_url = "{shown.replace("http", "ws", 1)}"' in text
    assert "SECRET" not in text
    assert check(tomllib.loads(text))[1] == []
