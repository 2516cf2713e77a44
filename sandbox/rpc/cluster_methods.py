"""Methods about the cluster: health, slots, epochs, fees."""

from collections.abc import Callable, Mapping
from itertools import compress

from sandbox.chain import SLOTS_PER_EPOCH
from sandbox.ledger.blockhashes import MAX_AGE
from sandbox.rpc.arguments import Arguments, ReadOptions, blockhash, pubkey
from sandbox.rpc.transaction_json import Json
from sandbox.rpc.view import API_VERSION, View, with_context

Method = Callable[[Arguments], object]
Methods = Mapping[str, Method]

_FEATURE_SET = 3640012085
_FEE_BLOCKS = 150
_MAX_FEE_ACCOUNTS = 128


def cluster_methods(view: View) -> Methods:
    """Every method of this file, by name."""
    chain = view.chain

    def slot(arguments: Arguments) -> int:
        return view.slot(arguments.options(0, ReadOptions))

    def epoch_info(arguments: Arguments) -> Json:
        at = slot(arguments)
        return {
            "absoluteSlot": at,
            "blockHeight": chain.blocks[at].height,
            "epoch": at // SLOTS_PER_EPOCH,
            "slotIndex": at % SLOTS_PER_EPOCH,
            "slotsInEpoch": SLOTS_PER_EPOCH,
            "transactionCount": chain.counts["executed"],
        }

    def performance(_: Arguments) -> list[Json]:
        blocks = chain.blocks.latest(_FEE_BLOCKS)
        count = sum(len(block.landed) for block in blocks)
        sample: Json = {
            "numNonVoteTransactions": count,
            "numSlots": len(blocks),
            "numTransactions": count,
            "samplePeriodSecs": 60,
            "slot": chain.processed,
        }
        return [sample]

    def prioritization_fees(arguments: Arguments) -> list[Json]:
        """Find each recent block's least price, among transactions that write all of the accounts asked for."""
        keys = {pubkey(text) for text in arguments.optional(0, list[str]) or []}
        out: list[Json] = []
        for block in chain.blocks.latest(_FEE_BLOCKS):
            prices = [
                landed.queued.price
                for landed in block.landed
                if keys <= set(compress(landed.keys.all, landed.keys.writable))
            ]
            out.append({"prioritizationFee": min(prices, default=0), "slot": block.slot})
        return out

    def latest_blockhash(arguments: Arguments) -> Json:
        at = slot(arguments)
        block = chain.blocks[at]
        return with_context(at, {"blockhash": str(block.hash), "lastValidBlockHeight": block.height + MAX_AGE})

    def is_blockhash_valid(arguments: Arguments) -> Json:
        wanted = blockhash(arguments.required(0, str))
        at = view.slot(arguments.options(1, ReadOptions))
        return with_context(at, chain.hashes.is_usable(wanted, chain.blocks[at].height, at))

    identity = str(chain.faucet.pubkey())
    schedule: Json = {
        "firstNormalEpoch": 0,
        "firstNormalSlot": 0,
        "leaderScheduleSlotOffset": SLOTS_PER_EPOCH,
        "slotsPerEpoch": SLOTS_PER_EPOCH,
        "warmup": False,
    }
    return {
        "getHealth": lambda _: "ok",
        "getVersion": lambda _: {"feature-set": _FEATURE_SET, "solana-core": API_VERSION},
        "getIdentity": lambda _: {"identity": identity},
        "getGenesisHash": lambda _: str(chain.genesis_hash),
        "getClusterNodes": lambda _: [],
        "getSlot": slot,
        "getBlockHeight": lambda arguments: chain.blocks[slot(arguments)].height,
        "getSlotLeader": lambda _: identity,
        "getTransactionCount": lambda _: chain.counts["executed"],
        "minimumLedgerSlot": lambda _: chain.blocks.slots[0],
        "getFirstAvailableBlock": lambda _: chain.blocks.slots[0],
        "getEpochInfo": epoch_info,
        "getEpochSchedule": lambda _: schedule,
        "getRecentPerformanceSamples": performance,
        "getRecentPrioritizationFees": prioritization_fees,
        "getLatestBlockhash": latest_blockhash,
        "isBlockhashValid": is_blockhash_valid,
    }
