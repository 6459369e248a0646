"""Operator screens in Phoebus: how soon they are there, and what they cost the IOC."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.product import Product, product
from benchmarks.rows import Row
from benchmarks.timing import Figure
from benchmarks.usage import Usage
from tests.support.displays.phoebus import JARS, SCREENS, Phoebus, running_phoebus

OPENED = ("overview", "slices", "expert")
TIMES = 5
LOOK_S = 0.1
MINUTE_S, WORST_OF_S, SLEEP_S = 60, 5, 0.05
"""The IOC tells its delay of the last minute, the worst of the last seconds, and how it looks."""


def measure(quick: bool) -> list[Row]:
    """The rows, where there is a Phoebus; one that says so elsewhere."""
    if not any(JARS.glob("core-launcher-*.jar")) or not all(map(shutil.which, ("java", "Xvfb"))):
        return [Row("not measured: Phoebus is not here (`make phoebus`)", "")]
    with product() as running, tempfile.TemporaryDirectory() as home:
        running.wait(running.counts)
        with running_phoebus(Path(home), running.network) as viewer:
            _open(viewer, running, "simulator", 0)
            return [*_opening(viewer, running), *_watching(viewer, running, 0 if quick else 1)]


def _open(viewer: Phoebus, running: Product, name: str, number: int) -> float:
    """Seconds until a screen in a tab of its own has all its values."""
    began = time.perf_counter()
    viewer.open(f"{name}.bob", P=running.prefix, N=str(number))
    while not (viewer.shows(f"{name}.bob") and viewer.is_connected()):
        time.sleep(LOOK_S)
    return time.perf_counter() - began


def _opening(viewer: Phoebus, running: Product) -> list[Row]:
    times = []
    for number in range(TIMES):
        times.append(_open(viewer, running, "overview", number))
        _open(viewer, running, "simulator", number + 1)
    figure = Figure(tuple(times))
    return [
        Row(
            f"opening the overview until all values are there, {TIMES} times",
            str(figure),
            "all < 3 s",
            max(times) < 3,
        )
    ]


def _watching(viewer: Phoebus, running: Product, settling: int) -> list[Row]:
    """Rows of a minute with screens open, after so many in which what opening them cost goes by."""
    for name in (*OPENED[1:], OPENED[0]):
        _open(viewer, running, name, 0)
    time.sleep(settling * MINUTE_S)
    usage, worst_ms, slept_ms = Usage(running.parts()), 0.0, []
    for _ in range(MINUTE_S // WORST_OF_S):
        slept_ms += [_overslept_ms() for _ in range(round(WORST_OF_S / SLEEP_S))]
        worst_ms = max(worst_ms, 1e3 * running.number("EventLoopDelay_RBV"))
    p99_ms, cores = 1e3 * running.number("EventLoopDelayP99_RBV"), str(usage)
    shown = Figure(tuple(1e3 * _shown(viewer, running) for _ in range(2 * TIMES)), "ms")
    lag = running.number("Lag_RBV")
    return [
        Row(
            f"{', '.join(OPENED)} open, a minute: delay of the IOC's event loop, p99",
            f"{p99_ms:.3g} ms (at most {worst_ms:.3g})",
            "< 20 ms",
            p99_ms < 20,
            f"a process that only sleeps: {np.percentile(slept_ms, 99):.3g} ms "
            f"(at most {max(slept_ms):.3g})",
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


def _overslept_ms() -> float:
    """How late a process is that does nothing but sleep: what the machine does to everyone."""
    began = time.perf_counter()
    time.sleep(SLEEP_S)
    return 1e3 * (time.perf_counter() - began - SLEEP_S)


def _shown(viewer: Phoebus, running: Product) -> float:
    """Seconds from the end of a put to when the screen shows it."""
    x, y = viewer.widget_centre("overview.bob", "$(P)DetectorState_RBV")
    before = viewer.screen.pixels()[y, x - 30 : x + 30].copy()
    paused = running.tool("caget", "-t", running.prefix + "Pause_RBV").stdout.strip()
    running.tool("caput", "-c", running.prefix + "Pause", "0" if paused == "Pause" else "1")
    began = time.perf_counter()
    while np.array_equal(viewer.screen.pixels()[y, x - 30 : x + 30], before):
        if time.perf_counter() - began > 5:
            raise TimeoutError(f"{SCREENS} never showed that Pause was put")
        time.sleep(LOOK_S)
    return time.perf_counter() - began
