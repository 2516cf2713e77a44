"""Transactions of a sandbox's own, one a slot, each with the accounts that it names as they were before and after."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from solders.account import Account
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

from connectors.wire.lamport_moves import TIP_ACCOUNTS
from dlmm import records
from dlmm.programs import SYSTEM_PROGRAM
from dlmm.records import Record
from sandbox.chain import Chain
from sandbox.cluster import MODEL_PROGRAMS
from sandbox.comparison import swaps
from sandbox.comparison.campaign import KINDS, SPOILED
from sandbox.comparison.spoil import spoiled
from sandbox.comparison.world import Command, World
from sandbox.engine import Engine
from sandbox.model.engine import ModelEngine
from sandbox.pools.plans import PoolFacts
from sandbox.rpc.dispatch import Dispatcher, encode
from sandbox.rpc.view import View

START = 1_735_700_000
SWAPS = (swaps.meteora_command, swaps.saros_command)
TIP = Pubkey.from_string(min(TIP_ACCOUNTS))
States = Mapping[str, Account | None]


class Sample(Record, frozen=True):
    """One transaction that landed.

    :arg kind: What it does; a pair is two swaps.

    :arg is_spoiled: Whether its last instruction is not as a client would send it.

    :arg wallet: Who paid.

    :arg tip: Lamports that it moves to a tip account.

    :arg result: What `getTransaction` gives.

    """

    kind: str
    is_spoiled: bool
    wallet: str
    signature: str
    tip: int
    result: dict[str, Any]
    before: States
    after: States


class Clock:
    """Seconds that pass as the test says."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now


def samples(count: int, seed: int, engine: Engine | None = None) -> tuple[list[PoolFacts], Iterator[Sample]]:
    """Return a market's pools, and transactions on it: each of what clients send, some of them bound to fail."""
    ledger = ModelEngine(MODEL_PROGRAMS) if engine is None else engine
    clock = Clock()
    world = World([ledger], seed)
    ledger.set(TIP, Account(10**9, b"", SYSTEM_PROGRAM, False, 0))
    chain = Chain(ledger, now=clock)
    chain.advance()
    return [pool.facts for pool in world.pools], _samples(world, chain, clock, count)


def _samples(world: World, chain: Chain, clock: Clock, count: int) -> Iterator[Sample]:
    node = Dispatcher(View(chain))
    draws, weights = list(KINDS), list(KINDS.values())
    chances = [weight / sum(weights) for weight in weights]
    for number in range(count):
        clock.now += world.pick([1, 1, 5, 31, 601])
        world.clock = records.Clock(chain.head.slot + 1, int(clock.now))
        command = draws[int(world.chance.choice(len(draws), p=chances))](world)
        if world.happens(0.15):
            command = _pair(world)
        elif world.happens(SPOILED):
            way, instructions = spoiled(world, command.instructions)
            command = Command(command.kind, instructions, command.signers, command.units, spoiled=way)
        payer = command.signers[0].pubkey()
        tip = world.between(1_000, 10**6) if world.happens(0.2) else 0
        tipped = [transfer(TransferParams(from_pubkey=payer, to_pubkey=TIP, lamports=tip))] if tip else []
        # the price makes equal commands different transactions
        budget = [set_compute_unit_price(number), set_compute_unit_limit(command.units or 400_000)]
        instructions = [*budget, *command.instructions, *tipped]
        message = MessageV0.try_compile(payer, instructions, [], chain.head.hash)
        needed = message.account_keys[: message.header.num_required_signatures]
        tx = VersionedTransaction(message, [one for one in command.signers if one.pubkey() in needed])
        before = {str(key): chain.get(key) for key in message.account_keys}
        signature = chain.submit(tx)
        chain.advance()
        if chain.blocks.landed(signature) is None:
            continue  # one that cannot pay its fee is dropped
        after = {str(key): chain.get(key) for key in message.account_keys}
        chain.advance()
        result = _asked(node, str(signature))
        if result["meta"]["err"] is None and command.landed is not None:
            command.landed()
        yield Sample(command.kind, bool(command.spoiled), str(payer), str(signature), tip, result, before, after)


def _pair(world: World) -> Command:
    """Draw two swaps of the same wallet in one transaction."""
    first = world.pick(SWAPS)(world)
    while True:
        second = world.pick(SWAPS)(world)
        if second.signers == first.signers:
            return Command("pair", [*first.instructions, *second.instructions], first.signers)


def _asked(node: Dispatcher, signature: str) -> dict[str, Any]:
    options = {"encoding": "json", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    request = {"jsonrpc": "2.0", "id": 1, "method": "getTransaction", "params": [signature, options]}
    result: dict[str, Any] = json.loads(encode(node.answer(request)))["result"]
    return result
