"""Calibrations, masks and groups of files in the whole product, over Channel Access."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from reduction.instrument.geometry import powder_arc
from reduction.parameters.reduction import ReductionSettings
from simulator.events.pulses import PulseGenerator
from tests.support.engines import textbook
from tests.support.product.live import SEED, Live, consistent
from tests.support.product.scripts import needs, run_code

pytestmark = pytest.mark.timeout(360)

ARC = powder_arc()
DIFC = ARC.difc_us_per_angstrom
DETECTORS = np.arange(1000)


def expected(
    running: Live, first: int, last: int, edges: np.ndarray, masked: np.ndarray
) -> list[int]:
    """The counts of pulses by the calibration of `write_calibration`, without masked detectors."""
    made, counts = PulseGenerator(ARC, SEED), np.zeros(edges.size - 1, np.int64)
    for pulse in range(first, last + 1):
        pixel, tof_ns = made.events(running.simulated, pulse)
        pixel, tof_us = pixel[pixel < 1000], tof_ns[pixel < 1000] / 1000.0
        constants = DIFC[pixel] * 1.02, difa(pixel), tzero(pixel)
        d = textbook.calibrated_d(tof_us, *constants)
        inside = (d >= edges[0]) & (d < edges[-1]) & ~np.isin(pixel, masked)
        counts += np.bincount(np.searchsorted(edges, d[inside], "right") - 1, minlength=counts.size)
    return counts.tolist()


def difa(pixel: np.ndarray) -> np.ndarray:
    return (pixel % 9 - 4) / 2


def tzero(pixel: np.ndarray) -> np.ndarray:
    return pixel % 11 - 5.0


def write_calibration(path: Path) -> None:
    columns = DETECTORS, DIFC[:1000] * 1.02, difa(DETECTORS), tzero(DETECTORS)
    rows = zip(*(each.tolist() for each in columns), strict=True)
    path.write_text("".join(f"{n} {c!r} {a} {t}\n" for n, c, a, t in rows))


def test_files_count_as_numpy_counts_by_them_also_after_the_ranks_are_gone(
    running: Live, tmp_path: Path
) -> None:
    calibration, mask = tmp_path / "difc.txt", tmp_path / "mask.xml"
    write_calibration(calibration)
    mask.write_text(
        "<detector-masking><group><detids>100-199, 7</detids></group></detector-masking>"
    )
    masked = np.array([7, *range(100, 200)])
    assert running.put("Red1:BinParams", "1,0.01,3", "-S").returncode == 0
    edges = ReductionSettings(bin_params="1,0.01,3").edges
    for pv, path in (("Calibration", calibration), ("MaskFile", mask)):
        assert running.put(f"Red1:{pv}", str(path), "-S").returncode == 0
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert running.get(f"Red1:{pv}Digest_RBV", "-S") == digest
        path.unlink()
    first, last, counts = consistent(running)
    assert counts == expected(running, first, last, edges, masked)
    running.one("ioc ranks --").kill()
    running.until(lambda: running.number("Restarts_RBV") >= 1, 40)
    running.until(lambda: running.get("Status_RBV", "-s") != "Error", 40)
    running.until(lambda: running.number("CatchUp_RBV") == 100, 40)
    first, last, counts = consistent(running)
    assert counts == expected(running, first, last, edges, masked)


def test_a_file_that_is_wrong_changes_nothing_and_is_told_by_its_line(
    running: Live, tmp_path: Path
) -> None:
    before = running.get("Red1:MaskFile_RBV", "-S")
    bad = tmp_path / "bad.cal"
    bad.write_text("# number UDET offset select group\n0 1 0.1 1 1\n1 hunter2 0 1 1\n")
    assert running.put("Red1:MaskFile", str(bad), "-S").returncode == 1
    refusal = running.get("Refusal_RBV", "-S")
    assert "bad.cal" in refusal
    assert " refused: line 3: " in refusal
    assert "hunter2" not in refusal
    assert running.get("Red1:MaskFile_RBV", "-S") == before


def test_a_long_mask_fits_and_one_that_is_cut_is_refused(running: Live) -> None:
    words = [f"{n}-{n + 1}" for n in range(0, 900, 3)] * 4
    text = ",".join(words)
    assert 4871 < len(text) < 60_000
    assert running.put("Red1:Mask", text, "-S").returncode == 0
    assert running.get("Red1:Mask_RBV", "-S") == text
    assert running.put("Red1:Mask", "1," * 30_010 + "2", "-S").returncode != 0
    assert running.get("Red1:Mask_RBV", "-S") == text
    assert running.put("Red1:Mask", "", "-S").returncode == 0


@needs("epics", "pyepics")
def test_pyepics_says_that_a_text_does_not_fit_and_never_cuts_it(running: Live) -> None:
    said = run_code(
        running,
        """
    from clients.pyepics_device import LiveReduction

    live = LiveReduction("LIVE:")
    live.put("Red1:Mask", ",".join(["12"] * 333) + ",34")
    print(live.get("Red1:Mask_RBV")[-6:])
    try:
        live.put("Red1:Mask", "1," * 30_001)
    except ValueError as error:
        print(error)
    live.put("Red1:Mask", "")
    """,
    )
    last, refused = said.splitlines()
    assert last == ",12,34"
    assert refused == f"{running.prefix}Red1:Mask: 60002 characters; the most is 60000"
