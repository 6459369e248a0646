"""Images, maps and picked spectra that fake ranks report."""

from __future__ import annotations

import numpy as np

from reduction.control.orders import ReductionOrder
from reduction.control.reports import MapCounts, OutliersFound, ViewsResult
from reduction.instrument.geometry import powder_arc
from reduction.instrument.layout import detector_layout

FAKE_OUTLIERS = OutliersFound(
    np.array([3, 500], np.int32), np.array([7, 8, 9, 901], np.int32), tested=1000
)
"""Dead and hot detectors."""


def fake_views(order: ReductionOrder) -> ViewsResult | None:
    """What ranks of the arc report for an order; None if it asks for nothing.

    A cell of the image has the sum of the ids of its detectors, plus one for each. A row of the map
    has its number in every bin, a bin of the picked spectrum its number.
    """
    if not order.asks_views:
        return None
    image, settings = order.settings.image, order.settings
    bins = settings.edges.size - 1
    layout = detector_layout(powder_arc(), image.view, image.resolution)
    rows = settings.map.rows
    edges = settings.map.edges(settings.edges, rows)
    counts = np.repeat(np.arange(rows, dtype=np.int64)[:, np.newaxis], edges.size - 1, axis=1)
    return ViewsResult(
        layout.summed(np.arange(1, 1002, dtype=np.int32)) if order.makes_image else None,
        0,
        MapCounts(counts, edges, np.arange(rows + 1.0)) if order.makes_map else None,
        np.arange(bins, dtype=np.int64) if order.picks else None,
        FAKE_OUTLIERS if settings.outliers.searched else None,
    )
