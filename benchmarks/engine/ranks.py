"""Two ranks at the same time: new bins on a billion events, and two against one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.pair import Meet, side_by_side, timed
from benchmarks.engine.recut import BINS, FilledEngine
from benchmarks.engine.sample import SampleEvents
from benchmarks.rows import Row
from benchmarks.timing import Figure
from reduction.engines.native.blocks.event_store import BLOCK_EVENTS
from reduction.engines.native.blocks.ordered_block import OrderedBlock
from reduction.engines.native.passes.packing import packed_values

CASES = BINS[:2]
REPEATS = 5
SAMPLED = 5_000_000
"""Different events of a rank; they come again and again, each up to a microsecond later."""

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
                f"`numpy.searchsorted` in sorted blocks as large: {peer}",
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
    sample = SampleEvents(SAMPLED)
    store = FilledEngine(sample, blocks * BLOCK_EVENTS)
    store.fill(rank)
    recipes = [store.recipe(case) for case in CASES]
    values = _ordered_values(store)
    numbers = store.events / values.size
    times = []
    for recipe, other in zip(recipes, reversed(recipes), strict=True):
        search = partial(np.searchsorted, values, recipe.edges)
        for _ in range(REPEATS):
            store.recut(other)
            times += [timed(meet, partial(store.recut, recipe)), numbers * timed(meet, search)]
    return times


def _ordered_values(store: FilledEngine) -> NDArray[np.float64]:
    """The values of the largest block of a store, as sorted as numpy's search needs them."""
    block = max(
        (each for each in store.engine.blocks if isinstance(each, OrderedBlock)),
        key=lambda each: each.size,
    )
    ordered = block.contents[0]
    values = np.empty(block.size)
    packed_values(ordered.events, ordered.order.packing, ordered.order.values.tables, values)
    return np.sort(values)


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
    store = FilledEngine(SampleEvents(COPIED // 10), events)

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
