"""What a rank reads of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reduction.event_log.protocol import LogReader
from reduction.stream.used_sources import UsedSources


@dataclass(frozen=True)
class StreamReaders:
    """The readers of a rank, by the number of their partition of the stream.

    The stream has as many ``partitions``, those of all ranks together. ``sources`` tells what is
    used of each, where that is not everything; those in ``shared`` other ranks read, too.
    """

    readers: Mapping[int, LogReader]
    partitions: int
    sources: Mapping[int, UsedSources] = field(default_factory=dict)
    shared: frozenset[int] = frozenset()
