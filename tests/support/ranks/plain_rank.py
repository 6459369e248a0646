"""A rank in the process of the test that is fed with a stream without marks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.messages.contents import Chunk, encode_chunk
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from reduction.stream.dialect import ANY_STREAM, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from tests.support.ranks.one_rank import START_NS, OneRank, pulse_ns
from tests.support.stream.plain_stream import Clock

BINS = "0,1000,60000"
"""Time of flight in us: chunk n has its events in bin n, up to 60 chunks."""


class Sent(NamedTuple):
    """A message of events: where it goes, of which pulse it is, and how many it has."""

    partition: int
    pulse: int
    number: int
    events: int = 3
    source: str = "bank"

    @property
    def message(self) -> bytes:
        """Its bytes: the number decides on the bin of its events."""
        pixels = np.full(self.events, 5, np.int32)
        tof_ns = np.full(self.events, self.number % 60 * 1_000_000 + 500_000, np.int32)
        chunk = Chunk(self.source, self.number, pulse_ns(self.pulse), pixels, tof_ns)
        return encode_chunk(chunk)


class PlainRank:
    """A rank that has all partitions of a stream. Its first order is obeyed."""

    def __init__(
        self,
        partitions: int = 1,
        stream_format: StreamFormat = ANY_STREAM,
        settings: ReductionSettings | None = None,
    ) -> None:
        self.clock = Clock()
        self.clock.now_ns = START_NS + 100 * 10**9
        intake = PulseAssembler(list(range(partitions)), self.clock, stream_format)
        self.rank = OneRank(START_NS, intake=intake)
        self.intake = intake
        settings = settings or ReductionSettings(Units.TOF, BINS)
        self._order = RanksOrder(revision=0, reductions=(ReductionOrder(0, settings),))
        self.report()

    def feed(self, messages: Iterable[Sent]) -> None:
        """Have the rank receive messages."""
        for each in messages:
            self.intake.take(each.partition, each.message)

    def pass_time(self, seconds: float) -> None:
        """All that was sent is read, and so much time passes."""
        for partition in self.intake.partitions:
            self.intake.note_end(partition, ended=True)
        self.report()
        self.clock.now_ns += round(seconds * 1e9)
        self.report()
        for partition in self.intake.partitions:
            self.intake.note_end(partition, ended=False)

    def report(self, **changes: Any) -> RanksReport:
        """A report of all that was received, with ``changes`` to the order."""
        for _ in range(3):  # the first order starts, and a report is of what was before it
            self._order = replace(self._order, revision=self._order.revision + 1, **changes)
            report = self.rank.obeyed(self._order)
        return report


def counts_of(report: RanksReport) -> list[int]:
    """The counts of the first reduction, by bin."""
    counts = report.results[0].counts
    assert counts is not None
    found: list[int] = counts.sum(axis=(0, 1)).tolist()
    return found


def expected(messages: Iterable[Sent]) -> list[int]:
    """The counts that follow from messages, each of which counts once."""
    counts = [0] * 60
    for each in messages:
        counts[each.number % 60] += each.events
    return counts
