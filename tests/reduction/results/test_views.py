"""What is shown of a result is what the functions of the normalisation make of its counts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.encoding import decoded, encoded
from reduction.control.orders import ReductionOrder
from reduction.control.reports import ReductionResult, References, Values
from reduction.files.nexus_writer import write_nexus
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.readings import HistogramReadings, ReductionStatus
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.results.normalisation import Measured, undefined_bins
from reduction.results.references import LoadedReferences
from reduction.results.views import ReductionView, reduction_view
from tests.support.results.saved_sample import sample

COUNTS = np.random.default_rng(5).poisson(30, (3, 2, 40))
CHARGES, MONITORS = (10.0, 20.0, 0.0), (1000.0, 1500.0, 400.0)
CHARGE, MONITOR = sum(CHARGES), sum(MONITORS)
SETTINGS = ReductionSettings(
    bin_params="0.4,0.115,5",
    filter=FilterSettings("temperature", 0, 1, 3),
    detectors=DetectorSettings(groups="0:499;500:999"),
)
CORRECTIONS = {
    "nothing": (Normalisation.NONE, False, False),
    "charge": (Normalisation.PROTON_CHARGE, False, False),
    "monitor, background": (Normalisation.MONITOR, True, False),
    "charge, vanadium": (Normalisation.PROTON_CHARGE, False, True),
    "monitor, both": (Normalisation.MONITOR, True, True),
}


def view(settings: ReductionSettings, references: References) -> ReductionView:
    result = ReductionResult(
        ReductionOrder(0, settings),
        ReductionStatus(),
        settings.edges,
        COUNTS,
        charges_uc=CHARGES,
        monitor_counts=MONITORS,
        references=references,
    )
    made = reduction_view(decoded(ReductionResult, encoded(result)), None)
    assert made is not None
    return made


def per_normalisation(measured: Measured, by: Normalisation) -> tuple[Any, Any]:
    """Values and variances per charge or monitor count, by the first order of their errors."""
    counts, variances = np.asarray(measured.counts, float), np.asarray(measured.variances, float)
    match by:
        case Normalisation.NONE:
            return counts, variances
        case Normalisation.PROTON_CHARGE:
            return counts / measured.charge_uc, variances / measured.charge_uc**2
        case Normalisation.MONITOR:
            monitor = measured.monitor_counts
            return counts / monitor, variances / monitor**2 + counts**2 / monitor**3


def expected(
    measured: Measured, by: Normalisation, background: Measured | None, vanadium: Measured | None
) -> tuple[Any, Any]:
    """(sample - background) / vanadium with variances; all are in the same bins."""
    values, variances = per_normalisation(measured, by)
    if background is not None:
        less, less_variances = per_normalisation(background, by)
        values, variances = values - less, variances + less_variances
    if vanadium is None:
        width = np.diff(SETTINGS.edges)
        return values / width, variances / width**2
    over, over_variances = per_normalisation(vanadium, by)
    return values / over, (variances + (values / over) ** 2 * over_variances) / over**2


def check(
    shown: HistogramReadings,
    measured: Measured,
    by: Normalisation,
    background: Measured | None,
    vanadium: Measured | None,
) -> None:
    values, variances = expected(measured, by, background, vanadium)
    assert shown.y is not None
    assert shown.e is not None
    assert shown.yc is not None
    np.testing.assert_allclose(shown.y, values)
    np.testing.assert_allclose(shown.e, np.sqrt(variances))
    np.testing.assert_array_equal(shown.yc, measured.counts)
    assert shown.total == measured.counts.sum()


@pytest.mark.parametrize("case", CORRECTIONS)
def test_each_spectrum_is_normalised_by_its_own_and_corrected_by_the_references(
    tmp_path: Path, case: str
) -> None:
    by, less, over = CORRECTIONS[case]
    named = ("0:499", "500:999")
    background = sample(groups=2, seed=1, group_names=named, proton_charge_uc=100.0)
    vanadium = sample(slices=2, groups=2, seed=2, group_names=named)
    paths = {}
    for name, wanted, each in (("background", less, background), ("vanadium", over, vanadium)):
        if wanted:
            paths[name] = str(tmp_path / f"{name}.nxs")
            write_nexus(each, tmp_path / f"{name}.nxs")
    settings = replace(SETTINGS, corrections=CorrectionSettings(by, **paths))
    shown = view(settings, LoadedReferences.for_settings(settings).references)

    def files(group: int | None = None) -> list[Measured | None]:
        found: list[Measured | None] = []
        for wanted, each in ((less, background), (over, vanadium)):
            counts, variances = each.summed
            if group is not None:
                counts, variances = (array[group] for array in each.by_group)
            charge, monitor = each.proton_charge_uc, each.monitor_counts
            measured = Measured(each.edges, counts, variances, charge, monitor)
            found.append(measured if wanted else None)
        return found

    def counted(
        counts: NDArray[np.int64], charge: float = CHARGE, monitor: float = MONITOR
    ) -> Measured:
        return Measured(SETTINGS.edges, counts, counts, charge, monitor)

    check(shown.spectrum, counted(COUNTS.sum(axis=(0, 1))), by, *files())
    for n in (0, 1):
        counts = counted(COUNTS[n].sum(axis=0), CHARGES[n], MONITORS[n])
        check(shown.slices[n], counts, by, *files())
        check(shown.groups[n], counted(COUNTS[:, n].sum(axis=0)), by, *files(n))


def test_a_slice_without_charge_has_counts_and_no_intensity() -> None:
    by = CorrectionSettings(Normalisation.PROTON_CHARGE)
    shown = view(replace(SETTINGS, corrections=by), References()).slices[2]
    assert shown.y is not None
    assert shown.e is not None
    assert np.isnan(shown.y).all()
    assert np.isnan(shown.e).all()
    np.testing.assert_array_equal(shown.yc, COUNTS[2].sum(axis=0))


def test_bins_without_a_value_are_counted_and_explained() -> None:
    measured = Measured(np.arange(4.0), np.ones(3), np.ones(3), math.nan)
    gap = References((), (Values(np.array([1, 2, np.nan]), np.ones(3)),), "the vanadium ends at 2")

    def said(by: Normalisation, references: References, shown: list[float]) -> tuple[int, str]:
        values = np.array(shown)
        return undefined_bins(measured, by, references, Values(values, values))

    assert said(Normalisation.NONE, References(), [1, 1, 1]) == (0, "")
    assert said(Normalisation.NONE, gap, [1, 0.5, np.nan]) == (
        1,
        "1 of 3 bins without a value: the vanadium ends at 2",
    )
    count, words = said(Normalisation.PROTON_CHARGE, References(), [np.nan] * 3)
    assert count == 3
    assert "3 of 3 bins without a value: proton charge is nan uC" in words
