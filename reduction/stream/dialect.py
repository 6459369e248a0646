"""The two dialects of a stream: with a mark at the end of each pulse, or plain, without marks."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reduction.messages.contents import Chunk
from reduction.stream.pulses import NO_PULSE
from reduction.stream.used_sources import UsedSources

UNMARKED_PULSES = 5
"""A partition with as many pulses, each later than the one before, and no mark, has no marks."""


class Dialect(enum.StrEnum):
    """How pulses end in a stream.

    - ``AUTO``: as the first pulses show
    - ``MARKED``: with a mark, as this project's simulator sends it
    - ``PLAIN``: with nothing, as facilities send their streams
    """

    AUTO = "auto"
    MARKED = "marked"
    PLAIN = "plain"


@dataclass(frozen=True)
class StreamFormat:
    """How the messages of a stream are read.

    ``monitors`` has the pixel ids of sources whose events have none, by the name of the source.
    ``sources`` tells what is used of partitions, by their numbers, where that is not everything.
    Of the partitions in ``shared`` other ranks have some of the chunks. The log ``pulse_log`` has a
    value for each pulse, also for those without events; without a name there is none.
    """

    dialect: Dialect = Dialect.AUTO
    monitors: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[int, UsedSources] = field(default_factory=dict)
    shared: frozenset[int] = frozenset()
    pulse_log: str = ""

    def with_events(self, partitions: Iterable[int]) -> frozenset[int]:
        """Those of the partitions of which events are used."""
        everything = UsedSources()
        return frozenset(n for n in partitions if self.sources.get(n, everything).has_events)


ANY_STREAM = StreamFormat()
"""A stream of either dialect, without such sources."""


class DialectEvidence:
    """Which dialect the messages of a partition so far are of; `Dialect.AUTO` if unknown."""

    def __init__(self) -> None:
        self.shown = Dialect.AUTO
        self._newest_ns = NO_PULSE
        self._pulses = 0

    @property
    def has_marks(self) -> bool:
        """Whether a mark has come."""
        return self.shown is Dialect.MARKED

    def mark(self) -> None:
        """Note a mark."""
        self.shown = Dialect.MARKED

    def chunks(self, chunks: Iterable[Chunk]) -> None:
        """Note the chunks of a message."""
        for chunk in chunks if self.shown is Dialect.AUTO else ():
            if chunk.pulse_time_ns > self._newest_ns:
                self._newest_ns = chunk.pulse_time_ns
                self._pulses += 1
        if self._pulses >= UNMARKED_PULSES and self.shown is Dialect.AUTO:
            self.shown = Dialect.PLAIN
