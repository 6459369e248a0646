"""Values of retained events in sorted runs, so that new bins need no pass over the events.

A full block is sorted into a run; two neighbouring runs of the same length are merged into one, as
a log-structured store does. So n blocks are about log2(n) runs, and counting between new edges
costs a search of each edge in each run.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.event_store import EventBlock, pages
from reduction.engines.native import kernels
from reduction.engines.native.compiled_recipe import CompiledRecipe, merged_spans

LONGEST_RUN = 1 << 27
"""Most values of a run: merging costs as much memory again, if only for the moment."""


@dataclass(frozen=True, eq=False)
class SortedRun:
    """The values of the blocks from number ``first`` to before ``last``, sorted part by part.

    ``values``, ``ends`` and ``rest`` are laid out as `kernels.sorted_apart` does; ``keys`` are the
    slices of the spans of each block.
    """

    first: int
    last: int
    keys: tuple[NDArray[np.int32], ...]
    values: NDArray[np.float64]
    ends: NDArray[np.int64]
    rest: NDArray[np.int64]

    def earlier(self) -> SortedRun:
        """The same, after the first block of all has gone."""
        return dataclasses.replace(self, first=self.first - 1, last=self.last - 1)


def sorted_run(
    ready: CompiledRecipe, block: EventBlock, number: int, keys: NDArray[np.int32]
) -> SortedRun:
    """The run of one block."""
    bounds, slices = merged_spans(block.starts, keys)
    values = pages((block.size,), np.float64)
    ends, rest = ready.sort(block.pixel_id, block.tof_ns, bounds, slices, values)
    return SortedRun(number, number + 1, (keys,), values[: int(ends[-1])], ends, rest)


def merged_run(one: SortedRun, next_one: SortedRun) -> SortedRun:
    """The run of both, which are neighbours."""
    values = pages((one.values.size + next_one.values.size,), np.float64)
    (one_ends, one_rest), (ends, rest) = _as_wide(one, next_one), _as_wide(next_one, one)
    kernels.merge_sorted(one.values, one_ends, next_one.values, ends, values)
    keys = one.keys + next_one.keys
    return SortedRun(one.first, next_one.last, keys, values, one_ends + ends, one_rest + rest)


def _as_wide(run: SortedRun, other: SortedRun) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ends and rest of a run, with as many slices as the other has if those are more."""
    parts = max(other.ends.size - run.ends.size, 0)
    special = max(other.rest.size - run.rest.size, 0)
    ends = np.append(run.ends, np.repeat(run.ends[-1], parts))
    return ends, np.insert(run.rest, run.rest.size - 1, np.zeros(special, np.int64))


def to_merge(runs: Sequence[SortedRun]) -> tuple[SortedRun, SortedRun] | None:
    """Two neighbours that are to be merged, the earliest first; None if there are none.

    So no run is ever longer than those before it, whatever has been sorted meanwhile, and each
    finds another one of its length in time.
    """
    for one, next_one in itertools.pairwise(runs):
        equal = one.last - one.first == next_one.last - next_one.first
        small = one.values.size + next_one.values.size <= LONGEST_RUN
        if one.last == next_one.first and equal and small:
            return one, next_one
    return None
