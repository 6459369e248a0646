"""Two ranks at the same time: new bins on a billion events, and two against one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.pair import Meet, side_by_side, timed
from benchmarks.recut import BINS, Store
from benchmarks.rows import Row
from benchmarks.sample import Sample
from benchmarks.timing import Figure
from reduction.engines.detector_rows import DetectorRows
from reduction.engines.event_store import BLOCK_EVENTS, EventBlock
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.native.sorted_kernels import SortedPiece
from reduction.engines.native.sorted_runs import LONGEST_RUN, RunPieces, SortedRun, sorted_run
from reduction.engines.protocol import MAX_TOF_NS, Recipe
from reduction.instrument.geometry import Instrument

CASES = BINS[:2]
REPEATS = 5
COPIED = 10_000_000
"""Events whose bytes are copied at once."""


def measure(quick: bool) -> list[Row]:
    """The rows for a billion events, and for two ranks against one."""
    blocks = round((2.5e7 if quick else 5e8) / BLOCK_EVENTS)
    events = 10_000_000 if quick else 100_000_000
    return [*_new_bins(blocks), *_two_against_one(events)]


def _new_bins(blocks: int) -> list[Row]:
    ours, numpys = _slower(side_by_side(_recut, blocks), len(CASES))
    total = f"{2 * blocks * BLOCK_EVENTS:.1e}"
    rows = []
    for case, mine, theirs in zip(CASES, ours, numpys, strict=True):
        figure, peer = Figure(mine, "ms"), Figure(theirs, "ms")
        rows.append(
            Row(
                f"new bins on {total} events of two ranks, {case}",
                str(figure),
                "≤ 150 ms",
                figure.median <= 150,
                f"`numpy.searchsorted` in the same runs: {peer}",
                f"{peer.median / figure.median:.1f}",
            )
        )
    return rows


def _slower(
    both: list[list[float]], cases: int
) -> tuple[list[tuple[float, ...]], list[tuple[float, ...]]]:
    """Ours and numpy's times in ms by case, each that of the slower process."""
    times = 1e3 * np.max(both, axis=0).reshape(cases, REPEATS, 2)
    ours, numpys = ([tuple(map(float, each)) for each in times[..., way]] for way in range(2))
    return ours, numpys


def _recut(rank: int, meet: Meet, blocks: int) -> list[float]:
    """Times of new bins in s: ours and numpy's, again and again, case by case."""
    sample = Sample(BLOCK_EVENTS)
    group = np.zeros(sample.instrument.detector_id.size, np.int32)
    recipes = [Recipe(case.units, case.edges, group) for case in CASES]
    uncut = _runs(sample, _ready(sample.instrument, recipes[0]), blocks, rank)
    arrays = [piece.values for run in uncut for piece in run.content.pieces]
    runs = [replace(run, content=RunPieces(_cut(*run.content.pieces))) for run in uncut]
    times = []
    for recipe in recipes:
        count = partial(_counted, sample.instrument, recipe, runs)
        search = partial(_searched, recipe.edges, arrays)
        assert count() == blocks * BLOCK_EVENTS
        for _ in range(REPEATS):
            times += [timed(meet, count), timed(meet, search)]
    return times


def _ready(instrument: Instrument, recipe: Recipe) -> CompiledRecipe:
    return CompiledRecipe(instrument, recipe, MAX_TOF_NS, DetectorRows.of(instrument))


def _runs(sample: Sample, ready: CompiledRecipe, blocks: int, seed: int) -> list[SortedRun]:
    """Sorted runs as the engine has them of so many blocks; no raw events are kept.

    Each block has the sample's events, each up to a microsecond later. Blocks are sorted together
    that the engine sorts one by one and then merges, which takes longer and gives the same.
    """
    random, runs = np.random.default_rng(seed), []
    for number, size in enumerate(_sizes(blocks)):
        events = size * BLOCK_EVENTS
        block = EventBlock(np.empty((2, events), np.int32))
        for _ in range(size):
            later = random.integers(0, 1000, BLOCK_EVENTS, np.int32)
            block.append(sample.pixel_id, sample.tof_ns + later, 0)
        slices = np.zeros(block.spans, np.int32)
        runs.append(sorted_run(ready, block, number, slices, np.empty(events)))
    return runs


def _cut(piece: SortedPiece) -> list[SortedPiece]:
    """The values of a run of one spectrum in pieces as long as blocks, as merging makes them."""
    parts = np.split(piece.values, range(BLOCK_EVENTS, piece.values.size, BLOCK_EVENTS))
    return [SortedPiece(each, 0, np.array([0, each.size])) for each in parts]


def _sizes(blocks: int) -> list[int]:
    """Blocks of each run once there is nothing left to merge."""
    longest = LONGEST_RUN // BLOCK_EVENTS
    rest = blocks % longest
    return [longest] * (blocks // longest) + [
        1 << bit for bit in reversed(range(rest.bit_length())) if rest >> bit & 1
    ]


def _counted(instrument: Instrument, recipe: Recipe, runs: list[SortedRun]) -> int:
    """Fill the cells of a recipe as the engine does; the events in them."""
    ready = _ready(instrument, recipe)
    cells = np.zeros(ready.cells, np.int64)
    for run in runs:
        ready.add_sorted(run.content.pieces, run.special, cells)
    return int(cells.sum())


def _searched(edges: NDArray[np.float64], arrays: list[NDArray[np.float64]]) -> None:
    """Count as numpy can, if it has all values of a run in one array."""
    counts = np.zeros(edges.size - 1, np.int64)
    for values in arrays:
        counts += np.diff(np.searchsorted(values, edges))


def _two_against_one(events: int) -> list[Row]:
    taking, copying = (
        _ratio(side_by_side(work, events)) for work in (_taking_in, _copying_the_same)
    )
    one, two, ratio = taking
    return [
        Row(
            f"taking in {events:.0e} events: two ranks against one",
            f"{ratio:.2f} times, {one} against {two}",
            "≥ 1.8 times",
            ratio >= 1.8,
            f"copying the same bytes: {copying[2]:.2f} times, {copying[0]} against {copying[1]}",
        )
    ]


def _ratio(both: list[list[float]]) -> tuple[Figure, Figure, float]:
    """Times of one process for all and of two for a half each, and how many times faster it is."""
    slower = np.max(both, axis=0).reshape(-1, 2)
    one, two = (Figure(tuple(map(float, column))) for column in slower.T)
    return one, two, one.median / two.median


def _taking_in(rank: int, meet: Meet, events: int) -> list[float]:
    store = Store(Sample(COPIED // 10), events)

    def take_in(share: int) -> None:
        store.events = share
        store.take_in()

    return _alone_and_shared(rank, meet, events, take_in)


def _copying_the_same(rank: int, meet: Meet, events: int) -> list[float]:
    columns = np.ones((2, min(COPIED, events // 2)), np.int32)
    into = columns.copy()

    def copy(share: int) -> None:
        for _ in range(share // columns.shape[1]):
            into[:] = columns

    return _alone_and_shared(rank, meet, events, copy)


def _alone_and_shared(
    rank: int, meet: Meet, events: int, work: Callable[[int], None]
) -> list[float]:
    """Times in s, in turns: rank 0 does all while the other one waits, and each does half.

    The first turn is not counted: memory is touched for the first time.
    """
    times = []
    for _ in range(REPEATS + 1):
        alone, shared = partial(work, 0 if rank else events), partial(work, events // 2)
        times += [timed(meet, alone), timed(meet, shared)]
    return times[2:]
