import numpy as np
import pytest
import reference_data as reference

from reduction.geometry import Instrument, powder_arc

DERIVED = ("l2_m", "two_theta_rad", "difc_us_per_angstrom")


@pytest.mark.parametrize("column", ["detector_id", "position_m", *DERIVED])
def test_the_powder_arc_is_mantids(column):
    expected = reference.table("geometry_arc")[column]  # 1e-12 of the 2 m from the sample
    found = getattr(powder_arc(), column)[~powder_arc().is_monitor]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=2e-12)


def test_the_powder_arc_has_a_monitor_before_the_sample():
    arc = powder_arc()
    assert arc.detector_id[arc.is_monitor].tolist() == [1000]
    assert arc.path_m[arc.is_monitor].tolist() == [19.0]


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("column", DERIVED)
def test_angles_and_difc_follow_from_positions(name, column):
    expected = reference.table(f"geometry_{name}")[column]
    np.testing.assert_allclose(getattr(reference.instrument(name), column), expected, rtol=1e-12)


def test_a_file_that_is_no_instrument_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "half.npz", detector_id=np.arange(3))
    for path in (tmp_path / "half.npz", tmp_path / "absent.npz", __file__):
        with pytest.raises(ValueError, match=r"(half|absent|geometry).* is no instrument table"):
            Instrument.load(type(tmp_path)(path))


def test_a_detector_id_that_stands_twice_is_refused(tmp_path):
    columns = {"position_m": np.ones((2, 3)), "is_monitor": np.zeros(2, bool), "l1_m": 20.0}
    np.savez(tmp_path / "twice.npz", detector_id=np.array([7, 7]), **columns)
    with pytest.raises(ValueError, match="each id once"):
        Instrument.load(tmp_path / "twice.npz")
