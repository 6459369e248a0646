"""Whether a run state from a file can be one that ranks have reported."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from reduction.control.run_state import MOST_GAPS, RunState
from reduction.parameters.limits import MOST_SERIES
from reduction.stream.pulses import NEVER_NS

MOST_PARTITIONS = 10_000


def check_run_state(state: RunState) -> None:
    """Raises ValueError, with the reason in words, for times that no run state can have.

    The limits of single numbers are part of their types, and checked when the file is decoded.
    """
    bounds = [time_ns for gap in state.gaps for time_ns in (gap.after_ns, gap.until_ns)]
    _check_order("series", state.series_ends_ns, MOST_SERIES)
    _check_order("pauses", bounds, 2 * MOST_GAPS)
    if any(gap.after_ns == NEVER_NS for gap in state.gaps):
        raise ValueError("a pause never begins")
    if max(len(state.places), len(state.before_ns)) > MOST_PARTITIONS:
        raise ValueError(f"it is of more than {MOST_PARTITIONS} partitions")


def _check_order(name: str, times_ns: Sequence[int], most: int) -> None:
    if len(times_ns) > most:
        raise ValueError(f"there are more than {most} times of {name}")
    if any(later < earlier for earlier, later in itertools.pairwise(times_ns)):
        raise ValueError(f"{name} do not come one after the other")
