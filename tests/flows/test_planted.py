from flows.planted import planted_pools
from sandbox.model.engine import ModelEngine
from sandbox.pools.genesis import plant
from sandbox.pools.plans import DEFAULT_PLANS


def test_they_are_the_sandboxs_own_pools() -> None:
    facts = plant(ModelEngine({}))
    pools = planted_pools(slot=77)
    assert [pool.info.pool for pool in pools] == [str(each.address) for each in facts]
    assert len(pools) == len(DEFAULT_PLANS) >= 4
    assert {pool.slot for pool in pools} == {77}


def test_more_arrays_are_loaded_where_more_are_followed() -> None:
    for few, more in zip(planted_pools(arrays_around=0), planted_pools(arrays_around=2), strict=True):
        assert few.accounts.items() < more.accounts.items()
