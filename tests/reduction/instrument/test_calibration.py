"""A calibration file replaces the constants of the detectors that it has, in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reduction.instrument.calibration import Calibration, calibration
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.instrument.load_files import load_file
from reduction.parameters.detectors import DetectorSettings, ReadFiles
from reduction.parameters.specs import Refused

ARC = powder_arc()


def loaded(path: Path, instrument: Instrument = ARC) -> Calibration:
    """The calibration in a file."""
    file = load_file(DetectorFileKind.CALIBRATION, str(path), instrument).file
    settings = DetectorSettings(calibration=str(path), read=ReadFiles(calibration=file.digest))
    found = calibration(settings, instrument, [file])
    assert found is not None
    return found.constants


def from_file(path: Path, ids: list[float], difc: list[float]) -> np.ndarray:
    np.savez(path, detector_id=ids, difc_us_per_angstrom=difc)
    return loaded(path).difc_us_per_angstrom


def test_rows_in_any_order_go_to_their_detectors_and_unknown_ids_nowhere(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    ids = rng.permutation(np.arange(-200, 1200))[:700].tolist()
    difc = rng.uniform(1000, 9000, 700).tolist()
    expected = ARC.difc_us_per_angstrom.copy()
    place = {int(each): row for row, each in enumerate(ARC.detector_id[~ARC.is_monitor])}
    for each, value in zip(ids, difc, strict=True):
        if each in place:
            expected[place[each]] = value
    np.testing.assert_array_equal(from_file(tmp_path / "table.npz", ids, difc), expected)


def test_without_a_file_there_is_no_calibration() -> None:
    assert calibration(DetectorSettings(), ARC) is None


def test_a_file_that_the_order_does_not_have_is_refused() -> None:
    with pytest.raises(Refused, match="its content is not in the order"):
        calibration(DetectorSettings(calibration="/a"), ARC)


@pytest.mark.parametrize(
    ("ids", "difc", "why"),
    [
        ([2000, 3000], [1.0, 2.0], "no detector of powder_arc"),
        ([1, 1], [1.0, 2.0], "row 2: a detector id that row 1 has too, with other numbers"),
        ([1, 2.5], [1.0, 2.0], "row 2: a detector id was expected, a whole number"),
        ([1, np.nan], [1.0, 2.0], "row 2: a detector id was expected, a whole number"),
        ([1, 2], [1.0], "difc_us_per_angstrom: as many numbers as detector_id has"),
        ([1, 2], [1.0, 0.0], "row 2: a DIFC above 0 was expected"),
        ([1, 2], [1.0, np.nan], "row 2: a DIFC above 0 was expected"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_table(
    tmp_path: Path, ids: list[float], difc: list[float], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        from_file(tmp_path / "table.npz", ids, difc)
