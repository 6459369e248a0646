"""Operator screens in Phoebus: how soon they are there, and what they cost the IOC."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from phoebus import JARS, SCREENS, Phoebus, phoebus

from benchmarks.product import Product, product
from benchmarks.rows import Row
from benchmarks.timing import Figure
from benchmarks.usage import Usage

OPENED = ("overview", "slices", "expert")
TIMES = 5
LOOK_S = 0.02
SETTLED_S = 6.0
"""The IOC tells the worst delay of the last 5 s: what opening a screen costs is not to be in it."""


def measure(quick: bool) -> list[Row]:
    """The rows, where there is a Phoebus; one that says so elsewhere."""
    if not any(JARS.glob("core-launcher-*.jar")) or not all(map(shutil.which, ("java", "Xvfb"))):
        return [Row("not measured: Phoebus is not here (`make phoebus`)", "")]
    with product() as running, tempfile.TemporaryDirectory() as home:
        running.wait(running.counts)
        with phoebus(Path(home), running.network) as desk:
            _open(desk, running, "simulator", 0)
            return [*_opening(desk, running), *_watching(desk, running, 10 if quick else 60)]


def _open(desk: Phoebus, running: Product, name: str, number: int) -> float:
    """Seconds until a screen in a tab of its own has all its values."""
    began = time.perf_counter()
    desk.open(f"{name}.bob", P=running.prefix, N=str(number))
    while not (desk.shows(f"{name}.bob") and desk.connected()):
        time.sleep(LOOK_S)
    return time.perf_counter() - began


def _opening(desk: Phoebus, running: Product) -> list[Row]:
    times = []
    for number in range(TIMES):
        times.append(_open(desk, running, "overview", number))
        _open(desk, running, "simulator", number + 1)
    figure = Figure(tuple(times))
    return [
        Row(
            f"opening the overview until all values are there, {TIMES} times",
            str(figure),
            "all < 3 s",
            max(times) < 3,
        )
    ]


def _watching(desk: Phoebus, running: Product, seconds: int) -> list[Row]:
    for name in (*OPENED[1:], OPENED[0]):
        _open(desk, running, name, 0)
    time.sleep(SETTLED_S)
    usage, delays_ms = Usage(running.parts()), []
    for _ in range(seconds):
        time.sleep(1)
        delays_ms.append(1e3 * running.number("EventLoopDelay_RBV"))
    cores, worst = str(usage), float(np.percentile(delays_ms, 99))
    shown = Figure(tuple(1e3 * _shown(desk, running) for _ in range(2 * TIMES)), "ms")
    lag = running.number("Lag_RBV")
    return [
        Row(
            f"{', '.join(OPENED)} open, {seconds} s: worst delay of the IOC's event loop in the "
            "last seconds, p99 of readings",
            f"{worst:.3g} ms",
            "< 20 ms",
            worst < 20,
        ),
        Row("… cores busy", cores),
        Row("… `Lag_RBV`", f"{lag:.3g} s", "< 1 s", lag < 1),
        Row(
            f"… from `caput -c Pause` to the state's new colour, {2 * TIMES} times",
            str(shown),
            "median ≤ 250 ms",
            shown.median <= 250,
        ),
    ]


def _shown(desk: Phoebus, running: Product) -> float:
    """Seconds from the end of a put to when the screen shows it."""
    x, y = desk.middle("overview.bob", "$(P)DetectorState_RBV")
    before = desk.screen.pixels()[y, x - 30 : x + 30].copy()
    paused = running.tool("caget", "-t", running.prefix + "Pause_RBV").stdout.strip()
    running.tool("caput", "-c", running.prefix + "Pause", "0" if paused == "Pause" else "1")
    began = time.perf_counter()
    while np.array_equal(desk.screen.pixels()[y, x - 30 : x + 30], before):
        if time.perf_counter() - began > 5:
            raise TimeoutError(f"{SCREENS} never showed that Pause was put")
        time.sleep(LOOK_S)
    return time.perf_counter() - began
