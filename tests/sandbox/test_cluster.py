import os
from pathlib import Path

import pytest

from sandbox.cluster import ClusterError, ClusterOptions, build_cluster
from sandbox.faults import FaultSpecError
from sandbox.market.spec import MarketSpecError
from sandbox.real import ProgramFileError
from tests.sandbox.true_programs import FILES, programs


def test_by_default_four_pools_are_traded_on_the_model_engine() -> None:
    node, pools = build_cluster(ClusterOptions())
    assert node.chain.engine.name == "model"
    assert len(pools) == 4
    for _ in range(3):
        node.step()
    assert {str(pool.address) for pool in pools} == set(node.board.prices)
    assert node.chain.counts["executed"] > 0
    landed = [one for block in node.chain.blocks.latest(3) for one in block.landed]
    assert any(one.execution.error is None and one.execution.inner for one in landed)


def test_with_true_programs_the_same_pools_are_traded_on_the_real_engine() -> None:
    programs()
    folder = Path(os.environ["DLMM_PROGRAMS"])
    named = tuple(f"{program}={folder / file}" for program, file in FILES.items())
    node, pools = build_cluster(ClusterOptions(programs=named))
    model, same = build_cluster(ClusterOptions())
    assert node.chain.engine.name == "real"
    assert pools == same
    for _ in range(3):
        node.step()
        model.step()
    assert node.chain.counts["executed"] == model.chain.counts["executed"] > 0


def test_the_same_seed_makes_the_same_genesis() -> None:
    first, pools = build_cluster(ClusterOptions(market="off"))
    again, same = build_cluster(ClusterOptions(market="off"))
    other, others = build_cluster(ClusterOptions(market="off", seed=2))
    assert pools == same
    assert {pool.address for pool in pools}.isdisjoint(pool.address for pool in others)
    assert first.chain.genesis_hash == again.chain.genesis_hash != other.chain.genesis_hash
    assert first.market is None


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (ClusterOptions(faults="nope=1"), FaultSpecError),
        (ClusterOptions(market="nope=1"), MarketSpecError),
        (ClusterOptions(programs=("nope",)), ProgramFileError),
        (ClusterOptions(clone_pools=("5bW1x2357HYPTkuw1mAe1PNT3M4bKcN8yUVYmRd1q9F4",)), ClusterError),
        (ClusterOptions(clone="http://127.0.0.1:9", clone_pools=("nope",)), ClusterError),
    ],
)
def test_what_cannot_be_had_is_named(options: ClusterOptions, error: type[Exception]) -> None:
    with pytest.raises(error):
        build_cluster(options)


def test_a_cluster_can_begin_behind_another_ones_last_slot() -> None:
    node, _ = build_cluster(ClusterOptions(market="off", first_slot=400_000_123))
    assert node.chain.processed == 400_000_123
