"""The pulses of a NeXus file over all its groups of events, and which events each partition has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from reduction.recordings.nexus.banks import EventBank
from reduction.recordings.nexus.blocks import MOST_BLOCK_EVENTS, BankRows, BlockSizes, PulseBlocks
from reduction.recordings.nexus.columns import NexusColumns
from reduction.recordings.nexus.groups import NexusGroups
from reduction.recordings.nexus.logs import NexusLogs, charges_of
from reduction.recordings.nexus.units import NexusRefused
from reduction.recordings.nexus.values import NexusFaults

MOST_PULSE_EVENTS = 20_000_000
"""Most events of a pulse: 240 MB of memory while they are read."""

MOST_UNEVEN = 1.2
"""Banks are dealt out if no partition then has more than this many times the mean of events."""

LEAST_BLOCK_EVENTS = 2**18
"""Blocks of a partition with some of the banks have at least so many events, if there are any."""


class EventShare:
    """The events that one partition has, ``counts`` (pulses,) int64 of each pulse."""

    def __init__(self, counts: NDArray[np.int64], blocks: PulseBlocks) -> None:
        self.counts, self._blocks = counts, blocks

    def of(self, pulse: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The pixel ids (n,) and times of flight in ns (n,) of a pulse that has events here."""
        return self._blocks.of(pulse).of(pulse)


class NexusPulses:
    """The pulses of a file, each with its events of all groups.

    - ``times_ns`` (pulses,) int64: their times, ns since 1970, ascending
    - ``charges_uc`` (pulses,) float64: the charge of each in µC; None if it is not known
    - ``without_pulse``: how many events belong to no pulse
    - ``faults``: what was found wrong with events that were read
    - ``shares``: the events of each of the ``partitions``

    Raises `NexusRefused` for a file whose events cannot be assigned to pulses.
    """

    def __init__(
        self, groups: NexusGroups, logs: NexusLogs, monitors: Mapping[str, int], partitions: int
    ) -> None:
        self.remarks: list[str] = [*groups.remarks, *logs.remarks]
        self.faults = NexusFaults()
        columns = NexusColumns()
        start = groups.run_start
        banks = [EventBank(group, monitors, columns, start) for group in groups.events]
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
        rows = [BankRows(bank, self.times_ns) for bank in banks if bank.events]
        most = int(self._counts(rows).max())
        if most > MOST_PULSE_EVENTS:
            raise NexusRefused(f"a pulse has {most} events; the most is {MOST_PULSE_EVENTS}")
        self._reading = ThreadPoolExecutor(1, "NeXus events")
        self.shares = self._dealt(rows, partitions)

    def _counts(self, rows: Sequence[BankRows]) -> NDArray[np.int64]:
        """The number of events of each pulse in some banks."""
        pulses = self.times_ns.size
        return sum((each.counts(pulses) for each in rows), np.zeros(pulses, np.int64))

    def _dealt(self, rows: Sequence[BankRows], partitions: int) -> list[EventShare]:
        """The shares of all partitions: whole banks if that is even, or else blocks in turn.

        A chunk of a dataset is inflated by one rank if whole banks are dealt out. Blocks of
        different ranks may lie in one chunk, which is then inflated by all of them.
        """
        dealt = _dealt_banks(rows, partitions)
        if dealt is not None:
            sizes = BlockSizes(max(MOST_BLOCK_EVENTS // partitions, LEAST_BLOCK_EVENTS), 1)
            counts_of = [self._counts(each) for each in dealt]
            return [
                EventShare(counts, self._blocks(each, counts, sizes))
                for each, counts in zip(dealt, counts_of, strict=True)
            ]
        counts = self._counts(rows)
        blocks = self._blocks(rows, counts, BlockSizes(MOST_BLOCK_EVENTS, partitions))
        owners = np.repeat(blocks.owners, np.diff(blocks.starts))
        return [
            EventShare(np.where(owners == each, counts, 0), blocks) for each in range(partitions)
        ]

    def _blocks(
        self, rows: Sequence[BankRows], counts: NDArray[np.int64], sizes: BlockSizes
    ) -> PulseBlocks:
        return PulseBlocks(rows, counts, sizes, self._reading, self.faults)

    def close(self) -> None:
        """Wait until nothing is read any more."""
        self._reading.shutdown(cancel_futures=True)


def _dealt_banks(rows: Sequence[BankRows], partitions: int) -> list[list[BankRows]] | None:
    """The banks of each partition, by their events; None if that would be uneven."""
    dealt: list[list[BankRows]] = [[] for _ in range(partitions)]
    events = [0] * partitions
    for each in sorted(rows, key=lambda each: each.bank.events, reverse=True):
        place = events.index(min(events))
        dealt[place].append(each)
        events[place] += each.bank.events
    return dealt if max(events) * partitions <= MOST_UNEVEN * sum(events) else None
