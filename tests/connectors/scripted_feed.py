"""A feed that says what a test wrote down, and stops the run once it has said it."""

from collections.abc import Iterable, Mapping, Sequence

from connectors.feeds.feed import Feed
from connectors.feeds.outlet import Outlet
from connectors.feeds.reactor import Reactor
from connectors.stopping import Stop
from connectors.wire.events import Event


class ScriptedFeed(Feed):
    """Put one group of events into the outlet each turn.

    :arg script: The groups, in order.

    :arg stop: Asked for the end after the last group, where given.

    """

    def __init__(self, name: str, script: Iterable[Sequence[Event]], stop: Stop | None = None) -> None:
        self.name = name
        self.followed: list[Mapping[str, tuple[str, ...]]] = []
        self._script = iter(script)
        self._stop = stop
        self._is_over = False

    def follow(self, pools: Mapping[str, tuple[str, ...]]) -> None:
        self.followed.append(pools)

    def start(self, reactor: Reactor, outlet: Outlet) -> None:
        self._reactor, self._outlet = reactor, outlet
        reactor.call_soon(self._speak)

    def stop(self) -> None:
        pass

    def _speak(self) -> None:
        group = next(self._script, None)
        if group is None:
            self._is_over = True
            if self._stop is not None:
                self._stop.request("the script is over")
            return
        for event in group:
            self._outlet.put(event)
        self._reactor.call_soon(self._speak)
