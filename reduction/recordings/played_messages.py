"""Messages of a recording as they are played: with other times, or as those of a later round."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from streaming_data_types.eventdata_ev44 import serialise_ev44
from streaming_data_types.logdata_f144 import deserialise_f144, serialise_f144

from reduction.event_log.entries import EntryKind, LogEntry, OutputMessage, mark_entry
from reduction.messages.contents import (
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
    retimed_log,
)
from reduction.messages.ev44 import decoded_ev44, encoded_ev44
from reduction.messages.flat_tables import Buffer
from reduction.messages.retimed import retimed_ev44
from reduction.messages.run_messages import (
    RUN_START,
    RUN_STOP,
    decode_run_message,
    encoded_run_message,
)
from reduction.recordings.play_times import PlayTimes


@dataclass(frozen=True)
class PulseMessage:
    """A message of a recording, and the time of its pulse; None if it does not tell that.

    ``content`` is what it holds; None if it cannot be decoded.
    """

    partition: int
    data: Buffer
    pulse_ns: int | None
    content: list[Chunk] | LogValue | None

    @classmethod
    def of(cls, partition: int, data: Buffer) -> PulseMessage:
        """The message with these bytes."""
        try:
            content = decode(data)
        except (CorruptMessage, UnknownSchema):
            return cls(partition, data, None, None)
        if not isinstance(content, LogValue):
            return cls(partition, data, content[-1].pulse_time_ns, content)
        is_mark = content.name == PULSE_MARK
        return cls(partition, data, content.time_ns if is_mark else None, content)

    @property
    def output(self) -> OutputMessage:
        """The message as it was recorded."""
        match self.content:
            case None:
                entry = LogEntry(EntryKind.OTHER, 0, (self.data,))
                return OutputMessage(self.partition, entry)
            case LogValue(name=name, time_ns=time_ns):
                kind = EntryKind.MARK if name == PULSE_MARK else EntryKind.LOG
                entry = LogEntry(kind, time_ns, (self.data,), "" if name == PULSE_MARK else name)
                return OutputMessage(self.partition, entry)
            case chunks:
                entry = LogEntry(EntryKind.CHUNK, chunks[-1].pulse_time_ns, (self.data,))
                events = sum(each.tof_ns.size for each in chunks) + chunks[-1].without_pixels
                return OutputMessage(self.partition, entry, chunks[-1].source, events)


class _Counter:
    """The first and the last number of a row that counts up."""

    def __init__(self, first: int) -> None:
        self._first = self._last = first

    def note(self, number: int) -> None:
        self._first, self._last = min(self._first, number), max(self._last, number)

    @property
    def length(self) -> int:
        return self._last - self._first + 1


class PlayedMessages:
    """Gives messages their times, and in later rounds the numbers that follow the last round's.

    In the first round with recorded times (``changed`` is not set) messages stay as they are.
    """

    def __init__(self, *, changed: bool) -> None:
        self._changed = changed
        self._round = 0
        self._ids: dict[tuple[int, str], _Counter] = {}
        """Message ids of the first round, by partition and source."""
        self._pulses: _Counter | None = None
        """Pulse numbers of the first round."""

    def begin_round(self) -> None:
        """Play the recording again from its first message on."""
        self._round, self._changed = self._round + 1, True

    def of(self, message: PulseMessage, times: PlayTimes) -> OutputMessage:
        """The message as it is played."""
        output = message.output
        if not self._round:
            self._note(message)
        if not self._changed:
            return output
        if message.content is None:
            return self._run(message, times)
        time_ns = times.given_ns(output.entry.time_ns)
        if output.entry.kind is EntryKind.CHUNK:
            pieces = self._events(message, times)
            entry = LogEntry(EntryKind.CHUNK, time_ns, pieces)
        else:
            entry = self._log(message, output.entry, time_ns)
        return OutputMessage(output.partition, entry, output.source, output.events)

    def _run(self, message: PulseMessage, times: PlayTimes) -> OutputMessage:
        """A message without events and logs: one about a run gets another time."""
        schema = bytes(message.data[4:8]).decode("ascii", "replace")
        if schema not in (RUN_START, RUN_STOP):
            return message.output
        try:
            content = decode_run_message(schema, message.data)
        except CorruptMessage:
            return message.output
        given_ns = times.given_ns(content.time_ns) if content.time_ns else 0
        pieces = (encoded_run_message(replace(content, time_ns=given_ns)),)
        output = message.output
        return replace(output, entry=replace(output.entry, pieces=pieces))

    def _note(self, message: PulseMessage) -> None:
        """Note the numbers of a message of the first round."""
        match message.content:
            case LogValue() as log if _is_mark(log):
                number = int(log.value[0])
                self._pulses = self._pulses or _Counter(number)
                self._pulses.note(number)
            case [*_, last]:
                assert isinstance(last, Chunk)
                key = message.partition, last.source
                self._ids.setdefault(key, _Counter(last.message_id)).note(last.message_id)

    def _events(self, message: PulseMessage, times: PlayTimes) -> tuple[Buffer, ...]:
        """The bytes of events with other times and, after the first round, another id."""
        event = decoded_ev44(message.data)
        ids = self._ids.get((message.partition, event.source))
        number = event.message_id + (self._round * ids.length if ids else 0)
        given = np.array([times.given_ns(int(each)) for each in event.times_ns], np.int64)
        retimed = retimed_ev44(message.data, given, number)
        if retimed is not None:
            return retimed
        if given.size == 1 and event.tof_ns.size == event.pixel_id.size and not event.starts.any():
            return encoded_ev44(event.source, number, int(given[0]), event.pixel_id, event.tof_ns)
        return (
            serialise_ev44(event.source, number, given, event.starts, event.tof_ns, event.pixel_id),
        )

    def _log(self, message: PulseMessage, entry: LogEntry, time_ns: int) -> LogEntry:
        """A log value or a mark with another time and, after the first round, other numbers."""
        content = message.content
        if isinstance(content, LogValue) and _is_mark(content):
            number, sent = (int(each) for each in content.value)
            pulses = self._pulses.length if self._pulses else 0
            ids = [ids for (each, _), ids in self._ids.items() if each == message.partition]
            sent += self._round * sum(each.length for each in ids)
            return mark_entry(number + self._round * pulses, time_ns, sent)
        data = retimed_log(message.data, time_ns)
        if data is None:
            log = deserialise_f144(bytes(message.data))
            data = serialise_f144(log.source_name, log.value, time_ns)
        return LogEntry(entry.kind, time_ns, (data,), entry.name)


def _is_mark(log: LogValue) -> bool:
    """Whether a log value is a mark with a pulse number and a number of chunks."""
    return log.name == PULSE_MARK and log.value.size == 2 and log.value.dtype.kind in "iu"


def mark_number(mark: Buffer) -> int | None:
    """The number of the pulse that a mark ends; None if it has none."""
    match decode(mark):
        case LogValue() as content if _is_mark(content):
            return int(content.value[0])
    return None
