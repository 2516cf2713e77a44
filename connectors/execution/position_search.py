"""All positions of a wallet in the traded pools, whoever opened them: asked of both programs before a run."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from solders.pubkey import Pubkey

from connectors.clusters.pool_loading import LoadedPool
from connectors.execution.endpoints import Endpoints
from connectors.execution.links import Links
from connectors.execution.reading import AccountReader, Fresh
from connectors.wire.holdings import (
    AccountStates,
    TokenHolding,
    TokenHoldings,
    get_meteora_positions,
    read_meteora_positions,
    saros_position_accounts,
)
from connectors.wire.refusal import Refusal
from dlmm.accounts import AccountKind, decode_account
from dlmm.errors import AccountError
from dlmm.records import Account, Venue
from operators.orders.execution_reports import PositionState

TIMEOUT_S = 10.0
"""Of a question that goes through all of a program's accounts."""


class PositionSearch:
    """Ask both programs once.

    Endpoints may refuse the question for Meteora's positions, which is a dear one: those that orders of ours did not
    make stay unknown then, and the note `unlisted_positions` counts it.

    :arg wallet: Address.

    :arg pools: Those whose positions are wanted.

    """

    def __init__(
        self,
        links: Links,
        reader: AccountReader,
        urls: Sequence[str],
        commitment: str,
        wallet: str,
        pools: Sequence[LoadedPool],
    ) -> None:
        self._links = links
        self._reader = reader
        self._commitment = commitment
        self._wallet = wallet
        self._pools = {bytes(Pubkey.from_string(pool.info.pool)): pool.info.pool for pool in pools}
        programs = {pool.info.venue: pool.accounts[pool.info.pool].owner for pool in pools}
        self._programs: Mapping[Venue, str] = programs
        self._endpoints = Endpoints(links.reactor, urls, links.outlet, timeout_s=TIMEOUT_S)

    def stop(self) -> None:
        """Close the connections; no call is made from here on."""
        self._endpoints.close()

    def ask(
        self, tokens: tuple[TokenHolding, ...], slot: int, then: Callable[[tuple[PositionState, ...]], None]
    ) -> None:
        """Ask; `then` is called once, in a later round, unless `stop` comes first.

        :arg tokens: The wallet's token accounts: a position on Saros goes with a token.

        :arg slot: The answers must be as of this slot at least.

        """
        program = self._programs.get(Venue.SAROS)
        holdings = TokenHoldings(slot, tokens)
        addresses = () if program is None else [address for _, address in saros_position_accounts(holdings, program)]
        self._reader.read(addresses, slot, partial(self._ask_meteora, slot, then))

    def _ask_meteora(self, slot: int, then: Callable[[tuple[PositionState, ...]], None], fresh: Fresh) -> None:
        found = {address: account for address, account in fresh.accounts.items() if account is not None}

        def listed(answer: AccountStates | Refusal) -> None:
            if isinstance(answer, Refusal):
                self._links.outlet.note("unlisted_positions", f"{answer.cause}: {answer.detail}")
            else:
                states = [state for state in answer.accounts if state is not None]
                found.update({state.address: Account(state.owner, state.data) for state in states})
            then(self._states(found))

        if Venue.METEORA in self._programs:
            self._endpoints.ask(
                lambda number: get_meteora_positions(number, self._wallet, self._commitment, slot or None),
                read_meteora_positions,
                listed,
            )
        else:
            then(self._states(found))

    def _states(self, accounts: Mapping[str, Account]) -> tuple[PositionState, ...]:
        found = (self._state(address, account) for address, account in accounts.items())
        return tuple(state for state in found if state is not None)

    def _state(self, address: str, account: Account) -> PositionState | None:
        """Read a position of one of the pools; whatever else it is, it is none of ours."""
        if account.owner not in self._programs.values():
            return None
        try:
            decoded = decode_account(address, account)
        except AccountError as error:
            self._links.outlet.refuse("malformed_position", str(error))
            return None
        if decoded.kind is not AccountKind.POSITION:
            return None
        record = decoded.record[0]
        pool = self._pools.get(record["lb_pair" if decoded.venue is Venue.METEORA else "pair"].tobytes())
        if pool is None:
            return None
        lower, upper = int(record["lower_bin_id"]), int(record["upper_bin_id"])
        return PositionState(0, pool, address, lower, upper, account.data)
