"""The pulses of a NeXus file over all its groups of events, and their events block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.recordings.nexus_banks import BankEvents, EventBank, NexusFaults
from reduction.recordings.nexus_groups import NexusGroups
from reduction.recordings.nexus_logs import NexusLogs, charges_of
from reduction.recordings.nexus_units import NexusRefused

MOST_PULSE_EVENTS = 20_000_000
"""Most events of a pulse: 240 MB of memory while they are read."""

MOST_BLOCK_PULSES, MOST_BLOCK_EVENTS = 1024, 2**20
"""A block has at most so many pulses, and so many events unless one pulse has more."""


@dataclass(frozen=True)
class PulseBlock:
    """The events of pulses from ``first`` on, in their order.

    ``pixel_id`` and ``tof_ns`` are (events,) int32. Those of the pulse at an index within the block
    lie from ``bounds`` of the index to ``bounds`` of the next one, (pulses + 1,) int64.
    """

    first: int
    bounds: NDArray[np.int64]
    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]

    def of(self, pulse: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The pixel ids and times of flight in ns of a pulse."""
        low, high = self.bounds[pulse - self.first : pulse - self.first + 2]
        return self.pixel_id[low:high], self.tof_ns[low:high]


class _BankRows:
    """Which rows of a bank belong to which pulse: rows in the order of the pulses."""

    def __init__(self, bank: EventBank, pulse_ns: NDArray[np.int64]) -> None:
        self.bank = bank
        times_ns = bank.pulse_times()
        same = np.array_equal(pulse_ns, times_ns)
        numbers = np.arange(pulse_ns.size) if same else np.searchsorted(pulse_ns, times_ns)
        self._order: NDArray[np.int64] | None = None
        if np.any(np.diff(numbers) < 0):
            self._order = np.argsort(numbers, kind="stable")
            numbers = numbers[self._order]
        self._numbers = numbers.astype(np.int32)

    def counts(self, pulses: int) -> NDArray[np.int64]:
        """The number of events of each of so many pulses."""
        counts = self.bank.counts if self._order is None else self.bank.counts[self._order]
        found = np.zeros(pulses, np.int64)
        np.add.at(found, self._numbers, counts)
        return found

    def read(self, first: int, end: int, faults: NexusFaults) -> BankEvents:
        """The events of pulses from ``first`` to ``end``, not included."""
        low, high = np.searchsorted(self._numbers, (first, end))
        rows = np.arange(low, high) if self._order is None else self._order[low:high]
        numbers = self._numbers[low:high].astype(np.int64) - first
        return self.bank.read(rows, numbers, faults)


class NexusPulses:
    """The pulses of a file, each with its events of all groups.

    - ``times_ns`` (pulses,) int64: their times, ns since 1970, ascending
    - ``counts`` (pulses,) int64: how many events each has
    - ``charges_uc`` (pulses,) float64: the charge of each in µC; None if it is not known
    - ``block_starts``: the first pulse of each block, and the number of pulses
    - ``without_pulse``: how many events belong to no pulse
    - ``faults``: what was found wrong with events that were read

    Raises `NexusRefused` for a file whose events cannot be assigned to pulses.
    """

    def __init__(self, groups: NexusGroups, logs: NexusLogs, monitors: Mapping[str, int]) -> None:
        self.remarks: list[str] = [*logs.remarks]
        self.faults = NexusFaults()
        banks = [EventBank(group, monitors) for group in groups.events]
        self.remarks += [each for bank in banks for each in bank.remarks]
        self.without_pulse = sum(bank.before for bank in banks)
        found_ns = np.empty(0, np.int64)
        for bank in banks:
            times_ns = bank.pulse_times()
            if not np.array_equal(found_ns, times_ns):  # most files have the same in all groups
                found_ns = np.union1d(found_ns, times_ns)
        self.times_ns, self.charges_uc = charges_of(found_ns, logs, self.remarks)
        if not self.times_ns.size:
            raise NexusRefused("it has no pulse with events")
        if self.times_ns[0] <= 0:
            raise NexusRefused("it has pulses before 1970")
        self._rows = [_BankRows(bank, self.times_ns) for bank in banks]
        self.counts = sum(
            (each.counts(self.times_ns.size) for each in self._rows),
            np.zeros(self.times_ns.size, np.int64),
        )
        most = int(self.counts.max())
        if most > MOST_PULSE_EVENTS:
            raise NexusRefused(f"a pulse has {most} events; the most is {MOST_PULSE_EVENTS}")
        self.block_starts = _block_starts(self.counts)
        self._kept: PulseBlock | None = None

    def block(self, number: int) -> PulseBlock:
        """The events of a block; the last one stays in memory."""
        first, end = (int(each) for each in self.block_starts[number : number + 2])
        if self._kept is None or self._kept.first != first:
            self._kept = None
            self._kept = self._read(first, end)
        return self._kept

    def _read(self, first: int, end: int) -> PulseBlock:
        bounds = np.append(0, np.cumsum(self.counts[first:end]))
        parts = [each.read(first, end, self.faults) for each in self._rows]
        parts = [each for each in parts if each.pulse.size]
        if len(parts) == 1 and bool(np.all(parts[0].pulse[1:] >= parts[0].pulse[:-1])):
            return PulseBlock(first, bounds, parts[0].pixel_id, parts[0].tof_ns)
        if not parts:
            return PulseBlock(first, bounds, np.empty(0, np.int32), np.empty(0, np.int32))
        order = np.argsort(np.concatenate([each.pulse for each in parts]), kind="stable")
        pixel = np.concatenate([each.pixel_id for each in parts])[order]
        tof = np.concatenate([each.tof_ns for each in parts])[order]
        return PulseBlock(first, bounds, pixel, tof)


def _block_starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first pulse of each block, and the number of pulses at the end."""
    totals = np.append(0, np.cumsum(counts))
    starts = [0]
    while (first := starts[-1]) < counts.size:
        most = int(np.searchsorted(totals, totals[first] + MOST_BLOCK_EVENTS, side="right")) - 1
        starts.append(min(max(first + 1, most), first + MOST_BLOCK_PULSES, counts.size))
    return np.array(starts)
