"""The hot path of swaps: messages compiled ahead, into which amounts, fees and blockhash are written where they lie.

Compiling a message costs more than twice what signing it does; writing five numbers into a copy costs next to nothing.
A template holds for a pool, direction and kind of swap as long as the same bin arrays are passed. Where its numbers lie
is found once, and proved by decoding a message with other numbers in it.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from connectors.execution.building.compute_budget import budget
from connectors.execution.building.lookup_tables import LookupTable
from connectors.execution.building.messages import blockhash_bytes, compile_message, decode_message, parts_of
from connectors.execution.building.pool_accounts import PoolAccounts
from connectors.execution.building.steps import BuildError
from connectors.execution.building.swaps import Route, check_amounts, pool_of, routes_of, swap_instruction, swaps_of
from dlmm.errors import DlmmError
from dlmm.records import Record, Venue
from operators.orders.commands import Swap, SwapRoute

MOST_TEMPLATES = 8_192
"""Kept at a time; the oldest goes for the newest."""

_DISCRIMINATOR_BYTES = 8
_TAG_BYTES = 1
_write_units = struct.Struct("<I").pack_into
_write_price = struct.Struct("<Q").pack_into
_write_amounts = struct.Struct("<QQ").pack_into
_OTHER_HASH = "4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi"
_OTHER_AMOUNT, _OTHER_UNITS, _OTHER_PRICE = 0x0102030405060708, 0x11121314, 0x2122232425262728


class Terms(Record, frozen=True):
    """What a transaction is sent with.

    :arg blockhash: Base58.

    :arg units: Limit of compute units.

    :arg price: Bid in micro-lamports for each unit of the limit.

    :arg tip: Payment to a block producer that goes along, if any.

    """

    blockhash: str
    units: int
    price: int
    tip: Instruction | None = None


class TemplateError(DlmmError):
    """A template that does not say what it should; nothing may be signed with it."""


@dataclass(frozen=True, slots=True)
class SwapTemplate:
    """A compiled message, and where its numbers lie."""

    message: bytes

    units: int
    """Offset of the limit of compute units."""

    price: int
    """Offset of the bid."""

    blockhash: int
    """Offset of the blockhash."""

    amounts: tuple[tuple[int, bool], ...]
    """For each swap, the offset of its two amounts, and whether the threshold is the first of them."""

    tip: int
    """Offset of the tip's data, 0 without one."""

    def splice(self, swaps: Sequence[Swap], terms: Terms) -> bytes:
        """Return the message with other numbers in it.

        :raises BuildError: `bad_amount`, or `bad_blockhash`.

        """
        out = bytearray(self.message)
        for swap, (offset, threshold_first) in zip(swaps, self.amounts, strict=True):
            check_amounts(swap)
            if threshold_first:
                _write_amounts(out, offset, swap.threshold, swap.amount)
            else:
                _write_amounts(out, offset, swap.amount, swap.threshold)
        _write_units(out, self.units, terms.units)
        _write_price(out, self.price, terms.price)
        out[self.blockhash : self.blockhash + 32] = blockhash_bytes(terms.blockhash)
        if terms.tip is not None:
            data = terms.tip.data
            out[self.tip : self.tip + len(data)] = data
        return bytes(out)


_SwapKey = tuple[str, bool, bool, Route]
_Key = tuple[tuple[_SwapKey, ...], Pubkey | None]


class SwapTemplates:
    """The messages of one wallet's swaps.

    :arg user: The wallet, which pays, signs and owns the token accounts.

    :arg tables: Lookup tables for messages that fit no packet without them.

    """

    def __init__(self, user: Pubkey, tables: Sequence[LookupTable] = ()) -> None:
        """Start with no template."""
        self._user = user
        self._tables = tuple(tables)
        self._templates: dict[_Key, SwapTemplate] = {}

    def __len__(self) -> int:
        return len(self._templates)

    def use_tables(self, tables: Sequence[LookupTable]) -> None:
        """Take other lookup tables from now on."""
        self._tables = tuple(tables)
        self._templates.clear()

    def message(self, command: Swap | SwapRoute, pools: Mapping[str, PoolAccounts], terms: Terms) -> bytes:
        """Return the message of a command, to be signed.

        :arg pools: By address, as they were last seen.

        :raises BuildError: As `swaps.swap_step` and `messages.compile_message`.

        :raises TemplateError: A new template is wrong.

        """
        swaps = swaps_of(command)
        routes = routes_of(swaps, pools)
        keys = tuple(
            [(swap.pool, swap.exact_in, swap.swap_for_y, route) for swap, route in zip(swaps, routes, strict=True)]
        )
        key = keys, None if terms.tip is None else terms.tip.accounts[1].pubkey
        template = self._templates.get(key)
        if template is None:
            template = self._build(swaps, routes, pools, terms)
            if len(self._templates) >= MOST_TEMPLATES:
                del self._templates[next(iter(self._templates))]
            self._templates[key] = template
        return template.splice(swaps, terms)

    def prepare(self, pools: Iterable[PoolAccounts], terms: Terms) -> None:
        """Build the templates of single swaps of both kinds in both directions, as far as the pools allow any.

        :raises TemplateError: A new template is wrong.

        """
        for pool in pools:
            for exact_in, swap_for_y in ((True, True), (True, False), (False, True), (False, False)):
                swap = Swap(pool=pool.info.pool, exact_in=exact_in, swap_for_y=swap_for_y, amount=1, threshold=0)
                try:
                    self.message(swap, {pool.info.pool: pool}, terms)
                except BuildError:  # the order that meets it will be refused by name
                    continue

    def _build(
        self, swaps: tuple[Swap, ...], routes: tuple[Route, ...], pools: Mapping[str, PoolAccounts], terms: Terms
    ) -> SwapTemplate:
        instructions = self._instructions(swaps, routes, pools, terms)
        message = compile_message(self._user, instructions, terms.blockhash, self._tables)
        parts = parts_of(message)
        starts = [start for start, _ in parts.data]
        first = 2
        template = SwapTemplate(
            message=message,
            units=starts[0] + _TAG_BYTES,
            price=starts[1] + _TAG_BYTES,
            blockhash=parts.blockhash,
            amounts=tuple(
                (starts[first + place] + _DISCRIMINATOR_BYTES, _threshold_first(swap, pool_of(swap, pools)))
                for place, swap in enumerate(swaps)
            ),
            tip=0 if terms.tip is None else starts[-1],
        )
        self._prove(template, swaps, routes, pools, terms)
        return template

    def _prove(
        self,
        template: SwapTemplate,
        swaps: tuple[Swap, ...],
        routes: tuple[Route, ...],
        pools: Mapping[str, PoolAccounts],
        terms: Terms,
    ) -> None:
        """Write other numbers into a template, and find them where a decoder finds those of fresh instructions."""
        others = tuple(
            Swap(
                pool=swap.pool,
                exact_in=swap.exact_in,
                swap_for_y=swap.swap_for_y,
                amount=_OTHER_AMOUNT + place,
                threshold=~(_OTHER_AMOUNT + place) & 0xFFFFFFFFFFFFFFFF,
            )
            for place, swap in enumerate(swaps)
        )
        other_terms = Terms(blockhash=_OTHER_HASH, units=_OTHER_UNITS, price=_OTHER_PRICE, tip=terms.tip)
        decoded = decode_message(template.splice(others, other_terms))
        found = [bytes(instruction.data) for instruction in decoded.instructions]
        expected = [bytes(instruction.data) for instruction in self._instructions(others, routes, pools, other_terms)]
        if found != expected or str(decoded.recent_blockhash) != _OTHER_HASH:
            raise TemplateError(f"the numbers of a template for {swaps[0].pool} are not where they were looked for")

    def _instructions(
        self, swaps: tuple[Swap, ...], routes: tuple[Route, ...], pools: Mapping[str, PoolAccounts], terms: Terms
    ) -> tuple[Instruction, ...]:
        built = [
            swap_instruction(swap, pool_of(swap, pools), route, self._user)
            for swap, route in zip(swaps, routes, strict=True)
        ]
        return (*budget(terms.units, terms.price), *built, *(() if terms.tip is None else (terms.tip,)))


def _threshold_first(swap: Swap, pool: PoolAccounts) -> bool:
    """Tell whether an instruction names its limit before its amount, as Meteora's exact out does."""
    return pool.info.venue is Venue.METEORA and not swap.exact_in
