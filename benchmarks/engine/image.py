"""Images and maps on one rank: another window, another view, arriving events, memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from benchmarks.rows import Row, below
from benchmarks.timing import Figure
from reduction.engines.cell_sums import cell_sums
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import PixelWindow, Recipe, ViewKind, ViewRecipes
from reduction.instrument.geometry import Instrument
from reduction.instrument.layout import DetectorLayout, detector_layout
from reduction.parameters.bins import edges
from reduction.parameters.images.image import ImageView
from reduction.parameters.units import Units

FOREVER_S = math.inf
CHUNK = 180_000
SIDE = 1000
"""Rows of a panel; instruments have panels of as many columns, side by side around the sample."""


def measure(quick: bool) -> list[Row]:
    """The rows for a rank's half of a hundred million events, when two ranks share them."""
    events = 2_000_000 if quick else 50_000_000
    sizes = (1000, 1_000_000) if quick else (1000, 1_000_000, 12_000_000)
    return [row for pixels in sizes for row in _of_size(pixels, events, 3 if quick else 5)]


def panels(pixels: int) -> Instrument:
    """Flat panels of at most a million detectors each, in equal angles around the sample."""
    banks = max(pixels // SIDE**2, 1)
    each = pixels // banks
    rows = min(SIDE, each // 10)
    column, row = np.divmod(np.arange(each), rows)
    bank = np.repeat(np.arange(banks), each)
    angle = np.radians(20 + 140 * bank / max(banks, 1))
    across, up = np.tile(column - column.mean(), banks) * 4e-4, np.tile(row - row.mean(), banks)
    x = 2 * np.sin(angle) + across * np.cos(angle)
    z = 2 * np.cos(angle) - across * np.sin(angle)
    return Instrument(
        "panels",
        np.arange(banks * each, dtype=np.int32),
        np.stack([x, up * 4e-4, z], axis=1),
        np.zeros(banks * each, np.bool_),
        20.0,
        bank.astype(np.int32),
        tuple(f"bank{number}" for number in range(banks)),
    )


def _of_size(pixels: int, events: int, repeats: int) -> list[Row]:
    instrument = panels(pixels)
    group = np.zeros(instrument.detector_id.size, np.int32)
    recipe = Recipe(Units.D_SPACING, edges("0.4,0.001,5", 10_000), group)
    engine = NativeEngine(instrument, [recipe])
    rng = np.random.default_rng(1)
    ids = rng.integers(0, group.size, min(events, 5_000_000)).astype(np.int32)
    tofs = rng.integers(1_000_000, 60_000_000, ids.size).astype(np.int32)
    for start in range(0, events, CHUNK):
        here = (start % (ids.size - CHUNK)) if ids.size > CHUNK else 0
        engine.accumulate(ids[here : here + CHUNK], tofs[here : here + CHUNK], start)
    assert engine.advance(FOREVER_S)
    windows = Figure(tuple(_window(engine, 0.5 + number / 10) for number in range(repeats)), "s")
    layouts = list[DetectorLayout]()
    view_s = _timed(lambda: layouts.append(detector_layout(instrument, ImageView.CYLINDER, 512)))
    layout = layouts[0]
    sum_s = _timed(lambda: cell_sums(engine.pixel_counts(0), layout.cell, layout.cells))
    engine.accumulate(ids[:CHUNK], tofs[:CHUNK], events + 1)
    assert engine.advance(FOREVER_S)
    more_s = _timed(lambda: engine.advance_views(FOREVER_S))
    words = f"{group.size:.0e} pixels, {events:.0e} events: "
    used = (engine.pixel_counts(0).nbytes + layout.cell.nbytes) / group.size
    return [
        Row(f"{words}another window", str(windows), "< 1 s", windows.median < 1),
        below(f"{words}another view: layout, in a thread", view_s, 10),
        below(f"{words}… and its sum, the work of each image", sum_s, 0.1),
        Row("… events that arrive", f"{1e9 * more_s / CHUNK:.1f} ns an event more"),
        Row("… memory of the image", f"{used:.0f} B a pixel", "≤ 8 B", used <= 8),
        below(f"{words}a map of 100 rows from all", _map(engine, recipe), 2),
    ]


def _window(engine: NativeEngine, low: float) -> float:
    engine.set_views(0, ViewRecipes(PixelWindow(0, 1, (low, low + 1))))
    return _timed(lambda: engine.advance_views(FOREVER_S))


def _map(engine: NativeEngine, recipe: Recipe) -> float:
    rows = (np.arange(recipe.group.size) * 100 // recipe.group.size).astype(np.int32)
    made = Recipe(recipe.units, recipe.edges, rows)
    engine.set_views(0, ViewRecipes(None, {ViewKind.MAP: made}))
    return _timed(lambda: engine.advance_views(FOREVER_S))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
