"""Sets of whole numbers that come in runs, as lost pulses do."""

from __future__ import annotations

import bisect
from collections.abc import Iterable

PulseRange = tuple[int, int]


def union(runs: Iterable[PulseRange]) -> list[PulseRange]:
    """The runs [first, last] that cover the same numbers, ascending and apart."""
    merged: list[PulseRange] = []
    for run in sorted(runs):
        add(merged, *run)
    return merged


def size(runs: Iterable[PulseRange]) -> int:
    """How many numbers runs that are apart hold."""
    return sum(last - first + 1 for first, last in runs)


def add(runs: list[PulseRange], first: int, last: int) -> None:
    """Add the numbers from ``first``, not before the last run's, to ``last``."""
    if runs and first <= runs[-1][1] + 1:
        runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
    else:
        runs.append((first, last))


def discard(runs: list[PulseRange], number: int) -> None:
    """Take out a number, if it is there."""
    place = bisect.bisect_right(runs, number, key=lambda run: run[0]) - 1
    if place >= 0 and number <= runs[place][1]:
        first, last = runs[place]
        parts = [(first, number - 1), (number + 1, last)]
        runs[place : place + 1] = [run for run in parts if run[0] <= run[1]]


def discard_below(runs: list[PulseRange], number: int) -> None:
    """Take out all numbers below ``number``."""
    runs[:] = [(max(first, number), last) for first, last in runs if last >= number]
