from __future__ import annotations

import math

import numpy as np

from reduction.parameters.windows import PeakStatus, RegionStatus, WindowSettings
from reduction.results.windows.analysis import peaks, regions

EDGES = np.linspace(1, 3, 401)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
COUNTS = np.random.default_rng(3).poisson(50 + 2000 * np.exp(-0.5 * ((CENTRES - 2) / 0.02) ** 2))
SHOWN = COUNTS / np.diff(EDGES), np.sqrt(COUNTS) / np.diff(EDGES)


def test_a_window_from_0_to_0_is_not_used() -> None:
    (region,) = regions([WindowSettings()], EDGES, COUNTS, COUNTS, 10)
    (peak,) = peaks([WindowSettings()], EDGES, *SHOWN)
    assert math.isnan(region.total)
    assert math.isnan(peak.centre)
    assert region.message == peak.message == "not set: Min and Max are both 0"


def test_each_window_has_its_sum_and_its_peak() -> None:
    window = WindowSettings(1.8, 2.2)
    (region, whole) = regions([window, WindowSettings(1, 3)], EDGES, COUNTS, COUNTS, 10)
    (peak,) = peaks([window], EDGES, *SHOWN)
    inside = (CENTRES > 1.8) & (CENTRES < 2.2)
    assert abs(region.total - COUNTS[inside].sum()) < 1e-6
    assert abs(region.net - 2000 * 0.02 * math.sqrt(2 * math.pi) / 0.005) < 5 * region.net_error
    assert abs(peak.centre - 2) < 5 * peak.centre_error < 0.01
    assert whole.total == COUNTS.sum()
    assert math.isnan(whole.net)
    assert whole.message


def test_a_window_outside_the_axis_says_so_and_holds_nothing() -> None:
    window = [WindowSettings(7, 8)]
    (region,), (peak,) = regions(window, EDGES, COUNTS, COUNTS, 10), peaks(window, EDGES, *SHOWN)
    assert region == RegionStatus(message=region.message) or math.isnan(region.total)
    assert "3" in region.message
    assert math.isnan(peak.centre)
    assert peak.message
    assert isinstance(peak, PeakStatus)
