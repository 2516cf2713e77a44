"""Methods that read accounts."""

from collections.abc import Iterator

from solders.account import Account
from solders.pubkey import Pubkey

from sandbox.ledger.tokens import TOKEN_PROGRAMS, decimals, holding, supply
from sandbox.rpc.amounts import ui_amount
from sandbox.rpc.arguments import AccountOptions, Arguments, DataLength, ReadOptions, TokenFilter, pubkey
from sandbox.rpc.cluster_methods import Methods
from sandbox.rpc.errors import invalid
from sandbox.rpc.transaction_json import Json
from sandbox.rpc.view import View, with_context

_MAX_ACCOUNTS = 100


class AccountMethods:
    """Reads accounts as of the slot that a client asks for."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._chain = view.chain

    @property
    def methods(self) -> Methods:
        """Every method of this class, by name."""
        return {
            "getAccountInfo": self._account_info,
            "getMultipleAccounts": self._multiple_accounts,
            "getBalance": self._balance,
            "getProgramAccounts": self._program_accounts,
            "getTokenAccountBalance": self._token_account_balance,
            "getTokenSupply": self._token_supply,
            "getTokenAccountsByOwner": self._token_accounts_by_owner,
            "getMinimumBalanceForRentExemption": self._rent_exemption,
        }

    def _account_info(self, arguments: Arguments) -> Json:
        key = pubkey(arguments.required(0, str))
        options = arguments.options(1, AccountOptions)
        slot = self._view.slot(options)
        return with_context(slot, self._view.account(key, slot, options.encoding or "binary", options.data_slice))

    def _multiple_accounts(self, arguments: Arguments) -> Json:
        texts = arguments.required(0, list[str])
        if len(texts) > _MAX_ACCOUNTS:
            raise invalid(f"Too many inputs provided; max {_MAX_ACCOUNTS}")
        keys = [pubkey(text) for text in texts]
        options = arguments.options(1, AccountOptions)
        slot = self._view.slot(options)
        encoding = options.encoding or "base64"
        return with_context(slot, [self._view.account(key, slot, encoding, options.data_slice) for key in keys])

    def _balance(self, arguments: Arguments) -> Json:
        key = pubkey(arguments.required(0, str))
        slot = self._view.slot(arguments.options(1, ReadOptions))
        account = self._view.version(key, slot).account
        return with_context(slot, account.lamports if account is not None else 0)

    def _owned(self, program: Pubkey, slot: int) -> Iterator[tuple[Pubkey, Account]]:
        """Find what a program owned at a slot, among what it owns now."""
        for key, _ in self._chain.engine.owned_by(program):
            account = self._view.version(key, slot).account
            if account is not None and account.owner == program:
                yield key, account

    def _listed(self, keys: list[Pubkey], slot: int, options: AccountOptions) -> list[Json]:
        encoding, part = options.encoding or "binary", options.data_slice
        return [{"account": self._view.account(key, slot, encoding, part), "pubkey": str(key)} for key in keys]

    def _program_accounts(self, arguments: Arguments) -> object:
        program = pubkey(arguments.required(0, str))
        options = arguments.options(1, AccountOptions)
        slot, filters = self._view.slot(options), options.filters or []
        keys = [
            key
            for key, account in self._owned(program, slot)
            if all(one.passes(bytes(account.data)) for one in filters)
        ]
        found = self._listed(keys, slot, options)
        return with_context(slot, found) if options.with_context else found

    def _token_account_balance(self, arguments: Arguments) -> Json:
        key = pubkey(arguments.required(0, str))
        slot = self._view.slot(arguments.options(1, ReadOptions))
        held = holding(self._view.version(key, slot).account)
        if held is None:
            raise invalid("Invalid param: could not find account")
        return with_context(slot, ui_amount(held.amount, decimals(held.mint, self._chain.get)))

    def _token_supply(self, arguments: Arguments) -> Json:
        mint = pubkey(arguments.required(0, str))
        slot = self._view.slot(arguments.options(1, ReadOptions))
        issued = supply(self._view.version(mint, slot).account)
        if issued is None:
            raise invalid("Invalid param: could not find mint")
        return with_context(slot, ui_amount(issued.amount, issued.decimals))

    def _token_accounts_by_owner(self, arguments: Arguments) -> Json:
        owner = pubkey(arguments.required(0, str))
        which = arguments.required(1, TokenFilter)
        options = arguments.options(2, AccountOptions)
        slot = self._view.slot(options)
        mint = pubkey(which.mint) if which.mint is not None else None
        programs = TOKEN_PROGRAMS if which.program_id is None else (pubkey(which.program_id),)
        keys = []
        for program in programs:
            for key, account in self._owned(program, slot):
                held = holding(account)
                if held is not None and held.owner == owner and mint in {None, held.mint}:
                    keys.append(key)
        return with_context(slot, self._listed(keys, slot, options))

    def _rent_exemption(self, arguments: Arguments) -> int:
        return self._chain.engine.rent_exemption(arguments.required(0, DataLength))
