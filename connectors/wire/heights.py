"""How far a node's banks are: slot and block height of one bank, told together."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from connectors.wire.accounts import Slot
from connectors.wire.refusal import Refusal
from connectors.wire.rpc import LARGEST_SLOT, Answers, call
from dlmm.records import Record


class _EpochInfo(msgspec.Struct, gc=False, rename="camel"):
    absolute_slot: Slot
    block_height: Annotated[int, Meta(ge=0, le=LARGEST_SLOT)]


class Height(Record, frozen=True):
    """Where the newest bank of a commitment is.

    :arg block_height: Blocks before it; slots that were skipped do not count.

    """

    slot: int
    block_height: int


_EPOCHS = Answers(_EpochInfo)


def get_heights(first_id: int, commitments: Sequence[str]) -> bytes:
    """Ask for the newest bank of each commitment in one batch, whose ids count up from `first_id`.

    It asks for the epoch: `getBlockHeight` tells no slot, and two questions may be answered by two banks.

    """
    return msgspec.json.encode(
        [call(first_id + i, "getEpochInfo", [{"commitment": commitment}]) for i, commitment in enumerate(commitments)]
    )


def read_heights(status: int, body: bytes, first_id: int, count: int) -> list[Height] | Refusal:
    """Read the answer to `get_heights`, in the order of the question.

    :returns: A refusal has a cause of `Answers.read_batch`; one of a part is one of the whole.

    """
    answers = _EPOCHS.read_batch(status, body, first_id, count)
    if isinstance(answers, Refusal):
        return answers
    heights: list[Height] = []
    for answer in answers:
        if isinstance(answer, Refusal):
            return answer
        heights.append(Height(answer.absolute_slot, answer.block_height))
    return heights
