"""The system program and what the runtime does around every transaction, beside the true runtime."""

import numpy as np
import pytest
from solders.account import Account
from solders.compute_budget import (
    request_heap_frame,
    set_compute_unit_limit,
    set_compute_unit_price,
)
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import (
    AllocateParams,
    AllocateWithSeedParams,
    AssignParams,
    AssignWithSeedParams,
    CreateAccountParams,
    CreateAccountWithSeedParams,
    TransferParams,
    TransferWithSeedParams,
    allocate,
    allocate_with_seed,
    assign,
    assign_with_seed,
    create_account,
    create_account_with_seed,
    transfer,
    transfer_with_seed,
)

from dlmm.programs import COMPUTE_BUDGET_PROGRAM, SYSTEM_PROGRAM
from tests.sandbox.model.twins import SOL, Twins, address_of, seeded

OWNER = address_of(77)
EXEMPT = 890_880


def _seeded_key(base: Pubkey, seed: str, owner: Pubkey) -> Pubkey:
    return Pubkey.create_with_seed(base, seed, owner)


def _random_instruction(rng: np.random.Generator) -> Instruction:
    one, two = (address_of(int(number)) for number in rng.integers(1, 9, 2))
    if rng.random() < 0.3:
        two = address_of(int(rng.integers(100, 104)))
    lamports = int(rng.choice([0, 1, EXEMPT - 1, EXEMPT, EXEMPT + 69_600, SOL, 10**18]))
    space = int(rng.choice([0, 1, 10, 165, 20_000, 11_000_000]))
    owner = (SYSTEM_PROGRAM, OWNER)[int(rng.integers(2))]
    seed, said = (("a", "ab")[int(number)] for number in rng.integers(0, 2, 2))
    derived = _seeded_key(one, said, owner)
    match int(rng.integers(10)):
        case 0 | 1 | 2:
            return transfer(TransferParams(from_pubkey=one, to_pubkey=two, lamports=lamports))
        case 3:
            return create_account(
                CreateAccountParams(from_pubkey=one, to_pubkey=two, lamports=lamports, space=space, owner=owner)
            )
        case 4:
            return assign(AssignParams(pubkey=one, owner=owner))
        case 5:
            return allocate(AllocateParams(pubkey=one, space=space))
        case 6:
            return create_account_with_seed(
                CreateAccountWithSeedParams(
                    from_pubkey=one, to_pubkey=derived, base=one, seed=seed, lamports=lamports, space=space, owner=owner
                )
            )
        case 7:
            return transfer_with_seed(
                TransferWithSeedParams(
                    from_pubkey=derived,
                    from_base=one,
                    from_seed=seed,
                    from_owner=owner,
                    to_pubkey=two,
                    lamports=lamports,
                )
            )
        case 8:
            return allocate_with_seed(
                AllocateWithSeedParams(address=derived, base=one, seed=seed, space=space, owner=owner)
            )
        case _:
            return assign_with_seed(AssignWithSeedParams(address=derived, base=one, seed=seed, owner=owner))


def _spoilt(instruction: Instruction, rng: np.random.Generator) -> Instruction:
    """The instruction with a flaw: a lost privilege, a missing account, cut data, an unknown number."""
    metas, data = list(instruction.accounts), bytes(instruction.data)
    match int(rng.integers(5)):
        case 0:
            at = int(rng.integers(len(metas)))
            metas[at] = AccountMeta(metas[at].pubkey, is_signer=False, is_writable=metas[at].is_writable)
        case 1:
            at = int(rng.integers(len(metas)))
            metas[at] = AccountMeta(metas[at].pubkey, is_signer=metas[at].is_signer, is_writable=False)
        case 2:
            metas.pop()
        case 3:
            data = data[: int(rng.integers(len(data)))]
        case _:
            data = bytes([int(rng.integers(14, 40))]) + data[1:]
    return Instruction(instruction.program_id, data, metas)


def _twins() -> Twins:
    twins = Twins({})
    for number in range(1, 7):
        twins.wallet(number)
    twins.wallet(7, EXEMPT)
    twins.put(address_of(8), Account(SOL, b"data", SYSTEM_PROGRAM))
    twins.put(address_of(100), Account(SOL, b"", SYSTEM_PROGRAM))
    twins.put(address_of(101), Account(SOL, b"other", OWNER))
    return twins


@pytest.mark.parametrize("seed", range(4))
def test_random_instructions_end_as_in_the_true_runtime(seed: int) -> None:
    rng = seeded(seed)
    twins = _twins()
    payer = twins.wallet(99, 10_000 * SOL)
    fine = 0
    for _ in range(100):
        instructions = [_random_instruction(rng) for _ in range(int(rng.integers(1, 3)))]
        if rng.random() < 0.3:
            instructions[-1] = _spoilt(instructions[-1], rng)
        fine += twins.run(instructions, payer).error is None
    assert fine > 10


def _send(payer: int, lamports: int, to: Pubkey | None = None) -> Instruction:
    there = address_of(100) if to is None else to
    return transfer(TransferParams(from_pubkey=address_of(payer), to_pubkey=there, lamports=lamports))


@pytest.mark.parametrize(
    ("held", "sent", "error"),
    [
        (0, 0, "AccountNotFound"),
        (4_999, 0, "InsufficientFundsForFee"),
        (5_000, 0, None),
        (6_000, 1, None),
        (EXEMPT + 4_999, 0, {"InsufficientFundsForRent": {"account_index": 0}}),
        (EXEMPT + 5_000, 1, {"InsufficientFundsForRent": {"account_index": 0}}),
        (EXEMPT + 5_000, EXEMPT, None),
    ],
)
def test_a_fee_payer_stays_exempt_from_rent_or_goes(held: int, sent: int, error: object) -> None:
    twins = _twins()
    payer = twins.wallet(50, held)
    charged = error is None or held == EXEMPT + 5_000
    if charged:
        assert twins.run([_send(50, sent)], payer).error == error
        return
    execution = twins.model_alone([_send(50, sent)], payer)
    assert (execution.error, execution.fee, execution.accounts) == (error, 0, {})
    twins.hold(payer)


@pytest.mark.parametrize(("owner", "data"), [(OWNER, b""), (SYSTEM_PROGRAM, b"x")])
def test_only_a_plain_account_pays_fees(owner: Pubkey, data: bytes) -> None:
    twins = _twins()
    twins.put(address_of(50), Account(SOL, data, owner))
    execution = twins.run([_send(1, 1)], address_of(50))
    assert execution.error == "InvalidAccountForFee"
    assert execution.fee == 0


def _request(kind: int, value: int, size: int = 4) -> Instruction:
    return Instruction(COMPUTE_BUDGET_PROGRAM, bytes([kind]) + value.to_bytes(size, "little"), [])


_REQUESTS: dict[str, list[Instruction]] = {
    "price": [set_compute_unit_price(1_234_567)],
    "limit": [set_compute_unit_limit(1_000), set_compute_unit_price(999)],
    "above the cap": [set_compute_unit_limit(2_000_000), set_compute_unit_price(10)],
    "price and nothing used": [set_compute_unit_price(2**64 - 1), set_compute_unit_limit(0)],
    "too few units": [set_compute_unit_limit(400)],
    "two limits": [set_compute_unit_limit(400), set_compute_unit_limit(500)],
    "two prices": [set_compute_unit_price(1), _send(1, 1), set_compute_unit_price(1)],
    "heap": [request_heap_frame(64 * 1024)],
    "odd heap": [request_heap_frame(33_000)],
    "heap too big": [request_heap_frame(512 * 1024)],
    "loaded bytes": [_request(4, 1_000_000)],
    "no loaded bytes": [_request(4, 0)],
    "unknown": [_request(0, 7)],
    "cut": [_request(2, 7, 3)],
    "empty": [Instruction(COMPUTE_BUDGET_PROGRAM, b"", [])],
    "more than asked": [_request(2, 5_000, 9)],
}


@pytest.mark.parametrize("asked", _REQUESTS.values(), ids=list(_REQUESTS))
def test_requests_of_the_compute_budget_are_priced_and_refused_alike(asked: list[Instruction]) -> None:
    twins = _twins()
    twins.run([*asked, _send(1, 5)], address_of(1))


def test_loading_more_than_allowed_costs_the_fee() -> None:
    twins = _twins()
    execution = twins.model_alone([_request(4, 10), _send(1, 5)], address_of(1))
    assert execution.error == "MaxLoadedAccountsDataSizeExceeded"
    assert execution.fee == 5_000


@pytest.mark.parametrize(
    ("program", "error"),
    [(address_of(55), "ProgramAccountNotFound"), (address_of(100), "InvalidProgramForExecution")],
)
def test_what_is_no_program_cannot_be_called_and_costs_the_fee(program: Pubkey, error: str) -> None:
    twins = _twins()
    execution = twins.model_alone([Instruction(program, b"", [])], address_of(1))
    assert (execution.error, execution.fee) == (error, 5_000)
    left = execution.accounts[address_of(1)]
    assert left is not None
    assert left.lamports == 100 * SOL - 5_000


def test_an_engine_finds_what_a_program_owns() -> None:
    twins = _twins()
    created = create_account(
        CreateAccountParams(from_pubkey=address_of(1), to_pubkey=address_of(60), lamports=SOL, space=3, owner=OWNER)
    )
    twins.run([created], address_of(1))
    for engine in (twins.model, twins.real):
        assert {key for key, _ in engine.owned_by(OWNER)} == {address_of(101), address_of(60)}
    twins.put(address_of(101), None)
    assert {key for key, _ in twins.model.owned_by(OWNER)} == {address_of(60)}


def test_sysvars_read_as_in_the_true_runtime() -> None:
    twins = _twins()
    for name in ("SysvarC1ock11111111111111111111111111111111", "SysvarRent111111111111111111111111111111111"):
        twins.hold(Pubkey.from_string(name))
    for size in (0, 82, 165, 10_136):
        assert twins.model.rent_exemption(size) == twins.real.rent_exemption(size)
