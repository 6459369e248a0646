"""Messages about runs that have been read, until somebody takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reduction.messages.contents import CorruptMessage
from reduction.messages.flat_tables import Buffer
from reduction.messages.run_messages import RunMessage, decode_run_message
from reduction.stream.log_values.log_times import FIRST_LOG_NS
from reduction.stream.notices import Notices, offset_words

RUN_AHEAD_NS = 60_000_000_000
"""A start or stop of a run that is further ahead is taken as of its arrival."""

MOST_WAITING_RUNS = 1000
"""While so many messages about runs wait to be taken, the stream is not read."""


class RunQueue:
    """The messages about runs that nobody has taken yet, in ``waiting``."""

    def __init__(self, clock_ns: Callable[[], int], notices: Notices) -> None:
        self._clock_ns, self._notices = clock_ns, notices
        self.waiting: list[RunMessage] = []

    def add(self, schema: str, message: Buffer, newest_ns: int, *, earlier: bool = False) -> bool:
        """Read a message; False if it is corrupt. ``newest_ns`` is the time of the newest pulse.

        ``earlier`` is that of `RunMessage`.
        """
        try:
            content = decode_run_message(schema, message)
        except CorruptMessage:
            return False
        self.waiting.append(replace(self._believed(content, newest_ns), earlier=earlier))
        return True

    @property
    def full(self) -> bool:
        """Whether the waiting messages are to be taken before more of the stream is read."""
        return len(self.waiting) >= MOST_WAITING_RUNS

    def _believed(self, message: RunMessage, newest_ns: int) -> RunMessage:
        """``message``; with the time 0, which stands for now, if its own cannot be."""
        latest_ns = max(newest_ns, self._clock_ns()) + RUN_AHEAD_NS
        if not message.time_ns or FIRST_LOG_NS <= message.time_ns <= latest_ns:
            return message
        offset = offset_words(message.time_ns - self._clock_ns())
        self._notices.give(
            "run",
            f"run {message.name}: the time of its {'start' if message.starts else 'stop'} is"
            f" {offset} the clock of this host, so it is taken as of its arrival",
        )
        return replace(message, time_ns=0)

    def taken(self) -> list[RunMessage]:
        """The waiting messages, which wait no more."""
        taken, self.waiting = self.waiting, []
        return taken
