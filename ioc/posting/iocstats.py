"""Posts readings of the IOC's process under the names of iocStats; obeys puts to SYSRESET."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import psutil

from ioc.ca.database import Database, ReadingValues
from ioc.ca.server import ClientCounts
from ioc.ca.serving.connections import most_files
from ioc.model.addresses import IOC_PROCESS
from ioc.model.process_parameters import IocProcessStatus
from ioc.model.pvs import PvRow
from ioc.options.program import DISTRIBUTION
from ioc.security.rules import Client
from reduction.parameters.specs import LONGEST_STRING, Refused

MEASURING_PERIOD_S = 0.05
"""How often the delay of the event loop is measured."""

MEASUREMENTS = round(1 / MEASURING_PERIOD_S)
"""Measurements from one heartbeat to the next."""

WORST_OF, P99_OF = 5 * MEASUREMENTS, 60 * MEASUREMENTS
"""How many of the latest measurements the worst delay and the percentile are taken from."""

CONFIRMATION_S = 10.0
"""Longest time between the two puts that restart ranks and simulator."""

DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60


@dataclass(frozen=True)
class ProcessUse:
    """What a process uses: CPU in percent of a core, memory in bytes, and files."""

    cpu_load: float = 0.0
    memory: int = 0
    open_files: int = 0

    @classmethod
    def of(cls, process: psutil.Process) -> ProcessUse:
        """What it uses now; raises OSError or `psutil.Error` if that cannot be read."""
        return cls(process.cpu_percent(), process.memory_info().rss, process.num_fds())


class IocStats:
    """Posts the state of the process once a second, and obeys SYSRESET.

    ``clients`` returns how many clients there are. ``restart`` ends ranks and
    simulator, which are then started again; None if this IOC did not start them.
    ``reports_ignored`` returns how many reports were ignored, and ``clock`` seconds.
    """

    def __init__(
        self,
        database: Database,
        clients: Callable[[], ClientCounts],
        restart: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        reports_ignored: Callable[[], int] = int,
    ) -> None:
        self._database, self._clients, self._restart = database, clients, restart
        self._reports_ignored, self._clock = reports_ignored, clock
        self._first_put_s: float | None = None
        self._process = psutil.Process()
        self._started_s = clock()
        self._started = time.strftime("%Y-%m-%d %H:%M:%S")
        self._version, self._epics_version = version(DISTRIBUTION), f"caproto {version('caproto')}"
        self._use = ProcessUse()
        self._delays_s: deque[float] = deque([0.0], maxlen=P99_OF)

    async def run(self) -> None:
        """Post a heartbeat and the state once a second until cancelled."""
        for beat in itertools.count():
            await self.show(beat)
            await self._measure()

    async def show(self, beat: int) -> None:
        """Post the state of the process, with the number of a heartbeat."""
        await self._database.show(IOC_PROCESS, ReadingValues(self._status(beat)))

    async def _measure(self) -> None:
        """Measure for a second how late the event loop runs tasks that are due."""
        due_s = self._clock()
        for _ in range(MEASUREMENTS):
            due_s = max(due_s + MEASURING_PERIOD_S, self._clock())
            await asyncio.sleep(due_s - self._clock())
            self._delays_s.append(max(self._clock() - due_s, 0.0))

    def _status(self, beat: int) -> IocProcessStatus:
        with contextlib.suppress(OSError, psutil.Error):  # no file is left: it stays as it was
            self._use = ProcessUse.of(self._process)
        clients = self._clients()
        delays_s = list(self._delays_s)
        return IocProcessStatus(
            heartbeat=beat,
            uptime=duration(self._clock() - self._started_s),
            started=self._started,
            version=self._version,
            epics_version=self._epics_version,
            host=socket.gethostname()[:LONGEST_STRING],
            process_id=os.getpid(),
            clients=clients.connected,
            connections=clients.channels,
            clients_refused=clients.refused,
            cpu_load=self._use.cpu_load,
            memory=self._use.memory,
            open_files=self._use.open_files,
            most_files=most_files(),
            reports_ignored=self._reports_ignored(),
            loop_delay=max(delays_s[-WORST_OF:]),
            loop_delay_p99=float(np.percentile(delays_s, 99)),
        )

    async def put(self, row: PvRow, value: Any, _client: Client) -> bool:
        """Restart ranks and simulator at the second put in a short time.

        Raises `Refused` at the first put, and always if this IOC did not start them.
        """
        if not value:
            return False
        if self._restart is None:
            why = "this IOC did not start ranks and simulator; restart them where they were started"
            raise Refused(row.spec.pv, value, why)
        now_s = self._clock()
        first_put_s, self._first_put_s = self._first_put_s, now_s
        if first_put_s is None or now_s - first_put_s > CONFIRMATION_S:
            why = (
                f"put it again within {CONFIRMATION_S:g} s to restart ranks and simulator;"
                " what is accumulated is read again"
            )
            raise Refused(row.spec.pv, value, why)
        self._first_put_s = None
        self._restart()
        return False


def duration(seconds: float) -> str:
    """A time span as iocStats writes it: ``2 days, 03:04:05``."""
    days, left = divmod(int(seconds), DAY_S)
    clock = f"{left // HOUR_S:02}:{left % HOUR_S // MINUTE_S:02}:{left % MINUTE_S:02}"
    return clock if not days else f"{days} day{'s' if days > 1 else ''}, {clock}"
