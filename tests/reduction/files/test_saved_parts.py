"""Intensities, peaks, regions and totals of slices in saved results."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.files.nexus_reader import read_nexus
from reduction.files.nexus_writer import contents, write_nexus
from tests.support.results.saved_sample import assert_equal, corrected


@pytest.mark.parametrize(
    "changes",
    [{}, {"slices": 0}, {"series": 0}, {"slices": 1, "outside": True}, {"slice_log_units": "K"}],
)
def test_intensities_peaks_regions_and_totals_read_back_the_same(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    result = corrected(**changes)
    write_nexus(result, tmp_path / "a.nxs")
    again = read_nexus(tmp_path / "a.nxs")
    assert_equal(again, result)
    assert contents(again, tmp_path / "b.nxs") == (tmp_path / "a.nxs").read_bytes()


def test_readings_of_peaks_have_the_units_of_axis_and_intensity(tmp_path: Path) -> None:
    for result, unit in (
        (corrected(), "counts/uC/angstrom"),
        (dataclasses.replace(corrected(), intensity=None), "counts/angstrom"),
    ):
        write_nexus(result, tmp_path / "a.nxs")
        with h5py.File(tmp_path / "a.nxs") as file:
            peak = file["entry/peaks/peak2/sum"]
            assert peak["centre"].attrs["units"] == "angstrom"
            assert peak["height"].attrs["units"] == unit
            assert "units" not in peak["chi2"].attrs


def test_a_file_of_an_earlier_version_has_none_of_these(tmp_path: Path) -> None:
    path = tmp_path / "old.nxs"
    write_nexus(corrected(), path)
    with h5py.File(path, "r+") as file:
        entry = file["entry"]
        for name in [*entry]:
            if name.startswith(("intensity", "peaks", "regions")):
                del entry[name]
        for name in [*entry["axes"]]:
            if name.startswith("slice_") and name not in (
                "slice_log",
                "slice_lower",
                "slice_upper",
            ):
                del entry["axes"][name]
        del entry["axes/series_monitor_counts"]
    old = read_nexus(path)
    assert (old.intensity, old.peaks, old.slice_totals) == (None, (), ())
    assert np.isnan(old.series[0].monitor_counts)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("intensity_slices/intensity", "intensity"),
        ("intensity/intensity_errors", "intensity_errors"),
        ("peaks/peak2/sum/centre", "centre"),
        ("peaks/peak2/minimum", "minimum"),
        ("axes/slice_monitor_counts", "slice_monitor_counts"),
    ],
)
def test_a_file_with_a_part_of_these_is_refused_with_its_name(
    tmp_path: Path, part: str, words: str
) -> None:
    path = tmp_path / "part.nxs"
    write_nexus(corrected(), path)
    with h5py.File(path, "r+") as file:
        del file["entry"][part]
    with pytest.raises(ValueError, match=f"{path} is not a saved result: .*{words}"):
        read_nexus(path)


def test_intensities_of_another_shape_are_refused() -> None:
    result = corrected()
    assert result.intensity is not None
    wrong = dataclasses.replace(result.intensity, by_slice=result.intensity.by_group)
    with pytest.raises(ValueError, match="intensity by_slice has shapes"):
        dataclasses.replace(result, intensity=wrong)
