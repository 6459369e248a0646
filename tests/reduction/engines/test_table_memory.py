"""Memory of what the native engine keeps of each detector."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED
from reduction.parameters.units import Units

DETECTORS = 100_000
EDGES = np.linspace(0.5, 4.0, 3501)


def panel() -> Instrument:
    """A panel of detectors, each at a place of its own."""
    across = np.linspace(-1, 1, DETECTORS)
    position_m = np.stack([across, across**2, np.ones(DETECTORS)], axis=1)
    ids = np.arange(DETECTORS, dtype=np.int32)
    return Instrument("panel", ids, position_m, np.zeros(DETECTORS, np.bool_), 10.0)


@pytest.mark.parametrize(
    ("masked", "groups", "calibrated", "most_bytes"),
    [(0, 1, False, 13), (1000, 1, False, 13), (1000, 100, True, 21), (1000, 200, False, 14)],
    ids=["one group", "masked", "calibrated", "in groups"],
)
def test_a_reduction_keeps_a_coefficient_a_cell_and_a_group_of_each_detector(
    masked: int, groups: int, calibrated: bool, most_bytes: int
) -> None:
    instrument = panel()
    NativeEngine(instrument, [Recipe(Units.D_SPACING, EDGES, np.zeros(DETECTORS, np.int32))])
    tracemalloc.start()
    try:
        group = np.arange(DETECTORS, dtype=np.int32) % groups
        group[:masked] = MASKED
        difc = instrument.difc_us_per_angstrom
        calibration = Calibration.of_difc(difc) if calibrated else None
        recipe = Recipe(Units.D_SPACING, EDGES, group, calibration=calibration)
        del group, difc, calibration
        before, _ = tracemalloc.get_traced_memory()
        engine = NativeEngine(instrument, [recipe])
        after, _ = tracemalloc.get_traced_memory()
        kept = after - before + recipe.group.nbytes
        kept += 0 if recipe.calibration is None else DETECTORS * 8
    finally:
        tracemalloc.stop()
    of_cells = engine.cells(0).nbytes * 3 + (1 << 17)  # the cells, and what is not by detector
    assert kept - of_cells < most_bytes * DETECTORS
