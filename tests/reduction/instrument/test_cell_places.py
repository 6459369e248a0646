"""Each cell of an image knows where it is in space, and its bank."""

from __future__ import annotations

import numpy as np
import pytest

from reduction.instrument.cell_places import NO_BANK, cell_places
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.instrument.layout import detector_layout
from reduction.parameters.images.image import ImageView


@pytest.mark.parametrize("view", ImageView)
@pytest.mark.parametrize("most", [1024, 16])
def test_a_cell_is_at_the_mean_position_of_its_detectors(view: ImageView, most: int) -> None:
    arc = powder_arc()
    layout = detector_layout(arc, view, most)
    places = cell_places(arc, layout)
    for cell in range(layout.cells):
        members = np.flatnonzero(layout.cell == cell)
        found = [places.x_m[cell], places.y_m[cell], places.z_m[cell]]
        if not members.size:
            assert np.isnan([*found, places.bank[cell]]).all()
            continue
        assert found == pytest.approx(arc.position_m[members].mean(axis=0))
        assert places.bank[cell] in arc.bank[members]


def test_cells_of_a_panel_have_its_bank_alone() -> None:
    arc = powder_arc()
    layout = detector_layout(arc, ImageView.PANELS, 512)
    banks = cell_places(arc, layout).bank.reshape(layout.shape)
    filled = [row[~np.isnan(row)] for row in banks]
    assert [set(row) for row in filled if row.size] == [{0}, {1}, {2}]


def test_detectors_without_a_bank_and_monitors_alone_have_places_too() -> None:
    nothing_else = Instrument(
        "plain", np.array([1, 2], np.int32), np.eye(2, 3), np.array([False, True]), 10.0
    )
    places = cell_places(nothing_else, detector_layout(nothing_else, ImageView.PANELS, 512))
    assert places.bank.tolist() == [NO_BANK]
    assert places.x_m.tolist() == [1]
    monitor = Instrument("monitor", np.array([1], np.int32), np.ones((1, 3)), np.array([True]), 1.0)
    empty = cell_places(monitor, detector_layout(monitor, ImageView.PANELS, 512))
    assert np.isnan([empty.x_m, empty.y_m, empty.z_m, empty.bank]).all()
