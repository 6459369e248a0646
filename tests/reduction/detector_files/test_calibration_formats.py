"""Calibrations of each format are read, and what cannot be one is refused by its place."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.detector_files.columns import CalibrationColumns
from reduction.detector_files.content import BadDetectorFile
from reduction.detector_files.read import read_calibration, read_groups, read_mask
from reduction.detector_files.save_diff_cal import MOST_ROWS

CAL = """\
# Ariel detector file, made of nothing
# Format: number  UDET offset  select  group
    0       11  0.0000000  1    1
    1       12 -0.0050000  0    1

	2	13	0.25	1	0
    3       14  1e-3       1    7   # dodgy
"""


def hdf5(columns: Mapping[str, Any], group: str = "calibration", **how: Any) -> bytes:
    """A file with a dataset for each column."""
    with h5py.File("any", "w", driver="core", backing_store=False) as file:
        made = file.create_group(group)
        for name, values in columns.items():
            made.create_dataset(name, data=values, **how)
        file.flush()
        return bytes(file.id.get_file_image())


def npz(**columns: Any) -> bytes:
    content = io.BytesIO()
    np.savez(content, **columns)
    return content.getvalue()


def calibration(content: bytes | str, name: str = "a.cal") -> CalibrationColumns:
    data = content.encode() if isinstance(content, str) else content
    return read_calibration(data, Path(name))


def column(values: Any) -> list[Any] | None:
    return None if values is None else values.tolist()


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_cal_has_offsets_and_which_detectors_to_use_and_their_groups(
    newline: str, start: str
) -> None:
    columns = calibration(start + CAL.replace("\n", newline))
    assert columns.detector_id.tolist() == [11, 12, 13, 14]
    assert column(columns.offset) == [0.0, -0.005, 0.25, 0.001]
    assert column(columns.use) == [True, False, True, True]
    assert column(columns.group) == [1, 1, 0, 7]
    assert (columns.difc, columns.difa, columns.tzero) == (None, None, None)


def test_a_cal_masks_what_is_not_selected_and_groups_by_its_numbers() -> None:
    mask = read_mask(CAL.encode(), Path("a.cal"), ())
    assert (mask.first.tolist(), mask.last.tolist()) == ([12], [12])
    groups = read_groups(CAL.encode(), Path("a.cal"), ())
    assert groups.names == ("1", "7")
    assert (groups.first.tolist(), groups.group.tolist()) == ([11, 12, 14], [0, 0, 1])


def test_a_cal_is_told_by_its_header_where_its_name_does_not_tell() -> None:
    assert read_groups(CAL.encode(), Path("offsets.txt"), ()).names == ("1", "7")


def test_a_comment_may_be_in_any_encoding() -> None:
    columns = calibration(b"# \xb5s f\xfcr alle\n0 5 0.5 1 1\n")
    assert column(columns.offset) == [0.5]


@pytest.mark.parametrize(
    ("text", "difc", "difa", "tzero"),
    [
        ("3 5000.5\n7 6000\n", [5000.5, 6000], None, None),
        ("# id DIFC\n3,5000.5\n7,6000", [5000.5, 6000], None, None),
        ("3 5000 1.5 -2\n7 6000 0 1e1\n", [5000, 6000], [1.5, 0], [-2, 10]),
    ],
)
def test_text_has_two_columns_or_four(text: str, difc: Any, difa: Any, tzero: Any) -> None:
    columns = calibration(text, "difc.txt")
    assert columns.detector_id.tolist() == [3, 7]
    assert [column(each) for each in (columns.difc, columns.difa, columns.tzero)] == [
        difc,
        difa,
        tzero,
    ]
    assert (columns.offset, columns.use, columns.group) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3 5000\n7 six\n", "line 2: 2 numbers"),
        ("3 5000\n\n# x\n7\n", "line 4: 2 numbers"),
        ("3 5000 1\n", "line 1: 2 numbers"),
        ("3 5_000\n", "line 1: 2 numbers"),
        ("3 0x10\n", "line 1: 2 numbers"),
        ("3.5 5000\n", "line 1: a detector id was expected"),
        ("3 5000\n99999999999 5\n", "line 2: a detector id was expected"),
        ("0 3 0.1 1 1\n0 4 0.1 nan 1\n", "line 2: 2 numbers"),
        ("3 5000\n4 1\n3 5001\n", "line 3: a detector id that line 1 has too"),
        ("# nothing\n\n", "no line of it has numbers"),
        ("# number UDET offset select group\n0 3 0.1 1\n", "line 2: 2 numbers"),
        ("# number UDET offset\n0 3\n", "line 2: 2 numbers"),
        ("# number UDET offset select group\n", "no line of it has numbers"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_never_quoted(text: str, why: str) -> None:
    with pytest.raises(BadDetectorFile) as refused:
        calibration(text)
    assert str(refused.value).startswith(why)
    for word in ("six", "5_000", "0x10", "99999999999", "5001", "nothing", "3.5"):
        assert word not in str(refused.value)


def test_a_line_that_says_the_same_again_changes_nothing() -> None:
    columns = calibration("3 5000\n4 1\n3 5000\n")
    assert (columns.detector_id.tolist(), column(columns.difc)) == ([3, 4], [5000, 1])


COLUMNS = {
    "detid": [4, 5, 6],
    "difc": [1000.5, 2000.0, 3000.0],
    "difa": [0.0, -9.5, 9.25],
    "tzero": [0.0, -23.5, 1.0],
    "use": [1, 0, 1],
    "group": [0, 2, 1],
    "dasid": [7, 7, 7],
    "offset": [0.5, 0.5, 0.5],
}
"""What SaveDiffCal writes."""


@pytest.mark.parametrize("types", [{}, {"detid": "f4", "use": "f8", "group": "i8", "difc": "f4"}])
@pytest.mark.parametrize(
    "how", [{}, {"chunks": (2,), "compression": "gzip", "shuffle": True}, {"maxshape": (None,)}]
)
def test_hdf5_of_save_diff_cal_has_all_columns(types: dict[str, str], how: dict[str, Any]) -> None:
    typed = {name: np.array(each, types.get(name)) for name, each in COLUMNS.items()}
    columns = calibration(hdf5(typed, **how), "any.h5")
    assert columns.detector_id.tolist() == COLUMNS["detid"]
    assert column(columns.use) == [True, False, True]
    for name in ("difc", "difa", "tzero", "group"):
        assert column(getattr(columns, name)) == COLUMNS[name]
    assert columns.offset is None


@pytest.mark.parametrize("without", ["difa", "tzero", "use", "group"])
def test_hdf5_may_lack_columns(without: str) -> None:
    some = {name: each for name, each in COLUMNS.items() if name != without}
    columns = calibration(hdf5(some), "any.h5")
    assert getattr(columns, without) is None
    assert column(columns.difc) == COLUMNS["difc"]


def test_hdf5_is_a_mask_and_groups_too() -> None:
    content = hdf5(COLUMNS)
    assert read_mask(content, Path("x"), ()).first.tolist() == [5]
    groups = read_groups(content, Path("x"), ())
    assert (groups.names, groups.first.tolist()) == (("1", "2"), [5, 6])
    only = {name: COLUMNS[name] for name in ("detid", "difc")}
    with pytest.raises(BadDetectorFile, match="it does not say which detectors to use"):
        read_mask(hdf5(only), Path("x"), ())
    with pytest.raises(BadDetectorFile, match="it has no groups"):
        read_groups(hdf5(only), Path("x"), ())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"difc": None}, "/calibration/difc: one column of numbers was expected"),
        ({"detid": None}, "/calibration/detid: one column of numbers was expected"),
        ({"difc": [1.0]}, "/calibration/difc: as many numbers as /calibration/detid has"),
        ({"difc": [[1.0, 2.0, 3.0]]}, "/calibration/difc: one column of numbers was expected"),
        ({"difc": [b"a", b"b", b"c"]}, "/calibration/difc: numbers in this file were expected"),
        ({"detid": [4.5, 5, 6]}, "row 1: a detector id was expected"),
        ({"use": [1, np.nan, 0]}, "/calibration/use: whole numbers were expected"),
    ],
)
def test_hdf5_that_is_wrong_is_refused_by_the_name_of_the_column(
    change: dict[str, Any], why: str
) -> None:
    wrong = {name: each for name, each in {**COLUMNS, **change}.items() if each is not None}
    with pytest.raises(BadDetectorFile) as refused:
        calibration(hdf5(wrong), "any.h5")
    assert str(refused.value).startswith(why)


def test_hdf5_of_another_kind_is_refused() -> None:
    with pytest.raises(BadDetectorFile, match="a group /calibration was expected"):
        calibration(hdf5(COLUMNS, "entry"), "any.nxs")


def test_hdf5_that_claims_more_rows_than_any_instrument_has_is_refused_unread() -> None:
    with h5py.File("any", "w", driver="core", backing_store=False) as file:
        group = file.create_group("calibration")
        for name in ("detid", "difc"):
            group.create_dataset(name, (10**11,), "f8", chunks=(10**6,), compression="gzip")
        file.flush()
        content = bytes(file.id.get_file_image())
    with pytest.raises(BadDetectorFile, match=f"1 to {MOST_ROWS} rows were expected"):
        calibration(content, "any.h5")


def test_hdf5_with_numbers_of_other_files_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["difc"] = [1.0, 2.0, 3.0]
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["calibration/detid"] = [4, 5, 6]
        file["calibration/difc"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "difc")
    with pytest.raises(BadDetectorFile, match="/calibration/difc: numbers in this file"):
        calibration((tmp_path / "links.h5").read_bytes(), "links.h5")


def test_npz_has_named_arrays() -> None:
    columns = calibration(
        npz(
            detector_id=[4, 5],
            difc_us_per_angstrom=[1.0, 2.0],
            difa_us_per_angstrom2=[0.0, 3.0],
            tzero_us=[0.0, 4.0],
            use=[True, False],
            group=[1, 2],
        ),
        "a.npz",
    )
    found = (columns.difc, columns.difa, columns.tzero, columns.use, columns.group)
    assert [column(each) for each in found] == [[1, 2], [0, 3], [0, 4], [True, False], [1, 2]]


def test_an_npz_with_objects_is_refused() -> None:
    with pytest.raises(BadDetectorFile, match=r"it is damaged, or no \.npz"):
        calibration(npz(detector_id=np.array([{}, 1], object), difc_us_per_angstrom=[1, 2]))


DETCAL = """\
# NEW CALIBRATION FILE FORMAT (in NeXus/SNS coordinates):
# Lengths are in centimeters.
6         L1    T0_SHIFT
7  1800.0000      0.0000
4 DETNUM  NROWS  NCOLS   WIDTH   HEIGHT   DEPTH   DETD   CenterX   CenterY   CenterZ
"""


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (DETCAL.encode(), "TOPAZ.DetCal", "an ISAW .DetCal moves panels"),
        (DETCAL.encode(), "topaz.txt", "an ISAW .DetCal moves panels"),
        (b"<detector-masking/>", "a.cal", "it is XML; a calibration was expected"),
        (b"ev44\0\0\1\2", "a.cal", "it is binary, and neither HDF5 nor .npz"),
        (b"1-5", "mask.msk", "a .msk file lists spectrum numbers"),
    ],
)
def test_other_formats_are_refused_by_their_names(content: bytes, name: str, why: str) -> None:
    with pytest.raises(BadDetectorFile, match=why):
        calibration(content, name)
