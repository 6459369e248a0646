"""Spectra as text, for GSAS-II and FullProf."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reduction.files.xye import write_xye
from tests.support.saved_sample import sample


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
        assert f"# {name} = {value}\n" in text


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
