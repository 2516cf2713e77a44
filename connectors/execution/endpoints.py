"""Questions to several endpoints: the first that is well answers, and what it cannot goes to the next."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor, Timer
from connectors.feeds.rpc_node import RpcNode
from connectors.wire.refusal import Refusal, refusal
from dlmm.errors import DlmmError

T = TypeVar("T")

Write = Callable[[int], bytes]
Read = Callable[[int, bytes, int], T | Refusal]


class Endpoints:
    """Ask JSON-RPC endpoints, each over a few connections that carry one question at a time.

    A question goes to the first endpoint of the list that is well and has not failed it; while there is none, it waits
    for the one whose rest ends first. Failures are counted, and endpoints rest, as `RpcNode` has it.

    :arg urls: The preferred one first.

    :arg lanes: Questions that one endpoint may be asked at a time.

    :arg timeout_s: How long an endpoint may take for an answer.

    :arg genesis_hash: Of the cluster that the endpoints must belong to. None: any.

    :raises DlmmError: There is no endpoint, or the URL of one cannot be used.

    """

    def __init__(
        self,
        reactor: Reactor,
        urls: Sequence[str],
        outlet: Outlet,
        *,
        timeout_s: float,
        genesis_hash: str | None = None,
        lanes: int = 1,
    ) -> None:
        if not urls:
            raise DlmmError("execution: no endpoint to ask")
        self._reactor = reactor
        self._nodes = [
            [RpcNode(reactor, url, outlet, timeout_s=timeout_s, genesis_hash=genesis_hash) for _ in range(lanes)]
            for url in urls
        ]
        self._waiting: list[_Question[Any]] = []
        self._timer: Timer | None = None

    def __len__(self) -> int:
        """Count the endpoints."""
        return len(self._nodes)

    def ask(
        self,
        write: Write,
        read: Read[T],
        then: Callable[[T | Refusal], None],
        *,
        ids: int = 1,
        tries: int | None = None,
        beginning: int = 0,
    ) -> None:
        """Ask any endpoint; `then` is called once, in a later round, unless `close` comes first.

        :arg write: Makes the question of its first id.

        :arg read: Reads status and body of the answer to the question with that id.

        :arg ids: How many ids the question takes.

        :arg tries: Refusals after which the last one is handed on; by default twice as many as there are endpoints.

        :arg beginning: Number of the endpoint to prefer, larger ones begin anew: who counts it up asks all in turn.

        """
        count = len(self._nodes)
        order = [(beginning + i) % count for i in range(count)]
        self._waiting.append(_Question(write, read, then, ids, order, 2 * count if tries is None else tries))
        self._pump()

    def ask_each(self, write: Write, read: Read[T], then: Callable[[list[T | Refusal]], None], *, ids: int = 1) -> None:
        """Ask every endpoint once; `then` is called once with all answers, in a later round.

        An endpoint that rests is not asked: `resting` stands in its place.

        """
        answers: list[T | Refusal] = [refusal("resting", "")] * len(self._nodes)
        is_asked = [any(node.ready_in_s == 0.0 for node in lanes) for lanes in self._nodes]
        left = sum(is_asked)

        def taken(index: int, answer: T | Refusal) -> None:
            nonlocal left
            answers[index] = answer
            left -= 1
            if left == 0:
                then(answers)

        if left == 0:
            self._reactor.call_soon(lambda: then(answers))
        for index in [index for index, is_so in enumerate(is_asked) if is_so]:
            self._waiting.append(_Question(write, read, partial(taken, index), ids, [index], 1))
        self._pump()

    def close(self) -> None:
        """Close every connection and forget every question, without a call."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
        for lanes in self._nodes:
            for node in lanes:
                node.close()

    def _pump(self) -> None:
        """Put what waits to whoever can be asked now."""
        waiting, self._waiting = self._waiting, []
        for question in waiting:
            chosen = self._choose(question)
            if chosen is None:
                self._waiting.append(question)
            else:
                question.put(*chosen, self._again, self._pump)
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting:
            rests = [node.ready_in_s for lanes in self._nodes for node in lanes]
            resting = [rest_s for rest_s in rests if rest_s > 0.0]
            if resting:  # busy ones come back by themselves
                self._timer = self._reactor.call_in(min(resting), self._pump)

    def _again(self, question: "_Question[Any]") -> None:
        self._waiting.append(question)

    def _choose(self, question: "_Question[Any]") -> tuple[int, RpcNode] | None:
        """Find the endpoint for a question; `None`: it has to wait."""
        awake = [i for i in question.order if any(node.ready_in_s == 0.0 for node in self._nodes[i])]
        untried = [i for i in awake if i not in question.failed]
        ready = [(i, node) for i in untried or awake for node in self._nodes[i] if node.is_ready]
        return next((found for found in ready if found[1].is_well), ready[0] if ready else None)


class _Question(Generic[T]):
    """A question, and where it failed so far."""

    def __init__(
        self,
        write: Write,
        read: Read[T],
        then: Callable[[T | Refusal], None],
        ids: int,
        order: Sequence[int],
        tries: int,
    ) -> None:
        self.order = order
        self.failed: list[int] = []
        self._write = write
        self._read = read
        self._then = then
        self._ids = ids
        self._tries = tries

    def put(self, index: int, node: RpcNode, again: Callable[["_Question[T]"], None], pump: Callable[[], None]) -> None:
        def answered(answer: T | Refusal) -> None:
            if isinstance(answer, Refusal):
                self.failed.append(index)
            if isinstance(answer, Refusal) and len(self.failed) < self._tries:
                again(self)
            else:
                self._then(answer)
            pump()

        node.ask(self._write, self._read, answered, self._ids)
