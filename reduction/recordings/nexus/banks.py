"""The events of a group of a NeXus file, and which of them belong to which pulse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.recordings.nexus.columns import UNREADABLE, NexusColumns
from reduction.recordings.nexus.groups import (
    ID_NAMES,
    TOF_NAMES,
    dataset,
    first_dataset,
)
from reduction.recordings.nexus.index import event_starts
from reduction.recordings.nexus.storage import check_stored
from reduction.recordings.nexus.units import (
    NexusRefused,
    NexusTimes,
    Stamp,
    time_unit_ns,
    times_of,
)
from reduction.recordings.nexus.values import (
    NO_PIXEL,
    PIECE_EVENTS,
    NexusFaults,
    take_ids,
    take_tofs,
)


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
    pixel id of all events if the file has none. Times of pulses without a start count from
    ``run_start``.

    Raises `NexusRefused` if it cannot be said which events belong to which pulse.
    """

    def __init__(
        self,
        group: h5py.Group,
        monitors: Mapping[str, int],
        columns: NexusColumns,
        run_start: Stamp | None,
    ) -> None:
        self.name = str(group.name)
        tofs, ids = first_dataset(group, TOF_NAMES), first_dataset(group, ID_NAMES)
        assert tofs is not None
        self._tofs, self._ids = tofs, ids if ids is not None and _size(ids) else None
        self._run_start = run_start
        self.remarks: list[str] = []
        names = self.name.split("/")[:-3:-1]
        self.pixel = next((monitors[each] for each in names if each in monitors), None)
        self.events = self._events_of(dataset(group, "total_counts"))
        self._zero: h5py.Dataset | None = None
        self._starts = np.zeros(1, np.int64)
        self.before = 0
        self._unit_ns = 1.0
        self._tof_column = columns.of(self._tofs)
        self._id_column = None if self._ids is None else columns.of(self._ids)
        if self.events:
            if dataset(group, "event_weight") is not None:
                self.remarks.append(
                    f"{self.name}: each event counts once, whatever event_weight is"
                )
            self._unit_ns = self._tof_unit_ns()
            self._find_pulses(group)

    def _events_of(self, total: h5py.Dataset | None) -> int:
        """The number of events; a single one that is not counted stands for none."""
        events = _size(self._tofs)
        if self._tofs.dtype.kind not in "iuf":
            raise NexusRefused(f"{self._tofs.name} is no number")
        if self._ids is not None and _size(self._ids) != events:
            raise NexusRefused(
                f"{self._ids.name} has {_size(self._ids)} values for {events} times of flight"
            )
        if self._ids is not None and self._ids.dtype.kind not in "iu":
            raise NexusRefused(f"{self._ids.name} has no whole numbers")
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

    def _tof_unit_ns(self) -> float:
        otherwise = "us" if self._tofs.dtype.kind == "f" else "ns"
        if not self._tofs.attrs.get("units", ""):
            self.remarks.append(f"{self.name}: times of flight have no units; taken as {otherwise}")
        return time_unit_ns(self._tofs, otherwise)

    def _find_pulses(self, group: h5py.Group) -> None:
        for name in ("event_time_zero", "event_index"):
            check_stored(group[name])
        zero, index = group["event_time_zero"], np.asarray(group["event_index"][()]).ravel()
        if not zero.size:
            self.before = self.events
            return
        try:
            self._starts = event_starts(index, zero.size, self.events)
        except NexusRefused as refused:
            raise NexusRefused(f"{self.name}: {refused}") from None
        self._zero = zero
        self.before = int(self._starts[0])
        self._check_times(times_of(zero, self._run_start))

    def _check_times(self, times: NexusTimes) -> None:
        """Say what is odd about the times of pulses; raises `NexusRefused` for some before 1970."""
        if times.ns.min() <= 0:
            raise NexusRefused(f"{self.name}: event_time_zero has pulses before 1970")
        if times.from_run:
            self.remarks.append(
                f"{self.name}: event_time_zero has no start; taken as that of the entry"
            )
        if not times.has_zone:
            self.remarks.append(f"{self.name}: its start has no time zone; it is taken as UTC")
        back = int(np.count_nonzero(np.diff(times.ns) < 0))
        if back:
            self.remarks.append(f"{self.name}: {back} pulses are earlier than the one before")

    def pulse_times(self) -> NDArray[np.int64]:
        """The times of its pulses, (pulses,) int64, ns since 1970, in the order of the file."""
        return (
            np.empty(0, np.int64)
            if self._zero is None
            else times_of(self._zero, self._run_start).ns
        )

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
                take_ids(ids[piece], pixel[piece], faults)
            take_tofs(tofs[piece], self._unit_ns, tof[piece], pixel[piece], faults)


def _size(data: h5py.Dataset) -> int:
    """The number of values; 0 for a dataset that has no shape."""
    return int(data.size or 0)


def _check_column(data: h5py.Dataset) -> None:
    """Raise `NexusRefused` for a dataset that has other than one dimension, or lacks sources."""
    if data.ndim != 1:
        raise NexusRefused(f"{data.name}: it has {data.ndim} dimensions, not 1")
    check_stored(data)


def _joined(lows: NDArray[np.int64], highs: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The ranges without gaps that rows of ranges make up."""
    if not lows.size:
        return
    cuts = np.flatnonzero(lows[1:] != highs[:-1])
    for low, high in zip(lows[[0, *(cuts + 1)]], highs[[*cuts, -1]], strict=True):
        if high > low:
            yield int(low), int(high)
