"""The first messages after a seek in Kafka, which leads to a place before the one sought."""

from __future__ import annotations

from collections.abc import Sequence

from reduction.event_log.entries import EntryKind, LogEntry, entry_of
from reduction.event_log.protocol import LogMessage
from reduction.messages.run_messages import RUN_START, RUN_STOP

MOST_STOPS = 10
"""Most messages about the last run that are kept, its start included."""

MOST_HELD = 10_000
"""More log values than this are not held for the pulse that they may belong to."""


class SeekScan:
    """Messages before a place, of which the last values of logs and the last run are kept.

    The place is ``end``, or the first pulse at or after ``time_ns`` if that comes first. Both
    the value of a log that came last and the one with the latest time are kept. Of runs the start
    that came last is kept, and the stops after it.
    """

    def __init__(self, end: int, time_ns: int | None = None) -> None:
        self.end, self._time_ns = end, time_ns
        self._newest: dict[str, LogMessage] = {}
        self._latest: dict[str, tuple[int, LogMessage]] = {}
        self._runs: list[LogMessage] = []
        self._held: list[LogMessage] = []
        """Values of logs that may be of the first pulse."""
        self.began = -1
        """The offset at the place; -1 until it is reached."""

    def take(self, message: LogMessage) -> list[LogMessage]:
        """Take a message in its order; what comes first, if it shows that the place is reached."""
        if message.offset >= self.end:
            return self._reached([*self._held, message])
        schema = bytes(message.data[4:8]).decode("ascii", "replace")
        if schema in (RUN_START, RUN_STOP):
            self._runs = [message] if schema == RUN_START else [*self._runs[:MOST_STOPS], message]
        entry = entry_of(message.data)
        if self._is_of_pulse(entry):
            if entry.kind is not EntryKind.LOG:
                return self._reached([*self._held, message])
            self._held.append(message)
            if len(self._held) > MOST_HELD:
                return self._reached(self._held)
        elif entry.kind is EntryKind.LOG:
            self._keep(entry, message)
        return self.finish() if message.offset + 1 >= self.end else []

    def finish(self) -> list[LogMessage]:
        """What comes first if there are no more messages before the end."""
        return self._reached(self._held)

    @property
    def has_run(self) -> bool:
        """Whether a start of a run has come so far."""
        return any(bytes(each.data[4:8]) == RUN_START.encode() for each in self._runs)

    def _is_of_pulse(self, entry: LogEntry) -> bool:
        """Whether the time of a message is that of the pulse, or later."""
        return (
            self._time_ns is not None
            and entry.kind is not EntryKind.OTHER
            and entry.time_ns >= self._time_ns
        )

    def _keep(self, entry: LogEntry, message: LogMessage) -> None:
        self._newest[entry.name] = message
        if entry.time_ns >= self._latest.get(entry.name, (entry.time_ns, message))[0]:
            self._latest[entry.name] = entry.time_ns, message

    def _reached(self, at_place: Sequence[LogMessage]) -> list[LogMessage]:
        """The last values before the place, and the messages there."""
        self.began = at_place[0].offset if at_place else self.end
        values = {
            each.offset: each
            for each in (
                *self._newest.values(),
                *(value for _, value in self._latest.values()),
                *self._runs,
            )
        }
        return [*(values[offset] for offset in sorted(values)), *at_place]
