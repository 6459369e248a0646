"""What is saved of a result is what clients see of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from reduction.control.orders import ReductionOrder
from reduction.control.reports import (
    RanksReport,
    ReductionResult,
    References,
    SeriesResult,
    Values,
)
from reduction.files.nexus_reader import read_nexus
from reduction.files.nexus_writer import write_nexus
from reduction.files.saved_result import SavedResult
from reduction.parameters.all_reductions.readings import BackendStatus, StreamStatus
from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from reduction.parameters.windows import PeakStatus, RegionStatus, WindowSettings
from reduction.results.families import FAMILIES, analyse_spectrum
from reduction.results.intensity_labels import intensity_egu, intensity_name, intensity_units
from reduction.results.outgoing import saved_form as module
from reduction.results.outgoing.saved_form import SavingLabels, saved_form
from reduction.results.views import ReductionView, reduction_view

COUNTS = np.random.default_rng(5).poisson(30, (3, 2, 40))
UNUSED = WindowSettings()
SETTINGS = ReductionSettings(
    bin_params="0.4,0.115,5",
    filter=FilterSettings("temperature", 0, 1, 3),
    detectors=DetectorSettings(groups="0:499;500:999"),
    corrections=CorrectionSettings(Normalisation.PROTON_CHARGE, "/d/empty.nxs"),
    regions=(UNUSED, WindowSettings(1.0, 2.0), *(UNUSED,) * 6),
    peaks=(WindowSettings(1.0, 3.0), *(UNUSED,) * 3),
)
CLOSED = SeriesResult(SeriesStatus(pulse_first=1, pulse_last=9), np.arange(40), 5.0, 70.0, 3.5)


def result(settings: ReductionSettings = SETTINGS) -> ReductionResult:
    found = (PeakStatus(message="no peak"), *(PeakStatus(),) * 3)
    sums = (RegionStatus(), RegionStatus(total=5.0), *(RegionStatus(),) * 6)
    return ReductionResult(
        ReductionOrder(0, settings),
        ReductionStatus(),
        settings.edges,
        COUNTS,
        charges_uc=(10.0, 20.0, 0.0),
        monitor_counts=(1000.0, 1500.0, 400.0),
        seconds=(1.0, 2.0, 0.5),
        references=References((Values(np.full(40, 0.5), np.full(40, 0.01)),)),
        series=(CLOSED,),
        regions=sums,
        peaks=found,
    )


def saved(of: ReductionResult, units: str = "K") -> SavedResult:
    stream = StreamStatus(event_total=7, pulse_first=3, pulse_last=9)
    report = RanksReport(1, 10**18, stream, BackendStatus(), (of,))
    return saved_form(report, of, SavingLabels("run 7", {"A": 1}, "x 1", units))


def seen(of: ReductionResult) -> ReductionView:
    made = reduction_view(of, None)
    assert made is not None
    return made


def test_the_intensities_that_are_saved_are_those_that_clients_see(tmp_path: Path) -> None:
    write_nexus(saved(result()), tmp_path / "a.nxs")
    found, view = read_nexus(tmp_path / "a.nxs").intensity, seen(result())
    assert found is not None
    np.testing.assert_array_equal(found.summed.values, view.spectrum.y)
    np.testing.assert_array_equal(found.summed.errors, view.spectrum.e)
    for spectra, shown in (
        (found.by_slice, view.slices),
        (found.by_group, view.groups),
        (found.of_series, view.series),
    ):
        assert len(spectra.values) == len(shown)
        for number, one in enumerate(shown):
            np.testing.assert_array_equal(spectra.values[number], one.y)
            np.testing.assert_array_equal(spectra.errors[number], one.e)
    assert np.isnan(found.by_slice.values[2]).all()  # it has no charge
    assert found.name == "counts per Ang and uC of proton charge, less the background empty.nxs"


def test_counts_stay_beside_the_intensities() -> None:
    found = saved(result())
    np.testing.assert_array_equal(found.counts, COUNTS)
    assert found.slice_totals == ((10, 1000, 1), (20, 1500, 2), (0, 400, 0.5))
    assert found.series[0][1:] == (1, 9, 5.0, 3.5, 70.0)


def test_without_corrections_counts_are_all_there_is() -> None:
    plain = result(replace(SETTINGS, corrections=CorrectionSettings()))
    plain = replace(plain, references=References())
    found = saved(plain)
    assert found.intensity is None
    spectrum = seen(plain).spectrum
    assert found.shown.summed.values == pytest.approx(spectrum.y, rel=1e-14)
    assert found.shown.summed.errors == pytest.approx(spectrum.e, rel=1e-14)


def test_windows_that_are_set_are_saved_with_what_was_found_in_every_spectrum() -> None:
    found = saved(result())
    (peak,), (region,) = found.peaks, found.regions
    assert (peak.number, peak.minimum, peak.maximum) == (1, 1.0, 3.0)
    assert (region.number, region.readings["sum"][0].message) == (2, "")
    assert peak.readings["sum"][0].message == "no peak"
    for family in FAMILIES:
        analysed = [
            analyse_spectrum(SETTINGS, family.sample(result(), n), family.seconds(result(), n))
            for n in range(family.count(result()))
        ]
        fits = peak.readings[family.field]
        np.testing.assert_equal(fits, tuple(each.peaks[0] for each in analysed))
        np.testing.assert_equal(
            region.readings[family.field], tuple(each.regions[1] for each in analysed)
        )


def test_too_many_fits_are_left_out_and_sums_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FITS", 2)
    found = saved(result())
    assert [*found.peaks[0].readings] == ["sum", "groups", "series"]
    assert [*found.regions[0].readings] == ["sum", "slices", "groups", "series"]


def test_a_result_without_windows_has_none() -> None:
    none = replace(SETTINGS, regions=(UNUSED,) * 8, peaks=(UNUSED,) * 4)
    assert (saved(result(none)).peaks, saved(result(none)).regions) == ((), ())


def test_the_one_slice_of_what_is_outside_is_said_to_be_that() -> None:
    inverted = replace(SETTINGS, filter=FilterSettings("temperature", 0, 1, 3, True))
    one = replace(
        result(),
        order=ReductionOrder(0, inverted),
        counts=COUNTS[:1],
        charges_uc=(1.0,),
        monitor_counts=(),
        seconds=(),
    )
    assert saved(one).outside
    assert saved(one).slice_totals == ()  # not known: there are no monitor counts
    assert saved(one, "K").slice_log_units == "K"


def test_a_result_without_a_histogram_is_refused() -> None:
    with pytest.raises(Refused, match="no histogram"):
        saved(replace(result(), counts=None))


NAMES = {
    "counts per Ang": (CorrectionSettings(), "counts/angstrom"),
    "counts per Ang and monitor count": (CorrectionSettings(Normalisation.MONITOR), "1/angstrom"),
    "counts, over the vanadium v.nxs": (CorrectionSettings(vanadium="/d/v.nxs"), "1"),
    "counts per uC of proton charge, less the background b.nxs, over the vanadium v.nxs": (
        CorrectionSettings(Normalisation.PROTON_CHARGE, "b.nxs", "d/v.nxs"),
        "1",
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_intensity_is_named_by_all_that_was_done_to_it(name: str) -> None:
    corrections, unit = NAMES[name]
    assert intensity_name(Units.D_SPACING, corrections) == name
    assert intensity_units(Units.D_SPACING, corrections) == unit


def test_counts_per_inverse_angstrom_are_counts_times_angstrom() -> None:
    assert intensity_units(Units.MOMENTUM_TRANSFER, CorrectionSettings()) == "counts*angstrom"


@pytest.mark.parametrize("units", Units)
@pytest.mark.parametrize("by", Normalisation)
def test_the_unit_for_epics_fits_an_egu(units: Units, by: Normalisation) -> None:
    egu = intensity_egu(units, CorrectionSettings(by))
    assert 0 < len(egu) <= 7
    assert egu.isascii()
    assert ("uC" in egu) == (by is Normalisation.PROTON_CHARGE)
    assert intensity_egu(units, CorrectionSettings(by, vanadium="v")) == "1"


def test_readings_cannot_be_changed() -> None:
    assert isinstance(saved(result()).peaks[0].readings, MappingProxyType)
