from collections.abc import Mapping

import msgspec
import pytest
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from connectors.execution.building import templates as module
from connectors.execution.building.lookup_tables import LookupTable
from connectors.execution.building.messages import compile_message, decode_message, step_message
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError, Step
from connectors.execution.building.swaps import fixed_keys, swap_step, units_of
from connectors.execution.building.templates import SwapTemplates, Terms
from dlmm.records import MAX_U64, Account, Venue
from operators.orders.commands import Swap, SwapRoute
from tests.connectors.execution.building.exchange_floor import (
    BLOCKHASH,
    ENGINES,
    METEORA_JUP,
    METEORA_SOL,
    SAROS_JUP,
    SAROS_SOL,
    WALLET,
    Floor,
    floor_on,
    quoted,
)
from tests.connectors.execution.building.test_swaps import golden

OTHER_HASH = "EkSnNWid2cvwEVnVx9aBqawnmiCNiDgp3gUdkDPTKN1N"
TERMS = Terms(blockhash=BLOCKHASH, units=120_000, price=2_000)
TIPPED = Pubkey.from_bytes(bytes([8]) * 32)


@pytest.fixture(scope="module")
def still() -> Floor:
    """Pools that nobody trades in."""
    return floor_on("model")


def swap_of(pool: PoolAccounts, exact_in: bool, swap_for_y: bool, amount: int = 5, threshold: int = 6) -> Swap:
    return Swap(pool=pool.info.pool, exact_in=exact_in, swap_for_y=swap_for_y, amount=amount, threshold=threshold)


def fresh(command: Swap | SwapRoute, pools: Mapping[str, PoolAccounts], terms: Terms) -> bytes:
    """The same message, compiled anew."""
    step = swap_step(command, pools, WALLET.address)
    tip = () if terms.tip is None else (terms.tip,)
    return step_message(Step((*step.instructions, *tip), terms.units), WALLET.address, terms.blockhash, terms.price)


@pytest.mark.parametrize("swap_for_y", [True, False])
@pytest.mark.parametrize("exact_in", [True, False])
@pytest.mark.parametrize("place", [METEORA_SOL, SAROS_SOL])
def test_a_spliced_message_is_the_one_that_is_compiled_anew(
    still: Floor, place: int, exact_in: bool, swap_for_y: bool
) -> None:
    pools, pool = still.pools(), still.read(place)
    templates = SwapTemplates(WALLET.address)
    for amount, threshold, terms in (
        (1, 0, TERMS),
        (MAX_U64, 77, Terms(blockhash=OTHER_HASH, units=1_400_000, price=MAX_U64)),
        (123, MAX_U64, Terms(blockhash=BLOCKHASH, units=0, price=0)),
    ):
        wanted = swap_of(pool, exact_in, swap_for_y, amount, threshold)
        assert templates.message(wanted, pools, terms) == fresh(wanted, pools, terms)
    assert len(templates) == 1


@pytest.mark.parametrize("swap_for_y", [True, False])
@pytest.mark.parametrize("exact_in", [True, False])
@pytest.mark.parametrize("place", [METEORA_SOL, SAROS_SOL])
def test_a_decoder_finds_the_numbers_where_the_programs_read_them(
    still: Floor, place: int, exact_in: bool, swap_for_y: bool
) -> None:
    pool = still.read(place)
    decoded = decode_message(
        SwapTemplates(WALLET.address).message(
            swap_of(pool, exact_in, swap_for_y, amount=1_001, threshold=2_002), still.pools(), TERMS
        )
    )
    limit, price, swap = (bytes(instruction.data) for instruction in decoded.instructions)
    assert str(decoded.recent_blockhash) == BLOCKHASH
    assert int.from_bytes(limit[1:5], "little") == TERMS.units
    assert int.from_bytes(price[1:9], "little") == TERMS.price
    named = [int.from_bytes(swap[at : at + 8], "little") for at in (8, 16)]
    limit_first = pool.info.venue is Venue.METEORA and not exact_in
    assert named == ([2_002, 1_001] if limit_first else [1_001, 2_002])


@pytest.mark.parametrize("venue", Venue)
def test_every_golden_pool_has_templates(venue: Venue) -> None:
    seen = 0
    for pool in golden(venue):
        pools = {pool.info.pool: pool}
        templates = SwapTemplates(WALLET.address)
        templates.prepare([pool], TERMS)
        for exact_in, swap_for_y in ((True, True), (False, False)):
            wanted = swap_of(pool, exact_in, swap_for_y, 3, 4)
            try:
                expected = fresh(wanted, pools, TERMS)
            except BuildError:
                continue
            assert templates.message(wanted, pools, TERMS) == expected
            seen += 1
        if seen > 60:
            break
    assert seen > 20


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("places", [(METEORA_SOL, SAROS_SOL), (SAROS_SOL, METEORA_SOL), (METEORA_JUP, SAROS_JUP)])
def test_spliced_pairs_move_what_their_quotes_say(engine: str, places: tuple[int, int]) -> None:
    floor = floor_on(engine)
    templates = SwapTemplates(WALLET.address)
    mint = floor.read(places[0]).info.mint_x
    for amount in (10**7, 10**8):
        first, there = quoted(floor.read(places[0]), amount, exact_in=True, swap_for_y=True)
        second, back = quoted(floor.read(places[1]), amount, exact_in=False, swap_for_y=False)
        pair, pools = SwapRoute((first, second)), floor.pools()
        terms = Terms(blockhash=BLOCKHASH, units=units_of(pair, pools), price=9)
        message = templates.message(pair, pools, terms)
        assert message == fresh(pair, pools, terms)
        before = floor.balance(mint)
        done = floor.run(sign(WALLET, message)[1])
        assert done.error is None, done.logs
        assert floor.balance(mint) - before == back.amount_out - there.amount_in
    assert len(templates) == 1


@pytest.mark.parametrize("place", [METEORA_SOL, SAROS_SOL])
def test_a_tip_goes_along_with_its_amount(still: Floor, place: int) -> None:
    pools, wanted = still.pools(), swap_of(still.read(place), True, True)
    templates = SwapTemplates(WALLET.address)
    for lamports in (1_000, 2_000):
        tip = transfer(TransferParams(from_pubkey=WALLET.address, to_pubkey=TIPPED, lamports=lamports))
        terms = Terms(blockhash=BLOCKHASH, units=1, price=2, tip=tip)
        message = templates.message(wanted, pools, terms)
        assert message == fresh(wanted, pools, terms)
        assert bytes(decode_message(message).instructions[-1].data) == tip.data
    assert len(templates) == 1
    assert templates.message(wanted, pools, TERMS) == fresh(wanted, pools, TERMS)


def test_other_bin_arrays_make_another_template(still: Floor) -> None:
    floor = floor_on("model")
    templates = SwapTemplates(WALLET.address)
    wanted = swap_of(floor.read(METEORA_SOL), True, True)
    seen = set()
    for _ in range(40):
        pools = floor.pools()
        message = templates.message(wanted, pools, TERMS)
        assert message == fresh(wanted, pools, TERMS)
        seen.add(message)
        if len(seen) > 1:
            break
        push = msgspec.structs.replace(wanted, swap_for_y=False, amount=20_000 * 10**6, threshold=0)
        terms = Terms(blockhash=BLOCKHASH, units=1_400_000, price=1)
        assert floor.run(sign(WALLET, fresh(push, pools, terms))[1]).error is None
    assert len(templates) == len(seen) == 2


def test_a_hook_that_is_changed_makes_another_template() -> None:
    pool = next(golden(Venue.SAROS, hooked=True))
    wanted = swap_of(pool, True, True)
    account = pool.account(pool.info.pool)
    unhooked = Account(account.owner, account.data[:171] + bytes(33))
    other = PoolAccounts(pool.info, {**pool.accounts, pool.info.pool: unhooked}, 1, 1)
    templates = SwapTemplates(WALLET.address)
    for seen in (pool, other):
        pools = {pool.info.pool: seen}
        assert templates.message(wanted, pools, TERMS) == fresh(wanted, pools, TERMS)
    assert len(templates) == 2


def test_prepared_templates_are_found_by_every_kind_of_swap(still: Floor) -> None:
    pools = still.pools()
    templates = SwapTemplates(WALLET.address)
    templates.prepare(pools.values(), TERMS)
    assert len(templates) == 16
    for pool in pools.values():
        for exact_in in (True, False):
            for swap_for_y in (True, False):
                templates.message(swap_of(pool, exact_in, swap_for_y), pools, TERMS)
    assert len(templates) == 16


def test_preparing_passes_over_a_pool_that_cannot_be_traded(still: Floor) -> None:
    pool = still.read(METEORA_SOL)
    templates = SwapTemplates(WALLET.address)
    templates.prepare([PoolAccounts(pool.info, {}, 1, 1), still.read(SAROS_SOL)], TERMS)
    assert len(templates) == 4


def test_bad_amounts_and_hashes_are_refused_also_with_a_template_at_hand(still: Floor) -> None:
    pools, pool = still.pools(), still.read(METEORA_SOL)
    templates = SwapTemplates(WALLET.address)
    templates.prepare([pool], TERMS)
    with pytest.raises(BuildError, match="bad_amount"):
        templates.message(swap_of(pool, True, True, amount=MAX_U64 + 1), pools, TERMS)
    with pytest.raises(BuildError, match="bad_blockhash"):
        templates.message(swap_of(pool, True, True), pools, Terms(blockhash="nothing", units=1, price=1))
    with pytest.raises(BuildError, match="missing_account"):
        templates.message(swap_of(pool, True, True), {}, TERMS)


def test_a_pair_that_fits_no_packet_is_spliced_with_lookup_tables() -> None:
    floor = floor_on("model", around=8)
    pools = floor.pools()
    swaps = [
        msgspec.structs.replace(swap_of(floor.read(place), True, True), compute_units=200_000)
        for place in (METEORA_SOL, METEORA_JUP)
    ]
    pair = SwapRoute((swaps[0], swaps[1]))
    templates = SwapTemplates(WALLET.address)
    with pytest.raises(BuildError, match="too_long"):
        templates.message(pair, pools, TERMS)
    table = LookupTable(TIPPED, fixed_keys(pools.values(), WALLET.address))
    templates.use_tables([table])
    message = templates.message(pair, pools, TERMS)
    assert decode_message(message).address_table_lookups
    step = swap_step(pair, pools, WALLET.address)
    assert message == step_message(
        Step(step.instructions, TERMS.units), WALLET.address, BLOCKHASH, TERMS.price, [table]
    )


def test_the_oldest_template_goes_for_the_newest(still: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TEMPLATES", 3)
    templates = SwapTemplates(WALLET.address)
    templates.prepare(still.pools().values(), TERMS)
    assert len(templates) == 3


def test_a_template_with_its_numbers_elsewhere_is_never_used(still: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DISCRIMINATOR_BYTES", 9)
    pools = still.pools()
    templates = SwapTemplates(WALLET.address)
    with pytest.raises(module.TemplateError, match="not where they were looked for"):
        templates.message(swap_of(still.read(SAROS_SOL), True, True), pools, TERMS)
    assert len(templates) == 0


def test_compiling_is_what_a_template_saves(still: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    pools, pool = still.pools(), still.read(SAROS_SOL)
    templates = SwapTemplates(WALLET.address)
    templates.prepare([pool], TERMS)
    calls: list[int] = []

    def counted(*given: object) -> bytes:
        calls.append(1)
        return compile_message(*given)  # type: ignore[arg-type]  # whatever it was given

    monkeypatch.setattr(module, "compile_message", counted)
    templates.message(swap_of(pool, True, True), pools, TERMS)
    assert calls == []
