"""Spectra of which a reduction has many: how their process variables are named, and how many.

Their names follow a rule, so that thousands that nobody looks at cost nothing.
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
    """A kind of spectra, for example slices.

    - ``name``: the word in the names of process variables
    - ``field``: the field of a `reduction.results.views.ReductionView` that has them
    - ``listed``: lists and screens show so many
    - ``most``: there are names for so many
    - ``readings``: the dataclass of the readings of one
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
    """What a name like ``Red1:Slice300:YC`` tells; ``reduction`` and ``number`` are from 0."""

    reduction: int
    spectra: NumberedSpectra
    number: int
    pv: str


WORDS = {each.name: each for each in NUMBERED_SPECTRA}
PATTERN = re.compile(
    rf"Red([1-9]\d{{0,8}}):({'|'.join(WORDS)})([1-9]\d{{0,8}}):(\w+)", flags=re.ASCII
)


def numbered_name(name: str) -> NumberedName | None:
    """What the name of a process variable, without prefix, tells if it is of such spectra."""
    found = PATTERN.fullmatch(name)
    if found is None:
        return None
    spectra, number = WORDS[found[2]], int(found[3]) - 1
    if number >= spectra.most:
        return None
    return NumberedName(int(found[1]) - 1, spectra, number, found[4])
