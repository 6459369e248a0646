"""One event log, read again by more and more ranks: whether they have the same counts, how fast."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import numpy as np
import psutil

from benchmarks.rows import Row
from benchmarks.stream.catch_up import CaughtUp, WrittenLog, caught_up, written_log
from reduction.control.orders import RanksOrder

RANKS = 1, 2, 4, 8, 16
PARTITIONS = 16
EVENTS, QUICK_EVENTS = 400_000_000, 20_000_000
EVENTS_PER_PULSE = 357_143


def measure(quick: bool) -> list[Row]:
    """A row for each number of ranks."""
    events = QUICK_EVENTS if quick else EVENTS
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        log = written_log(folder / "log", EVENTS_PER_PULSE, events, PARTITIONS)
        done = [_read(log, folder, ranks) for ranks in RANKS]
    return [_row(log, done[0], ranks, each) for ranks, each in zip(RANKS, done, strict=True)]


def _read(log: WrittenLog, folder: Path, ranks: int) -> CaughtUp:
    order = RanksOrder(revision=1, pulses_revision=1, run=log.run)
    source = f"--log-folder={log.folder}"
    return asyncio.run(caught_up(source, order, folder, ranks, log.partitions))


def _row(log: WrittenLog, alone: CaughtUp, ranks: int, done: CaughtUp) -> Row:
    """How fast ranks were, and whether they have all events in the bins in which one has them."""
    crowded = ", oversubscribed" if ranks > (psutil.cpu_count() or 1) else ""
    (ours,), (of_one,) = done.report.results, alone.report.results
    assert ours.counts is not None
    assert of_one.counts is not None
    same = np.array_equal(ours.counts, of_one.counts)
    return Row(
        f"{log.events:.2g} events read again, ranks: {ranks}{crowded}",
        f"{log.events / done.seconds:.3g} events/s",
        "the counts of 1",
        same and done.report.stream.event_total == log.events,
        "one rank",
        f"{alone.seconds / done.seconds:.2f}",
    )
