"""Ranks count images, maps and picked spectra of all events measured so far, and of no others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.orders import ReductionOrder, WatchedViews
from reduction.control.reports import RanksReport, ReductionResult, ViewsResult
from reduction.instrument.geometry import powder_arc
from reduction.instrument.layout import detector_layout
from reduction.messages.contents import Chunk, encode_chunk
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import (
    ImageCallbacks,
    ImageMade,
    ImageSettings,
    ImageSource,
    ImageView,
    PickedCells,
)
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from reduction.ranks.counting import views as views_module
from tests.support.ranks.one_rank import PERIOD_NS, FedRank, pulse_ns

ARC = powder_arc()
BINS = "0.4,0.01,5"
PULSES = 40
EVENTS = 300


def events_of(pulse: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pixels and times of flight of a pulse, (300,) int32 each."""
    rng = np.random.default_rng(pulse)
    return (
        rng.integers(0, 1000, EVENTS).astype(np.int32),
        rng.integers(2_000_000, 60_000_000, EVENTS).astype(np.int32),
    )


def d_spacings(pixels: NDArray[np.int32], tof_ns: NDArray[np.int32]) -> NDArray[np.float64]:
    """The d-spacing of each event."""
    return np.asarray(tof_ns / 1000.0 / ARC.difc_us_per_angstrom[pixels], np.float64)


def settings(**more: Any) -> ReductionSettings:
    """Settings in d-spacing with an image of one cell a pixel, and what ``more`` changes."""
    image = ImageSettings(made=ImageMade.ALWAYS)
    return replace(ReductionSettings(bin_params=BINS, image=image), **more)


class FedWithEvents(FedRank):
    """A rank that has pulses with events all over the instrument."""

    def __init__(self, first: ReductionSettings) -> None:
        super().__init__(first)
        self.generation = 0

    def random_pulses(self, first: int, end: int) -> None:
        """Pulses of 300 events each; the log ``ramp`` is the number of the pulse."""
        for pulse in range(first, end):
            self.log("ramp", pulse, float(pulse))
            self.log("proton_charge", pulse, 1.0)
            chunk = Chunk("bank", self.chunks, pulse_ns(pulse), *events_of(pulse))
            self.take(encode_chunk(chunk))
            self.chunks += 1
            self.mark(pulse)

    def views(
        self, wanted: ReductionSettings, watched: WatchedViews | None = None, **changes: Any
    ) -> tuple[ReductionResult, ViewsResult]:
        """The result that has the views under these settings."""
        self.generation += 1
        reduction = ReductionOrder(self.generation, wanted, watched or WatchedViews())
        order = self.next_order(reductions=(reduction,), **changes)

        def complete(report: RanksReport) -> bool:
            return (
                report.revision == order.revision
                and bool(report.results)
                and report.results[0].views_generation == self.generation
                and report.results[0].views is not None
            )

        result = self.rank.reported(order, complete).results[0]
        assert result.views is not None
        return result, result.views


@pytest.fixture(scope="module")
def fed() -> FedWithEvents:
    made = FedWithEvents(ReductionSettings(bin_params=BINS))
    made.random_pulses(0, PULSES)
    return made


def image_of(
    pulses: range, image: ImageSettings, low: float = 0.0, high: float = np.inf
) -> NDArray[np.int64]:
    """The image of these pulses by plain numpy, (rows, columns)."""
    layout = detector_layout(ARC, image.view, image.resolution)
    cells = np.zeros(layout.cells, np.int64)
    for pulse in pulses:
        pixels, tof_ns = events_of(pulse)
        d = d_spacings(pixels, tof_ns)
        np.add.at(cells, layout.cell[pixels[(d >= low) & (d < high)]], 1)
    return cells.reshape(layout.shape)


@pytest.mark.parametrize("view", list(ImageView))
@pytest.mark.parametrize("window", [(0.0, 0.0), (1.0, 1.7)])
def test_an_image_has_the_counts_of_each_cell(
    fed: FedWithEvents, view: ImageView, window: tuple[float, float]
) -> None:
    low, high = window
    image = ImageSettings(
        made=ImageMade.ALWAYS, view=view, resolution=300, minimum=low, maximum=high
    )
    _, views = fed.views(settings(image=image))
    expected = image_of(range(PULSES), image, low, high or np.inf)
    np.testing.assert_array_equal(views.image, expected)
    assert views.image_missing == 0
    assert (views.map, views.picked) == (None, None)


def test_an_image_of_a_slice_has_the_pulses_of_that_slice_alone(fed: FedWithEvents) -> None:
    by_ramp = FilterSettings("ramp", 0, 10, 30)
    for number, pulses in ((1, range(10)), (3, range(20, 30)), (4, range(0))):
        image = ImageSettings(made=ImageMade.ALWAYS, source=ImageSource.SLICE, number=number)
        _, views = fed.views(settings(filter=by_ramp, image=image))
        np.testing.assert_array_equal(views.image, image_of(pulses, image))
    _, views = fed.views(settings(filter=by_ramp))
    np.testing.assert_array_equal(views.image, image_of(range(30), ImageSettings()))


def test_masked_detectors_and_other_units_are_followed(fed: FedWithEvents) -> None:
    _, views = fed.views(settings(detectors=DetectorSettings(mask="0:499")))
    expected = image_of(range(PULSES), ImageSettings())
    layout = detector_layout(ARC, ImageView.PANELS, 512)
    expected.ravel()[layout.cell[:500]] = 0
    np.testing.assert_array_equal(views.image, expected)
    image = ImageSettings(made=ImageMade.ALWAYS, minimum=10_000, maximum=20_000)
    _, views = fed.views(settings(units=Units.TOF, bin_params="1000,10,60000", image=image))
    tofs = np.concatenate([events_of(pulse)[1] for pulse in range(PULSES)])
    assert views.image is not None
    assert views.image.sum() == np.count_nonzero((tofs >= 10**7) & (tofs < 2 * 10**7))


@pytest.mark.parametrize(
    "against", [MapAxis.TWO_THETA, MapAxis.HEIGHT, MapAxis.BANK, MapAxis.PIXEL, MapAxis.TIME]
)
def test_the_sum_over_the_rows_of_a_map_is_the_spectrum(
    fed: FedWithEvents, against: MapAxis
) -> None:
    asked = MapSettings(made=ImageMade.ALWAYS, against=against, rows=7)
    result, views = fed.views(settings(map=asked))
    assert views.map is not None
    assert result.counts is not None
    np.testing.assert_array_equal(views.map.counts.sum(axis=0), result.counts.sum(axis=(0, 1)))
    assert np.count_nonzero(views.map.counts.sum(axis=1)) > (0 if against is MapAxis.HEIGHT else 2)


def test_rows_of_a_map_are_what_they_say(fed: FedWithEvents) -> None:
    asked = MapSettings(made=ImageMade.ALWAYS, rows=5, bin_params="1,0.5,3", minimum=20, maximum=70)
    _, views = fed.views(settings(map=asked))
    pixels, tof_ns = (
        np.concatenate(each) for each in zip(*map(events_of, range(PULSES)), strict=True)
    )
    angle = np.degrees(ARC.two_theta_rad)[pixels]
    bins = [np.linspace(20, 70, 6), np.array([1, 1.5, 2, 2.5, 3])]
    expected, *_ = np.histogram2d(angle, d_spacings(pixels, tof_ns), bins)
    assert views.map is not None
    np.testing.assert_array_equal(views.map.counts, expected)
    np.testing.assert_array_equal(views.map.row_edges, bins[0])


def test_a_map_against_a_log_has_the_pulses_of_each_value(fed: FedWithEvents) -> None:
    asked = MapSettings(
        made=ImageMade.ALWAYS, against=MapAxis.LOG, log="ramp", rows=4, minimum=0, maximum=40
    )
    _, views = fed.views(settings(map=asked, filter=FilterSettings("ramp", 5, 30, 35)))
    assert views.map is not None
    spectra = []
    for pulses in (range(5, 10), range(10, 20), range(20, 30), range(30, 35)):
        d = np.concatenate([d_spacings(*events_of(pulse)) for pulse in pulses])
        spectra.append(np.histogram(d, views.map.edges)[0])
    np.testing.assert_array_equal(views.map.counts, spectra)


def test_a_map_against_time_grows_with_the_measurement() -> None:
    fed = FedWithEvents(ReductionSettings(bin_params=BINS))
    fed.random_pulses(0, 20)
    asked = MapSettings(made=ImageMade.ALWAYS, against=MapAxis.TIME, rows=2)
    result, views = fed.views(settings(map=asked))
    assert views.map is not None
    assert views.map.row_edges.tolist() == [0, 1, 2]
    fed.random_pulses(20, 100)
    result, views = fed.views(settings(map=asked))
    assert views.map is not None
    assert result.counts is not None
    last_s = 99 * PERIOD_NS / 1e9
    assert views.map.row_edges[-2] <= last_s < views.map.row_edges[-1]
    assert views.map.counts.sum() == result.counts.sum()


def test_picked_cells_have_their_own_spectrum(fed: FedWithEvents) -> None:
    layout = detector_layout(ARC, ImageView.PANELS, 512)
    picked = PickedCells(min_x=100, min_y=0, size_x=50, size_y=1)
    image = ImageSettings(made=ImageMade.ALWAYS, picked=picked)
    result, views = fed.views(settings(image=image))
    members = np.flatnonzero(np.isin(layout.cell, np.arange(100, 150)))
    assert members.size == 50
    pixels, tof_ns = (
        np.concatenate(each) for each in zip(*map(events_of, range(PULSES)), strict=True)
    )
    inside = np.isin(pixels, members)
    d = d_spacings(pixels, tof_ns)[inside]
    assert result.edges is not None
    place = np.searchsorted(result.edges, d, side="right") - 1
    good = (place >= 0) & (place < result.edges.size - 1)
    expected = np.bincount(place[good], minlength=result.edges.size - 1)
    np.testing.assert_array_equal(views.picked, expected)


def test_an_image_is_made_while_it_is_watched_and_not_otherwise() -> None:
    fed = FedWithEvents(ReductionSettings(bin_params=BINS))
    fed.random_pulses(0, 3)
    assert fed.report().results[0].views_generation == -1
    plain = ReductionSettings(bin_params=BINS)
    _, views = fed.views(plain, WatchedViews(image=True))
    assert views.image is not None
    assert views.map is None
    disabled = replace(plain, image=ImageSettings(ImageCallbacks.DISABLE))
    reduction = ReductionOrder(fed.generation, disabled, WatchedViews(image=True, map=True))
    order = fed.next_order(reductions=(reduction,))
    result = fed.rank.reported(order, lambda r: r.revision == order.revision).results[0]
    assert result.views is None or result.views.image is None


def test_an_image_of_a_closed_series_stays_and_the_total_begins_anew() -> None:
    fed = FedWithEvents(settings())
    fed.random_pulses(0, 10)
    fed.report()
    fed.views(settings(), closes=1, starts=1)
    fed.random_pulses(10, 15)
    closed = ImageSettings(made=ImageMade.ALWAYS, source=ImageSource.SERIES, number=1)
    _, views = fed.views(settings(image=closed))
    np.testing.assert_array_equal(views.image, image_of(range(10), closed))
    _, views = fed.views(settings())
    np.testing.assert_array_equal(views.image, image_of(range(10, 15), closed))
    _, views = fed.views(settings(), resets=1)
    assert views.image is not None
    assert views.image.sum() == 0


def test_views_are_not_sent_before_the_tables_that_threads_make_are_counted_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(views_module, "SMALL", 0)
    made: list[tuple[Callable[[], Any], Future[Any]]] = []

    def later(work: Callable[[], Any]) -> Future[Any]:
        made.append((work, Future()))
        return made[-1][1]

    monkeypatch.setattr(views_module, "computed_in_thread", later)
    fed = FedWithEvents(ReductionSettings(bin_params=BINS))
    fed.random_pulses(0, 10)
    fed.report()
    picked = PickedCells(min_x=0, min_y=0, size_x=1000, size_y=1000)
    image = ImageSettings(made=ImageMade.ALWAYS, picked=picked)
    order = fed.next_order(
        reductions=(
            ReductionOrder(1, settings(image=image, map=MapSettings(made=ImageMade.ALWAYS))),
        )
    )
    reports = iter(range(6))

    def seen(report: RanksReport) -> bool:
        number = next(reports)
        if number < 3:
            assert not report.results or report.results[0].views is None
        elif number == 3:
            for work, future in made:
                future.set_result(work())
        return bool(report.results) and report.results[0].views is not None

    views = fed.rank.reported(order, seen).results[0].views
    assert views is not None
    assert views.image is not None
    assert views.map is not None
    assert views.picked is not None
    assert views.image.sum() == 10 * EVENTS
    assert views.map.counts.sum() == views.picked.sum()
