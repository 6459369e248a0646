"""The tables from which uneven events are drawn: pixels by their weights, lines by their poles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from simulator.events.event_kernel import PixelTable, PoleTable
from simulator.events.source_table import X_RANGE, AliasTable
from simulator.pixel_weights import DetectorFaults
from simulator.powder.sample import Sample
from simulator.powder.texture import NODES, Texture, node_of_detectors, pole_densities


@dataclass(frozen=True)
class UnevenSources:
    """What `UnevenTables` depend on."""

    sample: Sample
    texture: Texture | None
    faults: DetectorFaults

    @property
    def even(self) -> bool:
        """Whether all pixels and directions are alike, so that no tables are needed."""
        return self.texture is None and self.faults == DetectorFaults()


class UnevenTables(NamedTuple):
    """The tables for some pixels; ``pixels`` is None if no pixel has events."""

    pixels: PixelTable | None
    poles: PoleTable


def uneven_tables(
    sources: UnevenSources, instrument: Instrument, detectors: NDArray[np.bool_]
) -> UnevenTables:
    """The tables of the instrument's ``detectors``, a mask (all detectors,) bool."""
    weights = sources.faults.weights(instrument)[detectors]
    pixels = _pixel_table(weights) if weights.any() else None
    return UnevenTables(pixels, _pole_table(sources, instrument, detectors))


def _pixel_table(weights: NDArray[np.float64]) -> PixelTable:
    table = AliasTable.of(weights)
    return PixelTable(np.round(table.keep * X_RANGE).astype(np.int64), table.alias.astype(np.int32))


def _pole_table(
    sources: UnevenSources, instrument: Instrument, detectors: NDArray[np.bool_]
) -> PoleTable:
    """Chances relative to the greatest density that any pixel sees, so that few are drawn again."""
    if sources.texture is None:
        lines = len(sources.sample.reflections)
        return PoleTable(np.ones((lines + 1, 2)), np.zeros(np.count_nonzero(detectors)))
    density = np.ones((len(sources.sample.reflections) + 1, NODES))
    density[:-1] = pole_densities(sources.sample, sources.texture)
    node = node_of_detectors(instrument, sources.texture.axis)[detectors]
    seen = slice(int(node.min()), int(np.ceil(node.max())) + 1)
    return PoleTable(np.minimum(density / density[:, seen].max(), 1.0), node)
