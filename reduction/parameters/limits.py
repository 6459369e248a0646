"""The limits of a reduction: most slices, bins, regions and so on. Each is set here only."""

from __future__ import annotations

REGIONS = 8
"""Regions of interest of a reduction."""

PEAKS = 4
"""Peaks of a reduction that are fitted."""

MOST_SLICES = 1000
"""Most slices of a log, as far as `MOST_CELLS` allows; so it is with series."""

MOST_GROUPS = 1_000_000
"""Most detector groups, as far as `MOST_CELLS` allows: a group for each detector fits."""

MOST_SERIES = 1000
"""Most closed series that are kept."""

LISTED_SLICES = 32
"""Slices that lists and screens show; clients reach the other slices by PV name."""

LISTED_GROUPS = 32
LISTED_SERIES = 16

MAX_BINS = 200_000
"""Most bins of a spectrum, unless the site starts the program with another limit."""

MOST_CELLS = 20_000_000
"""Most bins of all slices and groups together: 160 MB on every rank."""

IMAGE_SIDE = 1024
"""Most rows and columns of a detector image, and most rows of a map."""

MOST_MAP_CELLS = 4_000_000
"""Most cells of a map: 32 MB for each client."""
