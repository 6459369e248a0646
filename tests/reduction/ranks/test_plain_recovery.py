"""Ranks that start again in a stream without marks have what they would have had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.event_log.protocol import MESSAGES_AT_ONCE, Dropped, LogMessage
from reduction.messages.contents import Chunk, LogValue, decode, encode_chunk
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.stream.pulses import NO_PULSE
from tests.reduction.ranks.test_recovery import (
    BY_FURNACE,
    PARTITIONS,
    STEPS,
    Numbers,
    Ranks,
    RecordedStream,
    changes_of,
    facts,
)
from tests.support.ranks.listed_log import ListedLogReader
from tests.support.ranks.one_rank import pulse_ns


class ValuesFirst(ListedLogReader):
    """A reader that gives the last values of all logs before a place first, as it should."""

    def __init__(self, messages: list[bytes], identity: str = "log", first: int = 0) -> None:
        super().__init__(messages, identity, first)
        self._values: list[LogMessage] = []

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        super().seek_offset(offset)
        last: dict[str, LogMessage] = {}
        for number, message in enumerate(self._messages[: self.began]):
            content = decode(message)
            if isinstance(content, LogValue):
                last[content.name] = LogMessage(number, message)
        self._values = sorted(last.values())

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        values, self._values = self._values, []
        return values or super().read(most)


class PlainRecordedStream(RecordedStream):
    """The same without marks: some pulses are silent in a partition, and some chunks come late."""

    def __init__(self) -> None:
        super().__init__()
        self._late: list[tuple[int, bytes]] = []

    def chunk(self, partition: int) -> None:
        """A chunk of the present pulse; or none, or one that is kept back."""
        rng = np.random.default_rng((1, self.pulse, partition))
        kind = rng.choice(["send", "send", "send", "silent", "late"])
        if kind == "send" or self.pulse == 0:
            super().chunk(partition)
        elif kind == "late":
            tof_ns = rng.integers(900_000, 61_000_000, 20).astype(np.int32)
            pixels = rng.integers(1, 400, tof_ns.size).astype(np.int32)
            late = Chunk("late", len(self._late), pulse_ns(self.pulse), pixels, tof_ns)
            self._late.append((partition, encode_chunk(late)))

    def readers(self, first: int = 0) -> dict[int, ListedLogReader]:
        """Readers at the end, of a log that holds no message before ``first``."""
        return {n: ValuesFirst(each, "log", first) for n, each in enumerate(self.partitions)}

    def marks(self) -> None:
        """The ends of the present pulse; the next one is present then."""
        self.pulse += 1

    def send_late(self) -> None:
        """Send what was kept back."""
        for partition, message in self._late:
            self.partitions[partition].append(message)
        self._late.clear()


def known_facts(report: RanksReport) -> list[Any]:
    """All that depends on which pulses count; before the first of them, not from when on they do.

    Ranks may know that already, or not: there is no pulse in between.
    """
    run, *rest = facts(report)
    began = report.stream.pulse_first != NO_PULSE
    return [run if began else replace(run, start_ns=NO_PULSE), *rest]


@settings(max_examples=25)
@given(st.lists(st.one_of(STEPS, st.just("late")), max_size=12))
@example([1, 1, 1, 2, "kill", AcquisitionSettings(Preset.PULSES, preset_pulses=1), "kill"])
@example([3, "reset", "kill", "reset", "kill", 2])
@example([3, AcquisitionSettings(Preset.PULSES, preset_pulses=1), "kill", "late"])
@example([15, "late", "kill", AcquisitionSettings(Preset.PULSES, preset_pulses=1)])
def test_ranks_that_were_killed_have_what_they_would_have_had(steps: list[Any]) -> None:
    stream, numbers = PlainRecordedStream(), Numbers()
    order = RanksOrder(revision=0, reductions=(ReductionOrder(0, BY_FURNACE),))
    both = [Ranks(stream, order), Ranks(stream, order)]
    killed = both[1]
    for each in both:
        each.report()
    assert PARTITIONS == 2
    stream.pulses(6)  # shows that there are no marks
    for step in [*steps, "kill", 3]:
        match step:
            case int():
                stream.pulses(step)
            case "late":
                stream.send_late()
            case "torn":
                stream.logs()
                stream.chunk(0)
            case "kill":
                killed.kill()
        changes = changes_of(step, numbers)
        reports = [each.report(**changes) for each in both]
        assert known_facts(reports[0]) == known_facts(reports[1])
        assert reports[0].unaccounted == 0


class DroppingReader(ValuesFirst):
    """A reader that tells the time of the last pulse in what has left the log."""

    @property
    def dropped(self) -> Dropped:
        """See `LogReader.dropped`."""
        gone = [decode(each) for each in self._messages[: self.first]]
        times_ns = [each[-1].pulse_time_ns for each in gone if isinstance(each, list)]
        return Dropped(self._gone, 0, 0, max(times_ns, default=0))


class SteadyStream(PlainRecordedStream):
    """A stream without marks that has each pulse in each partition, and began long ago."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks = [1000] * PARTITIONS

    def chunk(self, partition: int) -> None:
        """A chunk of the present pulse."""
        RecordedStream.chunk(self, partition)

    def readers(self, first: int = 0) -> dict[int, ListedLogReader]:
        """Readers at the end, of a log that holds no message before ``first``."""
        return {n: DroppingReader(each, "log", first) for n, each in enumerate(self.partitions)}


def test_pulses_that_left_the_log_before_they_were_read_again_are_counted_as_lost() -> None:
    stream = SteadyStream()
    order = RanksOrder(revision=0, reductions=(ReductionOrder(0, BY_FURNACE),))
    ranks = Ranks(stream, order)
    ranks.report()
    stream.pulses(6)
    ranks.report()
    stream.pulses(60)
    before = ranks.report()
    gone_pulses = 36
    ranks.kill(first=3 * gone_pulses)  # of each pulse there are two logs and a chunk
    after = ranks.report()
    first = before.stream.pulse_first
    assert after.stream.pulse_last == before.stream.pulse_last
    assert after.stream.pulse_first == first + after.run.lost
    assert after.run.lost == after.event_log.pulses_lost
    assert after.run.lost == before.acquisition.pulses - after.acquisition.pulses > 20
    ranks.kill(first=3 * gone_pulses)
    assert ranks.report().stream.pulse_first == after.stream.pulse_first
