"""The event store of one rank: taking in, new bins, new slices and masks, memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.engine.sample import Case, SampleEvents
from benchmarks.rows import Row
from benchmarks.timing import Figure
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.instrument.selection import MASKED
from reduction.parameters.units import Units

CHUNK = 180_000
"""Events of a chunk: 14 of them a second are 2.5e6 events a second."""

BINS = (
    Case(Units.D_SPACING, "0.4,0.001,5"),
    Case(Units.D_SPACING, "0.4,0.0001,5"),
    Case(Units.D_SPACING, "0.4,-0.0001,5"),
)
FOREVER_S = math.inf


class FilledEngine:
    """An engine with events of a sample, again and again."""

    def __init__(self, sample: SampleEvents, events: int) -> None:
        self._sample, self.events = sample, events
        self.group = np.zeros(sample.instrument.detector_id.size, np.int32)
        self.engine = NativeEngine(sample.instrument, [self.recipe(BINS[0])])

    def recipe(self, case: Case) -> Recipe:
        return Recipe(case.units, case.edges, self.group)

    def take_in(self) -> float:
        """Store and histogram all events from empty; events per second."""
        pixel_id, tof_ns = self._sample.pixel_id, self._sample.tof_ns
        self.engine.clear()
        began, left, time_ns = time.perf_counter(), self.events, 0
        while left:
            for start in range(0, min(left, tof_ns.size), CHUNK):
                stop = min(start + CHUNK, left, tof_ns.size)
                self.engine.accumulate(pixel_id[start:stop], tof_ns[start:stop], time_ns)
                time_ns += 1
            left -= min(left, tof_ns.size)
            self.engine.advance(FOREVER_S)
        return self.events / (time.perf_counter() - began)

    def fill(self, seed: int) -> None:
        """Store all events, no two of which are likely to be equal, and do all work ahead."""
        random, left, time_ns = np.random.default_rng(seed), self.events, 0
        pixel_id, tof_ns = self._sample.pixel_id, self._sample.tof_ns
        while left:
            later = random.integers(0, 1000, min(left, tof_ns.size), np.int32)
            for start in range(0, later.size, CHUNK):
                here = slice(start, min(start + CHUNK, later.size))
                self.engine.accumulate(pixel_id[here], tof_ns[here] + later[here], time_ns)
                time_ns += 1
            left -= later.size
            self.engine.advance(FOREVER_S)
            self.engine.prepare(0)
        assert self.engine.prepare(3600)

    def recut(self, recipe: Recipe) -> float:
        """Seconds until the cells are those of another recipe."""
        began = time.perf_counter()
        self.engine.configure(0, recipe)
        assert self.engine.advance(FOREVER_S)
        return time.perf_counter() - began


def measure(quick: bool) -> list[Row]:
    """The rows for a hundred million events."""
    sample = SampleEvents(1_000_000 if quick else 10_000_000)
    events, repeats = (5_000_000, 3) if quick else (100_000_000, 5)
    before = psutil.Process().memory_info().rss
    store = FilledEngine(sample, events)
    rates = Figure(tuple(store.take_in() for _ in range(repeats)), "events/s")
    rows = [
        _at_least("taking in: stored and histogrammed", rates, 5e7, _copying(sample)),
        Row("… sorting for later bins", _sorting(store)),
    ]
    rows.append(_memory(store, before))
    rows += [_new_bins(store, sample, case, repeats) for case in BINS]
    return [*rows, *_other_changes(FilledEngine(sample, events // 2), repeats)]


def _sorting(store: FilledEngine) -> str:
    began = time.perf_counter()
    assert store.engine.prepare(3600)
    return f"{store.events / (time.perf_counter() - began):.3g} events/s, in spare time"


def _memory(store: FilledEngine, before: int) -> Row:
    used = (psutil.Process().memory_info().rss - before) / store.events
    met = "resident memory, all included, over events"
    return Row("memory per retained event, sorted", f"{used:.1f} B", "≤ 9 B", used <= 9, met)


def _copying(sample: SampleEvents) -> str:
    """How fast the same bytes are copied, into memory that was used before."""
    columns = np.stack((sample.pixel_id, sample.tof_ns))
    into = columns.copy()
    times = []
    for _ in range(5):
        began = time.perf_counter()
        into[:] = columns
        times.append(columns.shape[1] / (time.perf_counter() - began))
    return f"copying the same bytes: {max(times):.3g} events/s"


def _new_bins(store: FilledEngine, sample: SampleEvents, case: Case, repeats: int) -> Row:
    other = store.recipe(Case(Units.D_SPACING, "0.4,0.002,5"))
    times = []
    for _ in range(repeats):
        store.recut(other)
        times.append(1e3 * store.recut(store.recipe(case)))
    figure = Figure(tuple(times), "ms")
    peer = 1e3 * _timed(lambda: sample.numpy_histogram(case)) * store.events / sample.tof_ns.size
    return Row(
        f"new bins on {store.events:.0e} events, {case}",
        str(figure),
        "≤ 50 ms",
        figure.median <= 50,
        f"numpy, a pass: {peer:.3g} ms, from a tenth of the events",
        f"{peer / figure.median:.0f}",
    )


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _other_changes(store: FilledEngine, repeats: int) -> list[Row]:
    """A rank's half of a hundred million events, when two ranks share them."""
    store.take_in()
    plain = store.recipe(BINS[1])

    def slice_of(times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        return (times_ns * CHUNK // (store.events // 10) % 10).astype(np.int32)

    sliced = replace(plain, slices=10, slice_of=slice_of)
    masked = replace(
        plain, group=np.where(np.arange(store.group.size) % 10, 0, MASKED).astype("i4")
    )
    rows = []
    for what, recipe in (("ten slices", sliced), ("another mask", masked)):
        times = []
        for _ in range(repeats):
            store.recut(plain)
            times.append(store.recut(recipe))
        figure = Figure(tuple(times))
        words = f"{what}, {store.events:.0e} events of each of two ranks"
        rows.append(Row(words, str(figure), "≤ 1 s", figure.median <= 1))
    return rows


def _at_least(what: str, figure: Figure, least: float, peer: str) -> Row:
    return Row(what, str(figure), f"≥ {least:.0e}/s", figure.median >= least, peer)
