"""Images lay detectors out as they stand: by panels, around the sample, and from the source."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument, powder_arc
from reduction.instrument.layout import detector_layout
from reduction.parameters.images.image import ImageView

PITCH_M = 0.01


def panel(
    angle_deg: float, rows: int, columns: int, *, by_columns: bool, upward: bool
) -> NDArray[np.float64]:
    """Positions of a flat panel that faces the sample at 2 m, in the order of ids, (n, 3)."""
    a = np.radians(angle_deg)
    middle, right = np.array([np.sin(a), 0, np.cos(a)]), np.array([np.cos(a), 0, -np.sin(a)])
    up = np.arange(rows) - (rows - 1) / 2
    across = (np.arange(columns) - (columns - 1) / 2) * PITCH_M
    heights = (up if upward else -up) * PITCH_M
    if by_columns:
        x, y = (each.ravel() for each in np.meshgrid(across, heights, indexing="ij"))
    else:
        y, x = (each.ravel() for each in np.meshgrid(heights, across, indexing="ij"))
    place = 2 * middle + x[:, np.newaxis] * right + y[:, np.newaxis] * np.array([0, 1, 0])
    return np.asarray(place, np.float64)


def instrument(*banks: NDArray[np.float64], monitors: int = 0) -> Instrument:
    """An instrument of banks with these positions; monitors have the last ids."""
    position = np.concatenate([np.empty((0, 3)), *banks, np.tile([0.0, 0.0, -1.0], (monitors, 1))])
    bank = np.repeat(np.arange(len(banks)), [len(each) for each in banks])
    return Instrument(
        "panels",
        np.arange(7, 7 + len(position), dtype=np.int32),
        position,
        np.arange(len(position)) >= len(position) - monitors,
        20.0,
        np.append(bank, np.full(monitors, -1)).astype(np.int32),
        tuple(f"bank{number}" for number in range(len(banks))),
    )


@pytest.mark.parametrize("by_columns", [True, False])
@pytest.mark.parametrize("upward", [True, False])
@pytest.mark.parametrize("angle_deg", [0, -70, 90, 175])
def test_a_panel_stands_upright_whatever_the_order_of_its_ids(
    by_columns: bool, upward: bool, angle_deg: float
) -> None:
    one = panel(angle_deg, 4, 6, by_columns=by_columns, upward=upward)
    layout = detector_layout(instrument(one), ImageView.PANELS, 64)
    assert layout.shape == (4, 6)
    row, column = np.divmod(layout.cell, 6)
    np.testing.assert_allclose(one[:, 1], (1.5 - row) * PITCH_M, atol=1e-9)
    a = np.radians(angle_deg)
    across = one @ [np.cos(a), 0, -np.sin(a)]
    np.testing.assert_allclose(across, (column - 2.5) * PITCH_M, atol=1e-9)


def test_panels_stand_side_by_side_with_a_gap_and_monitors_have_no_cell() -> None:
    banks = [panel(a, 5, 4, by_columns=True, upward=True) for a in (-60, 0, 60)]
    layout = detector_layout(instrument(*banks, monitors=2), ImageView.PANELS, 64)
    assert layout.cell[-2:].tolist() == [-1, -1]
    assert np.unique(layout.cell[:-2]).size == 60
    assert layout.pixels.sum() == 60
    assert (layout.pixels == 0).any()
    assert layout.rows.cells <= 2 * 5 + 1
    assert layout.columns.cells <= 3 * 4 + 2


def test_tubes_along_an_arc_become_columns() -> None:
    height = (np.arange(8) - 3.5) * PITCH_M
    angles = np.radians(np.linspace(10, 40, 12))
    tubes = [[(2 * np.sin(a), y, 2 * np.cos(a)) for y in height] for a in angles]
    layout = detector_layout(instrument(np.array(tubes).reshape(-1, 3)), ImageView.PANELS, 64)
    expected = np.arange(12)[:, np.newaxis] + 12 * np.arange(7, -1, -1)
    np.testing.assert_array_equal(layout.cell, expected.ravel())


def test_tubes_that_are_banks_each_stand_close_together() -> None:
    height = (np.arange(8) - 3.5) * PITCH_M
    tubes = [np.array([(0.02 * column, y, 4.0) for y in height]) for column in range(6)]
    layout = detector_layout(instrument(*tubes), ImageView.PANELS, 64)
    assert layout.shape == (8, 6)
    assert (layout.pixels == 1).all()


def test_detectors_without_any_order_share_a_square() -> None:
    scattered = np.random.default_rng(1).normal(size=(50, 3))
    layout = detector_layout(instrument(scattered), ImageView.PANELS, 64)
    assert layout.shape == (7, 8)
    assert layout.pixels.max() == 1


@pytest.mark.parametrize("view", list(ImageView))
@pytest.mark.parametrize("most", [16, 20, 100])
def test_no_image_has_more_rows_or_columns_than_asked_for(view: ImageView, most: int) -> None:
    banks = [panel(a, 60, 35, by_columns=True, upward=True) for a in (-60, 0, 120)]
    layout = detector_layout(instrument(*banks, monitors=1), view, most)
    assert max(layout.shape) <= most
    assert layout.pixels.sum() == 3 * 60 * 35
    assert (layout.columns.edges.size, layout.rows.edges.size) == (
        layout.shape[1] + 1,
        layout.shape[0] + 1,
    )


def test_a_cell_of_several_detectors_has_their_sum() -> None:
    layout = detector_layout(
        instrument(panel(0, 40, 40, by_columns=True, upward=True)), ImageView.PANELS, 20
    )
    counts = np.arange(1600, dtype=np.int32)
    assert layout.shape == (20, 20)
    assert set(layout.pixels.ravel().tolist()) == {4}
    assert layout.summed(counts).sum() == counts.sum()
    row, column = divmod(int(layout.cell[777]), 20)
    members = layout.detectors_in(column, row, 1, 1)
    assert 777 in members
    assert layout.summed(counts)[row, column] == counts[members].sum()


def test_around_the_sample_a_cell_is_where_its_detector_is() -> None:
    banks = [panel(a, 30, 30, by_columns=True, upward=True) for a in (-60, 45)]
    asked = instrument(*banks)
    layout = detector_layout(asked, ImageView.CYLINDER, 512)
    row, column = np.divmod(layout.cell, layout.shape[1])
    x, y, z = asked.position_m.T
    angle = np.degrees(np.arctan2(x, z))
    assert (layout.columns.edges[column] <= angle).all()
    assert (angle <= layout.columns.edges[column + 1]).all()
    assert (layout.rows.edges[row] >= y).all()
    assert (y >= layout.rows.edges[row + 1]).all()


def test_from_the_source_positive_x_is_on_the_left_and_up_at_the_top() -> None:
    corners = np.array([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
    layout = detector_layout(instrument(corners), ImageView.FRONT, 16)
    assert layout.shape == (2, 2)
    assert layout.cell.tolist() == [0, 1, 2, 3]
    assert layout.columns.edges.tolist() == [2.0, 0.0, -2.0]


def test_the_simulated_arc_has_a_row_for_each_bank() -> None:
    layout = detector_layout(powder_arc(), ImageView.PANELS, 512)
    row, column = np.divmod(layout.cell[:1000], layout.shape[1])
    assert np.unique(row).size == 3
    for each in np.unique(row):
        assert np.diff(column[row == each]).tolist() == [1] * (np.count_nonzero(row == each) - 1)


def test_an_instrument_of_monitors_alone_has_an_image_without_detectors() -> None:
    layout = detector_layout(instrument(monitors=3), ImageView.CYLINDER, 16)
    assert layout.pixels.tolist() == [[0]]
