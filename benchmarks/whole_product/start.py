"""How long from the command to the first counts, and the processor time that they take."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmarks.product import Product, product
from benchmarks.rows import Row
from benchmarks.timing import Figure

LONGEST_S = 1.5
LOOK_S = 0.01
CONNECT_S = 0.5

VALUE = 3
"""The word of a line of camonitor that is the value, after name, date and time."""


@dataclass(frozen=True)
class Start:
    """The time until a client had the first counts, and what all processes took of the cores."""

    seconds: float
    processor_seconds: float


def measure(quick: bool) -> list[Row]:
    """Two rows; a first start, which may compile, is not timed."""
    _, *starts = [_started() for _ in range(2 if quick else 6)]
    times = Figure(tuple(each.seconds for each in starts))
    return [
        Row(
            f"start to first counts, {len(starts)} times",
            str(times),
            f"≤ {LONGEST_S:g} s",
            times.median <= LONGEST_S,
        ),
        Row(
            "… processor time of all its processes by then",
            str(Figure(tuple(each.processor_seconds for each in starts))),
        ),
    ]


def _started() -> Start:
    began = time.perf_counter()
    with product() as running:
        running.wait(lambda: _serves(running.network.port), LOOK_S)
        with running.start("camonitor", running.prefix + "Red1:Spec:Total_RBV") as monitor:
            _wait_for_counts(monitor)
            seconds = time.perf_counter() - began
            used = _processor_seconds(running)
            monitor.kill()
        return Start(seconds, used)


def _serves(port: int) -> bool:
    """Whether somebody listens there; a client that asks again and again would take a core."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), CONNECT_S):
        return True
    return False


def _wait_for_counts(monitor: subprocess.Popen[str]) -> None:
    """Read what camonitor prints until there are counts; raises RuntimeError if it ends before."""
    assert monitor.stdout
    for line in monitor.stdout:
        with suppress(ValueError, IndexError):  # a line without a value, as at first
            if float(line.split()[VALUE]) > 0:
                return
    raise RuntimeError("camonitor ended without counts")


def _processor_seconds(running: Product) -> float:
    """User and system time of the processes that there are."""
    head = psutil.Process(running.process.pid)
    return sum(sum(each.cpu_times()[:2]) for each in [head, *head.children(recursive=True)])
