"""What happens before a run: accounts set up, SOL wrapped, and named errors for wallets that cannot trade."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from connectors.execution.order_journal import OrderJournal
from connectors.execution.reconciling import Opening, ReconcileError, reconcile, told_before
from connectors.execution.terms import ExecutionTerms
from connectors.execution.wallet import Wallet
from connectors.stopping import Stop
from dlmm.errors import DlmmError
from dlmm.programs import WRAPPED_SOL
from dlmm.records import Venue
from operators.orders.commands import CreatePosition
from tests.connectors.execution.journaled_orders import START_NS, WALLET, intent, landed, signed, undone
from tests.connectors.execution.rig import LAMPORTS, TOKENS, Market, Rig, fund, rig_on
from tests.processes import SandboxNode, sandbox

RESERVE = 50_000_000


@pytest.fixture(scope="module")
def node() -> Iterator[SandboxNode]:
    with sandbox("--slot-ms", "50", "--market", "off") as node:
        yield node


@pytest.fixture(scope="module")
def market(node: SandboxNode) -> Market:
    return Market(node)


def opened(node: SandboxNode, market: Market, wallet: Wallet, folder: Path) -> Opening:
    terms = ExecutionTerms((node.url,), str(node.facts["ws_url"]), str(folder), reserve_lamports=RESERVE)
    journal = OrderJournal.open(folder, str(wallet.address))
    try:
        return reconcile(terms, wallet, journal, [pool.info for pool in market.pools.values()], Stop())
    finally:
        journal.close()


def test_a_fresh_wallet_gets_its_token_accounts_and_wraps_what_is_above_the_reserve(
    node: SandboxNode, market: Market, tmp_path: Path
) -> None:
    wallet = Wallet.ephemeral()
    node.call("requestAirdrop", str(wallet.address), LAMPORTS)
    node.call("sandbox_advance", 4)
    opening = opened(node, market, wallet, tmp_path)
    held = {token.mint: token.amount for token in opening.wallet.tokens}
    assert set(held) == {mint for pool in market.pools.values() for mint in (pool.info.mint_x, pool.info.mint_y)}
    assert RESERVE <= opening.wallet.lamports <= RESERVE + 3_000_000
    assert held[str(WRAPPED_SOL)] > LAMPORTS - 100_000_000
    assert opening.wallet.occasion == "opening"
    assert opening.wallet.next_order == 1
    assert opening.reports == ()
    again = opened(node, market, wallet, tmp_path)
    assert again.wallet.tokens == opening.wallet.tokens
    assert again.wallet.lamports == opening.wallet.lamports


def test_a_wallet_without_sol_is_named(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    wallet = Wallet.ephemeral()
    with pytest.raises(ReconcileError, match="no_sol") as refused:
        opened(node, market, wallet, tmp_path)
    assert refused.value.kind == "no_sol"
    assert "has 0 lamports" in refused.value.reason


def test_a_frozen_token_account_is_named(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    wallet = Wallet.ephemeral()
    fund(node, market, wallet)
    mint = next(pool.info.mint_y for pool in market.pools.values())
    address = node.call("sandbox_fund", str(wallet.address), mint, TOKENS)
    data = bytearray(node.data_of(address))
    data[108] = 2  # the token program's mark of a frozen account
    value = node.call("getAccountInfo", address, {"encoding": "base64", "commitment": "processed"})["value"]
    frozen = {**value, "data": base64.b64encode(bytes(data)).decode()}
    written = {key: frozen[key] for key in ("lamports", "owner", "data")}
    node.call("sandbox_setAccount", address, written)
    node.call("sandbox_advance", 4)
    with pytest.raises(ReconcileError, match="frozen_account") as refused:
        opened(node, market, wallet, tmp_path)
    assert address in refused.value.reason


def test_a_request_to_end_ends_the_waiting(node: SandboxNode, market: Market, tmp_path: Path) -> None:
    wallet = Wallet.ephemeral()
    terms = ExecutionTerms((node.url,), str(node.facts["ws_url"]), str(tmp_path))
    journal = OrderJournal.open(tmp_path, str(wallet.address))
    stop = Stop()
    infos = [pool.info for pool in market.pools.values()]
    node.call("sandbox_setFaults", "http.hang=1")
    stop.request("SIGINT")
    with pytest.raises(DlmmError, match="SIGINT"):
        reconcile(terms, wallet, journal, infos, stop)
    node.call("sandbox_setFaults", "")
    journal.close()


@pytest.mark.parametrize("venue", list(Venue))
def test_positions_are_found_whoever_opened_them(
    node: SandboxNode, market: Market, tmp_path: Path, venue: Venue
) -> None:
    with rig_on(node, market, tmp_path / "other") as rig:
        pool = market.of(venue)
        middle = market.accounts_of(pool).active_id
        rig.submit(CreatePosition(pool, 1, middle - 5, middle + 5), 1)
        (created,) = rig.settle(1)
        (state,) = created.positions
        ours = opened_again(rig)
        assert ours.wallet.positions == created.positions
        # a journal that knows nothing: somebody else opened it
        found = opened(node, market, rig.wallet, tmp_path / "empty")
        assert found.wallet.positions == (replace(state, position=0),)


def opened_again(rig: Rig) -> Opening:
    infos = [pool.info for pool in rig.market.pools.values()]
    return reconcile(rig.terms, rig.wallet, rig.journal, infos, Stop())


def test_what_was_told_last_is_told_again_whatever_the_order_ids(tmp_path: Path) -> None:
    journal = OrderJournal.open(tmp_path, WALLET)
    try:
        for order in (2, 5_000, 9_000):  # quotes that were never sent have used up the ids between
            journal.record(intent(order))
            journal.record(signed(f"{order}.0", signature=f"signature {order}"))
        for ts_ns, order in enumerate((5_000, 9_000, 2)):
            journal.record(landed(f"{order}.0", signature=f"signature {order}", ts_ns=START_NS + 10 + ts_ns))
        journal.record(undone("2.0", signature="signature 2", ts_ns=START_NS + 20))
        journal.record(landed("2.0", signature="signature 2", ts_ns=START_NS + 21))
        final, earlier = told_before(journal, newest=2)
    finally:
        journal.close()
    assert [(report.order, report.status, report.number) for report in final] == [
        (2, "landed", 2),
        (9_000, "landed", 0),
    ]
    assert [(report.status, report.number) for report in earlier] == [("landed", 0), ("undone", 1)]
