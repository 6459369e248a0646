"""Spectra as text, for GSAS-II and FullProf."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.files.saved_parts import ValuesAndErrors
from reduction.files.xye import write_xye
from tests.support.results.saved_sample import corrected, names, sample


def test_xye_holds_centre_intensity_per_unit_and_error(tmp_path: Path) -> None:
    result = sample(slices=2, groups=2)
    paths = write_xye(result, tmp_path / "a.xye")
    assert [path.name for path in paths] == ["a.xye", "a_slice1.xye", "a_slice2.xye"]
    spectra = [result.counts.sum((0, 1)), *result.counts.sum(1)]
    for path, counts in zip(paths, spectra, strict=True):
        x, y, e = np.loadtxt(path, unpack=True)
        widths = np.diff(result.edges)
        np.testing.assert_allclose(x, result.centres, rtol=1e-9)
        np.testing.assert_allclose(y, counts / widths, rtol=1e-7)
        np.testing.assert_allclose(e, np.sqrt(counts) / widths, rtol=1e-5)
    assert "slice: 2 of 2, Sim:Temperature in [290, 300)" in paths[2].read_text()


def test_the_header_of_xye_says_what_was_measured_and_how(tmp_path: Path) -> None:
    write_xye(sample(), tmp_path / "a.xye")
    text = (tmp_path / "a.xye").read_text(encoding="ascii")
    assert "# pulses: 1204 to 26403\n" in text
    assert "# time: 2026-09-21T14:13:20.123456789Z to " in text
    for name, value in sample().parameters.items():
        assert f"# {name}: {value}\n" in text


def test_no_header_breaks_the_columns_or_makes_gsas_take_them_for_q(tmp_path: Path) -> None:
    odd = {"Frequency\n1 2 3": "q\r4 5 6", "Å": "\u2028 7"}
    write_xye(sample(title="quartz\n9 9 9", parameters=odd), tmp_path / "a.xye")
    lines = (tmp_path / "a.xye").read_text(encoding="ascii").splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert lines[: len(header)] == header
    assert not any("q" in line for line in header)
    assert all(len(line.split()) == 3 for line in lines[len(header) :])
    assert len(lines) == len(header) + 40


def test_points_without_an_intensity_are_left_out_of_xye_and_counted(tmp_path: Path) -> None:
    counts = np.ones((1, 1, 40))
    counts[0, 0, 3:5] = np.nan, np.inf
    write_xye(sample(counts=counts), tmp_path / "a.xye")
    assert "# 2 points without a finite intensity: left out\n" in (tmp_path / "a.xye").read_text()
    assert len(np.loadtxt(tmp_path / "a.xye")) == 38


def gsas_temperature(path: Path) -> float:
    """The temperature in K that GSAS-II takes from the comments; 300 is what it assumes.

    As in G2pwd_xye.py: of the comments with "temp" before the first "=", the last number behind it.
    """
    temperature = 300.0
    for line in path.read_text(encoding="ascii").splitlines():
        before, found, after = line.partition("=")
        if line.startswith("#") and found and "temp" in before.lower():
            with contextlib.suppress(ValueError):
                temperature = float(after.split("=")[0])
    return temperature


@pytest.mark.parametrize(
    ("log", "unit", "expected"),
    [
        ("Sim:Temperature", "K", [285, 295]),
        ("LS:A", "K", [285, 295]),
        ("cryo_temp", "degC", [285 + 273.15, 295 + 273.15]),
        ("cryo_temp", "\N{DEGREE SIGN}C", [285 + 273.15, 295 + 273.15]),
        ("Sim:Temperature", "", [300, 300]),
        ("Sim:Temperature", "mK", [300, 300]),
        ("charge", "C", [300, 300]),
        ("pressure", "MPa", [300, 300]),
        ("temperature_controller_power", "W", [300, 300]),
    ],
)
def test_gsas_gets_the_temperature_of_the_slice_in_kelvin_or_none(
    tmp_path: Path, log: str, unit: str, expected: list[float]
) -> None:
    settings = {"LIVE:Sim:Temperature": 555.0, "LIVE:Sim:Pressure": 5.0, "Template": "a = 4"}
    result = sample(
        slices=2,
        slice_log=log,
        slice_log_units=unit,
        parameters=settings,
        title="temperature = 7",
    )
    summed, *slices = write_xye(result, tmp_path / "a.xye")
    assert gsas_temperature(summed) == 300
    assert [gsas_temperature(path) for path in slices] == pytest.approx(expected)


def test_what_lies_outside_an_interval_has_no_temperature_and_is_called_so(tmp_path: Path) -> None:
    result = sample(slices=1, slice_log="T", slice_log_units="K", outside=True)
    _, path = write_xye(result, tmp_path / "a.xye")
    assert gsas_temperature(path) == 300
    assert "T outside [280, 290) K" in path.read_text()


def test_normalised_intensities_are_in_the_columns_and_the_header_calls_them_so(
    tmp_path: Path,
) -> None:
    result = corrected(parameters={"LIVE:Red1:Normalisation": "ProtonCharge"})
    assert result.intensity is not None
    paths = write_xye(result, tmp_path / "a.xye")
    assert names(tmp_path)[1:] == sorted(path.name for path in paths[1:])
    x, y, e = np.loadtxt(paths[0], unpack=True)
    np.testing.assert_allclose(y, result.intensity.summed.values, rtol=1e-7)
    np.testing.assert_allclose(e, result.intensity.summed.errors, rtol=1e-5)
    text = paths[0].read_text()
    assert f", {result.intensity.name}, standard error\n" in text
    assert "# unit of columns 2 and 3: counts/uC/angstrom\n" in text
    assert "1 points without a finite intensity" in paths[2].read_text()
    assert len(x) == 40


def test_each_closed_series_has_a_file_of_its_own(tmp_path: Path) -> None:
    result = corrected(slices=0, groups=1)
    paths = write_xye(result, tmp_path / "a.xye")
    assert [path.name for path in paths] == ["a.xye", "a_series1.xye", "a_series2.xye"]
    np.testing.assert_allclose(np.loadtxt(paths[2])[:, 1], 0.011)
    text = paths[2].read_text()
    assert "# closed series: 2 of 2, pulses 1 to 10\n" in text
    assert "# of the series: proton charge 2.5 uC\n" in text


@pytest.mark.parametrize("word", ["TITLE", "Legend_X", "Legend_Y", "Scattering variable:"])
def test_no_comment_has_a_word_that_fullprof_takes_for_its_own(tmp_path: Path, word: str) -> None:
    settings: dict[str, Any] = {f"LIVE:{word}": f"{word} 1"}
    write_xye(sample(parameters=settings, title=word), tmp_path / "a.xye")
    assert word not in (tmp_path / "a.xye").read_text()


def test_errors_that_fullprof_would_take_for_1_are_scaled_and_the_header_tells(
    tmp_path: Path,
) -> None:
    result = corrected()
    assert result.intensity is not None
    small = replace(
        result.intensity,
        summed=ValuesAndErrors(*(1e-3 * each for each in result.intensity.summed)),
    )
    summed, first, *_ = write_xye(replace(result, intensity=small), tmp_path / "a.xye")
    _, y, e = np.loadtxt(summed, unpack=True)
    scale = float(summed.read_text().split("multiplied by ")[1].split(",")[0])
    np.testing.assert_allclose(y, scale * small.summed.values, rtol=1e-7)
    assert e.min() ** 2 >= 1.2e-7 > (e.min() / 10) ** 2
    _, slice_y, _ = np.loadtxt(first, unpack=True)
    np.testing.assert_allclose(slice_y, scale * small.by_slice.values[0], rtol=1e-7)
    write_xye(result, tmp_path / "b.xye")
    assert "multiplied" not in (tmp_path / "b.xye").read_text()
