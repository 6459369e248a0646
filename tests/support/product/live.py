"""The whole product as a person starts it, for end-to-end tests."""

from __future__ import annotations

import itertools
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import psutil
from numpy.typing import NDArray

from ioc.app.processes import die_with_parent
from reduction.instrument.geometry import powder_arc
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings
from tests.support.clients.ca_client import Client, Network

SEED = 7
START_S = 30.0


STATE = (
    *("StatusMessage_RBV", "DetectorState_RBV", "PulseLast_RBV", "EventTotal_RBV", "Lag_RBV"),
    *("Sim:StatusMessage_RBV", "Sim:Pulse_RBV", "Sim:EventsSent_RBV"),
)
"""What tells the state of the program."""


class Live(Client):
    """A running ``live-reduction run`` and a client of it.

    It serves the web page only if there is a flag ``--web-…``.
    """

    def __init__(self, net: Network, *flags: str, prefix: str = "") -> None:
        super().__init__(net, prefix or f"T{secrets.token_hex(4)}:")
        self.simulated = SimulatorSettings(events_per_pulse=3000, events_per_pulse_spread=50)
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ioc", "run", "--prefix", self.prefix),
                *("--port", str(net.port), "--seed", str(SEED)),
                f"--files={net.folder},{tempfile.gettempdir()}",
                *("--set=Sim:EventsPerPulse=3000", "--set=Sim:EventsPerPulseSpread=50"),
                *(() if any(each.startswith("--web-") for each in flags) else ("--no-web",)),
                *flags,
            ],
            env=net.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.head = psutil.Process(self.process.pid)

    def family(self, word: str = "") -> list[psutil.Process]:
        """The processes that it started whose command line holds ``word``."""
        found = []
        for each in self.head.children(recursive=True):
            try:
                if word in " ".join(each.cmdline()):
                    found.append(each)
            except psutil.NoSuchProcess:
                continue
        return found

    def one(self, word: str) -> psutil.Process:
        """The one process of Python whose command line holds ``word``, as soon as it runs that.

        Other than `family` it waits, and leaves out launchers: ``mpiexec``, and what a process is
        until it becomes its command. Of several, such as ranks, it is the first.
        """
        found: list[psutil.Process] = []

        def there() -> bool:
            found[:] = [each for each in self.family(word) if _at_its_work(each)]
            return bool(found)

        self.until(there, START_S)
        return found[0]

    def ready(self) -> None:
        """Wait for the first counts."""
        self.until(lambda: self.tool("caget", self.prefix + "Pause").returncode == 0, START_S)
        self.until(lambda: self.number("Red1:Spec:Total_RBV") > 0, START_S)

    def until(self, true: Callable[[], bool], seconds: float = 10) -> None:
        """As `Client.until`; a failure says in which state the program is."""
        try:
            super().until(true, seconds)
        except AssertionError as failed:
            failed.add_note("".join(self.said("caget", "-S", self.prefix + each) for each in STATE))
            raise

    def hold(self) -> None:
        """Hold the source, and wait until its last pulse is in the spectrum."""
        assert self.put("Sim:Pause", "Pause").returncode == 0
        self.until(lambda: self.number("PulseLast_RBV") == self.number("Sim:Pulse_RBV"))

    def greeting(self) -> list[str]:
        """The commands that it prints, without what they do."""
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        said = itertools.takewhile(lambda line: "Ctrl-C" not in line, lines)
        return [line.partition("#")[0].strip() for line in said if line.startswith("  ")]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it as a person or a system does; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(40)

    def kill_all(self) -> None:
        family = [] if self.process.poll() is not None else [self.head, *self.family()]
        for each in family:
            each.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def _at_its_work(process: psutil.Process) -> bool:
    try:
        return "python" in process.name() and die_with_parent.__name__ not in process.cmdline()
    except psutil.NoSuchProcess:
        return False


@contextmanager
def live(net: Network, *flags: str, prefix: str = "") -> Iterator[Live]:
    """A live reduction that counts, under ``prefix``, or a random one."""
    running = Live(net, *flags, prefix=prefix)
    try:
        running.ready()
        yield running
        if running.process.poll() is None:
            running.stop()  # so that it takes its folder with it
    finally:
        running.kill_all()


class Expected:
    """What the histogram of whole pulses must hold: the simulator's events, binned by numpy."""

    def __init__(self, simulated: SimulatorSettings) -> None:
        self._simulated = simulated
        self._generator = PulseGenerator(powder_arc(), SEED)
        self._difc = powder_arc().difc_us_per_angstrom

    def counts(self, bins: ReductionSettings, first: int, last: int) -> NDArray[np.int64]:
        edges = bins.edges
        cells = np.zeros(edges.size + 1, np.int64)
        for pulse in range(first, last + 1):
            pixel_id, tof_ns = self._generator.events(self._simulated, pulse)
            value = tof_ns / 1000.0
            if bins.units is Units.D_SPACING:
                value = value / self._difc[pixel_id]
            cells += np.bincount(np.searchsorted(edges, value, side="right"), minlength=cells.size)
        return cells[1:-1]

    def monitor_counts(self, first: int, last: int) -> int:
        """What the monitors count in the pulses."""
        made = self._generator.monitor_events
        return sum(made(self._simulated, pulse)[0].size for pulse in range(first, last + 1))


def consistent(running: Live) -> tuple[int, int, list[float]]:
    """First and last pulse and counts that belong together, read while the source is held."""
    running.hold()
    first, last = (int(running.number(f"Pulse{which}_RBV")) for which in ("First", "Last"))
    counts = running.array("Red1:Spec:YC")
    assert running.put("Sim:Pause", "Run").returncode == 0
    return first, last, counts


def check_spectrum(running: Live, bins: ReductionSettings) -> None:
    """The spectrum is exactly that of its pulses, and no pulse is missing."""
    running.until(lambda: running.number("PulseLast_RBV") - running.number("PulseFirst_RBV") > 20)
    first, last, counts = consistent(running)
    np.testing.assert_array_equal(counts, Expected(running.simulated).counts(bins, first, last))
    assert running.number("PulsesMissing_RBV") == 0
