"""Makes the recipe that an engine follows from the settings of a reduction."""

from __future__ import annotations

from collections.abc import Iterable

from reduction.engines.protocol import Recipe, SliceOf, all_in_one_slice
from reduction.instrument.calibration import calibration
from reduction.instrument.detector_file import DetectorFile
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import detector_groups, group_names
from reduction.parameters.limits import MOST_CELLS
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Misfit


def recipe(
    settings: ReductionSettings,
    instrument: Instrument,
    slice_of: SliceOf = all_in_one_slice,
    series: int = 1,
    fade_s: float = 0.0,
    files: Iterable[DetectorFile] = (),
) -> Recipe:
    """The recipe of ``settings``; raises `Misfit` if they do not fit the instrument or memory.

    ``files`` are those of detectors that the settings name, as they were read. Each of the
    ``series`` has ``settings.filter.count`` slices, numbered on from series to series.
    """
    made = Recipe(
        units=settings.units,
        edges=settings.edges,
        group=detector_groups(settings.detectors, instrument, files),
        slices=settings.filter.count * series,
        slice_of=slice_of,
        calibration=calibration(settings.detectors, instrument, files),
        least_groups=len(group_names(settings.detectors)),
        fade_s=fade_s,
    )
    cells = made.slices * made.groups * made.edges.size
    if cells > MOST_CELLS:
        parts = f"{made.slices} slices, {made.groups} groups and {made.edges.size - 1} bins"
        parts = f"{series} series of together {parts}" if series > 1 else parts
        raise Misfit(
            "BinParams",
            settings.bin_params,
            f"{parts} are too many together: {cells} cells; the limit is {MOST_CELLS}",
        )
    return made
