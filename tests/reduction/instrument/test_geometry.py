from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.definitions.sources import read_any_instrument, read_instrument
from reduction.instrument.geometry import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, Instrument, powder_arc
from tests.support.engines import reference_data as reference

DERIVED = ("l2_m", "two_theta_rad", "difc_us_per_angstrom")


@pytest.mark.parametrize("column", ["detector_id", "position_m", *DERIVED])
def test_the_powder_arc_is_mantids(column: str) -> None:
    expected = reference.table("geometry_arc")[column]  # 1e-12 of the 2 m from the sample
    found = getattr(powder_arc(), column)[~powder_arc().is_monitor]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=2e-12)


def test_the_powder_arc_has_a_monitor_before_the_sample() -> None:
    arc = powder_arc()
    assert arc.detector_id[arc.is_monitor].tolist() == [1000]
    assert arc.path_m[arc.is_monitor].tolist() == [19.0]


@pytest.mark.parametrize("name", reference.NAMES)
@pytest.mark.parametrize("column", DERIVED)
def test_angles_and_difc_follow_from_positions(name: str, column: str) -> None:
    expected = reference.table(f"geometry_{name}")[column]
    np.testing.assert_allclose(getattr(reference.instrument(name), column), expected, rtol=1e-12)


def test_the_banks_of_the_powder_arc_are_thirds_of_its_angles() -> None:
    arc = powder_arc()
    degrees = np.degrees(arc.two_theta_rad)
    ends = [(degrees[arc.bank == n].min(), degrees[arc.bank == n].max()) for n in range(3)]
    assert arc.bank_names == ("forward", "perpendicular", "backward")
    np.testing.assert_allclose(ends, [(3, 55.3), (55.5, 107.7), (107.8, 160)], atol=0.1)
    assert arc.bank[arc.is_monitor].tolist() == [-1]


def columns(of: Instrument) -> dict[str, object]:
    return {
        name: np.asarray(getattr(of, name)).tolist()
        for name in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)
    }


def test_a_table_that_is_saved_is_the_same_instrument(tmp_path: Path) -> None:
    path = tmp_path / "odd.npz"
    powder_arc().save(path)
    assert columns(Instrument.load(path)) == columns(powder_arc())
    with np.load(path) as table:
        for name in DERIVED:
            np.testing.assert_array_equal(table[name], getattr(powder_arc(), name))
    assert [each.name for each in tmp_path.iterdir()] == ["odd.npz"]


def test_a_table_of_nothing_but_positions_has_no_banks() -> None:
    arc = reference.instrument("arc")
    assert (arc.name, arc.bank_names) == ("geometry_arc", ())
    assert (arc.bank == -1).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"detector_id": [7, 7]}, "a detector id that occurs twice"),
        ({"detector_id": [1.5, 2]}, "detector_id has values that are not whole numbers"),
        (
            {"detector_id": [1, 2**40]},
            "detector_id has values that are not whole numbers of 32 bits",
        ),
        ({"detector_id": ["a", "b"]}, "is no instrument table"),
        ({"detector_id": [1, 2, 3]}, "is not there once for every detector"),
        (
            {"detector_id": [], "position_m": np.ones((0, 3)), "is_monitor": []},
            "no detector, or ids that",
        ),
        ({"position_m": np.ones((2, 2))}, "is not there once for every detector"),
        ({"position_m": np.full((2, 3), np.nan)}, "a position that is not finite"),
        ({"is_monitor": [True]}, "is not there once for every detector"),
        ({"l1_m": 0.0}, "L1 is 0 m, not above 0"),
        ({"l1_m": np.inf}, "L1 is inf m"),
        ({"l1_m": [1.0, 2.0]}, "is no instrument table"),
        ({"bank": [0, 1], "bank_names": ["a"]}, "a bank that has no name"),
        ({"bank": [0, 0, 0], "bank_names": ["a"]}, "is not there once for every detector"),
        ({"bank": [0, 1], "bank_names": ["a", "a"]}, "two banks of the same name"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_name(
    tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    right = {"detector_id": [1, 2], "position_m": np.ones((2, 3)), "is_monitor": [False, False]}
    table: dict[str, Any] = right | {"l1_m": 20.0} | wrong
    np.savez(tmp_path / "wrong.npz", **table)
    with pytest.raises(ValueError, match=r"wrong\.npz is no instrument table") as refused:
        Instrument.load(tmp_path / "wrong.npz")
    assert words in str(refused.value)


def test_a_file_that_is_no_instrument_is_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", detector_id=np.arange(3))
    for path in (tmp_path / "half.npz", tmp_path / "absent.npz", __file__):
        with pytest.raises(ValueError, match=r"(half|absent|geometry).* is no instrument table"):
            Instrument.load(type(tmp_path)(path))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"text", b"\x93NUMPY"])
def test_a_damaged_table_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.npz is no instrument table"):
        Instrument.load(path)


def test_what_is_neither_table_nor_definition_is_refused_with_the_way_to_get_a_table() -> None:
    for source in ("POWGEN", "geometry.nxs"):
        with pytest.raises(ValueError, match=f"instrument export {source} TABLE.npz"):
            read_instrument(source)
        with pytest.raises(ValueError, match=r"Mantid, which is not installed: see environment"):
            read_any_instrument(source)
    assert read_instrument("").name == "powder_arc"


@pytest.mark.parametrize("known", [[2, 3, 5, 9], [9, 2, 5, 3]])
@pytest.mark.parametrize(
    ("ids", "rows"),
    [([3, 9], [0, 1]), ([9, 8, 2, 3], [2, 3, 0]), ([-1, 4, 10], []), ([], []), ([2], [0])],
)
def test_the_detectors_among_ids_are_found_in_the_order_of_ids(
    known: list[int], ids: list[int], rows: list[int]
) -> None:
    none = np.zeros(4, np.bool_)
    instrument = Instrument("four", np.array(known, np.int32), np.ones((4, 3)), none, 9.0)
    found = instrument.among(np.array(ids, np.int64))
    assert found.rows.tolist() == rows
    assert instrument.detector_id[found.detectors].tolist() == sorted(ids[row] for row in rows)
