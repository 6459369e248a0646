"""The simulator alone: how fast it makes events, beside numpy, and how fast it appends them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zmq
from numpy.typing import NDArray

from benchmarks.rows import Row
from benchmarks.timing import Figure, interleaved
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.stream.dialect import Dialect
from simulator.events.pulses import PulseBuffer, PulseGenerator
from simulator.output.event_output import EventLogStart, EventOutput
from simulator.output.pulse_messages import Pulse, PulseMessages
from simulator.parameters import SimulatorSettings

EVENTS = 1_428_572
"""Events of a pulse at 2e7 events a second."""

AT_LEAST = 3e8
REPEATS = 15
LOG_BYTES = 2 * 2**30
START_NS, PERIOD_NS = 1_800_000_000_000_000_000, 71_428_571


class NumpySource:
    """Events of the same distribution, by numpy: a line or the background, a normal, a pixel."""

    def __init__(self, instrument: Instrument, settings: SimulatorSettings) -> None:
        self._random, self._settings = np.random.default_rng(1), settings
        here = np.isfinite(instrument.difc_us_per_angstrom)
        self._pixel_id = instrument.detector_id[here]
        self._ns_per_angstrom = instrument.difc_us_per_angstrom[here] * 1000.0
        lines = settings.sample.reflections
        share = lines.weight / lines.weight.sum() * (1 - settings.background_fraction)
        self._below, self._d_angstrom = np.cumsum(share), lines.d_angstrom

    def events(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Pixel ids and times of flight in ns, (EVENTS,) each."""
        random, asked = self._random, self._settings
        pixel = random.integers(0, self._pixel_id.size, EVENTS, np.int32)
        line = np.searchsorted(self._below, random.random(EVENTS), side="right")
        peak = self._d_angstrom[np.minimum(line, self._d_angstrom.size - 1)]
        peak *= 1 + asked.relative_peak_width * random.standard_normal(EVENTS)
        flat = random.uniform(asked.d_min, asked.d_max, EVENTS)
        d = np.where(line < self._d_angstrom.size, peak, flat)
        return self._pixel_id[pixel], (d * self._ns_per_angstrom[pixel]).astype(np.int32)


def measure(quick: bool) -> list[Row]:
    """The rows of events made, and of events made, encoded and appended to a log."""
    instrument, settings = powder_arc(), SimulatorSettings(events_per_pulse=EVENTS)
    generator, buffer = PulseGenerator(instrument, 1), PulseBuffer()
    contestants: dict[str, Callable[[], object]] = {
        "ours": lambda: generator.events(settings, 0, buffer),
        "numpy": NumpySource(instrument, settings).events,
    }
    _, times = interleaved(contestants, 5 if quick else REPEATS)
    ours, theirs = (
        Figure(tuple(EVENTS / each * 1e3 for each in times[name].cpu.values), "events/s")
        for name in contestants
    )
    return [
        Row(
            "events made, one core",
            str(ours),
            f"≥ {AT_LEAST:.0e}/s",
            ours.median >= AT_LEAST,
            f"numpy, the same distribution: {theirs}",
            f"{ours.median / theirs.median:.0f}",
        ),
        Row(
            "… encoded and appended to a log of 2 partitions besides",
            str(_appended(generator, settings, 28 if quick else 140)),
        ),
    ]


def _appended(generator: PulseGenerator, settings: SimulatorSettings, pulses: int) -> Figure:
    """Events a second of a core, pulse by pulse."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    messages, buffers = (
        PulseMessages(2, Dialect.MARKED, frozenset()),
        (PulseBuffer(), PulseBuffer()),
    )
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        output = EventOutput(EventLogStart(Path(folder, "log"), LOG_BYTES), 2, context)
        for number in range(pulses):
            began = time.process_time()
            events = generator.events(settings, number, buffers[0])
            monitored = generator.monitor_events(settings, number, buffers[1])
            pulse = Pulse(number, START_NS + number * PERIOD_NS, events, monitored, {})
            for message in messages.of(pulse, settings.max_chunk_size):
                output.put(message)
            rates.append(EVENTS / (time.process_time() - began))
        output.close()
    context.destroy(linger=0)
    return Figure(tuple(rates), "events/s")
