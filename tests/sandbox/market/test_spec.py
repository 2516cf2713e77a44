import pytest

from sandbox.market.spec import MarketSpec, MarketSpecError, parse_market


def test_a_text_changes_what_it_names() -> None:
    assert parse_market("", seed=7) == MarketSpec(seed=7)
    assert parse_market("sigma=0.01, rate=3,scale=false") == MarketSpec(sigma=0.01, rate=3.0, scale=False)
    assert parse_market("seed=5", seed=7) == MarketSpec(seed=5)


@pytest.mark.parametrize(
    "text", ["sigma", "sigma=", "nonsense=1", "rate=-1", "rate=nan", "rate=inf", "sigma=x", "rate=1,rate=2", "seed=1.5"]
)
def test_a_text_that_is_no_market_is_refused(text: str) -> None:
    with pytest.raises(MarketSpecError):
        parse_market(text)
