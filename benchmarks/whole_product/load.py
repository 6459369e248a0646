"""The whole product at 5 million events a second: what it sustains, and how fast it rebins."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Mapping

import numpy as np
import psutil

from benchmarks.product import EVENTS_PER_PULSE, Product, product
from benchmarks.rows import Row, below, zero
from benchmarks.timing import Figure
from benchmarks.usage import Usage
from benchmarks.whole_product.recording import MonitorRecording, oldest_held_s, recording

COUNTS, LAG = "Red1:Spec:YC", "Lag_RBV"
RETAINED, MOST_RETAINED = 1e8, 1e9
"""Events retained when other bins are put."""

MOST_PER_PULSE = 3_571_429
"""At 14 Hz, 5e7 events a second."""

PAUSE_S = 0.1
PUTS = 110
BINS = (
    "0.4,0.01,5",
    "0.4,0.0001,5",
    "0.4,-0.001,5",
    "0.5,0.002,4.5",
    "0.4,0.001,1,0.01,5",
    "1,0.0005,3",
    "0.4,-0.0001,5",
    "0.6,0.003,2.4",
    "0.4,0.0005,2,0.005,5",
    "0.4,0.001,5",
)


MEDIAN_S, MOST_S = 0.05, 0.1
"""Targets for the median of puts of other bins, and for 99 of 100."""


def measure(quick: bool, parts: Collection[str]) -> dict[str, list[Row]]:
    """The rows of ``load``, ``rebin`` or both, from one run."""
    rows: dict[str, list[Row]] = {part: [] for part in parts}
    with product() as running:
        running.wait(running.counts)
        time.sleep(2 if quick else 5)
        with recording(running, COUNTS, LAG) as seen:
            running.wait(lambda: seen.size > 0)
            scale, puts = (0.01, 10) if quick else (1, PUTS)
            if "rebin" in parts:
                rows["rebin"] += _rebinned(running, seen, scale * RETAINED, puts)
            if "load" in parts:
                seconds = 10 if quick else 60
                rows["load"] += sustained(running, seen, running.parts(), seconds)
            if "rebin" in parts:
                rows["rebin"] += _rebinned(running, seen, scale * MOST_RETAINED, puts)
    return rows


def most(quick: bool) -> list[Row]:
    """The rows at ten times the rate."""
    with product(MOST_PER_PULSE) as running:
        running.wait(running.counts)
        time.sleep(5)
        with recording(running, COUNTS, LAG) as seen:
            running.wait(lambda: seen.size > 0)
            seconds = 10 if quick else 60
            return sustained(running, seen, running.parts(), seconds, MOST_PER_PULSE)


def sustained(
    running: Product,
    seen: MonitorRecording,
    parts: Mapping[str, psutil.Process],
    seconds: float,
    per_pulse: int = EVENTS_PER_PULSE,
    longest_lag_s: float = 1.0,
) -> list[Row]:
    """The rows of a product that takes ``per_pulse`` events a pulse for so many seconds."""
    offered_rate = per_pulse * 14
    usage, start = Usage(parts), seen.size
    before, began = running.number("EventTotal_RBV"), time.perf_counter()
    time.sleep(seconds)
    events, elapsed = running.number("EventTotal_RBV") - before, time.perf_counter() - began
    cores, counts, rate = str(usage), seen.updates(COUNTS, start), events / elapsed
    offered = f"all that come, {offered_rate:.3g}"
    return [
        Row(
            f"events a second, over {elapsed:.0f} s",
            f"{rate:.3g}",
            offered,
            rate > 0.99 * offered_rate,
        ),
        zero("… pulses missing", running.number("PulsesMissing_RBV")),
        zero("… chunks dropped at the source", running.number("Sim:ChunksDropped_RBV")),
        below("… longest `Lag_RBV`", longest_lag(seen, start), longest_lag_s),
        below("… oldest counts that the client had", oldest_held_s(counts), 1),
        Row("… updates of the counts a second", f"{len(counts) / elapsed:.2f}"),
        Row("… cores busy", cores),
        Row("… memory of all ranks", _memory(running)),
    ]


def longest_lag(seen: MonitorRecording, start: int) -> float:
    """The longest, in s, of all values posted since ``start``; NaN if none was."""
    return max((each.number for each in seen.updates(LAG, start)), default=float("nan"))


def _memory(running: Product) -> str:
    memory, retained = running.number("MemoryUse_RBV"), running.number("RetainedEvents_RBV")
    return f"{memory / 1e9:.2f} GB with {retained:.3g} events retained"


def _rebinned(running: Product, seen: MonitorRecording, needed: float, puts: int) -> list[Row]:
    running.wait(lambda: running.number("RetainedEvents_RBV") >= needed, 0.5)
    usage, start, times, alone = Usage(running.parts()), seen.size, list[float](), list[float]()
    retained = running.number("RetainedEvents_RBV")
    settings = list(itertools.islice(itertools.cycle(BINS), puts))
    for nth, bins in enumerate(settings):
        times.append(_caput(running, "Red1:BinParams", bins))
        time.sleep(PAUSE_S)
        if nth % 5 == 0:
            alone.append(_caput(running, "File:Name", f"name{nth}"))
    cores, now = str(usage), running.number("RetainedEvents_RBV")
    slowest, figure = settings[times.index(max(times))], Figure(tuple(times))
    most = float(np.quantile(times, 0.99))
    return [
        Row(
            f"{len(times)} times other bins, for {retained:.2g} … {now:.2g} events",
            f"{figure}, slowest `{slowest}`",
            f"≤ {MEDIAN_S:g} s",
            figure.median <= MEDIAN_S,
            f"`caput -c` of a setting that only the IOC obeys: {Figure(tuple(alone))}",
        ),
        Row("… 99 of 100 within", f"{most:.3g} s", f"≤ {MOST_S:g} s", most <= MOST_S),
        Row("… longest `Lag_RBV` meanwhile", f"{longest_lag(seen, start):.3g} s"),
        Row(
            "… oldest counts that the client had",
            f"{oldest_held_s(seen.updates(COUNTS, start)):.3g} s",
        ),
        zero("… pulses missing after it", running.number("PulsesMissing_RBV")),
        Row("… cores busy", cores),
    ]


def _caput(running: Product, pv: str, value: str) -> float:
    """How long it took to put a text, in s."""
    began = time.perf_counter()
    done = running.put(pv, value, "-S")
    elapsed = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"caput of {value}: {done.stdout}{done.stderr}")
    return elapsed
