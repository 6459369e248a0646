"""A rank in the process of the test: no MPI, no sockets, orders and messages by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.reports import RanksReport
from reduction.engines.native.engine import NativeEngine
from reduction.instrument.geometry import powder_arc
from reduction.ranks.pipeline import Pipeline
from reduction.ranks.rank import Rank, RankTiming
from reduction.ranks.receiver import StreamReceiver
from reduction.stream.pulse_assembler import PulseAssembler


class SingleRank:
    """The collectives of a single rank, without MPI."""

    rank, size = 0, 1

    def exchange(self, figures: Any) -> Any:
        return figures[np.newaxis]

    def call(self, meeting: int) -> None:
        pass

    def share(self, data: bytes) -> bytes:
        return data

    def gather(self, rows: Any) -> Any:
        return rows

    def texts(self, text: str) -> list[str]:
        return [text]

    def total(self, array: Any) -> Any:
        return array


class OneRank:
    """A rank, and a fake of its end of the control channel."""

    def __init__(self, now_ns: int, engine: Any = NativeEngine) -> None:
        self.intake = PulseAssembler([0], clock_ns=lambda: now_ns)
        order = RanksOrder(revision=NO_REVISION)
        pipeline = Pipeline(powder_arc(), engine, order, self.intake.logs, 1 << 40)
        collectives: Any = SingleRank()
        control: Any = self
        timing = RankTiming(tick_rate_hz=1000.0)
        receiver = StreamReceiver({}, self.intake)
        self._rank = Rank(collectives, receiver, pipeline, control, timing)
        self._newest: RanksOrder | None = None

    def obeyed(self, order: RanksOrder) -> RanksReport:
        """The first report with results under ``order``, once all messages so far are taken in."""
        self._newest, self._revision = order, order.revision
        self._rank.stopping = False
        self._rank.run()
        return self._report

    @property
    def ordered(self) -> bool:
        return self._newest is not None

    def latest(self) -> RanksOrder | None:
        newest, self._newest = self._newest, None
        return newest

    def logs(self) -> list[Any]:
        return []

    def report(self, report: RanksReport) -> None:
        if report.results and report.revision == self._revision:
            self._report, self._rank.stopping = report, True
