"""Ranks find dead and hot detectors in what they have counted, if they are asked to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reduction.instrument.geometry import powder_arc
from reduction.instrument.selection import MASKED
from reduction.messages.contents import Chunk, encode_chunk
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.outliers import OutlierSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.ranks.counting.outlier_search import OutlierTest
from tests.reduction.ranks.counting.test_image_ranks import BINS, FedWithEvents
from tests.support.ranks.one_rank import pulse_ns

SEARCH = OutlierSettings(sigmas=5)
PLAIN = ReductionSettings(bin_params=BINS)
DEAD, HOT = [17, 500], [600, 901]


def fed() -> FedWithEvents:
    """A rank with 100 counts in each detector of the arc but those that are dead or hot."""
    made = FedWithEvents(PLAIN)
    counts = np.random.default_rng(3).poisson(100, 1000)
    counts[DEAD], counts[HOT] = 0, 900
    pixels = np.repeat(np.arange(1000, dtype=np.int32), counts)
    tof_ns = np.full(pixels.size, 9_000_000, np.int32)
    made.take(encode_chunk(Chunk("bank", made.chunks, pulse_ns(0), pixels, tof_ns)))
    made.chunks += 1
    made.mark(0)
    made.random_pulses(1, 2)
    return made


def test_dead_and_hot_detectors_are_found_and_masked_ones_are_not_tested() -> None:
    rank = fed()
    _, views = rank.views(replace(PLAIN, outliers=SEARCH))
    assert views.image is None
    assert views.outliers is not None
    assert views.outliers.dead.tolist() == DEAD
    assert views.outliers.hot.tolist() == HOT
    assert views.outliers.tested == 1000
    masked = DetectorSettings(mask="17, 600")
    _, views = rank.views(replace(PLAIN, outliers=SEARCH, detectors=masked))
    assert views.outliers is not None
    assert (views.outliers.dead.tolist(), views.outliers.hot.tolist()) == ([500], [901])
    assert views.outliers.tested == 998


def test_without_being_asked_no_rank_searches() -> None:
    rank = fed()
    assert rank.report().results[0].views is None


def test_the_order_of_detectors_in_an_instrument_does_not_matter() -> None:
    arc = powder_arc()
    mixed = np.random.default_rng(4).permutation(1001)
    other = replace(
        arc,
        detector_id=arc.detector_id[mixed],
        positions=arc.position_m[mixed],
        is_monitor=arc.is_monitor[mixed],
        bank=arc.bank[mixed],
    )
    group = np.where(arc.detector_id == 17, MASKED, 0).astype(np.int32)
    counts = np.full(1001, 100, np.int32)
    counts[[17, 5, 999]] = 0, 0, 1000
    counts[1000] = 10**6  # the monitor
    for found in (
        OutlierTest(arc, group).find(counts, 5),
        OutlierTest(other, group[mixed]).find(counts[mixed], 5),
    ):
        assert (found.dead.tolist(), found.hot.tolist(), found.tested) == ([5], [999], 999)
