"""The paper venue once more, slow and plain, as an oracle for tests: objects in lists, no cursor and no short cut.

It is written from the rules in `docs/paper.md` and the docstrings, and shares no code with the kernels.
"""

import math
from dataclasses import dataclass, field

from operators.blocks import Rows
from tests.operators.clockwork import Answer, Rules
from tests.operators.markets import POOLS, base_fee, bin_price

NEVER = (1 << 63) - 1
QUOTE, TAKE, CANCEL = 0, 1, 2


@dataclass
class Resting:
    """An order and all that became of it."""

    order: int
    seq: int
    slot: int
    pool: int
    strategy: int
    side: int
    is_immediate: bool
    amount_in: int
    min_out: int
    limit: float
    value: float
    sized_by: str
    land_slot: int
    expiry_slot: int
    cancel_slot: int = NEVER
    status: str = "open"
    rule: str = "none"
    figure: float = 0.0
    bound: float = 0.0
    end_seq: int = 0
    end_slot: int = 0
    tried: tuple[int, int] | None = None


@dataclass
class Part:
    """One strategy's part of a purse."""

    share: float
    base: int = 0
    quote: int = 0
    cost: float = 0.0


@dataclass
class Purse:
    """One pool's budget, and whose part of it is whose; what is nobody's comes last."""

    pool: int
    budget: float
    seq: int = 0
    price: float = 0.0
    active_id: int = 0
    liquidity: float = 0.0
    is_open: bool = False
    parts: list[Part] = field(default_factory=list)
    realised: float = 0.0
    fees: float = 0.0

    @property
    def base(self) -> int:
        return sum(part.base for part in self.parts)

    @property
    def quote(self) -> int:
        return sum(part.quote for part in self.parts)

    @property
    def cost(self) -> float:
        return sum(part.cost * part.base for part in self.parts) / self.base

    @property
    def unit_x(self) -> float:
        return 10.0 ** -POOLS[self.pool].decimals_x

    @property
    def unit_y(self) -> float:
        return 10.0 ** -POOLS[self.pool].decimals_y

    @property
    def cash(self) -> float:
        return self.quote * self.unit_y if self.is_open else self.budget

    @property
    def inventory(self) -> float:
        return self.base * self.unit_x * self.price if self.is_open else 0.0


@dataclass
class ReferenceVenue:
    """Walk rows one at a time."""

    rules: Rules
    answer: Answer
    slot: int = -1
    now_ns: int = 0
    next_order: int = 1
    next_sample_ns: int = 0
    is_stopped: bool = False
    equity: float = 0.0
    peak: float = 0.0
    drawdown: float = 0.0
    max_drawdown: float = 0.0
    open: list[Resting] = field(default_factory=list)
    ended: list[Resting] = field(default_factory=list)
    fills: list[dict[str, float]] = field(default_factory=list)
    samples: list[dict[str, float]] = field(default_factory=list)
    purses: list[Purse] = field(default_factory=list)

    def __post_init__(self) -> None:
        shares = [*self.rules.shares, *[0.0] * (self.rules.strategies - len(self.rules.shares))]
        for pool in range(len(POOLS)):
            parts = [Part(share) for share in (*shares, 1.0 - sum(shares))]
            self.purses.append(Purse(pool, self.rules.capital / len(POOLS), parts=parts))

    def walk(self, rows: Rows, signals: Rows) -> None:
        for row in sorted(rows, key=lambda row: int(row["seq"])):
            if row["slot"] > self.slot:
                self.begin_slot(int(row["slot"]))
            self.count(row)
            self.meet(int(row["pool"]))
            for signal in signals:
                if signal["seq"] == row["seq"]:
                    self.act_on(signal)

    def begin_slot(self, slot: int) -> None:
        self.slot = slot
        for order in list(self.open):
            if slot >= order.cancel_slot:
                self.finish(order, "cancelled")
            elif slot >= order.expiry_slot:
                self.finish(order, "expired")
        self.meet(None)
        self.mark()
        if not self.is_stopped and self.drawdown > self.rules.emergency_stop_loss:
            self.is_stopped = True
            for order in self.open:
                order.cancel_slot = min(order.cancel_slot, slot + self.rules.latency_slots)

    def count(self, row: "Rows") -> None:
        stamp = int(row["ts_event_ns"])
        if stamp >= self.next_sample_ns:
            boundary = stamp // self.rules.interval_ns * self.rules.interval_ns
            if self.next_sample_ns > 0:
                self.mark()
                self.samples.append(
                    {
                        "ts_event_ns": boundary,
                        "slot": self.slot,
                        "equity": self.equity,
                        "cash": sum(purse.cash for purse in self.purses),
                        "inventory": sum(purse.inventory for purse in self.purses),
                        "realised": sum(purse.realised for purse in self.purses),
                        "fees": sum(purse.fees for purse in self.purses),
                        "drawdown": self.drawdown,
                    }
                )
            self.next_sample_ns = boundary + self.rules.interval_ns
        self.now_ns = max(self.now_ns, stamp)
        purse = self.purses[row["pool"]]
        purse.seq, purse.price = int(row["seq"]), float(row["price"])
        purse.active_id, purse.liquidity = int(row["active_id"]), float(row["liquidity"])
        if not purse.is_open:
            purse.is_open = True
            for place, part in enumerate(purse.parts):
                mine, is_idle = purse.budget * part.share, place == len(purse.parts) - 1
                in_base = 0.0 if is_idle else mine * self.rules.inventory_target
                part.base = math.floor(in_base / purse.price / purse.unit_x)
                part.quote = math.floor((mine - part.base * purse.unit_x * purse.price) / purse.unit_y)
                part.cost = purse.price

    def mark(self) -> None:
        self.equity = 0.0
        for purse in self.purses:
            self.equity += purse.cash + purse.inventory
        self.peak = max(self.peak, self.equity)
        self.drawdown = 1.0 - self.equity / self.peak
        self.max_drawdown = max(self.max_drawdown, self.drawdown)

    def meet(self, pool: int | None) -> None:
        for order in list(self.open):
            purse = self.purses[order.pool]
            if order.land_slot > self.slot or (pool is not None and order.pool != pool):
                continue
            if not order.is_immediate:
                at = bin_price(order.pool, purse.active_id)
                fee = base_fee(order.pool)
                if at > order.limit * (1.0 - fee) if order.side > 0 else at < order.limit / (1.0 - fee):
                    continue
                if order.tried == (self.slot, purse.active_id):
                    continue
            answer = self.answer(order.order, order.pool, order.side, order.amount_in, purse.active_id)
            if answer is not None and answer[0] >= order.min_out:
                self.fill(order, purse, *answer)
            elif order.is_immediate:
                self.finish(order, "failed")
            else:
                order.tried = (self.slot, purse.active_id)

    def fill(self, order: Resting, purse: Purse, out: int, fee: int) -> None:
        realised = 0.0
        part = purse.parts[order.strategy]
        if order.side > 0:
            paid, bought = order.amount_in * purse.unit_y, out * purse.unit_x
            held = part.base * purse.unit_x
            part.cost = (part.cost * held + paid) / (held + bought)
            part.quote, part.base = part.quote - order.amount_in, part.base + out
            purse.fees += fee * purse.unit_y
            price = paid / bought
        else:
            received, sold = out * purse.unit_y, order.amount_in * purse.unit_x
            realised = received - part.cost * sold
            part.base, part.quote = part.base - order.amount_in, part.quote + out
            purse.fees += fee * purse.unit_x * purse.price
            price = received / sold
        purse.realised += realised
        self.fills.append(
            {
                "order": order.order,
                "seq": purse.seq,
                "slot": self.slot,
                "ts_event_ns": self.now_ns,
                "amount_in": order.amount_in,
                "amount_out": out,
                "price": price,
                "fair": purse.price,
                "realised": realised,
            }
        )
        self.finish(order, "filled")

    def finish(self, order: Resting, status: str) -> None:
        if order in self.open:
            self.open.remove(order)
        order.status, order.end_seq, order.end_slot = status, self.purses[order.pool].seq, self.slot
        self.ended.append(order)

    def act_on(self, signal: "Rows") -> None:
        if signal["kind"] != TAKE:
            for order in self.open:
                same = order.pool == signal["pool"] and order.strategy == signal["strategy"]
                if same and not order.is_immediate:
                    order.cancel_slot = min(order.cancel_slot, self.slot + self.rules.latency_slots)
        if signal["kind"] == CANCEL:
            return
        self.mark()
        if signal["bid"] > 0.0:
            self.send(signal, 1, float(signal["bid"]), float(signal["bid_size"]))
        if signal["ask"] > 0.0:
            self.send(signal, -1, float(signal["ask"]), float(signal["ask_size"]))

    def send(self, signal: "Rows", side: int, price: float, size: float) -> None:
        rules, purse = self.rules, self.purses[signal["pool"]]
        limit = price * (1.0 + side * rules.slippage) if signal["kind"] == TAKE else price
        is_sized_here = math.isnan(size)
        if is_sized_here:
            bounds = {
                "kelly": rules.size_fraction * self.equity,
                "liquidity": rules.max_liquidity_share * purse.liquidity,
                "max_position_size": rules.max_position_size,
            }
            if side > 0:
                held = [self.exposure(other) for other in self.purses]
                for most, used in (
                    (rules.max_pool_exposure, held[purse.pool]),
                    (rules.max_total_exposure, sum(held)),
                ):
                    left = most * (1.0 - 1e-12) - used
                    if left > most * 1e-6:  # less is left to the rule, which objects
                        bounds["exposure"] = min(bounds.get("exposure", math.inf), left)
            sized_by, value = min(bounds.items(), key=lambda bound: bound[1])
            size = value / price
        else:
            sized_by, value = "strategy", size * price
        raw_limit = limit * purse.unit_x / purse.unit_y
        amount_in = math.floor(value / purse.unit_y if side > 0 else size / purse.unit_x)
        strategy = int(signal["strategy"])
        part = purse.parts[strategy]
        free = (part.quote if side > 0 else part.base) - self.promised(purse.pool, side, strategy)
        if is_sized_here and amount_in > free:
            amount_in, sized_by = free, "budget" if side > 0 else "holdings"
            value = free * purse.unit_y if side > 0 else free * purse.unit_x * price
        min_out = math.ceil(amount_in / raw_limit if side > 0 else amount_in * raw_limit)
        land_slot = self.slot + rules.latency_slots
        expiry = int(signal["expiry_slots"])
        order = Resting(
            order=self.next_order,
            seq=int(signal["seq"]),
            slot=self.slot,
            pool=int(signal["pool"]),
            strategy=strategy,
            side=side,
            is_immediate=signal["kind"] == TAKE,
            amount_in=amount_in,
            min_out=min_out,
            limit=limit,
            value=value,
            sized_by=sized_by,
            land_slot=land_slot,
            expiry_slot=land_slot + expiry if expiry else NEVER,
        )
        self.next_order += 1
        order.rule, order.figure, order.bound = self.withheld(order, purse)
        if order.rule != "none":
            self.finish(order, "withheld")
            return
        order.rule, order.figure, order.bound = self.refused(order, purse)
        if order.rule != "none":
            self.finish(order, "refused")
            return
        unit = purse.unit_y if side > 0 else purse.unit_x
        if order.amount_in > free:
            order.rule, order.figure, order.bound = "strategy_budget", order.amount_in * unit, free * unit
            self.finish(order, "withheld")
            return
        self.open.append(order)

    def withheld(self, order: Resting, purse: Purse) -> tuple[str, float, float]:
        if order.amount_in <= 0 or order.min_out <= 0:
            return "too_small", order.value, 0.0
        if order.is_immediate:
            return "none", 0.0, 0.0
        part = purse.parts[order.strategy]
        cash, inventory = part.quote * purse.unit_y, part.base * purse.unit_x * purse.price
        share = inventory / (cash + inventory) if cash + inventory else 0.0
        edge = self.rules.inventory_target + order.side * self.rules.max_inventory_deviation
        if (share - edge) * order.side >= 0.0:
            return "inventory_band", share, edge
        return "none", 0.0, 0.0

    def promised(self, pool: int, side: int, strategy: int | None = None) -> int:
        """What open orders of a side have promised, those of one strategy or all."""
        return sum(
            order.amount_in
            for order in self.open
            if order.pool == pool and order.side == side and strategy in (None, order.strategy)
        )

    def exposure(self, purse: Purse) -> float:
        return purse.inventory + self.promised(purse.pool, 1) * purse.unit_y

    def refused(self, order: Resting, purse: Purse) -> tuple[str, float, float]:
        rules = self.rules
        if order.side < 0:
            free = purse.base - self.promised(purse.pool, -1)
            if order.amount_in > free:
                return "balance", order.amount_in * purse.unit_x, free * purse.unit_x
            return "none", 0.0, 0.0
        in_pool = self.exposure(purse) + order.value
        total = order.value
        for other in self.purses:
            total += self.exposure(other)
        waiting = sum(other.pool == order.pool for other in self.open)
        free = purse.quote - self.promised(purse.pool, 1)
        unit = purse.unit_y
        checks = (
            ("emergency_stop", self.is_stopped, self.drawdown, rules.emergency_stop_loss),
            ("max_drawdown", self.drawdown > rules.max_drawdown, self.drawdown, rules.max_drawdown),
            ("max_position_size", order.value > rules.max_position_size, order.value, rules.max_position_size),
            ("max_pool_exposure", in_pool > rules.max_pool_exposure, in_pool, rules.max_pool_exposure),
            ("max_total_exposure", total > rules.max_total_exposure, total, rules.max_total_exposure),
            ("max_open_orders", waiting >= rules.max_open_orders, float(waiting), float(rules.max_open_orders)),
            ("balance", order.amount_in > free, order.amount_in * unit, free * unit),
        )
        return next(((rule, figure, bound) for rule, objects, figure, bound in checks if objects), ("none", 0.0, 0.0))
