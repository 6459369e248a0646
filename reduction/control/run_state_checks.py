"""Whether a run state from a file can be one that ranks have reported."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from reduction.control.facility_run import MOST_KNOWN
from reduction.control.run_state import MOST_GAPS, RunState
from reduction.parameters.limits import MOST_SERIES
from reduction.stream.pulses import NEVER_NS

INT64 = range(-(2**63), 2**63)

LARGEST_COUNTER = 2**62
"""Numbers of resets, starts and series count on from what is kept, and must not overflow."""

MOST_PARTITIONS = 10_000


def check_run_state(state: RunState) -> None:
    """Raises ValueError, with the reason in words, for numbers that no run state can have."""
    for name in ("resets", "starts", "closes"):
        if abs(getattr(state, name)) > LARGEST_COUNTER:
            raise ValueError(f"{name} is too large")
    places = [place.offset for place in state.places]
    _check_numbers("places", places, MOST_PARTITIONS)
    if min(places, default=0) < 0:
        raise ValueError("a place is before the first message")
    _check_numbers("before_ns", state.before_ns, MOST_PARTITIONS)
    _check_numbers("series_ends_ns", state.series_ends_ns, MOST_SERIES)
    _check_numbers("numbers", [state.start_ns, state.first, state.lost], 3)
    run = state.facility_run
    starts = [each.start_ns for each in run.known]
    _check_numbers("facility_run", [run.start_ns, run.late_ns, *starts], MOST_KNOWN + 2)
    if any(later < earlier for earlier, later in itertools.pairwise(state.series_ends_ns)):
        raise ValueError("series do not end one after the other")
    _check_gaps(state)


def _check_gaps(state: RunState) -> None:
    bounds = [time_ns for gap in state.gaps for time_ns in (gap.after_ns, gap.until_ns)]
    _check_numbers("gaps", bounds, 2 * MOST_GAPS)
    if any(later < earlier for earlier, later in itertools.pairwise(bounds)):
        raise ValueError("pauses do not come one after the other")
    if any(gap.after_ns == NEVER_NS for gap in state.gaps):
        raise ValueError("a pause never begins")


def _check_numbers(name: str, numbers: Sequence[int], most: int) -> None:
    if len(numbers) > most:
        raise ValueError(f"{name} has more than {most} numbers")
    if any(each not in INT64 for each in numbers):
        raise ValueError(f"{name} has a number that does not fit 64 bits")
