"""Finds the detectors of an instrument that ranges of ids and names of banks stand for.

The cost goes by the numbers of ranges and of detectors, not by the ids in the ranges.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.id_ranges import IdRanges, NamedGroups, bounds_text
from reduction.instrument.geometry import Instrument

NO_GROUP = -1
"""Group of a detector that is in none."""


class GroupsOverlap(ValueError):
    """A detector is in two groups: it is ``detector_id``; the groups are by their places from 0."""

    def __init__(self, detector_id: int, one: int, other: int) -> None:
        super().__init__(f"detector {detector_id} is in two groups")
        self.detector_id, self.one, self.other = detector_id, one, other


class DetectorsById(NamedTuple):
    """The detectors of an instrument that are no monitors, by ascending id.

    ``ids`` (n,) are their ids, ``detector`` (n,) their places in the instrument.
    """

    ids: NDArray[np.int32]
    detector: NDArray[np.int64]

    @classmethod
    def of(cls, instrument: Instrument) -> Self:
        detector = np.flatnonzero(~instrument.is_monitor)
        ids = instrument.detector_id[detector]
        if (ids[1:] > ids[:-1]).all():
            return cls(ids, detector)
        order = np.argsort(ids)
        return cls(ids[order], detector[order])

    def spans(
        self, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each range of ids, (m,) both included, where its detectors begin and end, (m,)."""
        return (
            np.searchsorted(self.ids, first, side="left"),
            np.searchsorted(self.ids, last, side="right"),
        )


def detectors_in_each(ranges: IdRanges, instrument: Instrument) -> NDArray[np.int64]:
    """How many detectors each range of ids has, (ranges,); monitors do not count."""
    begin, end = DetectorsById.of(instrument).spans(ranges.first, ranges.last)
    return end - begin


def detectors_in(ranges: IdRanges, instrument: Instrument) -> NDArray[np.bool_]:
    """The detectors in any of the ranges and banks, (detectors,) bool; no monitors.

    Banks must be banks of the instrument.
    """
    by_id = DetectorsById.of(instrument)
    begin, end = by_id.spans(ranges.first, ranges.last)
    depth = np.zeros(
        by_id.ids.size + 1, np.int32
    )  # how many ranges begin here, less those that end
    np.add.at(depth, begin, 1)
    np.subtract.at(depth, end, 1)
    inside = np.zeros(instrument.detector_id.size, np.bool_)
    inside[by_id.detector] = np.cumsum(depth, dtype=np.int32)[:-1] > 0
    if ranges.banks:
        inside |= (
            _is_of(frozenset(ranges.banks), instrument)[instrument.bank] & ~instrument.is_monitor
        )
    return inside


def _is_of(names: frozenset[str], instrument: Instrument) -> NDArray[np.bool_]:
    """For each bank of an instrument whether it has one of these names, (banks + 1,).

    The last entry, false, is for detectors without a bank.
    """
    return np.array([*(each in names for each in instrument.bank_names), False])


def shortest_list(members: NDArray[np.int64], instrument: Instrument) -> str:
    """The shortest list of ranges of ids that has these detectors and no others; no monitors.

    ``members`` (n,) are their places in the instrument. Ids that no detector has, or a monitor, do
    not end a range.
    """
    by_id = DetectorsById.of(instrument)
    inside = np.zeros(instrument.detector_id.size + 2, np.bool_)
    inside[members + 1] = True
    steps = np.diff(inside[np.concatenate([[0], by_id.detector + 1, [0]])].astype(np.int8))
    ids = by_id.ids.astype(np.int64)
    return bounds_text(ids[np.flatnonzero(steps == 1)], ids[np.flatnonzero(steps == -1) - 1])


def group_of_detectors(groups: NamedGroups, instrument: Instrument) -> NDArray[np.int32]:
    """The group of each detector, (detectors,) int32: its place in ``groups``, or `NO_GROUP`.

    Monitors are in no group. Banks must be banks of the instrument. Raises `GroupsOverlap`.
    """
    by_id = DetectorsById.of(instrument)
    begin, end = by_id.spans(groups.first, groups.last)
    begin, end, number = _merged(begin, end, groups.group)
    group = np.full(instrument.detector_id.size, NO_GROUP, np.int32)
    if (end - begin).sum() > by_id.ids.size:
        depth = np.bincount(begin, minlength=by_id.ids.size + 1)
        depth -= np.bincount(end, minlength=by_id.ids.size + 1)
        place = int(np.argmax(np.cumsum(depth) > 1))
        one, other = number[(begin <= place) & (place < end)][:2].tolist()
        raise GroupsOverlap(int(by_id.ids[place]), one, other)
    detector = by_id.detector[_expanded(begin, end)]
    _put(group, detector, np.repeat(number, end - begin), instrument)
    if groups.banks:
        _put_banks(group, groups.banks, instrument)
    return group


def _put_banks(
    group: NDArray[np.int32], banks: Iterable[tuple[str, int]], instrument: Instrument
) -> None:
    """Put the detectors of banks, by name, into groups; raises `GroupsOverlap`."""
    pixels = np.flatnonzero(~instrument.is_monitor)
    by_bank = pixels[np.argsort(instrument.bank[pixels], kind="stable")]
    numbers = np.arange(len(instrument.bank_names) + 1)
    bounds = np.searchsorted(instrument.bank[by_bank], numbers)
    here = dict(zip(instrument.bank_names, itertools.pairwise(bounds.tolist()), strict=True))
    for bank, place in banks:
        begin, end = here[bank]
        if begin < end:
            _put(group, by_bank[begin:end], np.full(end - begin, place), instrument)


def _put(
    group: NDArray[np.int32],
    detector: NDArray[np.int64],
    number: NDArray[np.int64],
    instrument: Instrument,
) -> None:
    """Put detectors (n,) into the groups ``number`` (n,); raises `GroupsOverlap`."""
    order = np.lexsort((number, detector))
    detector, number = detector[order], number[order]
    first = np.diff(detector, prepend=-1) > 0
    before = np.where(first, group[detector], np.roll(number, 1))
    taken = (before != NO_GROUP) & (before != number)
    if taken.any():
        at = int(taken.argmax())
        identifier = int(instrument.detector_id[detector[at]])
        raise GroupsOverlap(identifier, int(before[at]), int(number[at]))
    group[detector] = number


def _merged(
    begin: NDArray[np.int64], end: NDArray[np.int64], group: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Spans (m,) without empty ones, those of a group that overlap or touch merged into one."""
    there = end > begin
    begin, end, group = begin[there], end[there], group[there]
    order = np.lexsort((begin, group))
    begin, end, group = begin[order], end[order], group[order]
    if not begin.size:
        return begin, end, group
    step = int(end.max()) + 2  # so the ends of a group lie above those of the group before it
    reached = np.maximum.accumulate(end + group * step)
    new = np.append(True, begin[1:] + group[1:] * step > reached[:-1])
    last = np.append(np.flatnonzero(new)[1:] - 1, begin.size - 1)
    return begin[new], reached[last] - group[last] * step, group[new]


def _expanded(begin: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers in all spans, one span after the other, (sum of lengths,)."""
    length = end - begin
    starts = np.cumsum(length) - length
    numbers: NDArray[np.int64] = np.arange(length.sum()) + np.repeat(begin - starts, length)
    return numbers
