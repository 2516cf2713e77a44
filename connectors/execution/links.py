"""Everything that execution talks to the network through, made and ended together."""

from dataclasses import dataclass

from connectors.execution.bundles import Bundles
from connectors.execution.chain_state import ChainState
from connectors.execution.confirming import Confirmations
from connectors.execution.sending import Sender
from connectors.execution.terms import ExecutionTerms
from connectors.execution.transactions import TransactionWriter
from connectors.execution.wallet import Wallet
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.wire.landed import Mints


@dataclass(frozen=True)
class Links:
    """The connections of one wallet inside one reactor, and the writer that signs by what they know."""

    reactor: Reactor
    outlet: Outlet
    chain: ChainState
    sender: Sender
    confirmations: Confirmations
    bundles: Bundles | None
    writer: TransactionWriter

    @classmethod
    def open(cls, reactor: Reactor, outlet: Outlet, terms: ExecutionTerms, wallet: Wallet, pools: Mints) -> "Links":
        """Make all of them, and let them connect.

        :arg pools: Mints of the pools whose flows are wanted, by address.

        """
        address = str(wallet.address)
        chain = ChainState(
            reactor,
            terms.rpc_urls,
            outlet,
            commitment=terms.commitment,
            genesis_hash=terms.genesis_hash,
            wallet_address=address,
            fee_terms=terms.fees,
        )
        sender = Sender(
            reactor,
            terms.rpc_urls,
            outlet,
            commitment="processed" if terms.commitment == "processed" else "confirmed",
            rebroadcast_s=terms.rebroadcast_s,
            skip_preflight=terms.skip_preflight,
            genesis_hash=terms.genesis_hash,
        )
        confirmations = Confirmations(
            reactor,
            terms.ws_url,
            terms.rpc_urls,
            outlet,
            commitment=terms.commitment,
            genesis_hash=terms.genesis_hash,
            wallet_address=address,
            pools=pools,
        )
        bundles = None if terms.bundles is None else Bundles(reactor, terms.bundles.url, outlet)
        links = cls(
            reactor,
            outlet,
            chain,
            sender,
            confirmations,
            bundles,
            TransactionWriter(wallet, chain, terms, bundles),
        )
        chain.start()
        sender.start()
        confirmations.start()
        if bundles is not None:
            bundles.start()
        return links

    @property
    def is_ready(self) -> bool:
        """Whether all that is needed for a signature is known."""
        return self.chain.blockhash is not None and (self.bundles is None or self.bundles.is_ready)

    def close(self) -> None:
        """Close every connection; no call is made from here on."""
        self.chain.stop()
        self.sender.stop()
        self.confirmations.stop()
        if self.bundles is not None:
            self.bundles.stop()
