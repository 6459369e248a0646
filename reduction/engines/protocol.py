"""What an engine does, and what it is told and tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.units import Units

SliceOf = Callable[[NDArray[np.int64]], NDArray[np.int32]]
"""The slice of pulses by their times (n,) int64, ns since 1970; -1: none."""


def all_in_one_slice(times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
    """All pulses in slice 0."""
    return np.zeros(times_ns.size, np.int32)


@dataclass(frozen=True, eq=False)
class Recipe:
    """How events become histograms.

    ``edges`` (bins + 1,) float64, ascending, in ``units``; ``group`` (detectors,) int32 in the
    instrument's order: the spectrum a detector is summed into, or `MASKED`;
    ``difc_us_per_angstrom`` (detectors,) float64 calibrates them, None: by their positions.
    With ``fade_s`` events are also counted by weights that fall by e in as many seconds.
    """

    units: Units
    edges: NDArray[np.float64]
    group: NDArray[np.int32]
    slices: int = 1
    slice_of: SliceOf = all_in_one_slice
    difc_us_per_angstrom: NDArray[np.float64] | None = None
    least_groups: int = 1
    fade_s: float = 0.0

    @property
    def groups(self) -> int:
        """The number of spectra of a slice; also those of groups whose detectors are all masked."""
        return max(int(self.group.max(initial=0)) + 1, self.least_groups)

    def sorts_as(self, other: Recipe) -> bool:
        """Whether what was sorted by ``other`` serves: only bins differ, or slices are added."""
        return (
            (self.units, self.groups, self.slice_of) == (other.units, other.groups, other.slice_of)
            and self.slices >= other.slices
            and np.array_equal(self.group, other.group)
            and (
                self.difc_us_per_angstrom is other.difc_us_per_angstrom
                or (
                    self.difc_us_per_angstrom is not None
                    and other.difc_us_per_angstrom is not None
                    and np.array_equal(self.difc_us_per_angstrom, other.difc_us_per_angstrom)
                )
            )
        )


Cells = NDArray[Any]
"""Counts, int64, or sums of weights, float64."""


@dataclass(frozen=True, eq=False)
class EventTally:
    """Where every event went; the sums add up to the events accumulated.

    ``counts`` (slices, groups, bins), bins half-open, [low, high). ``masked`` are events of
    masked detectors and of monitors; ``monitor_counts`` (slices,) are those of monitors.
    """

    counts: Cells
    out_of_range: int
    masked: int
    bad_pixel: int
    bad_time: int
    monitor_counts: Cells
    filtered: int = 0

    @property
    def binned(self) -> int:
        return int(self.counts.sum())

    @property
    def events(self) -> int:
        """All events."""
        lost = self.out_of_range + self.masked + self.bad_pixel + self.bad_time + self.filtered
        return self.binned + lost


class Engine(Protocol):
    """Retains events and histograms all of them by each of its recipes."""

    name: str

    @property
    def message(self) -> str:
        """What is wrong, for people; empty if nothing is."""

    def check(self, recipe: Recipe) -> None:
        """Raises `reduction.parameters.specs.Refused` for a recipe that cannot be followed."""

    @property
    def retained(self) -> int:
        """Events kept, to be histogrammed anew by any recipe."""

    @property
    def folded(self) -> int:
        """Events that are kept as fine histograms alone."""

    def displaced(self, reduction: int) -> int:
        """Folded events that may be one bin off: an edge of the bins cuts their fine bin."""

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        """Use no more memory for events: `advance` folds the oldest when there is no room.

        A limit that is suddenly lower is met after some calls: each folds as much as it has time
        for, and one block at least. Folded events keep their place in the cells, or without
        ``keep`` are in no slice.
        """

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        """Keep events of a pulse, (n,) each; they count once `advance` has been through them."""

    def configure(self, reduction: int, recipe: Recipe) -> None:
        """Have every retained event histogrammed by ``recipe`` from now on.

        The number after the last one makes a new reduction.
        """

    def resliced(self, reduction: int, since_ns: int, until_ns: int) -> None:
        """What `Recipe.slice_of` says of pulses in [since, until] may have changed."""

    def advance(self, seconds: float) -> bool:
        """Histogram what is outstanding, for about ``seconds``; whether nothing is left."""

    def prepare(self, seconds: float) -> bool:
        """Use spare time for what makes later changes quick; whether nothing is left."""

    def clear(self) -> None:
        """Drop all events and counts."""

    def cells(self, reduction: int) -> NDArray[np.int64]:
        """Counts and bookkeeping as one vector, int64: vectors of ranks add up elementwise."""

    def faded(self, reduction: int, time_ns: int) -> NDArray[np.float64]:
        """`cells` by the weights that pulses have at a time, and by their squares, (2, cells).

        (0, 0) if the recipe does not fade.
        """

    def tally(self, reduction: int, cells: Cells) -> EventTally:
        """What a vector of `cells`, perhaps summed over ranks, or of `faded` says."""


MAX_TOF_NS = 1_000_000_000
"""Longest time of flight taken for real: one second, fourteen pulses of a 14 Hz source."""


MAX_ID_RANGE = 100_000_000
