"""A rank in the process of the test: no MPI, no sockets, orders and messages by hand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ioc.ca.client.pv_monitors import PvValue
from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_times import HostClocks
from ioc.pv_logs.recorder import PvLogRecorder
from reduction.control.orders import NO_REVISION, RanksOrder, ReductionOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.control.reports import RanksReport
from reduction.engines.native.engine import NativeEngine
from reduction.event_log.protocol import LogReader
from reduction.instrument.geometry import powder_arc
from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.parameters.reduction import ReductionSettings
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.ranks.rank import Rank
from reduction.ranks.tick_clock import RankTiming
from reduction.stream.pulse_assembler import PulseAssembler

START_NS = 1_767_225_600_000_000_000
PERIOD_NS = 71_428_571


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

    def __init__(
        self,
        now_ns: int,
        engine: Any = NativeEngine,
        intake: PulseAssembler | None = None,
        readers: Mapping[int, LogReader] = MappingProxyType({}),
        tick_rate_hz: float = 1000.0,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        partitions = list(readers) or [0]
        self.intake = intake or PulseAssembler(partitions, clock_ns=lambda: now_ns)
        order = RanksOrder(revision=NO_REVISION)
        pipeline = Pipeline(powder_arc(), engine, order, self.intake.logs, 1 << 40)
        collectives: Any = SingleRank()
        control: Any = self
        timing = RankTiming(tick_rate_hz)
        receiver = StreamReceiver(readers, self.intake, len(readers))
        self._rank = Rank(collectives, receiver, pipeline, control, timing, now_s)
        self._newest: RanksOrder | None = None
        self.from_ioc: list[PvLogValues] = []
        """Values of process variables that the IOC sends next."""

    def obeyed(self, order: RanksOrder) -> RanksReport:
        """The first report with results under ``order``, once all messages so far are taken in.

        A rank that reads its event log again reads it to the end first.
        """
        return self.reported(
            order,
            lambda report: (
                bool(report.results)
                and report.revision == order.revision
                and not report.catching_up
            ),
        )

    def reported(
        self, order: RanksOrder, wanted: Callable[[RanksReport], bool] = lambda _: True
    ) -> RanksReport:
        """The first report that is ``wanted`` after ``order`` was sent."""
        self._newest, self._wanted = order, wanted
        self._rank.stopping = False
        self._rank.run()
        return self._report

    @property
    def ordered(self) -> bool:
        return self._newest is not None

    def latest(self) -> RanksOrder | None:
        newest, self._newest = self._newest, None
        return newest

    def logs(self) -> list[PvLogValues]:
        logs, self.from_ioc = self.from_ioc, []
        return logs

    @property
    def message(self) -> str:
        return ""

    def end(self) -> None:
        """It may begin anew."""

    def report_work(self) -> None:
        pass

    def report(self, report: RanksReport) -> None:
        if self._wanted(report):
            self._report, self._rank.stopping = report, True


class FedRank:
    """A rank that is fed pulse by pulse with ten events each; numbers count from 0.

    Pulse n is at ``START_NS + n * PERIOD_NS``, unless a time is given. The clock of the rank stands
    at ``clock_ns``. It gets the values of process variables that ``history`` has, and then obeys
    its first order.
    """

    def __init__(
        self,
        settings: ReductionSettings,
        clock_ns: int = START_NS + 100 * 10**9,
        history: PvLogHistory | None = None,
    ) -> None:
        self.rank = OneRank(clock_ns)
        history = history or PvLogHistory()
        self.recorder = PvLogRecorder(history, self._send, HostClocks(lambda: clock_ns, lambda: 0))
        """The IOC's part of process variables as logs."""
        self.rank.from_ioc += history.logs()
        self.chunks = 0
        self._order = RanksOrder(revision=0, reductions=(ReductionOrder(0, settings),))
        self.report()

    def take(self, *messages: bytes) -> None:
        """Have the rank receive messages."""
        for message in messages:
            self.rank.intake.take(0, message)

    def events(self, pulse: int, time_ns: int | None = None) -> None:
        """A chunk of ten events."""
        pixels = np.full(10, 5, np.int32)
        at_ns = pulse_ns(pulse) if time_ns is None else time_ns
        self.take(encode_chunk(Chunk("bank", self.chunks, at_ns, pixels, pixels * 4_000_000)))
        self.chunks += 1

    def mark(self, pulse: int, time_ns: int | None = None) -> None:
        """The mark of a pulse."""
        at_ns = pulse_ns(pulse) if time_ns is None else time_ns
        self.take(encode_pulse_mark(pulse, at_ns, self.chunks))

    def pulses(self, numbers: Iterable[int]) -> None:
        """Whole pulses of a chunk each, with a charge of 1 µC."""
        for pulse in numbers:
            self.log("proton_charge", pulse, 1.0)
            self.events(pulse)
            self.mark(pulse)

    def log(self, name: str, pulse: int, value: float) -> None:
        """The value of a log from a pulse on."""
        self.take(encode_log(name, pulse_ns(pulse), value))

    def process_variable(self, name: str, time_ns: int, value: float) -> None:
        """Have the IOC send a value of a process variable."""
        self.recorder.reported(self.rank.intake.newest_ns)
        asyncio.run(self.recorder.take(name, PvValue(time_ns, value)))
        self.report()

    async def _send(self, name: str, time_ns: int, value: float) -> None:
        self.rank.from_ioc.append(PvLogValues.one(name, time_ns, value))

    def report(self, **changes: Any) -> RanksReport:
        """A report of all that was received, with ``changes`` to the order."""
        for _ in range(3):  # the first order starts, and a report is of what was before it
            report = self.rank.obeyed(self.next_order(**changes))
        return report

    def next_order(self, **changes: Any) -> RanksOrder:
        """The next order, with ``changes``."""
        self._order = replace(self._order, revision=self._order.revision + 1, **changes)
        return self._order


def pulse_ns(pulse: int) -> int:
    """The time of a pulse of `FedRank`."""
    return START_NS + pulse * PERIOD_NS


def counts_and_charges(report: RanksReport) -> list[tuple[int, float]]:
    """The counts and the charge of each slice of the first reduction."""
    result = report.results[0]
    assert result.counts is not None
    counts = result.counts.sum(axis=(1, 2)).tolist()
    return list(zip(counts, result.charges_uc, strict=True))
