"""Ranks get calibrations, masks and groups with the order, and never read the files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import RunState
from reduction.instrument.geometry import powder_arc
from reduction.parameters.detectors import DetectorSettings
from tests.support.engines import textbook
from tests.support.ioc.detector_files import order_with_files
from tests.support.ranks.arc_pulses import EVENTS, counts_of, events_of, order, settings
from tests.support.ranks.back_end import back_end

ARC = powder_arc()
PULSES = 10


def files_in(folder: Path) -> DetectorSettings:
    """Settings that name a file of each kind, in a folder that is made for them."""
    folder.mkdir()
    rows = "\n".join(
        f"{n} {difc!r} {(n % 7 - 3) / 2} {n % 5 - 2}"
        for n, difc in enumerate((ARC.difc_us_per_angstrom * 1.01).tolist()[:1000])
    )
    texts = {"difc.txt": rows, "mask.txt": "0:99, 500", "groups.txt": "0:499\n501:999"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return DetectorSettings(
        calibration=str(folder / "difc.txt"),
        mask_file=str(folder / "mask.txt"),
        groups_file=str(folder / "groups.txt"),
    )


def expected(asked: RanksOrder, pulses: range) -> NDArray[np.int64]:
    """The counts of both groups, (groups, bins), by the textbook root."""
    edges = asked.reductions[0].settings.edges
    here = np.isin(EVENTS.pulse, list(pulses))
    n, t = EVENTS.pixel_id[here], EVENTS.tof_ns[here] / 1000.0
    difc = ARC.difc_us_per_angstrom[n] * 1.01
    d = textbook.calibrated_d(t, difc, (n % 7 - 3) / 2, (n % 5 - 2).astype(float))
    groups = [(n > 99) & (n < 500), n > 500]
    return np.array([np.histogram(d[group], edges)[0] for group in groups])


def check_counts(report: RanksReport, asked: RanksOrder, pulses: range) -> None:
    (result,) = report.results
    counts = counts_of(result)[0]
    np.testing.assert_array_equal(counts[:, :-1], expected(asked, pulses)[:, :-1])
    assert report.unaccounted == 0


def test_two_ranks_obey_files_that_are_gone_and_so_do_the_ranks_after_them(
    tmp_path: Path,
) -> None:
    detectors = files_in(tmp_path / "shared")
    asked = dataclasses.replace(settings(), detectors=detectors)
    ordered = order_with_files(order(1, asked))
    for each in (tmp_path / "shared").iterdir():
        each.unlink()
    with back_end(tmp_path, 2, partitions=2) as running:
        for pulse in range(PULSES):
            running.feed.pulse(pulse, *events_of(pulse))
        report = running.obeyed(ordered, PULSES - 1)
        check_counts(report, ordered, range(PULSES))
        state = report.run
    assert isinstance(state, RunState)
    (tmp_path / "again").mkdir()
    with back_end(tmp_path / "again", 2, partitions=2) as running:
        for pulse in range(PULSES):
            running.feed.pulse(pulse, *events_of(pulse))
        check_counts(running.obeyed(ordered, PULSES - 1), ordered, range(PULSES))


def test_an_order_whose_file_is_missing_is_refused_by_all_ranks(tmp_path: Path) -> None:
    detectors = files_in(tmp_path / "shared")
    asked = dataclasses.replace(settings(), detectors=detectors)
    ordered = order_with_files(order(2, asked, generation=1))
    without = dataclasses.replace(ordered, files=())
    with back_end(tmp_path, 2, partitions=2) as running:
        running.feed.pulse(0, *events_of(0))
        running.obeyed(order(1, settings()), 0)
        report = running.obeyed(without, 0)
        assert "its content is not in the order" in report.message
        assert report.results[0].order.generation == 0
        check_counts(running.obeyed(dataclasses.replace(ordered, revision=3), 0), ordered, range(1))
