"""What the execution connector tells the portfolio: events of the inbox like any other, journaled and replayed.

A report travels as a row of kind `REPORT` with the encoded report beside it, in the place of an account's bytes.
"""

from typing import Literal

import msgspec

from dlmm.records import Record

REPORT_OWNER = "execution"
"""Owner under which reports stand among the account writes of a recording."""


class TokenChange(Record, frozen=True):
    """How the wallet's holding of one mint changed, in raw units; wrapped SOL is a token, native SOL is none."""

    mint: str
    amount: int


class PoolFlow(Record, frozen=True):
    """What one pool gave to the wallet (positive) or took from it, and the trading fee inside of it.

    :arg fee: Raw units of the token that it was taken in.

    :arg fee_in_x: Which token that is.

    """

    pool: str
    x: int
    y: int
    fee: int = 0
    fee_in_x: bool = False


class PositionState(Record, frozen=True):
    """A position on chain.

    :arg position: Number of the order that created it, 0 where it is none of ours.

    :arg data: The account's bytes; empty once it is closed.

    :arg strategy: Name of the strategy that opened it in an earlier run, as the order journal has it; empty elsewhere.

    """

    position: int
    pool: str
    address: str
    lower: int
    upper: int
    data: bytes
    strategy: str = ""


class ExecutionReport(Record, frozen=True, tag="execution"):
    """What came of an attempt, or of one transaction of it.

    :arg status: `landed`: on chain and without error; `failed`: on chain with one; `expired`: can land no more;
        `refused`: never sent, `reason` says why; `simulated`: a dry run; `undone`: a landing reported before was taken
        back by a fork, and `changes` are those of the landing, with their signs turned.

    :arg is_final: Whether the attempt ends with this report; further transactions of it follow otherwise.

    :arg changes: Of the wallet's tokens.

    :arg flows: The same by pool, as the programs' events tell it.

    :arg lamports: Change of the wallet's native SOL that is none of the following three.

    :arg network_fee: Lamports paid to the cluster, priority fee included; paid by failed transactions too.

    :arg rent: Lamports locked in accounts that were made, negative for those freed.

    :arg positions: Positions that the transaction touched, as they are after it.

    :arg reason: Why it failed, by name.

    :arg number: Which report on this attempt it is, counted from 0: one that is told again, as after a restart, has the
        number that it had.

    """

    order: int
    attempt: int
    status: Literal["landed", "failed", "expired", "refused", "simulated", "undone"]
    is_final: bool
    slot: int = 0
    signature: str = ""
    changes: tuple[TokenChange, ...] = ()
    flows: tuple[PoolFlow, ...] = ()
    lamports: int = 0
    network_fee: int = 0
    tip: int = 0
    rent: int = 0
    positions: tuple[PositionState, ...] = ()
    reason: str = ""
    number: int = 0


class WalletReport(Record, frozen=True, tag="wallet"):
    """What the wallet holds on chain, read while nothing of ours was in flight.

    :arg occasion: `opening` before the first order of a run, `check` in between, `closing` after the last.

    :arg tokens: Raw units by mint, zeros included for the mints of the traded pools.

    :arg next_order: The least order id that the order journal does not know.

    """

    occasion: Literal["opening", "check", "closing"]
    wallet: str
    slot: int
    lamports: int
    tokens: tuple[TokenChange, ...]
    positions: tuple[PositionState, ...]
    next_order: int


class OperatorCommand(Record, frozen=True, tag="operator"):
    """What an operator asks for.

    :arg kind: `stop`: the emergency stop; `clear`: end it; `close`: the run ends: cancel what rests, send nothing more.

    """

    kind: Literal["stop", "clear", "close"]
    reason: str


Report = ExecutionReport | WalletReport | OperatorCommand

encode_report = msgspec.msgpack.Encoder().encode
decode_report = msgspec.msgpack.Decoder(Report).decode
