"""The whole product as a person starts it, at full rate, and the C tools of EPICS to watch it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from tests.support.clients.ca_client import Client, Network, network

PATIENCE_S = 180.0
EVENTS_PER_PULSE = 357_143
"""At 14 Hz, 5 million events a second."""


class Product(Client):
    """A ``live-reduction run`` of two ranks under load, and a client of it."""

    process: subprocess.Popen[bytes]

    def __init__(self, net: Network, prefix: str, launcher: Sequence[str] = ()) -> None:
        super().__init__(net, prefix)
        self._launcher = launcher

    def start_up(
        self, events_per_pulse: int, *more: str, folder: str | None, log: IO[bytes] | None
    ) -> None:
        beside = str(Path(sys.executable).parent)
        flags = ("--prefix", self.prefix, "--port", str(self.network.port), "--ranks", "2")
        found = {
            "PATH": beside + os.pathsep + os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        load = f"--set=Sim:EventsPerPulse={events_per_pulse}"
        self.process = subprocess.Popen(
            [*self._launcher, sys.executable, "-m", "ioc", "run", *flags, load, *more],
            env=self.network.environment | found,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=folder,
        )

    def counts(self) -> bool:
        """Whether the spectrum holds events."""
        found = self.tool("caget", "-t", "-w", "0.5", self.prefix + "Red1:Spec:Total_RBV")
        return found.returncode == 0 and float(found.stdout) > 0

    def wait(self, true: Callable[[], bool], pause_s: float = 0.02) -> None:
        """Until it is true; the product must live as long."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            if self.process.poll() is not None:
                raise RuntimeError(f"live-reduction ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not come true within {PATIENCE_S:g} s")
            time.sleep(pause_s)

    def parts(self) -> dict[str, psutil.Process]:
        """Its processes by what they do: IOC, simulator, and each rank."""
        head = psutil.Process(self.process.pid)
        found, ranks = {"IOC": head}, 0
        for each in head.children(recursive=True):
            match each.cmdline()[2:5]:
                case ["-m", "ioc", "simulate"]:
                    found["simulator"] = each
                case ["-m", "ioc", "ranks"]:
                    found[f"rank {ranks}"] = each
                    ranks += 1
        return found

    def stop(self) -> None:
        """End it, and whatever is left of what it started."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for each in psutil.wait_procs(family, timeout=2)[1]:
            each.kill()


@contextmanager
def product(
    events_per_pulse: int = EVENTS_PER_PULSE,
    *flags: str,
    folder: str | None = None,
    log: IO[bytes] | None = None,
    launcher: Sequence[str] = (),
) -> Iterator[Product]:
    """A product on loopback, under a prefix and a port of its own; it is just starting.

    It works in ``folder`` and writes its messages to ``log``, or where this process does. A
    ``launcher`` is the words of a command that runs the one which follows it.
    """
    with network() as net:
        running = Product(net, f"B{secrets.token_hex(4)}:", launcher)
        running.start_up(events_per_pulse, *flags, folder=folder, log=log)
        try:
            yield running
        finally:
            if running.process.poll() is None:
                running.stop()
