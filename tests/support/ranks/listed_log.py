"""An event log that is a list of messages in the process of the test."""

from __future__ import annotations

from reduction.event_log.protocol import MESSAGES_AT_ONCE, Backlog, Dropped, LogMessage


class ListedLogReader:
    """Reads ``messages``, to which the test appends, as `reduction.event_log.protocol.LogReader`.

    The test moves ``first`` to have the messages before that offset leave the log. There are no
    last values of logs before the place of a seek: tests send a log with each pulse.
    """

    message = ""

    def __init__(self, messages: list[bytes], identity: str = "log", first: int = 0) -> None:
        self.identity, self.first = identity, first
        self._messages = messages
        self.began = self._next = len(messages)
        self.last: int | None = None
        """Messages from here on cannot be read yet; None: all can."""
        self._gone = 0

    def seek(self, time_ns: int) -> None:
        """Go to the oldest message: tests seek a time only in a log that begins after it."""
        self.began = self._next = self.first

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        self._gone = max(0, self.first - offset)
        self.began = self._next = max(offset, self.first)

    def seek_to_end(self) -> None:
        """See `LogReader.seek_to_end`."""
        self.began = self._next = len(self._messages)

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        place = self._next
        found = self._messages[place : self.last][:most]
        self._next += len(found)
        return [LogMessage(place + n, message) for n, message in enumerate(found)]

    @property
    def behind(self) -> Backlog:
        """See `LogReader.behind`."""
        return Backlog(len(self._messages) - self._next)

    @property
    def dropped(self) -> Dropped:
        """See `LogReader.dropped`."""
        return Dropped(self._gone)

    def close(self) -> None:
        """Nothing is open."""
