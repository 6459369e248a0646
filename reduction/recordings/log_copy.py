"""Copies a recorded event log as it is, many messages at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.protocol import LogRefused, close_all, problem_of
from reduction.event_log.storage.pulse_counts import CHUNK, MARK
from reduction.event_log.storage.segment_view import Record
from reduction.event_log.storage.stored_records import StoredRecords
from reduction.host.steady_clock import steady_clock
from reduction.messages.ev44 import event_count
from reduction.recordings.log_recording import LogRecording
from reduction.recordings.play_settings import Played, RecordOutput
from reduction.recordings.played_messages import mark_number

RECORDS_AT_ONCE = 256
"""The most messages that are copied in one call."""

COPY_INTERVAL_NS = 5_000_000
"""How long messages are copied before readers on other hosts are answered."""


def events_of(records: Iterable[Record]) -> int:
    """How many events the chunks among these records have."""
    return sum(event_count(data) for _, head, data in records if head.kind == CHUNK)


@dataclass
class _Partition:
    """A partition that is copied, and its next messages; ``pulse_ns`` is its newest pulse so far.

    ``stored`` is None until they are read.
    """

    number: int
    reader: EmbeddedLogReader
    stored: StoredRecords | None = None
    pulse_ns: int = -1

    def has_more(self) -> bool:
        """Read the next messages, if they are not read yet; whether there are any."""
        if self.stored is None:
            self.stored = self.reader.read_records(RECORDS_AT_ONCE)
        return self.stored is not None


class _PulseTally:
    """Counts the pulses of several partitions, each of which comes in its own order."""

    def __init__(self) -> None:
        self.pulses = 0
        """How many pulses are counted."""
        self._times = set[int]()
        """Times of pulses that may still come in another partition."""

    def note(self, partition: _Partition, records: Sequence[Record]) -> None:
        """Note messages of a partition. A pulse that is earlier than one before it is none."""
        for _, head, _ in records:
            if head.time_ns > partition.pulse_ns and head.kind in (CHUNK, MARK):
                partition.pulse_ns = head.time_ns
                self._times.add(head.time_ns)

    def count_until(self, time_ns: float) -> None:
        """Count the pulses up to a time, that all partitions have reached."""
        passed = {each for each in self._times if each <= time_ns}
        self._times -= passed
        self.pulses += len(passed)


class LogCopy:
    """Copies an event log once, as fast as the output takes it, without decoding its events.

    The output gets the messages that `reduction.recordings.replay.Replay` would put there, in the
    order of each partition. ``tick`` puts some and says when the next one is due; that is at once.

    Raises `LogRefused` for a recording without messages.
    """

    def __init__(
        self,
        recording: LogRecording,
        output: RecordOutput,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        self._output, self._clock_ns = output, clock_ns or steady_clock()
        numbers = range(recording.partitions)
        self._partitions = [_Partition(each, recording.record_reader(each)) for each in numbers]
        self._tally = _PulseTally()
        self._mark_ns = -1
        self.played = Played()
        self.is_behind = False
        """See `Replay.is_behind`; no message has a time at which it is due."""
        if not self._left:
            raise LogRefused("the recording holds no messages")

    @property
    def _left(self) -> list[_Partition]:
        """The partitions that are not copied to their ends."""
        return [each for each in self._partitions if each.has_more()]

    def tick(self) -> int | None:
        """Put messages for a while; returns the time then, ns since 1970; None at the end."""
        until_ns = self._clock_ns() + COPY_INTERVAL_NS
        while left := self._left:
            # The one whose pulses are least far, so that at a limit all end near the same pulse.
            self._put(min(left, key=lambda each: each.pulse_ns))
            if (now_ns := self._clock_ns()) >= until_ns:
                return now_ns
        return None

    def _put(self, partition: _Partition) -> None:
        """Put the next messages of a partition, and read those after them."""
        stored = partition.stored
        assert stored is not None
        events = events_of(stored.records)
        self._output.put_records(partition.number, stored, events)
        if self._output.refusal:
            raise LogRefused(self._output.refusal)
        self.played.messages += len(stored.records)
        self.played.events += events
        self._tally.note(partition, stored.records)
        partition.stored = None
        self._tally.count_until(min((each.pulse_ns for each in self._left), default=2**63))
        self.played.pulses = self._tally.pulses
        self._note_mark(stored.records)

    def _note_mark(self, records: Sequence[Record]) -> None:
        """Note the number of the last pulse among these messages."""
        marks = (each for each in reversed(records) if each.head.kind == MARK)
        numbers = ((each.head.time_ns, mark_number(each.data)) for each in marks)
        time_ns, number = next((each for each in numbers if each[1] is not None), (-1, None))
        if number is not None and time_ns >= self._mark_ns:
            self._mark_ns, self.played.last_pulse = time_ns, number
        elif self._mark_ns < 0:
            self.played.last_pulse = self.played.pulses - 1

    @property
    def now_ns(self) -> int:
        """The time now, ns since 1970."""
        return self._clock_ns()

    @property
    def message(self) -> str:
        """What is wrong with the recording, in words; empty if nothing is."""
        return problem_of(each.reader for each in self._partitions)

    def close(self) -> None:
        """Close the readers of the recording."""
        close_all(each.reader for each in self._partitions)
