"""The names of process variables of slices, detector groups and series, such as ``Slice300:YC``.

Names follow a rule, so that channels need not exist before a client asks for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from reduction.parameters.limits import (
    LISTED_GROUPS,
    LISTED_SERIES,
    LISTED_SLICES,
    MOST_GROUPS,
    MOST_SERIES,
    MOST_SLICES,
)
from reduction.parameters.readings import GroupReadings, SeriesReadings, SliceReadings


@dataclass(frozen=True)
class NumberedSpectra:
    """A kind of numbered spectra, for example slices.

    - ``name``: the word in the names of process variables
    - ``field``: the field of `reduction.results.views.ReductionView` with these spectra
    - ``listed``: how many lists and screens show
    - ``most``: the highest number that a name may have
    - ``readings``: the dataclass of the readings of one spectrum
    """

    name: str
    field: str
    listed: int
    most: int
    readings: type[Any]


NUMBERED_SPECTRA = (
    NumberedSpectra("Slice", "slices", LISTED_SLICES, MOST_SLICES, SliceReadings),
    NumberedSpectra("Group", "groups", LISTED_GROUPS, MOST_GROUPS, GroupReadings),
    NumberedSpectra("Series", "series", LISTED_SERIES, MOST_SERIES, SeriesReadings),
)


@dataclass(frozen=True)
class NumberedName:
    """The parts of a name like ``Red1:Slice300:YC``; ``reduction`` and ``number`` count from 0."""

    reduction: int
    spectra: NumberedSpectra
    number: int
    pv: str


WORDS = {each.name: each for each in NUMBERED_SPECTRA}
PATTERN = re.compile(
    rf"Red([1-9]\d{{0,8}}):({'|'.join(WORDS)})([1-9]\d{{0,8}}):(\w+)", flags=re.ASCII
)


def numbered_name(name: str) -> NumberedName | None:
    """The parts of a PV name without prefix; None if it is no name of a numbered spectrum."""
    found = PATTERN.fullmatch(name)
    if found is None:
        return None
    spectra, number = WORDS[found[2]], int(found[3]) - 1
    if number >= spectra.most:
        return None
    return NumberedName(int(found[1]) - 1, spectra, number, found[4])
