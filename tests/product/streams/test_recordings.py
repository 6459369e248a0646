"""A recording takes the place of the simulator: its spectrum is that of all its events."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reduction.event_log.writer import LogWriter
from reduction.instrument.geometry import powder_arc
from reduction.parameters.reduction import ReductionSettings
from reduction.stream.dialect import Dialect
from simulator.events.pulses import PulseGenerator
from simulator.output.pulse_messages import Pulse, PulseMessages
from simulator.parameters import SimulatorSettings
from tests.support.clients.ca_client import Network
from tests.support.product.live import SEED, Expected, Live, live
from tests.support.stream.event_logs import LIMIT, PERIOD_NS
from tests.support.stream.nexus_events import START_NS, Bank, ess_file

pytestmark = pytest.mark.timeout(360)

PULSES = 40
MESSAGES = PULSES * (2 + 3 + 2)
"""Each pulse has, in two partitions, a value of a log and a mark each, and three chunks in all."""

SETTINGS = SimulatorSettings(events_per_pulse=3000, events_per_pulse_spread=50)


def log_recording(path: Path) -> Path:
    """An event log with simulated pulses in two partitions."""
    generator = PulseGenerator(powder_arc(), SEED)
    messages = PulseMessages(2, Dialect.MARKED, frozenset())
    with closing(LogWriter(path, 2, LIMIT)) as writer:
        for number in range(PULSES):
            events = generator.events(SETTINGS, number)
            monitored = generator.monitor_events(SETTINGS, number)
            time_ns = START_NS + number * PERIOD_NS
            pulse = Pulse(number, time_ns, events, monitored, {"temperature": 295.0})
            for each in messages.of(pulse, 50_000):
                writer.append(each.partition, each.entry)
    return path


def nexus_recording(path: Path) -> Path:
    """A NeXus file with the same events, without those of monitors."""
    generator = PulseGenerator(powder_arc(), SEED)
    pulses = [generator.events(SETTINGS, number) for number in range(PULSES)]
    bank = Bank(
        np.repeat(np.arange(PULSES), [each.tof_ns.size for each in pulses]),
        np.concatenate([each.pixel_id for each in pulses]),
        np.concatenate([each.tof_ns for each in pulses]) / 1000.0,  # float64: to the ns
    )
    return ess_file(path, [bank], PULSES)


def is_complete(running: Live) -> bool:
    """Whether the spectrum is that of all pulses."""
    expected = Expected(SETTINGS).counts(ReductionSettings(), 0, PULSES - 1)
    at_end = running.number("PulseLast_RBV") == PULSES - 1
    return at_end and np.array_equal(running.array("Red1:Spec:YC"), expected)


@pytest.mark.parametrize("kind", ["log", "nexus"])
def test_ranks_read_a_recording_as_fast_as_they_can_and_again_when_killed(
    net: Network, tmp_path: Path, kind: str
) -> None:
    make = log_recording if kind == "log" else nexus_recording
    path = make(tmp_path / f"recording.{kind}")
    with live(net, f"--replay={path}", "--speed=max") as running:
        running.until(lambda: is_complete(running), 15)
        assert running.number("PulsesMissing_RBV") == 0
        running.until(lambda: running.get("Status_RBV") == "OK", 15)
        assert running.get("Lag_RBV.SEVR") == "NO_ALARM"
        running.one("ioc ranks --").kill()
        running.until(lambda: running.get("DetectorState_RBV") != "Acquire", 10)
        running.until(lambda: running.get("DetectorState_RBV") == "Acquire", 15)
        running.until(lambda: is_complete(running), 15)


def test_a_recording_is_played_with_times_of_now(net: Network, tmp_path: Path) -> None:
    path = log_recording(tmp_path / "recording")
    folder = f"--log-folder={tmp_path / 'played'}"
    with live(net, f"--replay={path}", "--speed=20", folder, "--log-limit=64M") as running:
        running.until(lambda: is_complete(running), 15)
        assert running.number("PulsesMissing_RBV") == 0
        assert "its time" not in running.get("StatusMessage_RBV", "-S")
        ended = f"the recording has ended: {MESSAGES} messages with "
        running.until(lambda: running.get("Sim:StatusMessage_RBV", "-S").startswith(ended), 10)
        assert running.number("Sim:Pulse_RBV") == PULSES - 1
        assert running.number("Sim:EventsSent_RBV") == running.number("EventTotal_RBV")
        assert running.get("Sim:StatusMessage_RBV.SEVR") == "NO_ALARM"
        running.until(lambda: running.get("Status_RBV") == "OK", 15)


def test_a_player_that_dies_is_told_and_its_pulses_stay(net: Network, tmp_path: Path) -> None:
    path = log_recording(tmp_path / "recording")
    folder = f"--log-folder={tmp_path / 'played'}"
    with live(net, f"--replay={path}", "--loop", folder, "--log-limit=64M") as running:
        playing = "a recording is played: settings, lattice and seed do not apply"
        running.until(lambda: running.get("Sim:StatusMessage_RBV", "-S") == playing, 10)
        running.until(lambda: running.get("Status_RBV") == "OK", 15)
        player = running.one("ioc replay")
        player.kill()
        words = "replay ended with signal 9; it is not played again, what was played stays"
        running.until(lambda: words in running.get("StatusMessage_RBV", "-S"), 10)
        assert running.get("Sim:StatusMessage_RBV", "-S") == words
        assert running.get("Sim:Pulse_RBV.SEVR") == "INVALID"
        assert running.number("Red1:Spec:Total_RBV") > 0
