"""Values of retained events in sorted runs, so that new bins need no pass over the events.

A full block is sorted into a run. Two neighbouring runs of the same length are merged into one, as
a log-structured store does. So n blocks are about log2(n) runs, and counting between new edges
costs a search for each edge in each run.
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
from reduction.engines.native.compiled_recipe import CompiledRecipe, PartValues, merged_spans

LONGEST_RUN = 1 << 27
"""Most values of a run: while it is merged, it takes as much memory again."""


@dataclass(frozen=True, eq=False)
class SortedRun:
    """The sorted values of the blocks from number ``first`` to before ``last``.

    ``slices`` are the slices of the spans of each block.
    """

    first: int
    last: int
    slices: tuple[NDArray[np.int32], ...]
    parts: PartValues

    def renumbered(self) -> SortedRun:
        """The same run, after the first of all blocks has been dropped."""
        return dataclasses.replace(self, first=self.first - 1, last=self.last - 1)


def sorted_run(
    layout: CompiledRecipe, block: EventBlock, number: int, slices: NDArray[np.int32]
) -> SortedRun:
    """The run of one block, whose spans are in ``slices`` (spans,)."""
    bounds, merged = merged_spans(block.starts, slices)
    values = pages((block.size,), np.float64)
    parts = layout.sorted_values(block.pixel_id, block.tof_ns, bounds, merged, values)
    return SortedRun(number, number + 1, (slices,), parts)


def merged_run(one: SortedRun, next_one: SortedRun) -> SortedRun:
    """The run of two runs that are neighbours."""
    a, b = _with_slices_of(one.parts, next_one.parts), _with_slices_of(next_one.parts, one.parts)
    values = pages((a.values.size + b.values.size,), np.float64)
    sorted_kernels.merge_sorted(a.values, a.starts, b.values, b.starts, values)
    parts = PartValues(values, a.starts + b.starts, a.special + b.special)
    return SortedRun(one.first, next_one.last, one.slices + next_one.slices, parts)


def _with_slices_of(parts: PartValues, other: PartValues) -> PartValues:
    """The same with as many slices as ``other`` has, if it has more; the new ones are empty."""
    more_parts = max(other.starts.size - parts.starts.size, 0)
    more_special = max(other.special.size - parts.special.size, 0)
    starts = np.append(parts.starts, np.repeat(parts.starts[-1], more_parts))
    end = parts.special.size - 1
    special = np.insert(parts.special, end, np.zeros(more_special, np.int64))
    return PartValues(parts.values, starts, special)


def to_merge(runs: Sequence[SortedRun]) -> tuple[SortedRun, SortedRun] | None:
    """The earliest two neighbours that are to be merged; None if there are none.

    No run is ever longer than the runs before it, whatever is sorted meanwhile, so each finds a
    neighbour of its length in time.
    """
    for one, next_one in itertools.pairwise(runs):
        equal = one.last - one.first == next_one.last - next_one.first
        small = one.parts.values.size + next_one.parts.values.size <= LONGEST_RUN
        if one.last == next_one.first and equal and small:
            return one, next_one
    return None
