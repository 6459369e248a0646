"""Where the pulses and log values of a partition begin, as long as its dialect is not known."""

from __future__ import annotations

from collections.abc import Iterable

from reduction.messages.contents import Chunk

MOST_LOG_OFFSETS = 10_000
"""Most times of log values whose offsets are noted."""


class FirstOffsets:
    """The offsets of the first messages of pulses, and of log values, by time in ns since 1970."""

    def __init__(self) -> None:
        self._of_pulses: dict[int, int] = {}
        self.of_logs: dict[int, int] = {}

    def note_chunks(self, chunks: Iterable[Chunk], offset: int) -> None:
        """Note the offset of a message with chunks."""
        for each in chunks:
            self._of_pulses.setdefault(each.pulse_time_ns, offset)

    def note_log(self, time_ns: int, offset: int) -> None:
        """Note the offset of a value that holds from a time on."""
        if len(self.of_logs) < MOST_LOG_OFFSETS:
            self.of_logs.setdefault(time_ns, offset)

    def of_pulse(self, time_ns: int) -> int:
        """The offset of the first chunk of a pulse; 0 if there was none."""
        return self._of_pulses.get(time_ns, 0)

    def clear(self) -> None:
        """Forget all."""
        self._of_pulses.clear()
        self.of_logs.clear()
