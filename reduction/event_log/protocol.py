"""The protocol of all readers of event logs, and the values that they return.

An event log is cut into partitions. A partition is a sequence of messages with offsets that count
up by one. It can be read again, from any pulse that it still holds.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

MESSAGES_AT_ONCE = 64
"""The most messages that `LogReader.read` returns, by default."""


class LogRefused(OSError):
    """An event log that cannot be used; the text names the log and the reason."""

    def __init__(self, words: str) -> None:
        super().__init__(errno.EINVAL, words)


class LogTaken(LogRefused):
    """An event log that another process writes to."""


class LogMessage(NamedTuple):
    """A message of a partition: its offset, and its bytes, which do not change."""

    offset: int
    data: memoryview | bytes


class Backlog(NamedTuple):
    """The messages of a partition that a reader has not read yet: their number and size."""

    messages: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class Dropped:
    """The messages that left the log before they were read.

    - ``messages``: how many
    - ``pulses``: how many pulses ended in them; too many rather than too few after a seek to a
      time or an offset, and 0 for a log that was deleted
    - ``since_ns``, ``until_ns``: the time of the last pulse before them and of the last pulse in
      them, ns since 1970; 0 if unknown
    """

    messages: int = 0
    pulses: int = 0
    since_ns: int = 0
    until_ns: int = 0

    def __add__(self, later: Dropped) -> Dropped:
        """All messages of two losses, of which ``later`` is the later one."""
        return Dropped(
            self.messages + later.messages,
            self.pulses + later.pulses,
            self.since_ns or later.since_ns,
            later.until_ns or self.until_ns,
        )


class LogReader(Protocol):
    """A place in one partition of an event log, from which messages are read. No method waits."""

    def seek(self, time_ns: int) -> None:
        """Go to the first message of the first pulse at or after a time, ns since 1970.

        The next `read` begins there. Before it come the last values that each log had by then,
        however old. If the log no longer holds that pulse, the place is the oldest message, and
        `dropped` says so. A mark whose time is too late makes the place an earlier one, never a
        later one.
        """

    def seek_to_end(self) -> None:
        """Go behind the last message; the next `read` begins with the last values of all logs."""

    def seek_offset(self, offset: int) -> None:
        """Go to the message at an offset, or to the oldest one after it; `dropped` then says so.

        An offset behind the end is the end. The last values that each log had before the place
        come first, as with `seek`. So `seek_offset` to the offset at which another reader `began`
        gives the messages that the other reader got.
        """

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """The next messages that have come, at most ``most`` of them."""

    @property
    def began(self) -> int:
        """The offset of the first message after the last seek, without the values before it.

        0 if the log does not exist yet. -1 while it is unknown, as before the first answer of a
        server.
        """

    @property
    def identity(self) -> str:
        """The name of this log; empty while it is unknown.

        A log that is deleted and begun again in the same folder has another one.
        """

    @property
    def behind(self) -> Backlog:
        """The messages in the log that are not read yet."""

    @property
    def dropped(self) -> Dropped:
        """The messages that left the log before they were read, since the last seek."""

    @property
    def message(self) -> str:
        """What is wrong with the log, in words; empty if nothing is."""

    def close(self) -> None:
        """Release the files or sockets of the log."""


def problem_of(readers: Iterable[LogReader]) -> str:
    """What is wrong with the first log that has a problem, in words; empty if none has."""
    return next(filter(None, (each.message for each in readers)), "")


def close_all(readers: Iterable[LogReader]) -> None:
    """Release the files or sockets of several logs."""
    for each in readers:
        each.close()
