"""The whole product at 5 million events a second: what it sustains, and how fast it rebins."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import psutil

from benchmarks.product import EVENTS_PER_PULSE, Product, product
from benchmarks.rows import Row, below, zero
from benchmarks.timing import Figure
from benchmarks.usage import Usage
from benchmarks.whole_product.recording import MonitorRecording, oldest_held_s, recording

COUNTS, LAG = "Red1:Spec:YC", "Lag_RBV"
RETAINED = 1e8
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


class PutTargets(NamedTuple):
    """Targets for puts of other bins: for the longest of them, and for 99 of 100."""

    longest_s: float = 1.0
    most_s: float = 0.2


LIMITS = PutTargets()


def measure(quick: bool, parts: Collection[str]) -> dict[str, list[Row]]:
    """The rows of ``load``, ``rebin`` or both, from one run; rebinning again after the load."""
    rows: dict[str, list[Row]] = {part: [] for part in parts}
    with product() as running:
        running.wait(running.counts)
        time.sleep(2 if quick else 5)
        with recording(running, COUNTS, LAG) as seen:
            running.wait(lambda: seen.size > 0)
            if "rebin" in parts:
                needed = RETAINED / 10 if quick else RETAINED
                running.wait(lambda: running.number("RetainedEvents_RBV") >= needed, 0.5)
                rows["rebin"] += _rebinned(running, seen, 10 if quick else PUTS, LIMITS)
            if "load" in parts:
                seconds = 10 if quick else 60
                rows["load"] += sustained(running, seen, running.parts(), seconds)
            if len(parts) > 1:
                rows["rebin"] += _rebinned(running, seen, len(BINS), None)
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


def _rebinned(
    running: Product, seen: MonitorRecording, puts: int, limits: PutTargets | None
) -> list[Row]:
    usage, start, times = Usage(running.parts()), seen.size, []
    retained = running.number("RetainedEvents_RBV")
    settings = list(itertools.islice(itertools.cycle(BINS), puts))
    for bins in settings:
        times.append(_caput(running, bins))
        time.sleep(PAUSE_S)
    cores, now = str(usage), running.number("RetainedEvents_RBV")
    slowest = settings[times.index(max(times))]
    return [
        Row(
            f"{len(times)} times other bins, for {retained:.2g} … {now:.2g} events",
            f"{Figure(tuple(times))}, slowest `{slowest}`",
            f"all < {limits.longest_s:g} s" if limits else "",
            max(times) < limits.longest_s if limits else None,
            "Mantid's live listener: loses the events",
        ),
        *(_most(times, limits) if limits else ()),
        Row("… longest `Lag_RBV` meanwhile", f"{longest_lag(seen, start):.3g} s"),
        Row(
            "… oldest counts that the client had",
            f"{oldest_held_s(seen.updates(COUNTS, start)):.3g} s",
        ),
        zero("… pulses missing after it", running.number("PulsesMissing_RBV")),
        Row("… cores busy", cores),
    ]


def _most(times: Sequence[float], limits: PutTargets) -> list[Row]:
    """The 99th percentile."""
    most = float(np.quantile(times, 0.99))
    met = most <= limits.most_s
    return [Row("… 99 of 100 within", f"{most:.3g} s", f"≤ {limits.most_s:g} s", met)]


def _caput(running: Product, bins: str) -> float:
    """How long it took to have other bins, in s."""
    began = time.perf_counter()
    done = running.put("Red1:BinParams", bins, "-S")
    elapsed = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"caput of {bins}: {done.stdout}{done.stderr}")
    return elapsed
