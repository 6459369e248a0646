"""The state of a chunk on arrival, how a chunk is recognised, and how many are remembered."""

from __future__ import annotations

from enum import Enum, auto

from reduction.messages.contents import Chunk

MOST_LOST = 100_000
"""Most chunks between two marks that are counted as lost, however far a count jumps."""

MOST_LOST_RUNS = 1000
"""Most runs of lost chunks that are known by their ids, in case they come late."""

REMEMBERED = 10_000
"""This number of chunks is remembered, to recognise a chunk that comes a second time."""

SAMPLE = 4
"""A chunk is recognised by this number of its first and of its last events."""


class Arrival(Enum):
    """The state of a chunk on arrival.

    - ``NEW``: a chunk of a pulse that has not ended
    - ``OUT_OF_ORDER``: such a chunk with a lower id than one before it
    - ``LATE``: a chunk that was counted as lost
    - ``REPEATED``: a chunk that has come before
    - ``PASSED``: a chunk of a pulse that has ended without it, and did not lack it
    """

    NEW = auto()
    OUT_OF_ORDER = auto()
    LATE = auto()
    REPEATED = auto()
    PASSED = auto()


def fingerprint(chunk: Chunk) -> int:
    """A hash of the events of a chunk; chunks with other events almost always differ."""
    pixel_id, tof_ns = chunk.pixel_id, chunk.tof_ns
    first = pixel_id[:SAMPLE].tobytes() + tof_ns[:SAMPLE].tobytes()
    last = pixel_id[-SAMPLE:].tobytes() + tof_ns[-SAMPLE:].tobytes()
    return hash((chunk.source, chunk.pulse_time_ns, tof_ns.size, first, last))
