"""Values of images: counts, counts per detector, and these normalised by what their pulses had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reduction.control.orders import ReductionOrder
from reduction.control.reports import ReductionResult, SeriesResult
from reduction.detector_files.id_ranges import parse_ranges, ranges_text
from reduction.instrument.geometry import powder_arc
from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import ImageScale, ImageSettings, ImageSource
from reduction.parameters.readings import ReductionStatus
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Misfit
from reduction.results.images import (
    NOT_FADED,
    image_geometry,
    image_values,
    map_remark,
    picked_spectrum,
    source_remark,
)

COUNTS, PIXELS = np.array([[6, 0], [8, 0]]), np.array([[2, 0], [4, 1]])


def result(image: ImageSettings, by: Normalisation = Normalisation.NONE) -> ReductionResult:
    """A result of two slices, with charges of 2 and 8 µC, and a closed series of 4 µC."""
    settings = ReductionSettings(
        bin_params="1,1,3", image=image, corrections=CorrectionSettings(normalisation=by)
    )
    return ReductionResult(
        ReductionOrder(1, settings),
        ReductionStatus(),
        settings.edges,
        np.zeros((2, 1, 2), np.int64),
        charges_uc=(2.0, 8.0),
        monitor_counts=(1.0, 4.0),
        series=(SeriesResult(SeriesStatus(), np.zeros(2, np.int64), 4.0, 2.0),),
    )


def test_cells_without_a_detector_are_nan_and_others_have_their_counts() -> None:
    values, message = image_values(COUNTS, PIXELS, result(ImageSettings()))
    np.testing.assert_array_equal(values, [[6, np.nan], [8, 0]])
    assert not message


def test_counts_per_pixel_are_divided_by_the_detectors_of_the_cell() -> None:
    asked = ImageSettings(scale=ImageScale.PER_PIXEL)
    values, _ = image_values(COUNTS, PIXELS, result(asked))
    np.testing.assert_array_equal(values, [[3, np.nan], [2, 0]])


@pytest.mark.parametrize(
    ("source", "number", "charge"),
    [
        (ImageSource.TOTAL, 1, 10.0),
        (ImageSource.SLICE, 2, 8.0),
        (ImageSource.SERIES, 1, 4.0),
        (ImageSource.SERIES, 2, 10.0),
    ],
)
def test_a_normalised_image_is_divided_by_the_charge_of_its_pulses(
    source: ImageSource, number: int, charge: float
) -> None:
    asked = ImageSettings(source=source, number=number, scale=ImageScale.NORMALISED)
    made = result(asked, Normalisation.PROTON_CHARGE)
    values, message = image_values(COUNTS, PIXELS, made)
    np.testing.assert_allclose(values, np.array([[3, np.nan], [2, 0]]) / charge)
    assert not message
    picked = picked_spectrum(np.array([charge, 0], np.int64), made)
    assert picked.intensity(Normalisation.PROTON_CHARGE).values.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("source", "number", "why"),
    [(ImageSource.SLICE, 3, "no slice 3"), (ImageSource.SERIES, 3, "no series 3")],
)
def test_what_cannot_be_normalised_says_why(source: ImageSource, number: int, why: str) -> None:
    asked = ImageSettings(source=source, number=number, scale=ImageScale.NORMALISED)
    values, message = image_values(COUNTS, PIXELS, result(asked, Normalisation.MONITOR))
    assert np.isnan(values).all()
    assert why in message


@pytest.mark.parametrize("scale", [ImageScale.COUNTS, ImageScale.PER_PIXEL])
def test_an_image_of_no_slice_says_so_whatever_its_scale(scale: ImageScale) -> None:
    asked = result(ImageSettings(source=ImageSource.SLICE, number=3, scale=scale))
    values, message = image_values(np.zeros((2, 2), int), PIXELS, asked)
    assert not np.nansum(values)
    assert message == source_remark(asked) == "there is no slice 3"


@pytest.mark.parametrize(
    ("source", "remark"), [(ImageSource.TOTAL, NOT_FADED), (ImageSource.SERIES, "")]
)
def test_what_does_not_fade_as_spectra_do_says_so(source: ImageSource, remark: str) -> None:
    asked = ImageSettings(source=source, scale=ImageScale.NORMALISED)
    plain = result(asked, Normalisation.PROTON_CHARGE)
    assert (source_remark(plain), map_remark(plain)) == ("", "")
    assert plain.counts is not None
    fading = replace(plain, faded=np.zeros((2, *plain.counts.shape)))
    assert map_remark(fading) == NOT_FADED
    assert source_remark(fading) == remark
    values, message = image_values(COUNTS, PIXELS, fading)
    assert message == remark
    assert np.isnan(values).all() == bool(remark)  # what fades has another charge
    counted = replace(asked, scale=ImageScale.COUNTS)
    settings = replace(fading.order.settings, image=counted)
    shown = replace(fading, order=replace(fading.order, settings=settings))
    assert image_values(COUNTS, PIXELS, shown).values[0, 0] == 6


def test_masked_detectors_are_in_no_cell() -> None:
    masked = ReductionSettings(detectors=DetectorSettings(mask="0:99"))
    geometry = image_geometry(masked, powder_arc())
    assert geometry.pixels.sum() == 900
    assert not geometry.used[:100].any()
    assert not geometry.used[1000]


@pytest.mark.parametrize("text", ["", "3", "3,7:15", "-5:-3,0,2:3"])
def test_ids_become_the_list_that_they_are_read_from(text: str) -> None:
    ranges = parse_ranges(text)
    ids = [np.arange(a, b + 1) for a, b in zip(ranges.first, ranges.last, strict=True)]
    assert ranges_text(np.concatenate([np.empty(0, np.int64), *ids])) == text


def test_a_map_with_too_many_cells_joins_bins_of_the_spectrum() -> None:
    edges = np.arange(200_001.0)
    made = MapSettings().edges(edges, 100)
    assert (made[0], made[-1]) == (0, 200_000)
    assert set(np.diff(made)) == {5.0}
    assert MapSettings().edges(edges[:4601], 100).tolist() == edges[:4601].tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        {"against": MapAxis.LOG},
        {"against": MapAxis.LOG, "log": "temperature"},
        {"minimum": 2.0, "maximum": 1.0},
        {"bin_params": "1,2"},
        {"bin_params": "0,1,100000"},
    ],
)
def test_settings_of_a_map_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Misfit):
        MapSettings(**wrong)  # type: ignore[arg-type]
