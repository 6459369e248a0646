"""Images, maps and picked spectra of several MPI ranks are those of all their events."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport, ReductionResult, ViewsResult
from reduction.instrument.geometry import powder_arc
from reduction.instrument.layout import detector_layout
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import (
    ImageMade,
    ImageSettings,
    ImageSource,
    ImageView,
    PickedCells,
)
from reduction.parameters.outliers import OutlierSettings
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from tests.reduction.ranks.test_recovery import BY_FURNACE, Ranks, RecordedStream
from tests.support.ranks.back_end import BackEnd, back_end

ARC = powder_arc()
PLAIN = ReductionSettings(bin_params="0.4,0.01,5")
BY_RAMP = FilterSettings("ramp", 0, 10, 30)
IMAGE = ImageSettings(made=ImageMade.ALWAYS)
MAP = MapSettings(made=ImageMade.ALWAYS, rows=9)
SEARCH = OutlierSettings(sigmas=5)
PULSES = 40
Events = tuple[NDArray[np.int32], NDArray[np.int32]]


def events_of(pulse: int) -> Events:
    """Pixels and times of flight of a pulse; detector 7 is hot, and each pulse has other counts."""
    rng = np.random.default_rng(pulse)
    pixels = rng.integers(0, 1000, 250 + pulse).astype(np.int32)
    pixels[::5] = 7
    return pixels, rng.integers(2_000_000, 60_000_000, pixels.size).astype(np.int32)


def events(pulses: Sequence[int], masked: Sequence[int] = ()) -> tuple[Any, Any]:
    """Pixels and d-spacings of pulses, without masked detectors."""
    pixels, tof_ns = (np.concatenate(each) for each in zip(*map(events_of, pulses), strict=True))
    kept = ~np.isin(pixels, masked)
    return pixels[kept], (tof_ns / 1000.0 / ARC.difc_us_per_angstrom[pixels])[kept]


class Views:
    """The views that ranks report, and what they must be by plain numpy."""

    def __init__(self, ranks: BackEnd) -> None:
        self._ranks, self._revision = ranks, 0

    def of(self, wanted: ReductionSettings) -> tuple[ReductionResult, ViewsResult]:
        """The first result with views under these settings."""
        self._revision += 1
        reductions = (ReductionOrder(self._revision, wanted),)
        order = RanksOrder(self._revision, reductions=reductions)
        self._ranks.commander.command(order)
        report = self._ranks.commander.report(
            lambda report: report.stream.pulse_last == PULSES - 1 and _has_all(order, report)
        )
        views = report.results[0].views
        assert views is not None
        return report.results[0], views


def _has_all(order: RanksOrder, report: RanksReport) -> bool:
    """Whether a report has all views that an order asks for."""
    if report.revision != order.revision or not report.results:
        return False
    asked, views = order.reductions[0], report.results[0].views
    return bool(
        views is not None
        and report.results[0].views_generation == asked.generation
        and (views.image is not None or not asked.makes_image)
        and (views.map is not None or not asked.makes_map)
        and (views.picked is not None or not asked.picks)
        and (views.outliers is not None or not asked.settings.outliers.searched)
    )


def check_image(views: ViewsResult, image: ImageSettings, of: tuple[Any, Any]) -> None:
    pixels, d = of
    low, high = (-np.inf, np.inf) if image.all_values else (image.minimum, image.maximum)
    layout = detector_layout(ARC, image.view, image.resolution)
    inside = pixels[(d >= low) & (d < high)]
    counts = np.bincount(layout.cell[inside], minlength=layout.cells)
    np.testing.assert_array_equal(views.image, counts.reshape(layout.shape))


@pytest.fixture(scope="module", params=[2, 3])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Views]:
    """The views of two and of three ranks, which have all pulses."""
    with back_end(tmp_path_factory.mktemp("ranks"), request.param, partitions=5) as running:
        for pulse in range(PULSES):
            running.feed.log("ramp", pulse, float(pulse))
            running.feed.pulse(pulse, *events_of(pulse))
        yield Views(running)


def test_an_image_has_all_events_of_all_ranks_and_the_rows_of_a_map_are_the_spectrum(
    made: Views,
) -> None:
    result, views = made.of(replace(PLAIN, image=IMAGE, map=MAP))
    check_image(views, IMAGE, events(range(PULSES)))
    assert views.map is not None
    assert result.counts is not None
    np.testing.assert_array_equal(views.map.counts.sum(axis=0), result.counts[0].sum(axis=0))


def test_a_window_a_mask_and_picked_cells_are_those_of_all_ranks(made: Views) -> None:
    picked = PickedCells(0, 0, 20, 1000)
    window = replace(
        IMAGE, view=ImageView.FRONT, resolution=50, minimum=1.0, maximum=2.5, picked=picked
    )
    masked = DetectorSettings(mask="0:99")
    _, views = made.of(replace(PLAIN, image=window, detectors=masked, outliers=SEARCH))
    of = pixels, d = events(range(PULSES), range(100))
    check_image(views, window, of)
    layout = detector_layout(ARC, ImageView.FRONT, 50)
    inside = np.isin(pixels, layout.detectors_in(0, 0, 20, 1000))
    assert 0 < inside.sum() < inside.size
    np.testing.assert_array_equal(views.picked, np.histogram(d[inside], PLAIN.edges)[0])
    assert views.outliers is not None
    assert views.outliers.hot.size == 0  # the hot one is masked


def test_slices_and_rows_by_a_log_have_the_pulses_of_all_ranks(made: Views) -> None:
    third = replace(IMAGE, view=ImageView.CYLINDER, source=ImageSource.SLICE, number=3)
    ramp = replace(MAP, against=MapAxis.LOG, log="ramp", minimum=0, maximum=40, rows=4)
    sliced = replace(PLAIN, image=third, map=ramp, filter=BY_RAMP, outliers=SEARCH)
    result, views = made.of(sliced)
    check_image(views, third, events(range(20, 30)))
    assert views.map is not None
    assert result.counts is not None
    np.testing.assert_array_equal(views.map.counts[:3], result.counts[:, 0])
    assert not views.map.counts[3].any()
    assert views.outliers is not None
    assert views.outliers.hot.tolist() == [7]


def test_ranks_that_were_killed_have_the_image_and_map_that_they_would_have_had() -> None:
    image = ImageSettings(made=ImageMade.ALWAYS, picked=PickedCells(0, 0, 1000, 1))
    rows = MapSettings(made=ImageMade.ALWAYS, against=MapAxis.TIME)
    wanted = replace(BY_FURNACE, image=image, map=rows)
    stream = RecordedStream()
    first = RanksOrder(revision=1, reductions=(ReductionOrder(1, wanted),))
    ranks = Ranks(stream, first)
    stream.pulses(10)
    ranks.report()
    ranks.report(closes=1, starts=1)
    stream.pulses(15)
    for source in ImageSource:
        shown = replace(wanted, image=replace(image, source=source, number=1))
        orders = (ReductionOrder(2, shown),)
        ranks.report(reductions=orders)
        before = _views(ranks, orders)
        ranks.kill()
        ranks.report(reductions=orders)
        after = _views(ranks, orders)
        assert before.image is not None
        assert before.image.any()
        np.testing.assert_array_equal(after.image, before.image)
        np.testing.assert_array_equal(after.picked, before.picked)
        assert before.map is not None
        assert after.map is not None
        np.testing.assert_array_equal(after.map.counts, before.map.counts)


def _views(ranks: Ranks, orders: tuple[ReductionOrder, ...]) -> ViewsResult:
    """All views of ranks that have read all of the log."""
    order = ranks.next_order(reductions=orders)
    views = ranks.rank.reported(order, functools.partial(_has_all, order)).results[0].views
    assert views is not None
    return views
