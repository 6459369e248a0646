"""The whole product with an image: pictures and spectra a second, lag, and what a window takes."""

from __future__ import annotations

import itertools
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.product import Product, product
from benchmarks.rows import Row, below, zero
from benchmarks.timing import Figure
from benchmarks.usage import Usage
from benchmarks.whole_product.load import COUNTS, LAG, RETAINED
from benchmarks.whole_product.recording import MonitorRecording, recording

MILLION = Path(__file__).parents[2] / "examples" / "million_pixels.xml"
BANKS, TUBE = 32, 256
"""The banks of that instrument, and the pixels of a column."""

COLUMNS = 128
"""The columns of each of its banks."""

MANY_COLUMNS = 1465
"""The columns of each bank of an instrument with twelve million pixels."""

PICTURES = "Red1:Image:ArrayCounter_RBV"

SETTLE_S = 5.0
"""What the start has left waiting is worked off after this time."""


@dataclass(frozen=True)
class ImageLoad:
    """An instrument and a rate, and the words for both."""

    words: str
    events_per_s: float
    columns: int = 0
    """Columns of each bank; 0: the simulated arc of 1000 detectors."""


CASES = (
    ImageLoad("1000 pixels, 1e6 events/s: ", 1e6),
    ImageLoad("1e6 pixels, 1e6 events/s: ", 1e6, COLUMNS),
    ImageLoad("12e6 pixels, 1e6 events/s: ", 1e6, MANY_COLUMNS),
    ImageLoad("1e6 pixels, 1e7 events/s: ", 1e7, COLUMNS),
)


def measure(quick: bool) -> list[Row]:
    """The rows of all instruments and rates."""
    cases = (CASES[0], CASES[1]) if quick else CASES
    rows = [row.named(each.words) for each in cases for row in _of(each, 5 if quick else 30)]
    return rows if quick else [*rows, *(row.named(CASES[-1].words) for row in windows(CASES[-1]))]


def definition(columns: int) -> str:
    """The definition of an instrument with so many columns of 256 pixels in each of its banks."""
    text = MILLION.read_text(encoding="utf-8")
    ids = columns * TUBE
    text = re.sub(r'idstart="(\d+)"', lambda m: f'idstart="{int(m[1]) // 32768 * ids}"', text)
    text = text.replace('<id val="1048576"/>', f'<id val="{BANKS * ids}"/>')
    step = 0.0023 * COLUMNS / columns
    return text.replace(
        'xpixels="128" xstart="-0.14605" xstep="0.0023"',
        f'xpixels="{columns}" xstart="{-step * (columns - 1) / 2}" xstep="{step}"',
    )


@contextmanager
def _running(case: ImageLoad) -> Iterator[Product]:
    with tempfile.TemporaryDirectory() as folder:
        flags = list[str]()
        if case.columns:
            path = Path(folder) / "panels.xml"
            path.write_text(definition(case.columns), encoding="utf-8")
            flags.append(f"--instrument={path}")
        with product(round(case.events_per_s / 14), *flags) as running:
            running.wait(running.counts, 0.5)
            yield running


def _of(case: ImageLoad, seconds: float) -> Iterator[Row]:
    """The rows of a case: without a client of the image, with one, and other windows."""
    with _running(case) as running:
        time.sleep(SETTLE_S)
        with recording(running, COUNTS, LAG) as seen:
            running.wait(lambda: seen.size > 0)
            yield from _spectra(running, seen, seconds, "nobody watches")
            _put(running, "Made", "Always")
            running.wait(lambda: running.number(PICTURES) > 0, 0.2)
            before, began = running.number(PICTURES), time.perf_counter()
            yield from _spectra(running, seen, seconds, "an image is made")
            pictures = running.number(PICTURES) - before
            rate = pictures / (time.perf_counter() - began)
            yield Row("… images a second", f"{rate:.2f}", "≥ 1", rate >= 1)
            shape = [running.number(f"Red1:Image:ArraySize{axis}_RBV") for axis in "XY"]
            cells = int(shape[0] * shape[1])
            yield Row("… what a rank sends for each image", f"{8 * cells} B: 8 B a cell")


def _spectra(running: Product, seen: MonitorRecording, seconds: float, words: str) -> Iterator[Row]:
    """How often spectra come, how late, and what is busy, for so many seconds."""
    usage, start = Usage(running.parts()), seen.size
    time.sleep(seconds)
    rate = len(seen.updates(COUNTS, start)) / seconds
    yield Row(f"{words}: spectra a second", f"{rate:.2f}", "5, but for a tenth", rate >= 4.5)
    lags = [each.number for each in seen.updates(LAG, start)]
    yield below("… longest `Lag_RBV`", max(lags, default=float("nan")), 1)
    yield zero("… pulses missing", running.number("PulsesMissing_RBV"))
    yield Row("… cores busy", str(usage))


def windows(case: ImageLoad) -> Iterator[Row]:
    """How long other windows and views take from `RETAINED` events on, while more arrive."""
    with _running(case) as running, recording(running, COUNTS, LAG) as seen:
        _put(running, "Made", "Always")
        running.wait(lambda: running.number("RetainedEvents_RBV") >= RETAINED, 0.5)
        yield from _windows(running, seen)


def _windows(running: Product, seen: MonitorRecording) -> Iterator[Row]:
    """How long windows and views take until an image shows them."""
    _put(running, "Min", "0.5")
    _put(running, "Max", "1")
    start = seen.size
    times = [_put(running, "Max", f"{1 + number / 10}") for number in range(1, 4)]
    events = running.number("RetainedEvents_RBV")
    views = itertools.islice(itertools.cycle(("Front", "Cylinder", "Panels")), 9)
    view_times = [_put(running, "View", view) for view in views]
    for words, figure in (("window", Figure(tuple(times))), ("view", Figure(tuple(view_times)))):
        what = f"… another {words} of {events:.2g} events, until the put returns"
        yield Row(what, str(figure), "< 1 s", figure.median < 1)
    lags = [each.number for each in seen.updates(LAG, start)]
    yield below("… longest `Lag_RBV` meanwhile", max(lags, default=float("nan")), 1)


def _put(running: Product, setting: str, value: str) -> float:
    """Put a setting of the image; how long it took, in s."""
    began = time.perf_counter()
    done = running.put(f"Red1:Image:{setting}", value)
    if done.returncode:
        raise RuntimeError(f"caput of {setting} {value}: {done.stdout}{done.stderr}")
    return time.perf_counter() - began
