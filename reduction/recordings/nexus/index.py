"""Where the events of each pulse start, from the ``event_index`` of a NeXus file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.messages.contents import NO_EVENTS
from reduction.recordings.nexus.units import NexusRefused

MISSING_INDEX_BYTES = 4
"""In unsigned types of at least so many bytes the largest number is no index."""


def event_starts(index: NDArray[Any], pulses: int, events: int) -> NDArray[np.int64]:
    """Where the events of each pulse start, (pulses + 1,) int64; the last one is ``events``.

    ``index`` (pulses,) has the first event of each pulse. One more may follow, the number of all
    events. An index of `NO_EVENTS`, or the largest number of an unsigned type, is that of a pulse
    without events. The file writer of the ESS adds its number of events to an index of `NO_EVENTS`,
    which so becomes one less than an index before it.

    Raises `NexusRefused` if the index does not tell which events belong to which pulse.
    """
    if index.dtype.kind not in "iu":
        raise NexusRefused("event_index has no whole numbers")
    if index.size == pulses + 1 and index[-1] == events:
        index = index[:-1]
    if index.size != pulses:
        raise NexusRefused(f"{index.size} event_index for {pulses} pulses")
    starts = _without_shifted(_signed(index))
    starts = np.append(starts, events)
    filled = np.flatnonzero(starts != NO_EVENTS)
    starts = starts[filled[np.searchsorted(filled, np.arange(starts.size))]]
    if starts.min() < 0 or starts.max() > events:
        raise NexusRefused(f"event_index goes beyond its {events} events")
    if np.any(np.diff(starts) < 0):
        raise NexusRefused("event_index goes back")
    return starts


def _signed(index: NDArray[Any]) -> NDArray[np.int64]:
    """Indices (n,), in which the largest number of an unsigned type becomes `NO_EVENTS`."""
    signed = index.astype(np.int64)
    if index.dtype.kind == "u" and index.dtype.itemsize >= MISSING_INDEX_BYTES:
        signed[index == np.iinfo(index.dtype).max] = NO_EVENTS
    return signed


def _without_shifted(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices (n,), in which one less than an index before it becomes `NO_EVENTS`."""
    back = (index < np.maximum.accumulate(index)) & (index != NO_EVENTS)
    if back.any() and np.isin(index[back] + 1, index[~back]).all():
        return np.where(back, NO_EVENTS, index)
    return index
