"""CPU time of processes over a window, and of everything else on the machine."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psutil


class Usage:
    """Cores that have been busy since this was made."""

    def __init__(self, parts: Mapping[str, psutil.Process]) -> None:
        self._parts = parts
        self._start_s, self._before = time.perf_counter(), self._now()

    def _now(self) -> dict[str, float]:
        seconds = {name: sum(each.cpu_times()[:2]) for name, each in self._parts.items()}
        machine = psutil.cpu_times()
        return seconds | {"machine": sum(machine) - machine.idle - machine.iowait}

    def cores(self) -> dict[str, float]:
        """Cores kept busy by each part, and by all ``others``."""
        elapsed, now = time.perf_counter() - self._start_s, self._now()
        used = {name: (now[name] - before) / elapsed for name, before in self._before.items()}
        return used | {"others": used.pop("machine") - sum(used.values())}

    def __str__(self) -> str:
        return ", ".join(f"{name} {cores:.2f}" for name, cores in self.cores().items())
