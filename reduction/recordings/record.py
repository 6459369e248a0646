"""Records a stream: writes its messages to an event log as they are."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.entries import EntryKind
from reduction.event_log.protocol import LogMessage, LogReader, problem_of
from reduction.event_log.storage.stored_records import StoredRecords
from reduction.event_log.writer import LogWriter
from reduction.host.stop import Stop
from reduction.recordings.log_copy import RECORDS_AT_ONCE, events_of
from reduction.recordings.played_messages import PulseMessage

LOOK_INTERVAL_MS = 5
"""How often a stream without new messages is looked at."""

LATE_S = 2.0
"""How long to wait for partitions that show no later pulse than the last one to record."""

WRONG_S = 2.0
"""After this time it is told what is wrong with the stream: at the start no server has answered."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordLimits:
    """When recording ends by itself: after a time, or with a number of pulses."""

    seconds: float = math.inf
    pulses: float = math.inf


@dataclass
class Recorded:
    """How much was recorded, and how many messages had left the stream before they were read."""

    messages: int = 0
    events: int = 0
    pulses: int = 0
    size_bytes: int = 0
    dropped: int = 0

    @property
    def words(self) -> str:
        """The amounts in words."""
        words = (
            f"{self.messages} messages with {self.events} events of {self.pulses} pulses,"
            f" {self.size_bytes} bytes"
        )
        return f"{words}; {self.dropped} messages were lost" if self.dropped else words


class Recorder:
    """Writes what comes from readers, one for each partition, to an event log.

    ``tick`` writes what has come. ``ended`` says whether a limit is reached: then all messages of
    so many pulses are written, and none of later pulses.
    """

    def __init__(
        self,
        readers: Sequence[LogReader],
        writer: LogWriter,
        limits: RecordLimits,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._readers, self._writer = readers, writer
        self._limits, self._clock_s = limits, clock_s
        self._began_s = clock_s()
        self._newest_ns = 0
        self._last_s = math.inf
        """When the last pulse to record was first seen."""
        self._done = [False] * len(readers)
        self.recorded = Recorded()
        self._wrong, self._wrong_s = "", self._began_s
        self.told = ""
        """What was told last."""

    def tick(self) -> bool:
        """Write what has come; whether anything has. Raises OSError if it cannot be written."""
        found = [
            self._take_stored(partition, reader.read_records(RECORDS_AT_ONCE))
            if isinstance(reader, EmbeddedLogReader)
            else self._take(partition, reader.read())
            for partition, reader in enumerate(self._readers)
            if not self._done[partition]
        ]
        self.recorded.dropped = sum(reader.dropped.messages for reader in self._readers)
        self._tell()
        return any(found)

    def _take(self, partition: int, messages: Sequence[LogMessage]) -> bool:
        """Write messages of a partition, until its last one; whether there are any."""
        for each in messages:
            output = PulseMessage.of(partition, each.data).output
            entry = output.entry
            if not self._takes(partition, entry.kind, entry.time_ns):
                break
            self._writer.append(partition, entry)
            self._note(1, output.events, entry.size_bytes)
            if self._done[partition]:
                break
        return bool(messages)

    def _take_stored(self, partition: int, stored: StoredRecords | None) -> bool:
        """Write messages of a partition as they are stored, as `_take` does."""
        if stored is None:
            return False
        count = 0
        for _, head, _ in stored.records:
            if not self._takes(partition, head.kind, head.time_ns):
                break
            count += 1
            if self._done[partition]:
                break
        left = stored.first(count)
        while left is not None:
            written = left.records[: self._writer.append_records(partition, left)]
            size = sum(head.length for _, head, _ in written)
            self._note(len(written), events_of(written), size)
            left = left.after(len(written))
        return True

    def _takes(self, partition: int, kind: int, time_ns: int) -> bool:
        """Note the pulse of a message; whether it is not after the last pulse to record.

        ``kind`` is its `EntryKind`, ``time_ns`` its time. It also notes whether the message, or the
        one before it, is the last one of its partition.
        """
        if kind not in (EntryKind.CHUNK, EntryKind.MARK):
            return True
        if time_ns > self._newest_ns:
            if self.recorded.pulses >= self._limits.pulses:
                self._done[partition] = True
                return False
            self._newest_ns = time_ns
            self.recorded.pulses += 1
            if self.recorded.pulses >= self._limits.pulses:
                self._last_s = self._clock_s()
        is_last = self.recorded.pulses >= self._limits.pulses and time_ns >= self._newest_ns
        self._done[partition] = kind == EntryKind.MARK and is_last
        return True

    def _note(self, messages: int, events: int, size_bytes: int) -> None:
        """Note messages that are written."""
        self.recorded.messages += messages
        self.recorded.events += events
        self.recorded.size_bytes += size_bytes

    def _tell(self) -> None:
        """Tell once what is wrong with the stream, if it stays wrong for a while."""
        wrong = problem_of(self._readers)
        if wrong != self._wrong:
            self._wrong, self._wrong_s = wrong, self._clock_s()
        elif wrong != self.told and self._clock_s() - self._wrong_s >= WRONG_S:
            self.told = wrong
            if wrong:
                log.warning("%s", wrong)

    @property
    def ended(self) -> bool:
        """Whether a limit is reached."""
        now_s = self._clock_s()
        late = now_s - self._last_s > LATE_S
        return all(self._done) or late or now_s - self._began_s >= self._limits.seconds


def record(
    readers: Sequence[LogReader], writer: LogWriter, limits: RecordLimits, stop: Stop
) -> Recorded:
    """Record until a limit is reached, or until stopped; what was recorded.

    Raises OSError if the log takes no more; what was written before stays.
    """
    recorder = Recorder(readers, writer, limits)
    poller = zmq.Poller()
    poller.register(stop.fileno(), zmq.POLLIN)
    try:
        while not stop.is_set() and not recorder.ended:
            if not recorder.tick():
                poller.poll(LOOK_INTERVAL_MS)
    finally:
        log.info("recorded %s", recorder.recorded.words)
    return recorder.recorded
