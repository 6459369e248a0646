"""Retained events as they came, and converted in Mantid's workspaces, block by block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.detector_rows import DetectorRows
from reduction.engines.mantid.by_detector import (
    ALL,
    VALID,
    EventsByDetector,
    arrange_by_detector,
    row_table,
)
from reduction.engines.mantid.files import EPOCH_NS
from reduction.engines.mantid.framework import FAILURES, Workspace
from reduction.engines.mantid.steps import MantidSteps
from reduction.instrument.geometry import Instrument

RAW_EVENT_BYTES, WORKSPACE_EVENT_BYTES = 8, 16
"""Memory of an event as it came, and in a workspace."""

SMALL_BATCH = 1 << 16
"""Batches of fewer events are put together as they become many."""


class Conversion(NamedTuple):
    """What decides the workspaces of a chain: the unit, and as bytes the groups and calibration."""

    units: str
    group: bytes
    calibration: bytes


class PulseOfEvents(NamedTuple):
    """Events of a pulse that wait to be loaded, (n,) int32 each."""

    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]
    pulse_time_ns: int


class SplitWorkspaces(NamedTuple):
    """The events of a block, split by target: a pair of a slice and a weight.

    ``targets`` (spans,) has the target of each span. ``workspaces`` has, for each group, a
    workspace for each target.
    """

    targets: NDArray[np.int64]
    workspaces: list[dict[int, Workspace]]


class RawEvents(NamedTuple):
    """Events as they came, (n,) int32 each; pixel ids are as `DetectorRows` keeps them."""

    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]


@dataclass(eq=False)
class WorkspaceBlock:
    """Events as they came and, for each conversion, the valid events in workspaces.

    ``batches`` are in the order of their spans. ``load`` makes a workspace of a block, with a
    spectrum for each detector. ``times_ns`` (spans,) are the pulse times of spans; ``counts`` and
    ``bad_times`` are as in `reduction.engines.mantid.by_detector.EventsByDetector`. For each
    conversion ``converted`` has a workspace for each group, or the reason why there is none;
    ``split`` has these by target.
    """

    batches: list[RawEvents]
    load: Callable[[WorkspaceBlock], Workspace]
    times_ns: NDArray[np.int64]
    counts: NDArray[np.int64]
    bad_times: NDArray[np.int64]
    converted: dict[Conversion, list[Workspace] | str] = field(default_factory=dict)
    split: dict[Conversion, SplitWorkspaces] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return int(self.counts[:, ALL].sum())

    @property
    def spans(self) -> int:
        return self.times_ns.size

    @property
    def nbytes(self) -> int:
        """Approximate memory of the events."""
        copies = len(self.converted) + len(self.split)
        converted = copies * int(self.counts[:, VALID].sum())
        return RAW_EVENT_BYTES * self.size + WORKSPACE_EVENT_BYTES * converted

    @property
    def raw(self) -> Workspace:
        """A workspace of the events as they came; raises `FAILURES` if it cannot be made."""
        return self.load(self)

    @property
    def fault(self) -> str:
        """Why events of the block could not be reduced; empty if all could."""
        whys = (each for each in self.converted.values() if isinstance(each, str))
        return next((f"{self.size} events count as invalid: {why}" for why in whys), "")

    def forget_failures(self) -> None:
        """Forget failed conversions, so that they are tried again."""
        for conversion, made in list(self.converted.items()):
            if isinstance(made, str):
                del self.converted[conversion]

    def join(self, other: WorkspaceBlock, mantid: MantidSteps) -> None:
        """Append the events of another block to this one."""
        self.split.clear()
        for conversion in list(self.converted):
            these, others = self.converted.pop(conversion), other.converted.get(conversion)
            if isinstance(these, list) and isinstance(others, list):
                with suppress(
                    *FAILURES
                ):  # after a failure the events are converted again when needed
                    together = list(map(mantid.added, these, others))
                    self.converted[conversion] = together
        self.batches = _merged([*self.batches, *other.batches])
        later = np.array([0, self.spans])
        self.bad_times = np.concatenate((self.bad_times, other.bad_times + later))
        self.times_ns = np.append(self.times_ns, other.times_ns)
        self.counts = np.concatenate((self.counts, other.counts))


class NewestBatch(NamedTuple):
    """The batch that came last; ``load`` gives a workspace of it, the same each time."""

    events: RawEvents
    load: Callable[[], Workspace]


class Workspaces:
    """Blocks of events in Mantid, oldest first. Events are in no block until `load` is called."""

    def __init__(
        self, mantid: MantidSteps, instrument: Instrument, max_tof_ns: int, block_events: int
    ) -> None:
        self._mantid, self._capacity = mantid, block_events
        self.empty = mantid.empty(instrument)
        self._rows = DetectorRows.of(instrument)
        table = row_table(self._rows, instrument.is_monitor)
        self._detectors = self._rows.first, table, int((~instrument.is_monitor).sum())
        self._max_tof_ns = max_tof_ns
        self.blocks: list[WorkspaceBlock] = []
        self._newest: NewestBatch | None = None
        self._pending: list[PulseOfEvents] = []

    @property
    def waiting(self) -> int:
        """Number of events that are not loaded yet."""
        return sum(each.tof_ns.size for each in self._pending)

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks) + self.waiting

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self.blocks) + RAW_EVENT_BYTES * self.waiting

    def append(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        if pixel_id.size:
            self._pending.append(PulseOfEvents(pixel_id.copy(), tof_ns.copy(), pulse_time_ns))

    def clear(self) -> None:
        self.blocks.clear()
        self._pending.clear()
        self._newest = None

    def load(self) -> None:
        """Make a block of waiting events, as many as the last block has room for."""
        last = self.blocks[-1].size if self.blocks else 0
        pulses, self._pending = _cut(self._pending, self._capacity - last % self._capacity)
        if pulses:
            self.blocks.append(self._block(pulses))

    def _block(self, pulses: list[PulseOfEvents]) -> WorkspaceBlock:
        pixel_ids, tofs_ns, pulses_ns = zip(*pulses, strict=True)
        events = RawEvents(self._rows.kept(np.concatenate(pixel_ids)), np.concatenate(tofs_ns))
        times_ns = np.array(pulses_ns, np.int64)
        by_row = self._arranged(events, times_ns, np.array([each.size for each in tofs_ns]))
        self._newest = NewestBatch(events, partial(self._loaded, by_row))
        return WorkspaceBlock([events], self._raw, times_ns, by_row.counts, by_row.bad_times)

    def _arranged(
        self, events: RawEvents, times_ns: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> EventsByDetector:
        """Events of spans at these times, of these sizes, (spans,) each, by detector."""
        return arrange_by_detector(
            events.pixel_id,
            events.tof_ns,
            np.cumsum(np.append(0, sizes)),
            times_ns - EPOCH_NS,
            *self._detectors,
            self._max_tof_ns,
        )

    def _raw(self, block: WorkspaceBlock) -> Workspace:
        """A workspace of a block, kept while it has no more than the newest batch."""
        newest, (first, *more) = self._newest, block.batches
        if newest is not None and newest.events is first and not more:
            made = newest.load()
            self._newest = NewestBatch(first, lambda: made)
            return made
        events = RawEvents(*map(np.concatenate, zip(first, *more, strict=True)))
        return self._loaded(self._arranged(events, block.times_ns, block.counts[:, ALL]))

    def _loaded(self, by_row: EventsByDetector) -> Workspace:
        return self._mantid.load(self.empty, by_row.starts, by_row.tof_us, by_row.pulse_ns)


def _merged(batches: list[RawEvents]) -> list[RawEvents]:
    """The same events in fewer batches: a small one is put together with those not larger."""
    made: list[RawEvents] = []
    for batch in batches:
        made.append(batch)
        while len(made) > 1 and made[-2].tof_ns.size <= min(made[-1].tof_ns.size, SMALL_BATCH):
            made[-2:] = [RawEvents(*map(np.concatenate, zip(*made[-2:], strict=True)))]
    return made


def _cut(
    pulses: list[PulseOfEvents], events: int
) -> tuple[list[PulseOfEvents], list[PulseOfEvents]]:
    """The pulses that hold the first ``events`` events, and the pulses with the rest."""
    for number, (pixel_id, tof_ns, time_ns) in enumerate(pulses):
        if tof_ns.size >= events:
            head = PulseOfEvents(pixel_id[:events], tof_ns[:events], time_ns)
            tail = PulseOfEvents(pixel_id[events:], tof_ns[events:], time_ns)
            rest = [tail] if tail.tof_ns.size else []
            return [*pulses[:number], head], [*rest, *pulses[number + 1 :]]
        events -= tof_ns.size
    return pulses, []
