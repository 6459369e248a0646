"""Recordings that ranks read as fast as they can, and that are copied to an event log."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from benchmarks.rows import Row
from benchmarks.stream.catch_up import CaughtUp, caught_up, written_log
from reduction.control.orders import RanksOrder
from reduction.instrument.geometry import powder_arc
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings

HOUR_PULSES = 3600 * 14
EVENTS, QUICK_EVENTS = 500_000_000, 50_000_000
COMPRESSED_EVENTS = 50_000_000
LEAST_RATE = 5e7
START_NS = 1_760_000_000_000_000_000
PERIOD_NS = 71_428_571
ORDER = RanksOrder(revision=1, pulses_revision=1)


def measure(quick: bool) -> list[Row]:
    """How fast two ranks read an hour in each kind of file, and how fast it is copied."""
    pulses = HOUR_PULSES // 10 if quick else HOUR_PULSES
    events = QUICK_EVENTS if quick else EVENTS
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        log = written_log(folder / "log", events // pulses, events)
        what = f"{log.pulses} pulses with {log.events:.3g} events"
        rows = [
            _read(f"event log, {what}", folder / "log", log.events),
            _copied(f"event log to event log, {what}", folder, log.events),
        ]
    for compressed in (False, True):
        count = min(events, COMPRESSED_EVENTS) if compressed else events
        with tempfile.TemporaryDirectory() as made:
            path = Path(made, "recording.nxs")
            _write_nexus(path, pulses, count // pulses, compressed=compressed)
            total = pulses * (count // pulses)
            kind = "gzip, float32 of µs" if compressed else "whole ns, not compressed"
            rows.append(_read(f"NeXus, {kind}, {total:.3g} events", path, total))
    return rows


def _read(what: str, path: Path, events: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        done: CaughtUp = asyncio.run(caught_up(f"--recording={path}", ORDER, Path(folder)))
    if done.report.stream.event_total != events:
        raise RuntimeError(f"{done.report.stream.event_total} events of {events}")
    return _row(f"two ranks read: {what}", events, done.seconds)


def _row(what: str, events: int, seconds: float) -> Row:
    rate = events / seconds
    return Row(
        what, f"{rate:.3g} events/s in {seconds:.3g} s", f"≥ {LEAST_RATE:.0e}", rate >= LEAST_RATE
    )


def _copied(what: str, folder: Path, events: int) -> Row:
    target = (f"--log-folder={folder / 'copy'}", "--log-limit=64G", "--events=")
    words = [sys.executable, "-m", "ioc", "replay", str(folder / "log"), *target, "--speed=max"]
    began_s = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return _row(f"copied: {what}", events, time.perf_counter() - began_s)


def _write_nexus(path: Path, pulses: int, per_pulse: int, *, compressed: bool) -> None:
    """A NeXus file of one bank, with the same events in each pulse."""
    settings = SimulatorSettings(events_per_pulse=2 * per_pulse, monitor_events_per_pulse=0)
    made = PulseGenerator(powder_arc(), 1).events(settings, 0)
    pixel, tof = made.pixel_id[:per_pulse], made.tof_ns[:per_pulse]
    stored = (tof / 1000).astype(np.float32) if compressed else tof
    options = {"compression": "gzip", "compression_opts": 1} if compressed else {}
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        bank = entry.create_group("bank1_events")
        bank.attrs["NX_class"] = "NXevent_data"
        bank["event_time_zero"] = START_NS + np.arange(pulses) * PERIOD_NS
        bank["event_time_zero"].attrs["units"] = "ns"
        bank["event_index"] = np.arange(pulses) * per_pulse
        for name, values in (("event_id", pixel), ("event_time_offset", stored)):
            size = (pulses * per_pulse,)
            data = bank.create_dataset(name, size, values.dtype, chunks=(2**17,), **options)
            many = np.tile(values, 100)
            for first in range(0, size[0], many.size):
                end = min(first + many.size, size[0])
                data[first:end] = many[: end - first]
        bank["event_time_offset"].attrs["units"] = "microsecond" if compressed else "ns"
