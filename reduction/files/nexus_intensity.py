"""Normalised intensities in NeXus files, next to the counts.

The sum is an NXdata ``intensity``; slices, groups and series have one each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reduction.files.nexus_fields import add_array
from reduction.files.nexus_parts import dataset_in, group_in, numbers_in
from reduction.files.saved_parts import SavedIntensity, ValuesAndErrors

INTENSITY = "intensity"

SPECTRA = {"": "summed", "slice": "by_slice", "group": "by_group", "series": "of_series"}
"""The fields of `SavedIntensity`, by the dimension that they have beside that of the axis."""

PER_AXIS_UNIT = "per_axis_unit"
"""The attribute that says whether an intensity is per unit of the axis."""


def intensity_group(dimension: str) -> str:
    """The name of the NXdata of intensities, by the dimension beside that of the axis."""
    plural = {"": "", "slice": "_slices", "group": "_groups", "series": "_series"}
    return INTENSITY + plural[dimension]


def add_intensity(found: SavedIntensity, add_data: Callable[[str, str], Any]) -> None:
    """Add the NXdata of all intensities.

    ``add_data`` adds the group of a name, with its axes: the dimension that is given, and that of
    the bins.
    """
    for dimension, field in SPECTRA.items():
        spectra: ValuesAndErrors = getattr(found, field)
        if not spectra.values.size:  # there are no series
            continue
        group = add_data(intensity_group(dimension), dimension)
        add_array(group, INTENSITY, spectra.values, units=found.units, long_name=found.name)
        group[INTENSITY].attrs[PER_AXIS_UNIT] = found.per_axis_unit
        add_array(group, f"{INTENSITY}_errors", spectra.errors, units=found.units)


def read_intensity(entry: Any) -> SavedIntensity | None:
    """The intensities in the file, None if there are none; raises ValueError."""
    if INTENSITY not in entry:
        return None
    attributes = dataset_in(group_in(entry, INTENSITY), INTENSITY).attrs
    summed = _spectra(entry, "")
    nothing = summed.values.reshape(1, -1)[:0]
    no_series = ValuesAndErrors(nothing, nothing)
    return SavedIntensity(
        name=str(attributes.get("long_name", "")),
        units=str(attributes.get("units", "")),
        per_axis_unit=bool(attributes.get(PER_AXIS_UNIT, True)),
        summed=summed,
        by_slice=_spectra(entry, "slice"),
        by_group=_spectra(entry, "group"),
        of_series=(_spectra(entry, "series") if intensity_group("series") in entry else no_series),
    )


def _spectra(entry: Any, dimension: str) -> ValuesAndErrors:
    group = group_in(entry, intensity_group(dimension))
    return ValuesAndErrors(
        *(numbers_in(group, field) for field in (INTENSITY, f"{INTENSITY}_errors"))
    )
