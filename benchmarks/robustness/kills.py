"""Processes of the product are killed at random: what is lost, and for how long results lag."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.product import Product, product
from benchmarks.rows import Row, zero
from benchmarks.timing import Figure
from reduction.instrument.geometry import powder_arc
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from simulator.events.pulses import PulseGenerator
from simulator.parameters import SimulatorSettings
from tests.support.stream.logged_stream import MONITOR, LoggedPulse, logged_pulses

EVENTS_PER_PULSE = 71_429
"""At 14 Hz, a million events a second."""

RANKS = 2
SEED = 1
KILLS, QUICK_KILLS, KILLS_TO_RESET = 100, 10, 10
KINDS = ("rank", "mpiexec", "simulator", "IOC")
PEER = "before there was a run state, commit 7d4cad9 (not run): all since the last reset is lost"
UNREPORTED_PULSES = 5
"""The simulator may have made as many pulses since the report that says which is the newest."""

MOST_S = 4.0
"""Longest random time from when results are current to the next kill."""

SETTINGS = ReductionSettings(units=Units.TOF, bin_params="5000,20,70000")
FLAGS = ("--set=Red1:Units=TOF", f"--set=Red1:BinParams={SETTINGS.bin_params}", "--log-limit=16G")


@dataclass
class Killed:
    """What was seen while processes were killed.

    ``current_s`` has the times until results were current again, by kind of process. ``gone``
    counts the process variables that went away when other processes than the IOC were killed.
    """

    lost: int = 0
    twice: int = 0
    gone: int = 0
    events: int = 0
    most_events: float = 0.0
    current_s: dict[str, list[float]] = field(default_factory=dict)


class Killing:
    """A product whose processes are killed at random, of these ``kinds``, and what was seen.

    ``flags`` are those with which it is started again after its IOC was killed.
    """

    def __init__(self, running: Product, kinds: Sequence[str], flags: Sequence[str]) -> None:
        self.running, self._kinds, self._flags = running, kinds, flags
        self._chance, self.seen = random.Random(SEED), Killed()

    def kill_one(self) -> None:
        """Kill a process after a random time, and wait until results are current again."""
        running, seen = self.running, self.seen
        time.sleep(MOST_S * self._chance.random())
        kind = self._chance.choice(self._kinds)
        newest = max(number_of(running, "Sim:Pulse_RBV"), number_of(running, "PulseLast_RBV"))
        seen.most_events = max(seen.most_events, number_of(running, "EventTotal_RBV"))
        began_s = time.perf_counter()
        if kind == "IOC":
            self._restart()
        else:
            with _watching(running, seen):
                newest += self._kill(kind)
                _wait_until_current(running, newest)
        _wait_until_current(running, newest)
        seen.current_s.setdefault(kind, []).append(time.perf_counter() - began_s)

    def _kill(self, kind: str) -> int:
        """Kill another process than the IOC; how many pulses may have been made meanwhile."""
        restarts = number_of(self.running, "Restarts_RBV")
        _process(self.running, kind, self._chance).kill()
        self.running.wait(lambda: number_of(self.running, "Restarts_RBV") > restarts)
        return UNREPORTED_PULSES * (kind == "simulator")

    def _restart(self) -> None:
        """Kill the IOC, which the others do not outlive, and start all again."""
        running = self.running
        family = psutil.Process(running.process.pid).children(recursive=True)
        running.process.kill()
        running.process.wait()
        psutil.wait_procs(family, timeout=10)
        running.start_up(EVENTS_PER_PULSE, *self._flags, folder=None, log=None)

    def compare(self, logged: Callable[[int], list[LoggedPulse]], since_ns: int) -> None:
        """Compare the spectrum with that of the pulses in the event log, of its seed.

        ``logged`` gives those since a time, ns since the Unix epoch.
        """
        running, seen = self.running, self.seen
        put(running, "Sim:Pause", "Pause")
        running.wait(
            lambda: number_of(running, "PulseLast_RBV") == number_of(running, "Sim:Pulse_RBV")
        )
        first = number_of(running, "PulseFirst_RBV")
        counts = np.array(running.array("Red1:Spec:YC"), np.int64)
        expected = _expected([each for each in logged(since_ns) if each.number >= first])
        seen.events += int(expected.sum())
        seen.lost += int(np.maximum(expected - counts, 0).sum())
        seen.twice += int(np.maximum(counts - expected, 0).sum())
        put(running, "Sim:Pause", "Run")


def measure(quick: bool) -> list[Row]:
    """The rows of some kills with the event log on this host."""
    kills = QUICK_KILLS if quick else KILLS
    with product(EVENTS_PER_PULSE, *FLAGS) as running:
        home = Path(running.network.environment["XDG_STATE_HOME"])
        folder = home / "live-reduction" / running.prefix / f"events-{RANKS}"
        killing = Killing(running, KINDS, FLAGS)
        kill_and_compare(killing, kills, lambda since_ns: logged_pulses(folder, RANKS, since_ns))
    return list(killed_rows(kills, killing.seen, PEER))


def kill_and_compare(
    killing: Killing, kills: int, logged: Callable[[int], list[LoggedPulse]]
) -> None:
    """Kill processes, and compare the results with what is ``logged`` after some of the kills."""
    running = killing.running
    running.wait(running.counts)
    for number in range(0, kills, KILLS_TO_RESET):
        began_ns = time.time_ns()
        if number:
            put(running, "Reset", "1")
        for _ in range(min(KILLS_TO_RESET, kills - number)):
            killing.kill_one()
        killing.compare(logged, began_ns if number else 0)


def killed_rows(kills: int, seen: Killed, peer: str = "") -> Iterator[Row]:
    """The rows of what was seen."""
    what = f"of {seen.events:.3g} events, with {kills} kills"
    yield Row(f"lost {what}", f"{seen.lost}", "0", seen.lost == 0, peer)
    yield Row(f"counted twice {what}", f"{seen.twice}", "0", seen.twice == 0, peer)
    yield zero("PVs gone when another process than the IOC was killed", seen.gone)
    for kind, times in sorted(seen.current_s.items()):
        yield Row(
            f"{kind} killed {len(times)} times: results are current again after",
            f"{Figure(tuple(times))}, with {seen.most_events:.2g} events at most",
        )


def _process(running: Product, kind: str, chance: random.Random) -> psutil.Process:
    parts = running.parts()
    ranks = [each for name, each in parts.items() if name.startswith("rank")]
    match kind:
        case "rank":
            return chance.choice(ranks)
        case "mpiexec":
            launcher = ranks[0].parent()
            assert launcher is not None
            return launcher
        case _:
            return parts[kind]


def _wait_until_current(running: Product, newest: float) -> None:
    """Wait until results have later pulses than ``newest``, and all before them."""
    names = [running.prefix + pv for pv in ("PulseLast_RBV", "DetectorState_RBV")]

    def current() -> bool:
        words = running.tool("caget", "-t", "-w", "0.5", *names).stdout.split()
        return len(words) == len(names) and float(words[0]) > newest and words[1] == "Acquire"

    running.wait(current)


@contextmanager
def _watching(running: Product, seen: Killed) -> Iterator[None]:
    """Count process variables that go away meanwhile."""
    names = [running.prefix + pv for pv in ("PulseLast_RBV", "Red1:Spec:YC", "UPTIME")]
    watching = running.start("camonitor", "-#", "1", *names)
    try:
        yield
    finally:
        watching.terminate()
        said, _ = watching.communicate()
        seen.gone += said.count("disconnected")


def number_of(running: Product, pv: str) -> float:
    """The value of a process variable; a busy IOC may need more than one try to answer."""
    found: list[str] = []

    def answered() -> bool:
        found[:] = running.tool("caget", "-t", "-g", "17", running.prefix + pv).stdout.split()
        return bool(found)

    running.wait(answered)
    return float(found[0])


def put(running: Product, pv: str, value: str) -> None:
    """Put with completion; raises RuntimeError if that fails."""
    done = running.put(pv, value)
    if done.returncode:
        raise RuntimeError(f"caput {pv} {value}: {done.stdout}{done.stderr}")


def _expected(pulses: list[LoggedPulse]) -> NDArray[np.int64]:
    """The counts (bins,) that the seed implies; of torn pulses, those that the log holds."""
    settings = SimulatorSettings(events_per_pulse=EVENTS_PER_PULSE)
    generator, edges = PulseGenerator(powder_arc(), SEED), SETTINGS.edges
    cells = np.zeros(edges.size + 1, np.int64)
    for each in pulses:
        if each.whole:
            tof_ns = generator.events(settings, each.number).tof_ns
        else:
            tof_ns = each.tof_ns[each.pixel_id != MONITOR]
        place = np.searchsorted(edges, tof_ns / 1000.0, side="right")
        cells += np.bincount(place, minlength=cells.size)
    return cells[1:-1]


def main() -> None:
    """Print the rows of a few kills; for trials."""
    for row in measure(quick=True):
        print(row.what, row.measured, flush=True)


if __name__ == "__main__":
    main()
