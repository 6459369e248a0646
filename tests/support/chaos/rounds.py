"""Rounds of a chaos run: in each of them several things happen at once."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from random import Random

import psutil

from tests.support.chaos.disturbances import (
    GONE,
    StepClock,
    full_disk,
    send_as_strangers,
    slow_client,
    stopped,
    throw_junk,
)
from tests.support.chaos.wild_client import WildClient
from tests.support.clients.ca_client import Network
from tests.support.product.recovery import Recovery

EVERY = {"ioc simulate": 1, "ioc ranks --": 3}
"""How many processes have such words in their command lines: both ranks, and mpiexec."""

STEPS_S = (-3600.0, -5.0, 5.0, 3600.0)
ROUND_S = (0.5, 2.0)
LONGEST_STOP_S = {"rank": 5.0, "simulator": 3.0, "IOC": 2.0, "mpiexec": 2.0}
PATIENCE_S = 120.0
"""How long results may take to be current after a round, on a busy machine."""

ACCOUNT = ("EventsBinned", "EventsOutOfRange", "EventsMasked", "EventsFiltered", "EventsInvalid")
LOOK_TRIES = 50
SETTLED = 3
"""After so many rounds with one IOC, its memory is what it needs."""

SETTINGS = {
    "Red1:Filter:Log": "",
    "Red1:Mask": "",
    "Red1:Groups": "",
    "Red1:Units": "dSpacing",
    "Red1:BinParams": "0.5,0.01,3",
}
"""What is put back at the end, so that the spectrum is compared in known bins."""


class Chaos:
    """A live reduction, what happens to it, and what was seen.

    ``kinds`` counts what has happened, by name. ``looks`` counts how often the account was looked
    at, ``unbalanced`` how often it was wrong.
    """

    def __init__(self, net: Network, seed: int, *flags: str) -> None:
        self._net, self._chance = net, Random(seed)
        self._clock = StepClock(net)
        self.story = Recovery(net, seed, *flags)
        self._wild = WildClient(net.port, self.story.running.prefix, self._chance)
        self.kinds: Counter[str] = Counter()
        self.looks = self.unbalanced = 0
        self._ioc_bytes: dict[int, list[int]] = {}
        """Resident memory of the IOC after each round, by its process id."""

    @property
    def puts(self) -> int:
        """How many wild puts were sent."""
        return self._wild.sent

    @property
    def most_growth_bytes(self) -> int:
        """The most that the memory of one IOC has grown after its first `SETTLED` rounds."""
        return max((each[-1] - each[:SETTLED][-1] for each in self._ioc_bytes.values()), default=0)

    def round(self, kill: str = "") -> None:
        """One round: some things happen for a while, perhaps a kill of a process amid them."""
        victim = None
        with ExitStack() as stack:
            for name, happen in self._some(kill):
                self.kinds[name] += 1
                stack.enter_context(happen())
            began_s, length_s = time.monotonic(), self._chance.uniform(*ROUND_S)
            while time.monotonic() < began_s + length_s:
                self._wild.put_some(20)
                throw_junk(self._family, self._chance)
            if kill and kill != "IOC":
                victim = self._kill(kill)
        if kill == "IOC":
            self.kinds["IOC killed"] += 1
            self.story.stop()
            self.story.start()
        if victim is not None:
            self._replaced(victim)
        self._current()
        self._look()

    def _kill(self, what: str) -> psutil.Process | None:
        """Kill a process; None if there is none at the moment."""
        with contextlib.suppress(*GONE, IndexError, ValueError):
            victim = self.story.process(what)
            victim.kill()
            self.kinds[f"{what} killed"] += 1
            return victim
        return None

    def _replaced(self, victim: psutil.Process) -> None:
        """Wait until a process that was killed is gone, and all are there again."""
        running = self.story.running

        def replaced() -> bool:
            every = all(len(running.family(word)) >= count for word, count in EVERY.items())
            return every and not victim.is_running()

        running.until(replaced, PATIENCE_S)

    def _some(self, kill: str) -> list[tuple[str, Callable[[], AbstractContextManager[None]]]]:
        """Two or three things that happen; a clock is stepped only while nothing is started."""
        running, chance = self.story.running, self._chance
        victim = chance.choice(list(LONGEST_STOP_S))
        every: list[tuple[str, Callable[[], AbstractContextManager[None]]]] = [
            ("disk full", lambda: full_disk(running.head)),
            ("slow client", lambda: slow_client(self._net.port, running.prefix)),
            (f"{victim} stopped", lambda: self._stopped(victim)),
            ("strangers", self._strangers),
        ]
        if kill in ("", "rank"):
            step_s = chance.choice(STEPS_S)
            every.append(("clock stepped", lambda: self._clock.stepped(step_s)))
        return chance.sample(every, chance.choice((2, 3)))

    @contextlib.contextmanager
    def _stopped(self, what: str) -> Iterator[None]:
        """A process is stopped for a while, and goes on while the round goes on."""
        with contextlib.suppress(*GONE, IndexError, ValueError):
            story = self.story
            process = story.running.head if what == "IOC" else story.process(what)
            with stopped(process):
                time.sleep(self._chance.uniform(0.1, LONGEST_STOP_S[what]))
        yield

    @contextlib.contextmanager
    def _strangers(self) -> Iterator[None]:
        """Others report to the IOC where ranks and simulator do."""
        send_as_strangers(self._family, self._chance)
        yield

    @property
    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(*GONE):
            return [self.story.running.head, *self.story.running.family()]
        return []

    def _current(self) -> None:
        """Wait until results are current; the IOC must live."""
        running = self.story.running

        def current() -> bool:
            assert running.process.poll() is None, "the IOC has ended"
            names = "DetectorState_RBV", "Sim:Pulse_RBV.SEVR"
            found = running.tool("caget", "-t", *(running.prefix + each for each in names))
            return found.stdout.split() == ["Acquire", "NO_ALARM"]

        running.until(current, PATIENCE_S)

    def _look(self) -> None:
        """Look whether each received event is accounted for, in values of one result."""
        running = self.story.running
        last = running.prefix + "PulseLast_RBV"
        names = ("EventTotal_RBV", *(f"Red1:{each}_RBV" for each in ACCOUNT))
        words = (last, *(running.prefix + each for each in names), last)
        for _ in range(LOOK_TRIES):
            found = running.tool("caget", "-t", "-g", "17", *words).stdout.split()
            if len(found) != len(words) or found[0] != found[-1]:
                continue  # a result came between
            total, *parts = (float(each) for each in found[1:-1])
            self.looks += 1
            self.unbalanced += total != sum(parts)
            break
        resident = self._ioc_bytes.setdefault(running.head.pid, [])
        resident.append(running.head.memory_info().rss)

    @property
    def _runtime_folder(self) -> Path:
        """The folder that the product has while it runs; the one of a killed IOC goes later."""
        command = self.story.process("simulator").cmdline()
        endpoint = next(each for each in command if each.startswith("--sim-control="))
        return Path(endpoint.partition("ipc://")[2]).parent

    def check(self) -> None:
        """Check that the spectrum is that of the pulses in the event log, bin by bin."""
        for name, value in SETTINGS.items():
            self.story.put(name, value, "-S")
        self.story.check()

    def end(self) -> None:
        """End the product as a system does; nothing of it may be left."""
        running = self.story.running
        family, folder = [running.head, *running.family()], self._runtime_folder
        assert running.stop() == 0
        assert psutil.wait_procs(family, timeout=10)[1] == []
        assert not folder.exists()
        left = [each for each in self.story.state.rglob("*") if ".part" in each.suffixes]
        assert left == [], left


@contextlib.contextmanager
def chaos(net: Network, seed: int, *flags: str) -> Iterator[Chaos]:
    """A live reduction that counts, to which nothing has happened yet."""
    made = Chaos(net, seed, *flags)
    with made.story.counting():
        yield made
