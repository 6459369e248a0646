"""The events of a group of a NeXus file, and which of them belong to which pulse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.messages.contents import NO_EVENTS
from reduction.recordings.nexus_columns import UNREADABLE, NexusColumns
from reduction.recordings.nexus_groups import check_sources, dataset
from reduction.recordings.nexus_units import NexusRefused, has_zone, time_unit_ns, times_ns

NO_PIXEL = -1
"""Pixel id of an event that cannot be used; so it is counted as invalid, and not lost."""

MOST_INT32 = 2**31 - 1

PIECE_EVENTS = 2**16
"""Events are converted in pieces of this number, which stay in the cache of a processor."""


@dataclass
class NexusFaults:
    """What is wrong with the events of a file.

    - ``large_ids``: events whose pixel ids do not fit 32 bits
    - ``large_tofs``: events whose times of flight do not fit 32 bits in ns, or are no numbers
    - ``negative_tofs``: events with a time of flight below 0
    - ``unreadable``: events that could not be read, by the name of their group
    """

    large_ids: int = 0
    large_tofs: int = 0
    negative_tofs: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)

    def add(self, others: NexusFaults) -> None:
        """Count those of other events, too."""
        self.large_ids += others.large_ids
        self.large_tofs += others.large_tofs
        self.negative_tofs += others.negative_tofs
        for name, count in others.unreadable.items():
            self.unreadable[name] = self.unreadable.get(name, 0) + count

    @property
    def words(self) -> list[str]:
        """What is wrong, in words."""
        unreadable = self.unreadable.items()
        found = [f"{name}: {count} events cannot be read" for name, count in unreadable]
        if self.large_ids:
            found.append(f"{self.large_ids} events with pixel ids beyond 32 bits are invalid")
        if self.large_tofs:
            found.append(f"{self.large_tofs} events with times of flight beyond 2.1 s are invalid")
        if self.negative_tofs:
            found.append(f"{self.negative_tofs} events have times of flight below 0")
        return found


@dataclass(frozen=True)
class BankEvents:
    """Events of a group: ``pixel_id`` and ``tof_ns`` (n,) int32, in the order of their pulses.

    The pulses ``numbers`` (rows,), which ascend, have ``counts`` (rows,) of them.
    """

    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def pulse(self) -> NDArray[np.uint16]:
        """The number of the pulse of each event, (n,)."""
        return np.repeat(self.numbers.astype(np.uint16), self.counts)


class EventBank:
    """The events of one group.

    ``before`` events come before the first pulse. ``remarks`` say what is odd. ``pixel`` is the
    pixel id of all events if the file has none.

    Raises `NexusRefused` if it cannot be said which events belong to which pulse.
    """

    def __init__(
        self, group: h5py.Group, monitors: Mapping[str, int], columns: NexusColumns
    ) -> None:
        self.name = str(group.name)
        data = {name: dataset(group, name) for name in ("event_id", "total_counts")}
        self._ids, self._tofs = data["event_id"], group["event_time_offset"]
        self.remarks: list[str] = []
        names = self.name.split("/")[:-3:-1]
        self.pixel = next((monitors[each] for each in names if each in monitors), None)
        self.events = self._events_of(data["total_counts"])
        self._zero: h5py.Dataset | None = None
        self._starts = np.zeros(1, np.int64)
        self.before = 0
        self._unit_ns = 1
        self._tof_column = columns.of(self._tofs)
        self._id_column = None if self._ids is None else columns.of(self._ids)
        if self.events:
            self._unit_ns = self._tof_unit_ns()
            self._find_pulses(group)

    def _events_of(self, total: h5py.Dataset | None) -> int:
        """The number of events; a single one that is not counted stands for none."""
        events = _size(self._tofs)
        if self._tofs.dtype.kind not in "iuf":
            raise NexusRefused(f"{self.name}: event_time_offset is no number")
        if self._ids is not None and _size(self._ids) != events:
            raise NexusRefused(
                f"{self.name}: {_size(self._ids)} event_id for {events} event_time_offset"
            )
        if self._ids is not None and self._ids.dtype.kind not in "iu":
            raise NexusRefused(f"{self.name}: event_id is no number")
        counted = events
        if total is not None and total.size == 1 and total.dtype.kind in "iu":
            counted = int(np.asarray(total[()]).ravel()[0])
        if events == 1 and counted == 0:
            return 0
        if counted != events:
            self.remarks.append(f"{self.name}: total_counts is {counted}, its events are {events}")
        if events and self._ids is None and self.pixel is None:
            source = self.name.split("/")[-1]
            self.remarks.append(
                f"{self.name}: {events} events without pixel ids are left out;"
                f" --monitor {source}=ID gives them one"
            )
            return 0
        for each in (self._tofs, self._ids):
            if each is not None and events:
                _check_column(each)
        return events

    def _tof_unit_ns(self) -> int:
        otherwise = "us" if self._tofs.dtype.kind == "f" else "ns"
        if not self._tofs.attrs.get("units", ""):
            self.remarks.append(f"{self.name}: times of flight have no units; taken as {otherwise}")
        return time_unit_ns(self._tofs, otherwise)

    def _find_pulses(self, group: h5py.Group) -> None:
        for name in ("event_time_zero", "event_index"):
            check_sources(group[name])
        zero, index = group["event_time_zero"], np.asarray(group["event_index"][()]).ravel()
        if not zero.size:
            self.before = self.events
            return
        if index.size != zero.size or index.dtype.kind not in "iu":
            raise NexusRefused(f"{self.name}: {index.size} event_index for {zero.size} pulses")
        starts = self._starts_of(index.astype(np.int64))
        if not has_zone(zero):
            self.remarks.append(f"{self.name}: its start has no time zone; it is taken as UTC")
        self._zero, self._starts = zero, starts
        self.before = int(starts[0])
        back = int(np.count_nonzero(np.diff(self.pulse_times()) < 0))
        if back:
            self.remarks.append(f"{self.name}: {back} pulses are earlier than the one before")

    def _starts_of(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the events of each pulse start, (pulses + 1,) int64, from ``index`` (pulses,).

        An index of -1, or of 2^64 - 1, is that of a pulse without events.
        """
        starts = np.append(index, self.events)
        filled = np.flatnonzero(starts != NO_EVENTS)
        starts = starts[filled[np.searchsorted(filled, np.arange(starts.size))]]
        if starts.min() < 0 or starts.max() > self.events:
            raise NexusRefused(f"{self.name}: event_index goes beyond its {self.events} events")
        if np.any(np.diff(starts) < 0):
            raise NexusRefused(f"{self.name}: event_index goes back")
        return starts

    def pulse_times(self) -> NDArray[np.int64]:
        """The times of its pulses, (pulses,) int64, ns since 1970, in the order of the file."""
        return np.empty(0, np.int64) if self._zero is None else times_ns(self._zero)

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of events of each pulse, (pulses,) int64."""
        return np.diff(self._starts)

    def read(
        self, rows: NDArray[np.int64], numbers: NDArray[np.int64], faults: NexusFaults
    ) -> BankEvents:
        """The events of some of its pulses; ``numbers`` (rows,), which ascend, are given to these.

        Events that cannot be used get the pixel id `NO_PIXEL`; ``faults`` count them.
        """
        lows, highs = self._starts[rows], self._starts[rows + 1]
        counts = highs - lows
        events, place = int(counts.sum()), 0
        pixel, tof = np.empty(events, np.int32), np.empty(events, np.int32)
        for low, high in _joined(lows, highs):
            end = place + high - low
            self._read_range(low, high, pixel[place:end], tof[place:end], faults)
            place = end
        return BankEvents(pixel, tof, numbers, counts)

    def _read_range(
        self,
        low: int,
        high: int,
        pixel: NDArray[np.int32],
        tof: NDArray[np.int32],
        faults: NexusFaults,
    ) -> None:
        """Read events into arrays of their number."""
        try:
            tofs = self._tof_column.read(low, high)
            ids = None if self._id_column is None else self._id_column.read(low, high)
        except UNREADABLE:
            pixel[:], tof[:] = NO_PIXEL, 0
            faults.unreadable[self.name] = faults.unreadable.get(self.name, 0) + high - low
            return
        for first in range(0, tof.size, PIECE_EVENTS):
            piece = slice(first, first + PIECE_EVENTS)
            if ids is None:
                pixel[piece] = NO_PIXEL if self.pixel is None else self.pixel
            else:
                _take_ids(ids[piece], pixel[piece], faults)
            _take_tofs(tofs[piece], self._unit_ns, tof[piece], pixel[piece], faults)


def _size(data: h5py.Dataset) -> int:
    """The number of values; 0 for a dataset that has no shape."""
    return int(data.size or 0)


def _check_column(data: h5py.Dataset) -> None:
    """Raise `NexusRefused` for a dataset that has other than one dimension, or lacks sources."""
    if data.ndim != 1:
        raise NexusRefused(f"{data.name}: it has {data.ndim} dimensions, not 1")
    check_sources(data)


def _joined(lows: NDArray[np.int64], highs: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The ranges without gaps that rows of ranges make up."""
    if not lows.size:
        return
    cuts = np.flatnonzero(lows[1:] != highs[:-1])
    for low, high in zip(lows[[0, *(cuts + 1)]], highs[[*cuts, -1]], strict=True):
        if high > low:
            yield int(low), int(high)


def _take_ids(ids: NDArray[Any], pixel: NDArray[np.int32], faults: NexusFaults) -> None:
    """Put pixel ids (n,) of any whole numbers into ``pixel`` (n,)."""
    is_signed = ids.dtype.kind == "i"
    if ids.size and (int(ids.max()) > MOST_INT32 or (is_signed and int(ids.min()) < 0)):
        bad = (ids > MOST_INT32) | (ids < 0)
        faults.large_ids += int(np.count_nonzero(bad))
        ids = np.where(bad, 0, ids)
        pixel[:] = ids
        pixel[bad] = NO_PIXEL
    else:
        pixel[:] = ids


def _take_tofs(
    tofs: NDArray[Any],
    unit_ns: int,
    tof: NDArray[np.int32],
    pixel: NDArray[np.int32],
    faults: NexusFaults,
) -> None:
    """Put times of flight (n,) of any numbers, in units of ``unit_ns``, into ``tof`` (n,) in ns."""
    scaled = tofs
    if tofs.dtype.kind == "f" or unit_ns != 1:
        scaled = np.multiply(tofs, float(unit_ns), dtype=np.float64)
        np.rint(scaled, out=scaled)
    if not scaled.size:
        return
    least, most = scaled.min(), scaled.max()
    if not (least >= -MOST_INT32 and most <= MOST_INT32):  # also if any is not finite
        bad = ~((scaled >= -MOST_INT32) & (scaled <= MOST_INT32))
        faults.large_tofs += int(np.count_nonzero(bad))
        scaled = np.where(bad, 0, scaled)
        pixel[bad] = NO_PIXEL
    if not least >= 0:
        faults.negative_tofs += int(np.count_nonzero(scaled < 0))
    tof[:] = scaled
