"""Takes the messages of all partitions of a recording in the order of their pulses."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from reduction.event_log.protocol import LogReader, close_all, problem_of
from reduction.messages.contents import LogValue
from reduction.recordings.play_times import PlayTimes
from reduction.recordings.played_messages import PulseMessage
from reduction.recordings.protocol import Recording


@dataclass
class _Partition:
    """A partition: its messages that are read and not played yet, and the last one played.

    ``due_ns`` is when that one was due, ``pulse_ns`` the time of the last pulse.
    """

    number: int
    reader: LogReader
    read: deque[PulseMessage] = field(default_factory=deque)
    due_ns: int | None = None
    pulse_ns: int = 0

    def first(self) -> PulseMessage | None:
        """The next message; None at the end."""
        if not self.read:
            found = self.reader.read()
            self.read.extend(PulseMessage.of(self.number, each.data) for each in found)
        return self.read[0] if self.read else None

    def precedes_pulse(self, message: PulseMessage) -> bool:
        """Whether a message is a log value that came after the pulse that was played last."""
        content = message.content
        return isinstance(content, LogValue) and content.time_ns > self.pulse_ns

    @property
    def next_pulse_ns(self) -> int | None:
        """The time of the next pulse among the messages that are read; None if it is not read."""
        return next((each.pulse_ns for each in self.read if each.pulse_ns is not None), None)


@dataclass(frozen=True)
class DueMessage:
    """A message, and when it is due, ns since 1970."""

    message: PulseMessage
    due_ns: int


class Player:
    """Gives the messages of a recording in the order in which they are due.

    Messages of one partition keep their order. One that tells no pulse time is due with the message
    before it, but a log value that is later than the last pulse is due with the next one.
    """

    def __init__(self, recording: Recording, times: PlayTimes) -> None:
        self.times = times
        self._partitions = [
            _Partition(each, recording.reader(each)) for each in range(recording.partitions)
        ]

    def again(self) -> None:
        """Begin at the first message again, as soon as the last one was due."""
        self.times = self.times.again()
        for each in self._partitions:
            each.reader.seek_offset(0)
            each.read.clear()
            each.due_ns, each.pulse_ns = None, 0

    def take(self) -> DueMessage | None:
        """The next message; None at the end of the recording."""
        found: tuple[int, _Partition] | None = None
        for each in self._partitions:
            message = each.first()
            if message is None:
                continue
            due_ns = self._due_ns(each, message)
            if found is None or due_ns < found[0]:
                found = due_ns, each
        if found is None:
            return None
        due_ns, partition = found
        message = partition.read.popleft()
        partition.due_ns = due_ns
        partition.pulse_ns = partition.pulse_ns if message.pulse_ns is None else message.pulse_ns
        return DueMessage(message, due_ns)

    def _due_ns(self, partition: _Partition, message: PulseMessage) -> int:
        """When the first message of a partition is due, which is not before the one before it."""
        before_ns, pulse_ns = partition.due_ns, message.pulse_ns
        if pulse_ns is None and (before_ns is None or partition.precedes_pulse(message)):
            pulse_ns = partition.next_pulse_ns
        if pulse_ns is None:
            return self.times.start_ns if before_ns is None else before_ns
        due_ns = self.times.due_ns(pulse_ns)
        return due_ns if before_ns is None else max(due_ns, before_ns)

    @property
    def message(self) -> str:
        """What is wrong with the recording, in words; empty if nothing is."""
        return problem_of(each.reader for each in self._partitions)

    def close(self) -> None:
        """Close all readers."""
        close_all(each.reader for each in self._partitions)
