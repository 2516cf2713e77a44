"""Mints, accounts and random instructions about them, for either token program."""

import struct

import numpy as np
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from dlmm.programs import RENT_SYSVAR, SYSTEM_PROGRAM
from sandbox.model.token.rules import SPL, TOKEN_2022, Rules
from tests.sandbox.model.twins import SOL, Twins, address_of

USERS = range(1, 5)
FEE = (250, 400, 5_000)
"""Basis points before and after the newer fee begins, and the most either withholds."""


def option(key: Pubkey | None) -> bytes:
    return bytes(36) if key is None else b"\1\0\0\0" + bytes(key)


def mint_bytes(
    authority: Pubkey | None, *, decimals: int = 6, freezer: Pubkey | None = None, extensions: bytes = b""
) -> bytes:
    base = option(authority) + struct.pack("<QBB", 10**15, decimals, 1) + option(freezer)
    return base + bytes(83) + b"\1" + extensions if extensions else base


def holding_bytes(
    mint: Pubkey,
    owner: Pubkey,
    amount: int,
    *,
    delegate: tuple[Pubkey, int] | None = None,
    state: int = 1,
    reserve: int | None = None,
    closer: Pubkey | None = None,
    extensions: bytes = b"",
) -> bytes:
    native = bytes(12) if reserve is None else struct.pack("<IQ", 1, reserve)
    return (
        bytes(mint)
        + bytes(owner)
        + struct.pack("<Q", amount)
        + option(delegate and delegate[0])
        + bytes([state])
        + native
        + struct.pack("<Q", delegate[1] if delegate else 0)
        + option(closer)
        + (b"\2" + extensions if extensions else b"")
    )


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + value


def fee_config(authority: Pubkey, epoch: int) -> bytes:
    older, newer, most = FEE
    fees = struct.pack("<QQHQQH", 0, most, older, epoch, most, newer)
    return extension(1, bytes(authority) * 2 + bytes(8) + fees)


def pointer(key: Pubkey) -> bytes:
    return extension(18, bytes(key) * 2)


def metadata(key: Pubkey) -> bytes:
    return extension(19, bytes(key) * 2 + struct.pack("<I", 3) + b"abc" + bytes(12))


class TokenWorld:
    """Users, mints and accounts of one token program on both engines, and what to do with them at random."""

    def __init__(self, rules: Rules, seed: int) -> None:
        self.rules = rules
        self.rng = np.random.default_rng(seed)
        self.twins = Twins({})
        self.users = [self.twins.wallet(number) for number in USERS]
        one, two, *_ = self.users
        self.mints = [
            self._mint(10, mint_bytes(one, freezer=two)),
            self._mint(11, mint_bytes(None)),
            self.twins.put(rules.native_mint, Account(SOL, mint_bytes(None, decimals=9), rules.program)),
        ]
        if rules.is_extended:
            config = fee_config(one, 100 if seed % 2 else 101)
            self.mints += [
                self._mint(12, mint_bytes(one, freezer=two, extensions=config)),
                self._mint(13, mint_bytes(one, extensions=pointer(address_of(13)))),
                self._mint(14, mint_bytes(one, extensions=pointer(address_of(14)) + metadata(address_of(14)))),
            ]
        self.holdings: list[Pubkey] = []
        for mint in self.mints:
            for _ in range(4):
                self.add_holding(mint)
        self.blank = self.twins.put(address_of(900), Account(SOL, bytes(165), rules.program))
        self.foreign = self.twins.put(
            address_of(901), Account(SOL, holding_bytes(self.mints[0], one, 10**6), SYSTEM_PROGRAM)
        )
        self.short = self.twins.put(address_of(902), Account(SOL, bytes(40), rules.program))

    def _mint(self, number: int, data: bytes) -> Pubkey:
        return self.twins.put(address_of(number), Account(SOL, data, self.rules.program))

    def add_holding(self, mint: Pubkey) -> Pubkey:
        """Write an account with a bit of everything."""
        rng, index = self.rng, self.mints.index(mint)
        is_native = mint == self.rules.native_mint
        extensions = b""
        if self.rules.is_extended and rng.random() < 0.6:
            extensions += extension(7, b"")
        if index == 3:
            extensions += extension(2, bytes(8))
        size = 166 + len(extensions) if extensions else 165
        rent, amount = self.twins.model.rent_exemption(size), int(rng.integers(0, 10**6))
        if rng.random() < 0.2:
            amount = 0
        data = holding_bytes(
            mint,
            self.user(),
            amount,
            delegate=(self.user(), int(rng.integers(1, 1_000))) if rng.random() < 0.3 else None,
            state=2 if rng.random() < 0.08 else 1,
            reserve=rent if is_native else None,
            closer=self.user() if rng.random() < 0.2 else None,
            extensions=extensions,
        )
        key = address_of(100 + len(self.holdings))
        lamports = rent + amount + int(rng.integers(0, 2)) * 77 if is_native else rent
        self.holdings.append(self.twins.put(key, Account(lamports, data, self.rules.program)))
        return key

    def user(self) -> Pubkey:
        return self.users[int(self.rng.integers(len(self.users)))]

    def holding(self) -> Pubkey:
        if self.rng.random() < 0.04:
            return (self.blank, self.foreign, self.short, self.mints[0])[int(self.rng.integers(4))]
        return self.holdings[int(self.rng.integers(len(self.holdings)))]

    def _fitting(self, holding: Pubkey) -> tuple[Pubkey, Pubkey, Pubkey, int]:
        """Another account of a holding's mint, its mint, its owner or delegate, its decimals; now and then others."""
        rng, account = self.rng, self.twins.model.get(holding)
        data = account.data if account is not None and len(account.data) >= 165 else bytes(165)
        mint, authority = Pubkey(data[:32]), Pubkey(data[32:64])
        if data[72] and rng.random() < 0.5:
            authority = Pubkey(data[76:108])
        same = [key for key in self.holdings if self._mint_of(key) == mint] or self.holdings
        other = same[int(rng.integers(len(same)))]
        if rng.random() < 0.06:
            other = self.holding()
        if rng.random() < 0.04:
            mint = self.mints[int(rng.integers(len(self.mints)))]
        if rng.random() < 0.08:
            authority = self.user()
        stored = self.twins.model.get(mint)
        decimals = stored.data[44] if stored is not None and len(stored.data) > 44 else 6
        return other, mint, authority, decimals + (rng.random() < 0.04)

    def _mint_of(self, holding: Pubkey) -> Pubkey | None:
        account = self.twins.model.get(holding)
        return None if account is None else Pubkey(account.data[:32])

    def amount(self) -> int:
        sizes = (0, 1, 100, 1_000, 40_000, 400_000, 2**63, 2**64 - 1)
        return sizes[int(self.rng.choice(len(sizes), p=[0.1, *[0.16] * 5, 0.05, 0.05]))]

    def instruction(self) -> Instruction:
        """A random instruction that often succeeds."""
        rng, holding = self.rng, self.holding()
        other, mint, authority, decimals = self._fitting(holding)
        amount = struct.pack("<Q", self.amount())
        checked = amount + bytes([decimals])
        right = bytes([int(rng.integers(0, 4))])
        new = b"\0" if rng.random() < 0.3 else b"\1" + bytes(self.user())
        of_mint = mint if rng.random() < 0.3 else holding
        choices: list[tuple[bytes, list[AccountMeta]]] = [
            (b"\x03" + amount, [w(holding), w(other), s(authority)]),
            (b"\x0c" + checked, [w(holding), r(mint), w(other), s(authority)]),
            (b"\x0c" + checked, [w(holding), r(mint), w(other), s(authority)]),
            (b"\x04" + amount, [w(holding), r(self.user()), s(authority)]),
            (b"\x0d" + checked, [w(holding), r(mint), r(self.user()), s(authority)]),
            (b"\x05", [w(holding), s(authority)]),
            (b"\x06" + right + new, [w(of_mint), s(authority if of_mint == holding else self.users[0])]),
            (b"\x07" + amount, [w(mint), w(holding), s(self.users[0])]),
            (b"\x0e" + checked, [w(mint), w(holding), s(self.users[0])]),
            (b"\x08" + amount, [w(holding), w(mint), s(authority)]),
            (b"\x0f" + checked, [w(holding), w(mint), s(authority)]),
            (b"\x09", [w(holding), w(self.user()), s(authority)]),
            (b"\x0a", [w(holding), r(mint), s(self.users[1])]),
            (b"\x0b", [w(holding), r(mint), s(self.users[1])]),
            (b"\x11", [w(holding)]),
            (b"\x12" + bytes(self.user()), [w(self.blank), r(mint)]),
            (b"\x10" + bytes(self.user()), [w(self.blank), r(mint), r(RENT_SYSVAR)]),
            (b"\x01", [w(self.blank), r(mint), r(self.user()), r(RENT_SYSVAR)]),
            (b"\x16", [w(holding if rng.random() < 0.5 else self.blank)]),
            (b"\x15", [r(mint)]),
        ]
        data, metas = choices[int(rng.integers(len(choices)))]
        return self._spoilt(data, metas) if rng.random() < 0.12 else Instruction(self.rules.program, data, metas)

    def _spoilt(self, data: bytes, metas: list[AccountMeta]) -> Instruction:
        """The instruction with a flaw: a lost privilege, a missing account, cut or longer data, an unknown number."""
        at = int(self.rng.integers(len(metas)))
        meta = metas[at]
        match int(self.rng.integers(6)):
            case 0:
                metas[at] = AccountMeta(meta.pubkey, is_signer=False, is_writable=meta.is_writable)
            case 1:
                metas[at] = AccountMeta(meta.pubkey, is_signer=meta.is_signer, is_writable=False)
            case 2:
                metas.pop()
            case 3:
                data = data[: int(self.rng.integers(len(data)))]
            case 4:
                data += b"x"
            case _:
                data = bytes([int(self.rng.integers(120, 200))]) + data[1:]
        return Instruction(self.rules.program, data, metas)


def w(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def r(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def s(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)


WORLDS = {"spl": SPL, "token_2022": TOKEN_2022}
