"""Reads the events of a NeXus file in blocks of pulses, the next one in a thread meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reduction.recordings.nexus.banks import BankEvents, EventBank
from reduction.recordings.nexus.values import NexusFaults

MOST_BLOCK_PULSES, MOST_BLOCK_EVENTS = 1024, 2**20
"""A block has at most so many pulses, and so many events unless one pulse has more."""

MOST_IN_A_ROW, LEAST_TURNS = 4, 8
"""At most so many blocks in a row are of one partition, if each then has so many turns.

A chunk of a dataset that lies in blocks of two partitions is inflated twice.
"""


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


class BankRows:
    """Which rows of a bank belong to which pulse: rows in the order of the pulses.

    ``pulse_ns`` (pulses,) int64 are the times of all pulses, ascending.
    """

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


class _ReadBlock(NamedTuple):
    """A block, and what is wrong with its events."""

    block: PulseBlock
    faults: NexusFaults


@dataclass(frozen=True)
class BlockSizes:
    """How pulses are cut into blocks, and how these are dealt out.

    A block has at most ``most_events``, unless one pulse has more. Blocks are dealt out in turn to
    so many ``partitions``, several of them in a row to each where there are many.
    """

    most_events: int
    partitions: int


class PulseBlocks:
    """The events of some banks in blocks of pulses. One block stays in memory, and the next one.

    - ``starts``: the first pulse of each block, and the number of pulses
    - ``owners`` (blocks,): the partition of each

    ``counts`` (pulses,) int64 are the events of these banks. All reading is done in the one thread
    of ``reading``. What is wrong with events that were read is added to ``faults``.
    """

    def __init__(
        self,
        rows: Sequence[BankRows],
        counts: NDArray[np.int64],
        sizes: BlockSizes,
        reading: ThreadPoolExecutor,
        faults: NexusFaults,
    ) -> None:
        self._rows, self._counts, self._reading, self._faults = rows, counts, reading, faults
        self.starts = _block_starts(counts, sizes.most_events)
        blocks = self.starts.size - 1
        in_a_row = min(max(blocks // (sizes.partitions * LEAST_TURNS), 1), MOST_IN_A_ROW)
        self.owners = np.arange(blocks) // in_a_row % sizes.partitions
        self._number, self._kept = -1, PulseBlock(0, np.zeros(1, np.int64), *_no_events())
        self._ahead: Future[_ReadBlock] | None = None
        self._ahead_number = -1
        self._asked = set[int]()
        """The partitions of which blocks were asked for."""

    def of(self, pulse: int) -> PulseBlock:
        """The block of a pulse."""
        number = int(np.searchsorted(self.starts, pulse, side="right")) - 1
        if number != self._number:
            self._go_to(number)
        return self._kept

    def _go_to(self, number: int) -> None:
        """Read a block, and begin to read the one that will be asked for next."""
        ahead = self._ahead
        if ahead is None or self._ahead_number != number:
            ahead = self._reading.submit(self._read, number)
        self._ahead = None
        self._kept, faults = ahead.result()
        self._faults.add(faults)
        self._number = number
        self._asked.add(int(self.owners[number]))
        later = np.flatnonzero(np.isin(self.owners[number + 1 :], list(self._asked)))
        if later.size:
            self._ahead_number = number + 1 + int(later[0])
            self._ahead = self._reading.submit(self._read, self._ahead_number)

    def _read(self, number: int) -> _ReadBlock:
        first, end = (int(each) for each in self.starts[number : number + 2])
        faults = NexusFaults()
        bounds = np.append(0, np.cumsum(self._counts[first:end]))
        parts = [each.read(first, end, faults) for each in self._rows]
        parts = [each for each in parts if each.tof_ns.size]
        if not parts:
            return _ReadBlock(PulseBlock(first, bounds, *_no_events()), faults)
        if len(parts) == 1:
            block = PulseBlock(first, bounds, parts[0].pixel_id, parts[0].tof_ns)
            return _ReadBlock(block, faults)
        order = np.argsort(np.concatenate([each.pulse for each in parts]), kind="stable")
        pixel = np.concatenate([each.pixel_id for each in parts])[order]
        tof = np.concatenate([each.tof_ns for each in parts])[order]
        return _ReadBlock(PulseBlock(first, bounds, pixel, tof), faults)


def _no_events() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.empty(0, np.int32), np.empty(0, np.int32)


def _block_starts(counts: NDArray[np.int64], most_events: int) -> NDArray[np.int64]:
    """The first pulse of each block, and the number of pulses at the end."""
    totals = np.append(0, np.cumsum(counts))
    starts = [0]
    while (first := starts[-1]) < counts.size:
        most = int(np.searchsorted(totals, totals[first] + most_events, side="right")) - 1
        starts.append(min(max(first + 1, most), first + MOST_BLOCK_PULSES, counts.size))
    return np.array(starts)
