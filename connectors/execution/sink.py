"""The execution connector's end of the graph: a sink, one partition for each portfolio, that takes what was approved.

Only one worker signs for a wallet, since a partition lives on one worker. What becomes of an order comes back through
the inbox; nothing does here.
"""

import logging
from dataclasses import dataclass

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from connectors.execution.executor import Executor
from connectors.execution.incidents import Incidents
from operators.portfolio_records import Report

_log = logging.getLogger(__name__)


class _Execution(StatefulSinkPartition[Report, None]):
    def __init__(self, executor: Executor, incidents: Incidents) -> None:
        self._submit, self._hear = executor.submit, executor.hear
        self._incidents = incidents
        self._is_stopped = self._is_closing = False

    def write_batch(self, values: list[Report]) -> None:
        for report in values:
            for approved in report.approved:
                self._submit(approved)
            is_closing = bool(report.ledger["closing"][0])
            if is_closing != self._is_closing:
                self._is_closing = is_closing
                self._hear(is_closing=is_closing)
            is_stopped = bool(report.ledger["stopped"][0])
            if is_stopped != self._is_stopped:
                self._is_stopped = is_stopped
                if is_stopped:
                    self._incidents.stopped(report.ledger[0])

    def snapshot(self) -> None:
        return None  # what was sent, the order journal knows

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class ExecutionSink(FixedPartitionedSink[Report, None]):
    """Hand approved orders to the executor.

    :arg portfolio: Name of the portfolio whose wallet the executor signs for.

    :arg incidents: Where an emergency stop is written down.

    """

    portfolio: str
    executor: Executor
    incidents: Incidents

    def list_parts(self) -> list[str]:
        return [self.portfolio]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Execution:
        del step_id, for_part, resume_state
        return _Execution(self.executor, self.incidents)
