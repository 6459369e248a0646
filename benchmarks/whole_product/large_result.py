"""A result of 32 slices, 32 groups and 5000 bins, beside one of a single slice and group."""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.product import Product, product
from benchmarks.rows import Row
from benchmarks.usage import Usage
from reduction.instrument.geometry import powder_arc

EVENTS_PER_PULSE = 71_429
"""At 14 Hz, a million events a second."""

BINS = "0.4,0.0001,0.9"
SLICES, GROUPS, BINS_COUNT = 32, 32, 5000

SLICES_BY_TIME = "time,0,100,3200"

LEAST_RATE, MOST_DELAY_S = 2.0, 0.02
SETTLING_S, LOOK_S = 6.0, 5.0
"""The IOC tells the longest delay of its event loop of the last five seconds."""


@dataclass(frozen=True)
class Posted:
    """What was seen of results for some time: how many came a second, and at what cost."""

    rate: float
    longest_delay_s: float
    lag_s: float
    cores: str


def measure(quick: bool) -> list[Row]:
    """The rows; the peer is the same run with neither slices nor groups."""
    seconds = 10.0 if quick else 60.0
    with product(EVENTS_PER_PULSE) as running:
        running.wait(running.counts)
        _put(running, "Red1:BinParams", BINS)
        plain = _seen(running, seconds)
        pixels = powder_arc().detector_id.size // GROUPS
        groups = ";".join(f"{n * pixels}:{(n + 1) * pixels - 1}" for n in range(GROUPS))
        _put(running, "Red1:Groups", groups)
        _put(running, "Red1:Filter:Params", SLICES_BY_TIME)
        large = _seen(running, seconds)
    return [
        Row(
            f"results of {SLICES} slices, {GROUPS} groups, {BINS_COUNT} bins: posted",
            f"{large.rate:.2f} a second",
            f"≥ {LEAST_RATE:g} a second",
            large.rate >= LEAST_RATE,
            f"one slice, one group: {plain.rate:.2f} a second",
        ),
        Row(
            "… longest delay of the IOC's event loop",
            f"{1e3 * large.longest_delay_s:.3g} ms",
            f"≤ {1e3 * MOST_DELAY_S:g} ms",
            large.longest_delay_s <= MOST_DELAY_S,
            f"{1e3 * plain.longest_delay_s:.3g} ms",
        ),
        Row("… `Lag_RBV`", f"{large.lag_s:.3g} s", peer=f"{plain.lag_s:.3g} s"),
        Row("… cores busy", large.cores, peer=plain.cores),
    ]


def _put(running: Product, name: str, value: str) -> None:
    """Put a text with completion; raises RuntimeError if it is refused."""
    done = running.put(name, value, "-S")
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")


def _seen(running: Product, seconds: float) -> Posted:
    """What is seen of results for so long, after some time to settle."""
    time.sleep(SETTLING_S)
    usage, before = Usage(running.parts()), running.number("ArrayCounter_RBV")
    began, delays_s, lags_s = time.perf_counter(), [], []
    while time.perf_counter() - began < seconds:
        time.sleep(LOOK_S)
        delays_s.append(running.number("EventLoopDelay_RBV"))
        lags_s.append(running.number("Lag_RBV"))
    posted = running.number("ArrayCounter_RBV") - before
    rate = posted / (time.perf_counter() - began)
    return Posted(rate, max(delays_s), max(lags_s), str(usage))
