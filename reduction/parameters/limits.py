"""How many of everything a reduction has at most. Each limit is written here alone."""

from __future__ import annotations

REGIONS = 8
"""Regions of interest of a reduction."""

PEAKS = 4
"""Peaks of a reduction that are fitted."""

MOST_SLICES = 32
MOST_GROUPS = 32
MOST_SERIES = 16
"""Most closed series that are kept."""

MAX_BINS = 200_000
"""Most bins of a spectrum, unless the site starts the program with another limit."""

MOST_CELLS = 20_000_000
"""Most bins of all slices and groups together: 160 MB on every rank."""
