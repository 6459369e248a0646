"""Values of retained events in sorted runs, so that new bins need no pass over the events.

The values of a full block are sorted into a run. Two neighbouring runs of the same length are
merged into one, as a log-structured store does. So n blocks become about log2(n) runs. To count
between new edges costs one search for each edge in each run.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.event_store import EventBlock, pages
from reduction.engines.native import sorted_kernels
from reduction.engines.native.compiled_recipe import CompiledRecipe, ValuesBySpectrum, merged_spans

LONGEST_RUN = 1 << 27
"""Most values of a run: merging two runs takes as much memory again as their values."""


@dataclass(frozen=True, eq=False)
class SortedRun:
    """The sorted values of the blocks with numbers ``first`` to ``last`` - 1.

    ``slices`` has an array for each block: the slices of its spans. ``ordered`` has the values.
    """

    first: int
    last: int
    slices: tuple[NDArray[np.int32], ...]
    ordered: ValuesBySpectrum

    def renumbered(self) -> SortedRun:
        """The run with the block numbers that hold after block 0 has been dropped."""
        return dataclasses.replace(self, first=self.first - 1, last=self.last - 1)


def sorted_run(
    layout: CompiledRecipe, block: EventBlock, number: int, slices: NDArray[np.int32]
) -> SortedRun:
    """The run of one block, whose spans are in ``slices`` (spans,)."""
    bounds, merged = merged_spans(block.starts, slices)
    values = pages((block.size,), np.float64)
    ordered = layout.sorted_values(block.pixel_id, block.tof_ns, bounds, merged, values)
    return SortedRun(number, number + 1, (slices,), ordered)


def merged_run(one: SortedRun, next_one: SortedRun) -> SortedRun:
    """Two neighbouring runs merged into one."""
    a, b = (
        _with_slices_of(one.ordered, next_one.ordered),
        _with_slices_of(next_one.ordered, one.ordered),
    )
    values = pages((a.values.size + b.values.size,), np.float64)
    sorted_kernels.merge_sorted(a.values, a.starts, b.values, b.starts, values)
    ordered = ValuesBySpectrum(values, a.starts + b.starts, a.special + b.special)
    return SortedRun(one.first, next_one.last, one.slices + next_one.slices, ordered)


def _with_slices_of(ordered: ValuesBySpectrum, other: ValuesBySpectrum) -> ValuesBySpectrum:
    """``ordered`` with at least as many slices as ``other``; added slices are empty."""
    more_spectra = max(other.starts.size - ordered.starts.size, 0)
    more_special = max(other.special.size - ordered.special.size, 0)
    starts = np.append(ordered.starts, np.repeat(ordered.starts[-1], more_spectra))
    end = ordered.special.size - 1
    special = np.insert(ordered.special, end, np.zeros(more_special, np.int64))
    return ValuesBySpectrum(ordered.values, starts, special)


def to_merge(runs: Sequence[SortedRun]) -> tuple[SortedRun, SortedRun] | None:
    """The earliest two neighbouring runs to merge; None if no two have the same length.

    No run is ever longer than the runs before it, whichever blocks are sorted meanwhile. So every
    run gets a neighbour of its length, once enough blocks have been sorted.
    """
    for one, next_one in itertools.pairwise(runs):
        equal = one.last - one.first == next_one.last - next_one.first
        small = one.ordered.values.size + next_one.ordered.values.size <= LONGEST_RUN
        if one.last == next_one.first and equal and small:
            return one, next_one
    return None
