"""Memory of what the native engine keeps of each detector."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.engines.recipe import recipe
from reduction.instrument.calibration import Calibration
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.geometry import Instrument
from reduction.instrument.load_files import load_file
from reduction.instrument.selection import MASKED
from reduction.parameters.detectors import DetectorSettings, ReadFiles
from reduction.parameters.reduction import ReductionSettings
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


def calibrated_by_file(folder: Path, instrument: Instrument, *, curved: bool) -> Recipe:
    """The recipe of a calibration in a file."""
    constants = np.linspace(0.99, 1.01, DETECTORS) * instrument.difc_us_per_angstrom
    more: dict[str, Any] = {"difc_us_per_angstrom": constants}
    if curved:
        more |= {"difa_us_per_angstrom2": constants / 9e3, "tzero_us": constants / 9e3}
    path = folder / f"{curved}.npz"
    np.savez(path, detector_id=instrument.detector_id, **more)
    file = load_file(DetectorFileKind.CALIBRATION, str(path), instrument).file
    detectors = DetectorSettings(calibration=str(path), read=ReadFiles(calibration=file.digest))
    return recipe(ReductionSettings(detectors=detectors), instrument, files=(file,))


@pytest.mark.parametrize(("curved", "most_bytes"), [(False, 14), (True, 38)])
def test_a_calibration_of_a_file_is_kept_in_the_tables_of_the_engine_alone(
    tmp_path: Path, curved: bool, most_bytes: int
) -> None:
    instrument = panel()
    NativeEngine(instrument, [calibrated_by_file(tmp_path, instrument, curved=curved)])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        made = calibrated_by_file(tmp_path, instrument, curved=curved)
        of_file, _ = tracemalloc.get_traced_memory()
        engine = NativeEngine(instrument, [made])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    packed = DETECTORS * (25 if curved else 9)  # what the order holds of it
    assert of_file - before < packed + 2 * DETECTORS + (1 << 17)
    of_cells = engine.cells(0).nbytes * 3 + (1 << 17)
    assert kept - of_file - of_cells < most_bytes * DETECTORS
