"""The protocol of engines, which both engines follow, and the recipes and tallies it uses."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.calibration import DetectorCalibration
from reduction.parameters.units import Units

SliceOf = Callable[[NDArray[np.int64]], NDArray[np.int32]]
"""Gives the slice of pulses, (n,) int32, by their times in ns since 1970, (n,); -1 is no slice."""


def all_in_one_slice(times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
    """All pulses in slice 0."""
    return np.zeros(times_ns.size, np.int32)


@dataclass(frozen=True, eq=False)
class Recipe:
    """How events become histograms.

    ``edges`` (bins + 1,) float64 ascend and are in ``units``. ``group`` (detectors,), in the order
    of the instrument, is the group of each detector, or `reduction.instrument.selection.MASKED`; it
    is kept in as few bytes as hold it. There are at least ``least_groups`` groups.
    Without a ``calibration`` DIFC follows from the positions of the detectors. If ``fade_s`` is not
    0, events are also counted by weights that fall by a factor e in ``fade_s`` seconds.
    """

    units: Units
    edges: NDArray[np.float64]
    group: NDArray[np.signedinteger[Any]]
    slices: int = 1
    slice_of: SliceOf = all_in_one_slice
    calibration: DetectorCalibration | None = None
    least_groups: int = 1
    fade_s: float = 0.0

    def __post_init__(self) -> None:
        smallest = np.min_scalar_type(-self.groups)
        object.__setattr__(self, "group", self.group.astype(smallest, copy=False))

    @property
    def groups(self) -> int:
        """Number of groups, also those whose detectors are all masked."""
        return max(int(self.group.max(initial=0)) + 1, self.least_groups)

    def equals(self, other: Recipe) -> bool:
        """Whether this recipe gives the same cells as ``other``, for any events."""
        return (
            (self.slices, self.fade_s) == (other.slices, other.fade_s)
            and np.array_equal(self.edges, other.edges)
            and self.reuses_values_of(other)
        )

    def reuses_values_of(self, other: Recipe) -> bool:
        """Whether this recipe gives every event the same value, group and slice as ``other``.

        It does if the recipes differ only in bins, or if this one has more slices.
        """
        return (
            (self.groups, self.slice_of) == (other.groups, other.slice_of)
            and self.slices >= other.slices
            and np.array_equal(self.group, other.group)
            and self.values_equal(other)
        )

    def values_equal(self, other: Recipe) -> bool:
        """Whether this recipe gives every event the same value as ``other``."""
        return self.units == other.units and (
            self.calibration is other.calibration
            or (
                self.calibration is not None
                and other.calibration is not None
                and self.calibration.key == other.calibration.key
            )
        )


@dataclass(frozen=True)
class PixelWindow:
    """Which events the counts of pixels are of: those of pulses in a range of slices.

    ``first_slice`` is the first one, ``end_slice`` the one after the last. With ``values`` (low,
    high), an event counts if low ≤ v < high for its value v in the unit of the reduction.
    """

    first_slice: int
    end_slice: int
    values: tuple[float, float] | None = None

    def has(self, slices: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether pulses count, (n,) bool, by their ``slices`` (n,)."""
        return (slices >= self.first_slice) & (slices < self.end_slice)


class ViewKind(enum.Enum):
    """The further histograms of a reduction."""

    MAP = enum.auto()
    PICKED = enum.auto()


@dataclass(frozen=True, eq=False)
class ViewRecipes:
    """What is counted of a reduction besides its histogram, at the engine's leisure.

    ``image``: counts of each pixel, or None. ``histograms`` are further ones, such as a map.
    """

    image: PixelWindow | None = None
    histograms: Mapping[ViewKind, Recipe] = field(default_factory=dict)


Cells = NDArray[Any]
"""Counts, int64, or sums of weights, float64; or a weight for each of several spans."""


@dataclass(frozen=True, eq=False)
class EventTally:
    """Where every event was counted; the numbers add up to the events accumulated.

    ``counts`` are (slices, groups, bins); a bin holds its lower edge and not its upper one.
    ``masked`` counts events of masked detectors and of monitors; ``monitor_counts`` (slices,) only
    the events of monitors. ``bad_pixel`` counts events with an id that the instrument does not
    have, ``bad_time`` events with a time of flight out of bounds, ``filtered`` events in no slice.
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
        """Number of all events."""
        not_binned = self.out_of_range + self.masked + self.bad_pixel + self.bad_time
        return self.binned + not_binned + self.filtered


class Engine(Protocol):
    """Keeps events, and makes a histogram of all of them for each of its recipes.

    The number of a reduction is the index of its recipe.
    """

    name: str

    @property
    def message(self) -> str:
        """What is wrong, in words for an operator; empty if nothing is wrong."""

    def check(self, recipe: Recipe) -> None:
        """Raises `reduction.parameters.specs.Refused` for a recipe that cannot be followed."""

    @property
    def retained(self) -> int:
        """Number of events that are kept, so that any recipe can count them again."""

    @property
    def folded(self) -> int:
        """Number of events that are only kept as fine histograms."""

    def displaced(self, reduction: int) -> int:
        """Number of displaced events: folded events that may be counted one bin away.

        They are in fine bins that an edge of the bins cuts.
        """

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        """Limit the memory of events: from now on `advance` folds the oldest events to make room.

        A lower limit takes several calls of `advance` to be met. Each folds as many blocks as it
        has time for, and at least one. Folded events stay in the cells if ``keep`` is set, and
        count as filtered if not.
        """

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        """Keep the events of a pulse, (n,) each; `advance` counts them.

        ``pulse_time_ns`` is in ns since 1970.
        """

    def configure(self, reduction: int, recipe: Recipe) -> None:
        """Count all retained events by ``recipe`` from now on.

        If ``reduction`` is the number of reductions so far, a new one is added.
        """

    def keep_first(self, reductions: int) -> None:
        """Keep so many reductions, and drop the others."""

    def reslice(self, reduction: int, since_ns: int, until_ns: int) -> None:
        """Ask `Recipe.slice_of` again for the pulses in [since, until], and move their events."""

    def advance(self, seconds: float) -> bool:
        """Count events that are not counted yet, for about ``seconds``; whether all are counted."""

    def prepare(self, seconds: float) -> bool:
        """Do work ahead that makes later changes of settings quick; whether none is left.

        With ``seconds`` of 0 only other threads do so. Else this one may do so for a little longer.
        """

    @property
    def unprepared(self) -> int:
        """Events that other bins take a pass over, while `prepare` works on them."""

    def clear(self) -> None:
        """Drop all events and counts."""

    def cells(self, reduction: int) -> NDArray[np.int64]:
        """The cells of a reduction, one int64 vector. The cells of all ranks are their sum."""

    def faded(self, reduction: int, time_ns: int) -> NDArray[np.float64]:
        """Sums of the weights that events have at a time, and of their squares, (2, cells).

        The shape is (0, 0) if the recipe does not fade.
        """

    def tally(self, reduction: int, cells: Cells) -> EventTally:
        """Where all events were counted, given the result of `cells` or `faded`, or its sum."""

    def set_views(self, reduction: int, views: ViewRecipes) -> None:
        """Count these views of a reduction from now on; `advance_views` does it."""

    def advance_views(self, seconds: float) -> bool:
        """Count events in views, for about ``seconds``; whether all that `advance` has are counted.

        Call it only after `advance` has counted all events.
        """

    def pixel_counts(self, reduction: int) -> NDArray[np.int32]:
        """Events in the window of the image, (detectors,) int32 in the order of the instrument.

        Those of masked detectors and of monitors are 0.
        """

    def pixels_missing(self, reduction: int) -> int:
        """Number of folded events that `pixel_counts` lacks: they were folded before it counted."""

    def view_cells(self, reduction: int, kind: ViewKind) -> NDArray[np.int64]:
        """The cells of a further histogram, as `cells`."""

    def view_tally(self, reduction: int, kind: ViewKind, cells: Cells) -> EventTally:
        """Where all events were counted in it, given the result of `view_cells`, or its sum."""


MAX_TOF_NS = 1_000_000_000
"""Longest valid time of flight: one second, fourteen pulses of a 14 Hz source."""
