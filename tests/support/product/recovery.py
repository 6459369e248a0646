"""A live reduction whose processes are killed, and what its results must equal afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from reduction.instrument.geometry import powder_arc
from reduction.instrument.layout import detector_layout
from reduction.parameters.images.image import ImageView
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from tests.support.clients.ca_client import Network
from tests.support.product.live import SEED, Live
from tests.support.stream.logged_stream import (
    NO_EVENTS,
    LoggedPulse,
    check_simulated,
    counts_of,
    logged_pulses,
    measured_s,
)

RANKS = 2
WATCHED = "EventTotal_RBV", "Status_RBV", "DetectorState_RBV"
PERIOD_S = 1 / 14
CURRENT_S = 30.0
"""How long it may take after a kill until results are current again, on a busy machine."""


class Recovery:
    """A live reduction of which processes are killed, and which pulses it is told to count.

    ``first`` is the number of the first pulse that counts. Numbers of pulses in ``paused`` are
    those that a pause left out.
    """

    def __init__(self, net: Network, seed: int, *flags: str) -> None:
        self._net, self._random = net, random.Random(seed)
        self._flags = (
            "--set=Red1:Normalisation=ProtonCharge",
            "--set=Red1:Image:Made=Always",
            "--set=Red1:Map:Made=Always",
            f"--autosave={net.environment['XDG_STATE_HOME']}/settings.toml",
            *flags,
        )
        self.running = Live(net, *self._flags)
        self.first = 0
        self.paused_pulses: set[int] = set()
        self.closed = 0

    @classmethod
    @contextmanager
    def begun(cls, net: Network, seed: int = 1, *flags: str) -> Iterator[Self]:
        """A live reduction that counts; everything has ended afterwards."""
        with cls(net, seed, *flags).counting() as story:
            yield story

    @contextmanager
    def counting(self) -> Iterator[Self]:
        """It counts; everything has ended afterwards."""
        try:
            self.running.ready()
            self.first = int(self.running.number("PulseFirst_RBV"))
            yield self
        finally:
            self.running.kill_all()

    @property
    def state(self) -> Path:
        """The folder with the event log and the run state."""
        home = Path(self._net.environment["XDG_STATE_HOME"])
        return home / "live-reduction" / self.running.prefix

    @property
    def log(self) -> Path:
        """The folder of the event log."""
        return self.state / f"events-{RANKS}"

    @property
    def logged(self) -> list[LoggedPulse]:
        """All pulses that the event log holds."""
        return logged_pulses(self.log, RANKS)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Check that PVs never go away meanwhile, and that partial results are never called OK."""
        running = self.running
        names = [running.prefix + pv for pv in WATCHED]
        watching = running.start("camonitor", "-t", "n", "-S", *names)
        try:
            yield
        finally:
            watching.terminate()
            said, _ = watching.communicate()
        lines = [line.split(None, 1) for line in said.splitlines() if line.strip()]
        check_watched([(name.removeprefix(running.prefix), value) for name, value in lines])

    def put(self, pv: str, value: str, *options: str) -> None:
        """Put with completion."""
        done = self.running.put(pv, value, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        self.closed += pv == "NextSeries"

    def pulses(self, most: int = 15) -> None:
        """Let a random number of pulses come."""
        last = self.running.number("Sim:Pulse_RBV") + self._random.randint(1, most)
        self.running.until(lambda: self.running.number("Sim:Pulse_RBV") >= last, CURRENT_S)

    def pause(self) -> None:
        """Pause for a few pulses."""
        running = self.running
        self.hold()
        before = int(running.number("Sim:Pulse_RBV"))
        self.put("Pause", "Pause")
        self.put("Sim:Pause", "Run")
        running.until(lambda: running.number("Sim:Pulse_RBV") > before + 5)
        self.put("Sim:Pause", "Pause")
        self.received()
        last = int(running.number("Sim:Pulse_RBV"))
        self.put("Pause", "Run")
        self.put("Sim:Pause", "Run")
        self.paused_pulses |= set(range(before + 1, last + 1))

    def kill(self, what: str) -> None:
        """Kill a process at a random time; returns when results are current again."""
        self.pulses()
        if what == "IOC":
            self.restart()
            return
        restarts = self.running.number("Restarts_RBV")
        self.process(what).kill()
        self.running.until(lambda: self.running.number("Restarts_RBV") > restarts, CURRENT_S)
        self.current()

    def process(self, what: str) -> psutil.Process:
        """One of the processes, a random one of several ranks."""
        match what:
            case "simulator":
                return self.running.one("ioc simulate")
            case _:
                ranks = self.running.family("ioc ranks --")
                wanted = [each for each in ranks if ("python" in each.name()) == (what == "rank")]
                return self._random.choice(wanted)

    def restart(self) -> None:
        """Kill the IOC and with it all others, and start all again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Kill the IOC, which the others do not outlive."""
        running = self.running
        family = running.family()
        running.process.kill()
        running.process.wait()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
        assert running.process.stdout is not None
        running.process.stdout.close()

    def start(self, *flags: str) -> None:
        """Start all again."""
        self.running = Live(self._net, *self._flags, *flags, prefix=self.running.prefix)
        running = self.running
        running.until(lambda: running.tool("caget", running.prefix + "Pause").returncode == 0, 30)
        self.put("Sim:Pause", "Run")  # what was put last may not be in the autosave file yet
        self.current()

    def current(self) -> None:
        """Wait until ranks and simulator report and results are current."""
        running = self.running
        done = "Acquire", "Waiting", "Idle"
        running.until(lambda: running.get("DetectorState_RBV") in done, CURRENT_S)
        running.until(lambda: running.get("Sim:Pulse_RBV.SEVR") == "NO_ALARM", CURRENT_S)

    def hold(self) -> None:
        """Hold the source, and wait until all that it has sent is received."""
        self.put("Sim:Pause", "Pause")
        self.received()

    def received(self) -> None:
        """Wait until all events that the log holds, of pulses since the first one, are received."""
        running = self.running
        since = sum(each.pixel_id.size for each in self.logged if each.number >= self.first)
        running.until(lambda: running.number("EventTotal_RBV") >= since, CURRENT_S)
        assert running.number("EventTotal_RBV") == since

    def check(self, lost: int = 0) -> None:
        """Check all results against the log, and the log against the simulator."""
        running = self.running
        self.hold()
        pulses = [each for each in self.logged if each.number >= self.first]
        assert check_simulated(pulses, running.simulated, SEED) > len(pulses) / 2
        shown = Shown.of(running, measured_s(pulses, PERIOD_S))
        counted = [each for each in pulses if each.number not in self.paused_pulses]
        assert running.number("Red1:MonitorCounts_RBV") == shown.monitor_counts(counted)
        assert running.number("Red1:NumSeries_RBV") == self.closed
        for number in range(1, self.closed + 1):
            series = f"Red1:Series{number}:"
            last = int(running.number(f"{series}PulseLast_RBV"))
            closed = [each for each in counted if each.number <= last]
            counted = [each for each in counted if each.number > last]
            check_series(running, series, closed, shown)
        check_running_series(running, counted, shown)
        check_pictures(running, counted, shown)
        assert running.number("PulsesLost_RBV") == lost
        self.put("Sim:Pause", "Run")


def check_watched(updates: Sequence[tuple[str, str]]) -> None:
    """Check updates of PVs: none is of a PV that is gone, and fewer events are never called OK."""
    newest, most, partial = dict.fromkeys(WATCHED, ""), 0.0, 0
    for pv, value in updates:
        assert "disconnected" not in value
        newest[pv] = value.strip()
        if pv != "EventTotal_RBV" or "INVALID" in value:
            continue
        total = float(value.split()[0])
        if total < most:
            partial += 1
            assert not newest["Status_RBV"].startswith("OK"), newest
        most = max(most, total)
    assert partial, "results were never partial"


@dataclass(frozen=True)
class Shown:
    """What the results show of pulses: bins, a slice by a log, and the measured time of each."""

    settings: ReductionSettings
    log: str
    bounds: tuple[float, float]
    seconds: dict[int, float]

    @classmethod
    def of(cls, running: Live, seconds: dict[int, float]) -> Self:
        """What the settings of a live reduction say, given the time of each pulse."""
        settings = ReductionSettings(
            units=Units(running.get("Red1:Units_RBV")),
            bin_params=running.get("Red1:BinParams_RBV", "-S"),
        )
        low, high = (running.number(f"Red1:Filter:{end}_RBV") for end in ("Min", "Max"))
        return cls(settings, running.get("Red1:Filter:Log_RBV", "-S"), (low, high), seconds)

    def sliced(self, pulses: Iterable[LoggedPulse], low: float, high: float) -> list[LoggedPulse]:
        """The pulses whose value of the log is in an interval; all if there is no log."""
        return [
            each for each in pulses if not self.log or low <= each.logs.get(self.log, np.nan) < high
        ]

    def counts(self, pulses: Iterable[LoggedPulse]) -> NDArray[np.int64]:
        """The counts of pulses in the slices, (bins,)."""
        return counts_of(self.sliced(pulses, *self.bounds), self.settings)

    def monitor_counts(self, pulses: Iterable[LoggedPulse]) -> int:
        """What the monitor counts in the slices."""
        return sum(each.monitor_counts for each in self.sliced(pulses, *self.bounds))

    def elapsed_s(self, pulses: Iterable[LoggedPulse]) -> float:
        """The measured time of pulses."""
        return sum(self.seconds[each.number] for each in pulses)


def check_series(running: Live, series: str, pulses: Sequence[LoggedPulse], shown: Shown) -> None:
    """Check a closed series, which is to have these pulses."""
    np.testing.assert_array_equal(running.array(f"{series}YC"), shown.counts(pulses))
    assert running.number(f"{series}PulseFirst_RBV") == pulses[0].number
    assert running.number(f"{series}Pulses_RBV") == len(pulses)
    elapsed_s = running.number(f"{series}TimeElapsed_RBV")
    assert elapsed_s == pytest.approx(shown.elapsed_s(pulses), abs=1e-6)


def check_running_series(running: Live, pulses: Sequence[LoggedPulse], shown: Shown) -> None:
    """Check the running series, which is to have these pulses."""
    counts = shown.counts(pulses)
    np.testing.assert_array_equal(running.array("Red1:Spec:YC"), counts)
    assert running.number("PulsesAccumulated_RBV") == len(pulses)
    assert running.number("PulseFirst_RBV") == pulses[0].number
    assert running.number("PulseLast_RBV") == pulses[-1].number
    elapsed_s = running.number("TimeElapsed_RBV")
    assert elapsed_s == pytest.approx(shown.elapsed_s(pulses), abs=1e-6)
    inside = shown.sliced(pulses, *shown.bounds)
    charge_uc = sum(each.logs.get("proton_charge", 0.0) for each in inside)
    intensity = counts / np.diff(shown.settings.edges) / charge_uc
    np.testing.assert_allclose(running.array("Red1:Spec:Y"), intensity, rtol=1e-12)
    slices = int(running.number("Red1:NumSlices_RBV")) if shown.log else 0
    for number in range(1, slices + 1):
        name = f"Red1:Slice{number}:"
        low, high = (running.number(f"{name}{end}_RBV") for end in ("Low", "High"))
        expected = counts_of(shown.sliced(pulses, low, high), shown.settings)
        np.testing.assert_array_equal(running.array(f"{name}YC"), expected)


def check_pictures(running: Live, pulses: Sequence[LoggedPulse], shown: Shown) -> None:
    """Check the image of the running series, and that the rows of its map make its spectrum."""
    last = pulses[-1].number
    names = [f"Red1:{picture}:UniqueId_RBV" for picture in ("Image", "Map")]
    running.until(lambda: all(running.number(name) == last for name in names), CURRENT_S)
    layout = detector_layout(powder_arc(), ImageView.PANELS, 512)
    inside = [each.pixel_id for each in shown.sliced(pulses, *shown.bounds)]
    counts = np.bincount(np.concatenate([NO_EVENTS, *inside]), minlength=layout.cell.size)
    expected = np.where(layout.pixels > 0, layout.summed(counts.astype(np.int32)), np.nan)
    np.testing.assert_array_equal(running.array("Red1:Image:ArrayData"), expected.ravel())
    rows = np.reshape(running.array("Red1:Map:ArrayData"), (100, -1))
    np.testing.assert_array_equal(rows.sum(axis=0), shown.counts(pulses))
