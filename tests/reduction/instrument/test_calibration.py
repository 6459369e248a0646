"""A calibration file replaces DIFC of the detectors that it has, in whatever order they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reduction.instrument.calibration import calibration
from reduction.instrument.geometry import powder_arc
from reduction.parameters.reduction import DetectorSettings
from reduction.parameters.specs import Refused

ARC = powder_arc()


def from_file(path: Path, ids: list[float], difc: list[float]) -> np.ndarray:
    np.savez(path, detector_id=ids, difc_us_per_angstrom=difc)
    found = calibration(DetectorSettings(calibration=str(path)), ARC)
    assert found is not None
    return found.difc_us_per_angstrom


def test_rows_in_any_order_go_to_their_detectors_and_unknown_ids_nowhere(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    ids = rng.permutation(np.arange(-200, 1200))[:700].tolist()
    difc = rng.uniform(1000, 9000, 700).tolist()
    expected = ARC.difc_us_per_angstrom.copy()
    place = {int(each): row for row, each in enumerate(ARC.detector_id)}
    for each, value in zip(ids, difc, strict=True):
        if each in place:
            expected[place[each]] = value
    np.testing.assert_array_equal(from_file(tmp_path / "table.npz", ids, difc), expected)


def test_without_a_file_there_is_no_calibration() -> None:
    assert calibration(DetectorSettings(), ARC) is None


@pytest.mark.parametrize(
    ("ids", "difc", "why"),
    [
        ([2000, 3000], [1.0, 2.0], "no detector of powder_arc"),
        ([1, 1], [1.0, 2.0], "each detector id once"),
        ([1, 2.5], [1.0, 2.0], "a detector id and a DIFC in each row"),
        ([1, np.nan], [1.0, 2.0], "a detector id and a DIFC in each row"),
        ([1, 2], [1.0], "a detector id and a DIFC in each row"),
        ([1, 2], [1.0, 0.0], "every DIFC is a number above 0"),
        ([1, 2], [1.0, np.nan], "every DIFC is a number above 0"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_table(
    tmp_path: Path, ids: list[float], difc: list[float], why: str
) -> None:
    with pytest.raises(Refused, match=why):
        from_file(tmp_path / "table.npz", ids, difc)
