"""How much memory the chunks of a partition may take while they wait for their pulses."""

from __future__ import annotations

from collections.abc import Iterable

from reduction.messages.contents import Chunk

MOST_PENDING_BYTES = 1 << 30
"""Most memory of chunks that wait for their pulses; further ones are dropped, and counted."""

CHUNK_BYTES = 1000
"""Memory of a chunk besides its events."""

MOST_HELD_BYTES = 1 << 26
"""Most memory of chunks whose times are too far ahead, until other pulses confirm them."""

AHEAD_NS = 60_000_000_000
"""A pulse time that is further ahead of both the clock and the pulses has to be confirmed."""


def chunks_bytes(chunks: Iterable[Chunk]) -> int:
    """Memory of chunks."""
    return sum([CHUNK_BYTES + each.tof_ns.nbytes + each.pixel_id.nbytes for each in chunks])
