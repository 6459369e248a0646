"""Where the cells of an image are in space, and which bank each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.contiguous import contiguous
from reduction.instrument.geometry import Instrument
from reduction.instrument.layout import NO_CELL, DetectorLayout

NO_BANK = -1
"""The bank of a cell whose detectors have no bank."""


@dataclass(frozen=True, eq=False)
class CellPlaces:
    """The place of each cell of an image, (rows · columns,) float64 each, from the top left.

    ``x_m``, ``y_m`` and ``z_m`` are the mean position of the detectors of the cell in m. ``bank``
    is the place of their bank in `Instrument.bank_names`, `NO_BANK` if they have none. In a cell
    that several banks share, it is one of these banks. All are NaN in cells without a detector.
    """

    x_m: NDArray[np.float64]
    y_m: NDArray[np.float64]
    z_m: NDArray[np.float64]
    bank: NDArray[np.float64]


def cell_places(instrument: Instrument, layout: DetectorLayout) -> CellPlaces:
    """The places of the cells of a layout of this instrument, masked detectors included."""
    inside = contiguous(np.flatnonzero(layout.cell != NO_CELL))
    cell = layout.cell[inside].astype(np.int64)
    detectors = layout.pixels.ravel()
    occupied = detectors > 0
    x_m, y_m, z_m = (
        np.divide(
            np.bincount(cell, coordinate[inside], layout.cells),
            detectors,
            out=np.full(layout.cells, np.nan),
            where=occupied,
        )
        for coordinate in instrument.position_m.T
    )
    bank = np.full(layout.cells, np.nan)
    bank[cell] = instrument.bank[inside]
    return CellPlaces(x_m, y_m, z_m, bank)
