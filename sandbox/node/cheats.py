"""Methods that no node has: tests pause the chain, write accounts, and ask what was true. They suffer no faults."""

import base64
import binascii
from collections.abc import Sequence

import msgspec
from solders.account import Account

from sandbox.faults import KNOBS, FaultSpecError
from sandbox.ledger.history import Version
from sandbox.node.http import CHEAT_PREFIX
from sandbox.node.server import Node
from sandbox.pools.plans import PoolFacts
from sandbox.rpc.arguments import Arguments, Index, pubkey
from sandbox.rpc.cluster_methods import Method
from sandbox.rpc.errors import invalid
from sandbox.rpc.transaction_json import Json
from sandbox.wallets import ChainLedger, FundingError, fund

_MAX_ADVANCE = 1_000


class _Written(msgspec.Struct, frozen=True):
    lamports: Index
    owner: str
    data: str = ""
    executable: bool = False


def pool_json(pool: PoolFacts) -> Json:
    """Write what is fixed about a pool."""
    fields: Json = msgspec.structs.asdict(pool)
    return {name: value if isinstance(value, int | float) else str(value) for name, value in fields.items()}


def _version_json(version: Version, *, dead: bool) -> Json:
    account = version.account
    return {
        "slot": version.slot,
        "owner": str(account.owner) if account is not None else None,
        "lamports": account.lamports if account is not None else 0,
        "data": base64.b64encode(bytes(account.data)).decode() if account is not None else "",
        "dead": dead,
    }


class Cheats:
    """Answers the methods with the prefix `sandbox_`."""

    def __init__(self, node: Node, pools: Sequence[PoolFacts]) -> None:
        self._node = node
        self._chain = node.chain
        self._pools = pools

    @property
    def methods(self) -> dict[str, Method]:
        """Every method of this class, by name."""
        methods: dict[str, Method] = {
            "setFaults": self._set_faults,
            "getFaults": lambda _: self._faults_json(),
            "stats": self._stats,
            "pause": lambda _: self._pause(True),
            "resume": lambda _: self._pause(False),
            "advance": self._advance,
            "dropConnections": lambda _: self._node.drop_connections(),
            "setAccount": self._set_account,
            "fund": self._fund,
            "pools": lambda _: [pool_json(pool) for pool in self._pools],
            "market": self._market,
            "accountAt": self._account_at,
            "versions": self._versions,
        }
        return {CHEAT_PREFIX + name: method for name, method in methods.items()}

    def _set_faults(self, arguments: Arguments) -> Json:
        try:
            self._chain.faults.set(arguments.optional(0, str) or "")
        except FaultSpecError as error:
            raise invalid(str(error)) from None
        return self._faults_json()

    def _faults_json(self) -> Json:
        faults = self._chain.faults
        known = {name: f"{knob.kind}: {knob.meaning}" for name, knob in KNOBS.items()}
        return {"spec": faults.spec, "hits": dict(faults.hits), "known": known}

    def _stats(self, _: Arguments) -> Json:
        node, chain = self._node, self._chain
        return {
            **chain.counts,
            "engine": chain.engine.name,
            "slot": chain.processed,
            "confirmed": chain.confirmed,
            "finalized": chain.finalized,
            "waiting": chain.waiting,
            "connections": len(node.pubsub.connections),
            "accepted": node.pubsub.connections.accepted,
            "notifications": node.pubsub.sent,
            "price_connections": len(node.prices.connections),
            "price_accepted": node.prices.connections.accepted,
            "price_messages": node.prices.sent,
            "calls": dict(node.dispatcher.calls),
            "late_slots": node.clock.late,
            "longest_slot_ms": round(node.clock.longest_s * 1000.0, 1),
            "fault_hits": dict(chain.faults.hits),
            "market": dict(node.market.counts) if node.market is not None else None,
            "trading": node.market is not None and node.is_trading,
        }

    def _pause(self, paused: bool) -> int:
        self._node.clock.is_paused = paused
        return self._chain.processed

    def _advance(self, arguments: Arguments) -> int:
        """Produce slots now, paused or not."""
        given = arguments.optional(0, Index)
        count = 1 if given is None else given
        if count > _MAX_ADVANCE:
            raise invalid(f"Too many slots at once; max {_MAX_ADVANCE}")
        for _ in range(count):
            self._node.step()
        return self._chain.processed

    def _set_account(self, arguments: Arguments) -> bool:
        """Write an account, or remove it with null; its readers see it in the next slot."""
        key = pubkey(arguments.required(0, str))
        written = arguments.optional(1, _Written)
        if written is None:
            self._chain.set_account(key, None)
            return True
        try:
            data = base64.b64decode(written.data, validate=True)
        except binascii.Error as error:
            raise invalid(f"invalid base64 encoding: {error}") from None
        account = Account(written.lamports, data, pubkey(written.owner), written.executable, 0)
        self._chain.set_account(key, account)
        return True

    def _fund(self, arguments: Arguments) -> str:
        """Set what an owner's associated token account holds, in raw units."""
        owner, mint = pubkey(arguments.required(0, str)), pubkey(arguments.required(1, str))
        try:
            return str(fund(ChainLedger(self._chain), owner, mint, arguments.required(2, Index)))
        except FundingError as error:
            raise invalid(str(error)) from None

    def _market(self, arguments: Arguments) -> bool:
        """Let the market trade, or not; say whether it does."""
        wanted = arguments.optional(0, bool)
        if wanted is not None:
            self._node.is_trading = wanted
        return self._node.market is not None and self._node.is_trading

    def _account_at(self, arguments: Arguments) -> Json:
        key = pubkey(arguments.required(0, str))
        slot = arguments.optional(1, Index)
        return _version_json(self._chain.version(key, self._chain.processed if slot is None else slot), dead=False)

    def _versions(self, arguments: Arguments) -> list[Json]:
        """List every state that an account is known to have had, those that forks abandoned included, by slot."""
        key = pubkey(arguments.required(0, str))
        found = [_version_json(version, dead=False) for version in self._chain.history.living(key)]
        found += [_version_json(version, dead=True) for version in self._chain.history.dead(key)]
        return sorted(found, key=lambda version: int(str(version["slot"])))
