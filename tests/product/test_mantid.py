"""The whole product with Mantid in its ranks, and what happens where Mantid is not or fails."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ioc.model.ioc_parameters import OverallStatus
from ioc.posting.health import Health
from reduction.engines.mantid.framework import MantidFramework, NoMantid
from reduction.engines.mantid.steps import rebin_params
from reduction.host.file_system.runtime_folder import MEMORY
from reduction.messages.contents import Chunk, encode_chunk, encode_pulse_mark
from reduction.parameters.corrections import Normalisation
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from reduction.results.normalisation import Measured, corrected
from tests.support.clients.ca_client import network
from tests.support.engines.mantid_failures import nowhere_to_write
from tests.support.engines.tried import imported, mantid_engine
from tests.support.product.live import Expected, Live, live
from tests.support.ranks.arc_pulses import check as check_result
from tests.support.ranks.arc_pulses import events_of, order, settings
from tests.support.ranks.back_end import PERIOD_NS
from tests.support.ranks.one_rank import OneRank
from tests.support.results.normalised import normalised

D_SPACING = ReductionSettings(bin_params="0.4,0.01,5")
START_NS = 1_767_225_600_000_000_000


FOLDERS = "live-reduction-*/mpi/live-reduction-*"


@pytest.fixture(scope="module")
def folders() -> set[Path]:
    """Those that the ranks of what is ``running`` make for Mantid."""
    return set[Path]()


@pytest.fixture(scope="module")
def running(folders: set[Path]) -> Iterator[Live]:
    imported()
    others = set(MEMORY.glob(FOLDERS))
    with network() as net, live(net, "--engine", "mantid", "--ranks", "2") as started:
        folders |= set(MEMORY.glob(FOLDERS)) - others
        yield started


def check(running: Live, bins: ReductionSettings) -> None:
    """The counts are those of the pulses that they are said to be of, computed from their seed."""
    running.hold()
    first, last = (int(running.number(f"Pulse{which}_RBV")) for which in ("First", "Last"))
    expected = Expected(running.simulated).counts(bins, first, last)
    np.testing.assert_array_equal(running.array("Red1:Spec:YC"), expected)
    assert running.number("Red1:Spec:Total_RBV") == expected.sum() > 0
    assert running.put("Sim:Pause", "Run").returncode == 0


@pytest.mark.mantid
@pytest.mark.timeout(360)
def test_the_spectrum_is_exactly_that_of_its_pulses_before_and_after_new_bins_and_units(
    running: Live,
) -> None:
    assert "mantid" in running.get("Engine_RBV")
    assert running.number("Ranks_RBV") == 2
    assert running.put("Red1:BinParams", D_SPACING.bin_params, "-S").returncode == 0
    check(running, D_SPACING)
    assert running.put("Red1:BinParams", "0.5,-0.002,2,0.001,3.3", "-S").returncode == 0
    check(running, replace(D_SPACING, bin_params="0.5,-0.002,2,0.001,3.3"))
    assert running.put("Red1:Units", "TOF").returncode == 0
    assert running.put("Red1:BinStep", "-0.003").returncode == 0
    check(running, ReductionSettings(Units.TOF, "1000,-0.003,60000"))
    assert running.put("Red1:Units", "dSpacing").returncode == 0


@pytest.mark.mantid
@pytest.mark.timeout(360)
def test_what_mantid_cannot_be_given_is_told_of_and_counts_once_other_bins_are_put(
    running: Live, folders: set[Path]
) -> None:
    invalid, other = "Red1:EventsInvalid_RBV", "0.5,0.02,3"
    assert len(folders) == 2
    assert running.number(invalid) == 0
    aside = {each: each.rename(each.with_name(f"aside-{each.name}")) for each in folders}
    try:
        running.until(lambda: running.number(invalid) > 0)
        assert "events count as invalid: " in running.get("StatusMessage_RBV", "-S")
        assert running.get("Status_RBV") == "Warning"
    finally:
        for folder, place in aside.items():
            place.rename(folder)
    binned = running.number("Red1:EventsBinned_RBV")
    running.until(lambda: running.number("Red1:EventsBinned_RBV") > binned)
    assert running.put("Red1:BinParams", other, "-S").returncode == 0
    check(running, replace(D_SPACING, bin_params=other))
    assert running.number(invalid) == 0
    assert running.number("Restarts_RBV") == 0


@pytest.mark.mantid
@pytest.mark.timeout(360)
def test_slices_of_a_log_add_up_and_every_event_is_accounted_for(running: Live) -> None:
    assert running.put("Sim:Temperature", "300").returncode == 0
    for pv, value in (("Log", "temperature"), ("Min", "0"), ("Step", "500"), ("Max", "1000")):
        running.put(f"Red1:Filter:{pv}", value)
    running.until(lambda: running.number("Red1:NumSlices_RBV") == 2)
    running.hold()
    went = ("Binned", "OutOfRange", "Masked", "Filtered", "Invalid")
    counts = [running.number(f"Red1:Events{name}_RBV") for name in went]
    assert sum(counts) == running.number("EventTotal_RBV") > 0
    assert sum(running.array("Red1:Slice1:YC")) == counts[0] > 0
    assert running.put("Sim:Pause", "Run").returncode == 0
    running.put("Red1:Filter:Log", "")


@pytest.mark.skipif(importlib.util.find_spec("mantid") is not None, reason="Mantid is here")
def test_without_mantid_its_engine_ends_at_once_and_says_what_to_do() -> None:
    command = [sys.executable, "-m", "ioc", "run", "--engine", "mantid"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert "environment.yml" in ended.stderr
    assert "native engine" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("version", ["2.6.0", "3.12.1", "7.0.1"])
def test_a_mantid_too_old_or_too_new_is_refused_by_its_version(version: str) -> None:
    with pytest.raises(NoMantid, match=rf"Mantid {version} .*3\.13 to 6\.x.*environment\.yml"):
        MantidFramework(None, SimpleNamespace(version_str=lambda: version), Path())


@pytest.mark.parametrize("version", ["3.13.20190108.1414", "4.0.0", "6.12.0.1", "6.13.20260101"])
def test_versions_in_between_serve(version: str) -> None:
    assert (
        MantidFramework(None, SimpleNamespace(version_str=lambda: version), Path()).version
        == version
    )


def test_rebins_parameters_have_each_edge_as_it_is_and_steps_that_reach_beyond_the_next() -> None:
    edges = np.array([-1.0, 0.1, np.nextafter(0.1, 1), 3.0])
    params = rebin_params(edges)
    np.testing.assert_array_equal(params[2:-2:2], edges)
    assert np.all(params[:-2:2] + 1.25 * params[1::2] > params[2::2])
    assert np.all(np.isfinite(params))


def feed(rank: OneRank, number: int, *ids: int) -> None:
    """One pulse of the arc's events for a rank, and one event of each of ``ids``."""
    time_ns = START_NS + number * PERIOD_NS
    pixel_id, tof_ns = events_of(number)
    pixel_id = np.append(pixel_id, np.array(ids, np.int32))
    tof_ns = np.append(tof_ns, np.full(len(ids), 10**7, np.int32))
    rank.intake.take(0, encode_chunk(Chunk("test", number, time_ns, pixel_id, tof_ns)))
    rank.intake.take(0, encode_pulse_mark(number, time_ns, number + 1))


@pytest.mark.mantid
def test_the_status_tells_of_what_failed_and_the_next_pulses_are_reduced() -> None:
    rank, health, bins = OneRank(START_NS + 10**12, mantid_engine), Health(), settings()
    failed = events_of(1)[0].size
    feed(rank, 0)
    rank.obeyed(order(1, bins))
    check_result(rank.obeyed(order(2, bins)), bins, [0])
    feed(rank, 1)
    with nowhere_to_write():
        report = rank.obeyed(order(3, bins))
    check_result(report, bins, [0])
    assert report.results[0].status.events_invalid == failed
    assert report.unaccounted == 0
    health.reported(report, current=True)
    assert f"{failed} events count as invalid: " in health.summary.message
    assert health.summary.status is OverallStatus.WARNING
    feed(rank, 2)
    report = rank.obeyed(order(4, bins))
    check_result(report, bins, [0, 2])
    assert report.unaccounted == 0


@pytest.mark.mantid
def test_ids_that_the_instrument_lacks_are_invalid_and_the_rest_is_reduced() -> None:
    rank, bins = OneRank(START_NS + 10**12, mantid_engine), settings()
    feed(rank, 0, 5000, -1, 2**31 - 1, -(2**31))
    rank.obeyed(order(1, bins))
    report = rank.obeyed(order(2, bins))
    check_result(report, bins, [0])
    status = report.results[0].status
    assert (status.events_bad_pixel, status.events_invalid) == (4, 4)
    assert report.unaccounted == 0


def histogram(mantid: Any, measured: Measured) -> Any:
    """A workspace of what was measured, with its charge."""
    bins = measured.counts.size
    made = mantid.api.WorkspaceFactory.create("Workspace2D", 1, bins + 1, bins)
    made.setX(0, measured.edges)
    made.setY(0, measured.counts.astype(float))
    made.setE(0, np.sqrt(measured.variances))
    charge = {"LogName": "gd_prtn_chrg", "LogText": repr(measured.charge_uc), "LogType": "Number"}
    mantid.run("AddSampleLog", output="Workspace", Workspace=made, **charge)
    return made


@pytest.mark.mantid
def test_spectra_less_a_background_over_a_vanadium_are_those_of_mantids_algorithms() -> None:
    mantid, rng, edges = imported(), np.random.default_rng(4), np.linspace(0.4, 5, 401)
    counts = rng.poisson(np.array([[300], [40], [900]]), (3, 400))
    charges = (7.25, 0.3, 11.5)
    all_measured = [Measured(edges, n, n, q) for n, q in zip(counts, charges, strict=True)]
    by = Normalisation.PROTON_CHARGE
    sample, background, vanadium = (
        mantid.run("NormaliseByCurrent", InputWorkspace=histogram(mantid, each))
        for each in all_measured
    )
    less = mantid.run("Minus", LHSWorkspace=sample, RHSWorkspace=background)
    ratio = mantid.run("Divide", LHSWorkspace=less, RHSWorkspace=vanadium)
    for theirs, ours in (
        (sample, corrected(all_measured[0], by, None, None)),
        (ratio, normalised(all_measured[0], by, *all_measured[1:])),
    ):
        np.testing.assert_allclose(ours.values, theirs.readY(0), rtol=1e-12)
        np.testing.assert_allclose(np.sqrt(ours.variances), theirs.readE(0), rtol=1e-12)
