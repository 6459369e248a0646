"""Retained events in Mantid's workspaces, block by block."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from reduction.engines.mantid.by_detector import arrange_by_detector, row_table
from reduction.engines.mantid.files import EPOCH_NS
from reduction.engines.mantid.framework import FAILURES, Workspace
from reduction.engines.mantid.steps import MantidSteps
from reduction.engines.protocol import check_id_range
from reduction.instrument.geometry import Instrument

WORKSPACE_EVENT_BYTES = 16
"""Of an event in a workspace."""

Conversion = tuple[str, bytes, bytes]
"""What events are converted, masked and summed by: equal ones give equal workspaces."""


@dataclass(eq=False)
class WorkspaceBlock:
    """Events in workspaces, and of the rest how many there are.

    ``make`` gives a workspace with a spectrum for each detector; ``times_ns`` (spans,) are those of
    pulses; ``counts`` and ``bad_times`` are as `Arranged` has them. ``converted`` has a workspace
    for each group, or why there is none; ``parted`` the same by slices, and those of the spans.
    """

    make: Callable[[], Workspace]
    times_ns: NDArray[np.int64]
    counts: NDArray[np.int64]
    bad_times: NDArray[np.int64]
    converted: dict[Conversion, list[Workspace] | str] = field(default_factory=dict)
    parted: dict[Conversion, tuple[NDArray[np.int64], list[dict[int, Workspace]]]] = field(
        default_factory=dict
    )

    @property
    def size(self) -> int:
        return int(self.counts[:, 0].sum())

    @property
    def spans(self) -> int:
        return self.times_ns.size

    @property
    def nbytes(self) -> int:
        """Memory of the events, about."""
        copies = 1 + len(self.converted) + len(self.parted)
        return WORKSPACE_EVENT_BYTES * copies * int(self.counts[:, 1].sum())

    @property
    def raw(self) -> Workspace:
        """The events as they came; raises what Mantid raises, and OSError, if they don't load."""
        loaded = self.make()
        self.make = lambda: loaded  # and what it was made of is let go
        return loaded

    @property
    def fault(self) -> str:
        """Why its events could not be reduced, if they could not."""
        whys = (each for each in self.converted.values() if isinstance(each, str))
        return next((f"{self.size} events count as invalid: {why}" for why in whys), "")

    def forgive(self) -> None:
        """Have what failed be tried again."""
        for conversion, made in list(self.converted.items()):
            if isinstance(made, str):
                del self.converted[conversion]

    def join(self, other: WorkspaceBlock, mantid: MantidSteps) -> bool:
        """Take in another block's events, after these, if they can be had together."""
        try:
            mantid.added(self.raw, other.raw)
        except FAILURES:
            return False
        self.parted.clear()
        for conversion in list(self.converted):
            mine, others = self.converted.pop(conversion), other.converted.get(conversion)
            if isinstance(mine, list) and isinstance(others, list):
                with suppress(*FAILURES):  # then they are converted anew
                    together = list(map(mantid.added, mine, others))
                    self.converted[conversion] = together
        later = np.array([0, self.spans])
        self.bad_times = np.concatenate((self.bad_times, other.bad_times + later))
        self.times_ns = np.append(self.times_ns, other.times_ns)
        self.counts = np.concatenate((self.counts, other.counts))
        return True


class Workspaces:
    """Blocks of events in Mantid, oldest first; what was appended is in none until it is loaded."""

    def __init__(
        self, mantid: MantidSteps, instrument: Instrument, max_tof_ns: int, block_events: int
    ) -> None:
        check_id_range(instrument)
        ids = instrument.detector_id
        self._mantid, self._capacity = mantid, block_events
        self.empty = mantid.empty(instrument)
        self._rows = row_table(ids, instrument.is_monitor)
        self._detectors = int(ids.min()), self._rows, int((~instrument.is_monitor).sum())
        self._max_tof_ns = max_tof_ns
        self.blocks: list[WorkspaceBlock] = []
        self._pending: list[tuple[NDArray[np.int32], NDArray[np.int32], int]] = []

    @property
    def waiting(self) -> int:
        """Events that are not loaded yet."""
        return sum(tof_ns.size for _, tof_ns, _ in self._pending)

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
            self._pending.append((pixel_id.copy(), tof_ns.copy(), pulse_time_ns))

    def clear(self) -> None:
        self.blocks.clear()
        self._pending.clear()

    def load(self) -> None:
        """Make a block of what is waiting, as far as it and the last block have room for it."""
        last = self.blocks[-1].size if self.blocks else 0
        chunks, self._pending = _cut(self._pending, self._capacity - last % self._capacity)
        if chunks:
            self.blocks.append(self._block(chunks))

    def _block(
        self, chunks: list[tuple[NDArray[np.int32], NDArray[np.int32], int]]
    ) -> WorkspaceBlock:
        pixel_ids, tofs_ns, pulses_ns = zip(*chunks, strict=True)
        starts = np.cumsum([0, *(each.size for each in tofs_ns)])
        times_ns = np.array(pulses_ns, np.int64)
        by_row = arrange_by_detector(
            np.concatenate(pixel_ids),
            np.concatenate(tofs_ns),
            starts,
            times_ns - EPOCH_NS,
            *self._detectors,
            self._max_tof_ns,
        )
        load = partial(self._mantid.load, self.empty, by_row.ends, by_row.tof_us, by_row.pulse_ns)
        return WorkspaceBlock(load, times_ns, by_row.counts, by_row.bad_times)


def _cut(
    chunks: list[tuple[NDArray[np.int32], NDArray[np.int32], int]], events: int
) -> tuple[
    list[tuple[NDArray[np.int32], NDArray[np.int32], int]],
    list[tuple[NDArray[np.int32], NDArray[np.int32], int]],
]:
    """Chunks that have together up to so many events, and the rest."""
    for number, (pixel_id, tof_ns, time_ns) in enumerate(chunks):
        if tof_ns.size >= events:
            head = (pixel_id[:events], tof_ns[:events], time_ns)
            tail = (pixel_id[events:], tof_ns[events:], time_ns)
            rest = [tail] if tail[1].size else []
            return [*chunks[:number], head], [*rest, *chunks[number + 1 :]]
        events -= tof_ns.size
    return chunks, []
