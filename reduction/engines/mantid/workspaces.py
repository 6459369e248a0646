"""Retained events in Mantid's workspaces, block by block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.engines.detector_rows import DetectorRows
from reduction.engines.mantid.by_detector import ALL, VALID, arrange_by_detector, row_table
from reduction.engines.mantid.files import EPOCH_NS
from reduction.engines.mantid.framework import FAILURES, Workspace
from reduction.engines.mantid.steps import MantidSteps
from reduction.instrument.geometry import Instrument

WORKSPACE_EVENT_BYTES = 16
"""Memory of an event in a workspace."""


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


@dataclass(eq=False)
class WorkspaceBlock:
    """Valid events in workspaces, and the numbers of all other events.

    ``make`` gives a workspace with a spectrum for each detector. ``times_ns`` (spans,) are the
    pulse times of spans; ``counts`` and ``bad_times`` are as in
    `reduction.engines.mantid.by_detector.EventsByDetector`. For each conversion ``converted`` has a
    workspace for each group, or the reason why there is none; ``split`` has these by target.
    """

    make: Callable[[], Workspace]
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
        copies = 1 + len(self.converted) + len(self.split)
        return WORKSPACE_EVENT_BYTES * copies * int(self.counts[:, VALID].sum())

    @property
    def raw(self) -> Workspace:
        """A workspace of the events as they came; raises `FAILURES` if it cannot be made."""
        loaded = self.make()
        self.make = lambda: loaded  # frees the arrays that it was made of
        return loaded

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

    def join(self, other: WorkspaceBlock, mantid: MantidSteps) -> bool:
        """Append the events of another block to this one; return whether Mantid could."""
        try:
            mantid.added(self.raw, other.raw)
        except FAILURES:
            return False
        self.split.clear()
        for conversion in list(self.converted):
            these, others = self.converted.pop(conversion), other.converted.get(conversion)
            if isinstance(these, list) and isinstance(others, list):
                with suppress(
                    *FAILURES
                ):  # after a failure the events are converted again when needed
                    together = list(map(mantid.added, these, others))
                    self.converted[conversion] = together
        later = np.array([0, self.spans])
        self.bad_times = np.concatenate((self.bad_times, other.bad_times + later))
        self.times_ns = np.append(self.times_ns, other.times_ns)
        self.counts = np.concatenate((self.counts, other.counts))
        return True


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
        return sum(block.nbytes for block in self.blocks) + WORKSPACE_EVENT_BYTES * self.waiting

    def append(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        if pixel_id.size:
            self._pending.append(PulseOfEvents(pixel_id.copy(), tof_ns.copy(), pulse_time_ns))

    def clear(self) -> None:
        self.blocks.clear()
        self._pending.clear()

    def load(self) -> None:
        """Make a block of waiting events, as many as the last block has room for."""
        last = self.blocks[-1].size if self.blocks else 0
        pulses, self._pending = _cut(self._pending, self._capacity - last % self._capacity)
        if pulses:
            self.blocks.append(self._block(pulses))

    def _block(self, pulses: list[PulseOfEvents]) -> WorkspaceBlock:
        pixel_ids, tofs_ns, pulses_ns = zip(*pulses, strict=True)
        starts = np.cumsum([0, *(each.size for each in tofs_ns)])
        times_ns = np.array(pulses_ns, np.int64)
        by_row = arrange_by_detector(
            self._rows.kept(np.concatenate(pixel_ids)),
            np.concatenate(tofs_ns),
            starts,
            times_ns - EPOCH_NS,
            *self._detectors,
            self._max_tof_ns,
        )
        load = partial(self._mantid.load, self.empty, by_row.starts, by_row.tof_us, by_row.pulse_ns)
        return WorkspaceBlock(load, times_ns, by_row.counts, by_row.bad_times)


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
