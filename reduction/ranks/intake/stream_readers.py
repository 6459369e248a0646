"""What a rank reads of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reduction.event_log.protocol import LogReader
from reduction.stream.used_sources import UsedSources


@dataclass(frozen=True)
class StreamReaders:
    """The readers of a rank, by the number of their partition of the stream.

    - ``partitions``: how many partitions all ranks read together
    - ``sources``: which sources of a partition are used, by its number; without an entry, all are
    - ``shared``: numbers of the partitions of which other ranks have some of the chunks
    """

    readers: Mapping[int, LogReader]
    partitions: int
    sources: Mapping[int, UsedSources] = field(default_factory=dict)
    shared: frozenset[int] = frozenset()
