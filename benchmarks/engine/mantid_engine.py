"""``python -m benchmarks.engine.mantid_engine``: the engine beside the native one, rows as JSON.

It runs in the Python that has Mantid; `measure` starts it there.
"""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.engine.sample import Case, SampleEvents
from benchmarks.rows import Row
from benchmarks.timing import Figure, Timing, interleaved
from reduction.engines.mantid.engine import MantidEngine
from reduction.engines.mantid.framework import MantidFramework
from reduction.engines.mantid.steps import MantidSteps
from reduction.engines.mantid.workspaces import Workspaces
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Engine, Recipe
from reduction.parameters.units import Units

BINS = Case(Units.D_SPACING, "0.4,0.0001,5")
OTHER_BINS = Case(Units.D_SPACING, "0.5,0.00009,4.64")
ONE_BIN = Case(Units.TOF, "1,99999,100000")
PULSE, SMALL_PULSE = 20_000, 2_000
"""Events of a pulse where slices go by pulses, and where there are very many of them."""

KEPT_PULSES = 500
"""Small pulses from one time when all is dropped to the next."""

START_NS, PERIOD_NS = 1_767_225_600_000_000_000, 71_428_571
NOT_HERE = "not measured here: `make bench MANTID_PYTHON=...` names a Python that has Mantid"


def measure(quick: bool, python: str) -> list[Row]:
    """The rows, measured by another Python; one that says so if none is named."""
    if not python:
        return [Row("the mantid engine", NOT_HERE)]
    command = [python, "-m", "benchmarks.engine.mantid_engine", *(["--quick"] if quick else [])]
    folder = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**each) for each in json.loads(done.stdout.splitlines()[-1])]


def recipe(case: Case, slices: int = 1) -> Recipe:
    """Of a case, all detectors in one group; pulses are in the slices in turn."""

    def slice_of(times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        return ((times_ns - START_NS) // PERIOD_NS % slices).astype(np.int32)

    return Recipe(case.units, case.edges, np.zeros(1001, np.int32), slices, slice_of)


def configured(engine: Engine, asked: Recipe) -> None:
    """Have all events counted by a recipe."""
    engine.configure(0, asked)
    assert engine.advance(math.inf)


class Contest:
    """Both engines, and a sample's events for them."""

    def __init__(self, mantid: MantidFramework, sample: SampleEvents) -> None:
        self._mantid, self._sample = mantid, sample
        self._store = Workspaces(MantidSteps(mantid), sample.instrument, 1 << 30, 1 << 22)
        self._bare = NativeEngine(sample.instrument, [])
        first = [recipe(ONE_BIN)]
        self.engines: dict[str, Engine] = {
            "mantid": MantidEngine(mantid, sample.instrument, first),
            "native": NativeEngine(sample.instrument, first),
        }

    def fill(self, engine: Engine, events: int, chunk: int) -> None:
        """Have an engine take in and reduce events from empty, chunk by chunk, a pulse each."""
        pixel_id, tof_ns = self._sample.pixel_id, self._sample.tof_ns
        engine.clear()
        for number in range(events // chunk):
            start = number * chunk % tof_ns.size
            here = slice(start, start + chunk)
            engine.accumulate(pixel_id[here], tof_ns[here], START_NS + number * PERIOD_NS)
            assert engine.advance(math.inf)

    def store(self, chunk: int) -> None:
        """Have a chunk in Mantid's workspaces, and do no more with it."""
        self._store.clear()
        self._store.append(self._sample.pixel_id[:chunk], self._sample.tof_ns[:chunk], START_NS)
        self._store.load()
        assert self._store.blocks[0].raw.getNumberEvents() == chunk

    def keep(self, chunk: int) -> None:
        """Have a chunk in the native engine's store."""
        self._bare.clear()
        self._bare.accumulate(self._sample.pixel_id[:chunk], self._sample.tof_ns[:chunk], START_NS)

    def add(self, chunk: int) -> None:
        """Have a chunk in a workspace in the quickest way that Mantid's Python has for arrays."""
        workspace = self._mantid.run("CloneWorkspace", InputWorkspace=self._store.empty)
        pixel_id, tof_ns = self._sample.pixel_id[:chunk], self._sample.tof_ns[:chunk]
        order = np.argsort(pixel_id, kind="stable")
        ends = np.searchsorted(pixel_id[order], np.arange(1001))
        tofs_us, time = tof_ns[order] / 1000.0, self._mantid.kernel.DateAndTime(0, 0)
        for index in range(1000):
            add = workspace.getSpectrum(index).addEventQuickly
            for tof_us in tofs_us[ends[index] : ends[index + 1]].tolist():
                add(tof_us, time)
        assert workspace.getNumberEvents() == chunk


def beside(what: str, times: dict[str, Timing], target: str = "", met: bool | None = None) -> Row:
    """Mantid's times beside those of the native engine."""
    ours, native = times["mantid"], times["native"]
    ratio = f"{native.wall.median / ours.wall.median:.2g}"
    return Row(what, str(ours), target, met, f"native: {native}", ratio)


def rate(timing: Timing, events: int) -> Figure:
    """Events per second."""
    return Figure(tuple(1e3 * events / each for each in timing.wall.values), "/s")


def filling(contest: Contest, chunk: int, repeats: int) -> list[Row]:
    """How many events a second are stored, and how many are histogrammed besides."""
    ways: dict[str, Callable[[], None]] = {
        "mantid": partial(contest.store, chunk),
        "native": partial(contest.keep, chunk),
        "addEventQuickly": partial(contest.add, chunk),
    }
    _, times = interleaved(ways, repeats)
    ours, native, added = (rate(times[name], chunk) for name in ways)
    rows = [
        Row(
            f"events stored, chunks of {chunk:.0e}",
            str(ours),
            "≥ 1e+07/s",
            ours.median >= 1e7,
            f"addEventQuickly: {added}; native, which copies them: {native}",
            f"{added.median / ours.median:.2g}",
        )
    ]
    for engine in contest.engines.values():
        configured(engine, recipe(BINS))
    whole = {
        name: partial(contest.fill, engine, 10 * chunk, chunk)
        for name, engine in contest.engines.items()
    }
    _, times = interleaved(whole, repeats)
    ours, native = (rate(times[name], 10 * chunk) for name in whole)
    words, ratio = f"… and histogrammed, {BINS}", f"{native.median / ours.median:.2g}"
    met = ours.median >= 1e7
    return [*rows, Row(words, str(ours), "≥ 1e+07/s", met, f"native: {native}", ratio)]


def changes(contest: Contest, events: int, repeats: int) -> list[Row]:
    """Other units, bins and slices of events that are retained."""
    size, engines = f"{events:.0e} events", contest.engines
    plain, bins, other = recipe(ONE_BIN), recipe(BINS), recipe(OTHER_BINS)

    def filled(engine: Engine) -> None:
        configured(engine, bins)
        contest.fill(engine, events, 1_000_000)

    def each(before: Callable[[Engine], None], asked: Recipe) -> dict[str, Timing]:
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for _ in range(repeats):
            for name, engine in engines.items():
                before(engine)
                wall, cpu = time.perf_counter(), time.process_time()
                configured(engine, asked)
                seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
        return {name: Timing.of(pairs) for name, pairs in seconds.items()}

    rows = [
        beside(
            f"new bins on {size} that came one after the other, first time", each(filled, other)
        ),
        beside("… again", each(partial(configured, asked=bins), other)),
        beside(
            f"another unit: {size} to {BINS}",
            each(partial(configured, asked=plain), bins),
        ),
    ]
    for engine in engines.values():
        contest.fill(engine, 1_000_000, PULSE)
    sliced = each(partial(configured, asked=bins), recipe(BINS, 10))
    words = f"slicing 1e+06 events ten ways, {1_000_000 // PULSE} pulses in turn"
    return [*rows, beside(words, sliced)]


def memory(contest: Contest, events: int) -> Row:
    """Resident memory of retained events that came in chunks."""
    engine, process = contest.engines["mantid"], psutil.Process()
    configured(engine, recipe(BINS))
    before = process.memory_info().rss
    contest.fill(engine, events, 1_000_000)
    used = (process.memory_info().rss - before) / events
    words = "memory per event: raw, and converted besides"
    return Row(words, f"{used:.0f} B", peer="8 B as it came, 16 B in a workspace")


def growth(contest: Contest, pulses: int) -> Row:
    """Resident memory from a tenth of many small pulses to the end, as many events retained."""
    engine, process, resident = contest.engines["mantid"], psutil.Process(), [0]
    for _ in range(10):
        for _ in range(pulses // 10 // KEPT_PULSES):
            contest.fill(engine, KEPT_PULSES * SMALL_PULSE, SMALL_PULSE)
        resident.append(process.memory_info().rss)
    grown = (resident[-1] - resident[1]) / (0.9 * pulses)
    words = f"growth from {pulses // 10} to {pulses} pulses of {SMALL_PULSE} events"
    met = f"{resident[1] / 1e6:.0f} MB, then {resident[-1] / 1e6:.0f} MB"
    return Row(words, f"{grown:.0f} B a pulse", "≤ 1000 B", grown <= 1000, met)


def rows(quick: bool) -> list[Row]:
    """All rows, in this process."""
    contest, repeats = (
        Contest(MantidFramework.imported(), SampleEvents(1_000_000)),
        3 if quick else 5,
    )
    retained = 2_000_000 if quick else 10_000_000
    found = [memory(contest, retained)]
    found += filling(contest, 100_000, repeats)
    found += filling(contest, 1_000_000, repeats)
    found += changes(contest, retained, repeats)
    return [*found, growth(contest, 5_000 if quick else 10_000)]


if __name__ == "__main__":
    print(json.dumps([dataclasses.asdict(each) for each in rows("--quick" in sys.argv)]))
