"""What a ``camonitor`` prints, with the times at the server and at the client."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from tests.support.clients.ca_client import TOOLS, Client

LINE = re.compile(rb"^(\S+) +(\d\S+ [^(\n]+)\((\S+ [^)]+)\) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class MonitorLine:
    """One line: PV, time of its pulse, time of arrival (s since the epoch), first number."""

    pv: str
    pulse_s: float
    arrival_s: float
    number: float


class MonitorRecording:
    """The lines so far, in ``file``; windows start at a size in bytes."""

    def __init__(self, prefix: str, file: IO[bytes]) -> None:
        self._prefix, self._descriptor = prefix, file.fileno()

    @property
    def size(self) -> int:
        """Bytes so far."""
        return os.fstat(self._descriptor).st_size

    def updates(self, pv: str, start: int) -> list[MonitorLine]:
        """Those of ``pv`` since the size was ``start``."""
        window = os.pread(self._descriptor, self.size - start, start)
        lines = ([word.decode() for word in found.groups()] for found in LINE.finditer(window))
        return [
            MonitorLine(pv, _seconds(pulse), _seconds(arrival), float(number))
            for name, pulse, arrival, number in lines
            if name == self._prefix + pv
        ]


def _seconds(local_time: str) -> float:
    return datetime.fromisoformat(local_time).timestamp()


def oldest_held_s(updates: list[MonitorLine]) -> float:
    """The greatest age, in s, that a client's value has reached when the next one comes."""
    pairs = itertools.pairwise(updates)
    return max((later.arrival_s - held.pulse_s for held, later in pairs), default=float("nan"))


@contextmanager
def recording(client: Client, *pvs: str) -> Iterator[MonitorRecording]:
    """A ``camonitor`` of PVs that are already served."""
    with tempfile.TemporaryFile() as file:
        monitor = subprocess.Popen(
            [TOOLS / "camonitor", "-t", "sc", "-g", "17", *(client.prefix + pv for pv in pvs)],
            env=client.network.environment,
            stdout=file,
            stderr=subprocess.DEVNULL,  # that no repeater answers is as it should be
        )
        try:
            yield MonitorRecording(client.prefix, file)
        finally:
            monitor.terminate()
            monitor.wait()
