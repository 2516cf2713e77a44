"""What a node would send, written out by hand, and what was recorded of one."""

import base64
import json
from typing import Any

import zstandard

from tests.shared import need_shared

OWNER = "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo"
POOL = "32urMioqso638NjXbUYrr9KgqcEuHTfcADg8QWWAW4kL"
OTHER_POOL = "7igaKyHZmpYJXquix8LDYJgVgZMfiSenTkGJxV4UimWz"
ARRAY = "CMzkrLqMH658DS98QHFAEYyVqgVARqFzLCB2uLzcmhY3"
SIGNATURE = "5" * 88


def zstd(data: bytes) -> str:
    """Compress as nodes do: in a stream, so that the frame does not tell its size."""
    stream = zstandard.ZstdCompressor(level=0).compressobj()
    return base64.b64encode(stream.compress(data) + stream.flush()).decode()


def account_json(data: bytes = b"bytes", *, owner: str = OWNER, lamports: int = 1) -> dict[str, Any]:
    return {
        "data": [zstd(data), "base64+zstd"],
        "executable": False,
        "lamports": lamports,
        "owner": owner,
        "rentEpoch": 2**64 - 1,
        "space": len(data),
    }


def answer(request_id: int, result: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": request_id}).encode()


def failure(request_id: int | None, code: int, message: str = "said so") -> bytes:
    return json.dumps({"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": request_id}).encode()


def notification(kind: str, subscription: int, result: object) -> bytes:
    params = {"result": result, "subscription": subscription}
    return json.dumps({"jsonrpc": "2.0", "method": f"{kind}Notification", "params": params}).encode()


def account_notification(subscription: int, slot: int, value: dict[str, Any] | None = None) -> bytes:
    result = {"context": {"slot": slot}, "value": account_json() if value is None else value}
    return notification("account", subscription, result)


def slot_notification(subscription: int, slot: int, parent: int | None = None) -> bytes:
    result = {"slot": slot, "parent": slot - 1 if parent is None else parent, "root": 0}
    return notification("slot", subscription, result)


def logs_notification(subscription: int, slot: int, logs: list[str], *, err: object = None) -> bytes:
    value = {"err": err, "logs": logs, "signature": SIGNATURE}
    return notification("logs", subscription, {"context": {"slot": slot}, "value": value})


def recorded(name: str) -> bytes:
    """Return one recorded answer, or skip the test."""
    return (need_shared("data/tx/localnet") / name).read_bytes()


def recorded_frames() -> list[tuple[str, dict[str, Any]]]:
    """Return the frames of a recorded connection and their directions, or skip the test."""
    lines = [json.loads(line) for line in recorded("pubsub_frames.jsonl").splitlines()]
    return [(line["dir"], line["frame"]) for line in lines]
