"""What is known of the chain before it is needed, and what is not believed."""

from collections.abc import Iterator

import pytest

from connectors.execution.chain_state import ChainState
from connectors.execution.priority_fees import FeeTerms
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.accounts import AccountsAnswer
from connectors.wire.refusal import Refusal
from connectors.wire.wallet_holdings import Holdings
from tests.connectors.execution.scripted_chain import BEHIND, BLOCKHASH, GENESIS_HASH, MAX_AGE, ScriptedChain
from tests.connectors.feeds.nodes import address
from tests.connectors.feeds.peers import run_until
from tests.processes import SandboxNode

QUICK_S = 0.02
WALLET = address(1)


def state_of(
    reactor: Reactor,
    urls: list[str],
    *,
    commitment: str = "confirmed",
    genesis_hash: str | None = None,
    wallet: str = WALLET,
    max_age_s: float = 5.0,
) -> ChainState:
    return ChainState(
        reactor,
        urls,
        Outlet("test"),
        commitment=commitment,
        genesis_hash=genesis_hash,
        wallet_address=wallet,
        fee_terms=FeeTerms(floor=10, cap=1_000),
        refresh_s=QUICK_S,
        fees_s=QUICK_S,
        max_age_s=max_age_s,
        timeout_s=0.5,
    )


@pytest.fixture
def chain(reactor: Reactor) -> Iterator[ScriptedChain]:
    chain = ScriptedChain(reactor)
    yield chain
    chain.peer.close()


@pytest.fixture
def state(reactor: Reactor, chain: ScriptedChain) -> Iterator[ChainState]:
    state = state_of(reactor, [chain.url], genesis_hash=GENESIS_HASH)
    state.start()
    yield state
    state.stop()


def known(reactor: Reactor, state: ChainState) -> None:
    run_until(reactor, lambda: state.blockhash is not None and state.slot > 0)


def test_before_the_first_answer_nothing_is_known(reactor: Reactor) -> None:
    state = state_of(reactor, ["http://127.0.0.1:1/"])
    assert state.blockhash is None
    assert state.blockhash_age_s is None
    assert (state.slot, state.block_height, state.finalized_block_height) == (0, 0, 0)
    assert state.recent_fees("pool") == ()


def test_blockhash_heights_and_slot_are_kept_fresh(reactor: Reactor, chain: ScriptedChain, state: ChainState) -> None:
    known(reactor, state)
    fresh = state.blockhash
    assert fresh is not None
    assert (fresh.blockhash, fresh.slot) == (BLOCKHASH, 1_000)
    assert fresh.last_valid_block_height == 1_000 - BEHIND + MAX_AGE
    assert (state.block_height, state.finalized_block_height) == (1_000 - BEHIND, 969 - BEHIND)
    chain.slot, chain.finalized, chain.blockhash = 1_004, 973, GENESIS_HASH
    run_until(reactor, lambda: state.slot == 1_004)
    run_until(reactor, lambda: state.blockhash is not None and state.blockhash.blockhash == GENESIS_HASH)
    assert (state.block_height, state.finalized_block_height) == (1_004 - BEHIND, 973 - BEHIND)


def test_a_blockhash_that_is_not_refreshed_grows_too_old(reactor: Reactor, chain: ScriptedChain) -> None:
    state = state_of(reactor, [chain.url], max_age_s=0.1)
    state.start()
    known(reactor, state)
    chain.is_deaf = True
    run_until(reactor, lambda: state.blockhash is None)
    assert state.blockhash_age_s is not None
    assert state.blockhash_age_s > 0.1
    chain.is_deaf = False
    run_until(reactor, lambda: state.blockhash is not None)
    state.stop()


def test_what_an_endpoint_that_lags_says_is_left_out(reactor: Reactor, chain: ScriptedChain, state: ChainState) -> None:
    known(reactor, state)
    before = state.blockhash
    chain.slot, chain.finalized, chain.blockhash = 990, 959, GENESIS_HASH
    asked = len(chain.asked("getLatestBlockhash")) + len(chain.asked("getEpochInfo"))
    run_until(reactor, lambda: len(chain.asked("getLatestBlockhash")) + len(chain.asked("getEpochInfo")) > asked + 6)
    assert state.slot == 1_000
    assert state.block_height == 1_000 - BEHIND
    assert state.blockhash is not None
    assert before is not None
    assert state.blockhash.blockhash == BLOCKHASH


def test_a_slot_that_leaps_is_not_believed_at_first(reactor: Reactor, chain: ScriptedChain) -> None:
    outlet = Outlet("test")
    state = ChainState(
        reactor,
        [chain.url],
        outlet,
        commitment="confirmed",
        genesis_hash=None,
        wallet_address=WALLET,
        fee_terms=FeeTerms(),
        refresh_s=QUICK_S,
    )
    state.start()
    known(reactor, state)
    chain.slot = 9_000_000
    run_until(reactor, lambda: outlet.refused["slot_leap"] > 0)
    assert state.slot == 1_000
    chain.slot = 1_001
    run_until(reactor, lambda: state.slot == 1_001)
    state.stop()


def test_at_processed_blockhash_and_height_are_still_the_confirmed_ones(reactor: Reactor, chain: ScriptedChain) -> None:
    state = state_of(reactor, [chain.url], commitment="processed")
    state.start()
    known(reactor, state)
    asked = {params[0]["commitment"] for params in chain.asked("getLatestBlockhash")}
    assert asked == {"confirmed"}
    asked = {params[0]["commitment"] for params in chain.asked("getEpochInfo")}
    assert asked == {"processed", "confirmed", "finalized"}
    state.stop()


def test_the_next_endpoint_is_asked_when_one_fails(reactor: Reactor, chain: ScriptedChain) -> None:
    broken = ScriptedChain(reactor)
    broken.refusal = (502, {}, b"<html></html>")
    state = state_of(reactor, [broken.url, chain.url])
    state.start()
    known(reactor, state)
    state.stop()
    broken.peer.close()


def test_fees_are_kept_for_the_groups_that_are_followed(
    reactor: Reactor, chain: ScriptedChain, state: ChainState
) -> None:
    chain.fees = {address(2): [5, 40, 20, 30], address(3): [7]}
    state.follow_fees({"one": (address(2), address(4)), "two": (address(3),)})
    run_until(reactor, lambda: state.recent_fees("one") != () and state.recent_fees("two") != ())
    assert state.recent_fees("one") == (5, 20, 30, 40)
    assert state.price("one", urgency=2, compute_units=200_000, spent_today=0) == 30
    assert state.price("nobody", urgency=2, compute_units=200_000, spent_today=0) == 10
    full = state.price("one", urgency=2, compute_units=200_000, spent_today=10**12)
    assert isinstance(full, Refusal)
    state.follow_fees({"two": (address(3),)})
    assert state.recent_fees("one") == ()
    assert state.recent_fees("two") == (7,)


def test_accounts_are_as_new_as_the_slot_that_is_known(
    reactor: Reactor, chain: ScriptedChain, state: ChainState
) -> None:
    known(reactor, state)
    told: list[AccountsAnswer | Refusal] = []
    state.ask_accounts((address(5), address(6)), told.append)
    assert not told
    run_until(reactor, lambda: bool(told))
    answer = told[0]
    assert isinstance(answer, AccountsAnswer)
    assert [account.address for account in answer.accounts] == [address(5), address(6)]
    assert chain.asked("getMultipleAccounts")[0][1]["minContextSlot"] == 1_000


def test_holdings_are_asked_for_until_they_are_of_one_slot(reactor: Reactor, chain: ScriptedChain) -> None:
    state = state_of(reactor, [chain.url])
    told: list[Holdings | Refusal] = []
    chain.busy_parts = 4
    state.ask_holdings(told.append)
    run_until(reactor, lambda: bool(told))
    assert told == [Holdings(1_004, 5_000_000, ())]
    least = [params[1].get("minContextSlot") for params in chain.asked("getBalance")]
    assert least == [None, 1_003]
    state.stop()


def test_a_node_that_never_answers_for_one_slot_is_refused(reactor: Reactor, chain: ScriptedChain) -> None:
    outlet = Outlet("test")
    state = ChainState(
        reactor,
        [chain.url],
        outlet,
        commitment="confirmed",
        genesis_hash=None,
        wallet_address=WALLET,
        fee_terms=FeeTerms(),
    )
    told: list[Holdings | Refusal] = []
    chain.busy_parts = 1_000
    state.ask_holdings(told.append)
    run_until(reactor, lambda: bool(told))
    refused = told[0]
    assert isinstance(refused, Refusal)
    assert refused.cause == "mixed_slots"
    assert not outlet.refused  # the endpoint is well
    state.stop()


def test_nothing_is_asked_after_the_end(reactor: Reactor, chain: ScriptedChain) -> None:
    state = state_of(reactor, [chain.url])
    state.start()
    known(reactor, state)
    state.stop()
    asked = len(chain.peer.calls)
    for _ in range(4):
        reactor.run_once(QUICK_S)
    assert len(chain.peer.calls) <= asked + 2  # those that were on their way


def test_a_sandbox_is_read_as_any_cluster(reactor: Reactor, node: SandboxNode) -> None:
    wallet, mint = str(node.facts["pools"][0]["address"]), str(node.facts["pools"][0]["mint_x"])
    node.call("sandbox_fund", wallet, mint, 12_345)
    node.call("requestAirdrop", wallet, 7_000_000)
    node.call("sandbox_advance", 3)
    state = state_of(reactor, [node.url], genesis_hash=node.call("getGenesisHash"), wallet=wallet)
    state.follow_fees({"pool": (wallet,)})
    state.start()
    known(reactor, state)
    fresh = state.blockhash
    assert fresh is not None
    assert node.call("isBlockhashValid", fresh.blockhash, {"commitment": "confirmed"})["value"] is True
    assert state.block_height - state.finalized_block_height > 1
    told: list[Holdings | Refusal] = []
    state.ask_holdings(told.append)
    run_until(reactor, lambda: bool(told))
    holdings = told[0]
    assert isinstance(holdings, Holdings)
    assert holdings.slot >= state.slot - 1
    assert holdings.lamports >= 7_000_000
    assert 12_345 in [token.amount for token in holdings.tokens if token.mint == mint]
    run_until(reactor, lambda: len(state.recent_fees("pool")) > 1)
    state.stop()
