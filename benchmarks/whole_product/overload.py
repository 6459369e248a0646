"""The whole product with more events than two cores can take: results and settings go on."""

from __future__ import annotations

import itertools
import time

from benchmarks.product import Product, product
from benchmarks.rows import Row, below, zero
from benchmarks.timing import Figure
from benchmarks.whole_product.load import BINS, COUNTS
from benchmarks.whole_product.recording import recording

LOG_LIMIT = "12G"
FEW_PER_PULSE = 1000
EVENTS_PER_PULSE = 4_000_000
"""At 14 Hz, 5.6e7 events a second."""

PAUSE_S = 1.0


def measure(quick: bool) -> list[Row]:
    """The rows of half a minute with too many events, and of working them off."""
    seconds = 10.0 if quick else 30.0
    with product(FEW_PER_PULSE, f"--log-limit={LOG_LIMIT}") as running:
        running.wait(running.counts)
        with recording(running, COUNTS) as seen:
            running.wait(lambda: seen.size > 0)
            start, began_s = seen.size, time.perf_counter()
            running.put("Sim:EventsPerPulse", str(EVENTS_PER_PULSE))
            times = _other_bins(running, began_s + seconds)
            events, lag_s = running.number("EventTotal_RBV"), running.number("Lag_RBV")
            running.put("Sim:EventsPerPulse", str(FEW_PER_PULSE))
            arrivals = [each.arrival_s for each in seen.updates(COUNTS, start)]
            running.wait(lambda: running.number("Lag_RBV") < 1, 0.2)
        between = max(later - one for one, later in itertools.pairwise(arrivals))
        bins = Figure(tuple(times))
        return [
            Row(f"events a second in the result, {seconds:.0f} s", f"{events / seconds:.3g}"),
            Row("… `Lag_RBV` at the end", f"{lag_s:.1f} s"),
            below("… longest time between two results", between, 1),
            Row("… other bins until the put returns", str(bins), "< 1 s", max(times) < 1),
            zero("… pulses missing once all is worked off", running.number("PulsesMissing_RBV")),
            zero("… chunks dropped at the source", running.number("Sim:ChunksDropped_RBV")),
        ]


def _other_bins(running: Product, until_s: float) -> list[float]:
    """How long other bins took, in s, one after the other with pauses."""
    times, bins = list[float](), itertools.cycle(BINS)
    while time.perf_counter() < until_s:
        began_s = time.perf_counter()
        running.put("Red1:BinParams", next(bins), "-w", "60")
        times.append(time.perf_counter() - began_s)
        time.sleep(PAUSE_S)
    return times
