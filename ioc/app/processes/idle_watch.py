"""Notices a process that hangs while it is said to work: it takes no processor time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import psutil

IDLE_S = 40.0
"""A process that hangs has taken no processor time for so long.

Ranks that wait for each other look a thousand times a second whether they are all there, which
takes time; for a disk they wait 20 s at most (`reduction.host.file_system.file_threads.ANSWER_S`).
"""


def processor_seconds(family: Sequence[psutil.Process]) -> Mapping[int, float]:
    """The processor time of each process that has no children, by its id."""
    found = {}
    for process in family:
        try:
            if not process.children():
                times = process.cpu_times()
                found[process.pid] = times.user + times.system
        except psutil.NoSuchProcess:
            continue
    return found


class IdleWatch:
    """Looks at the processor time of processes again and again."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._taken_s: dict[int, float] = {}
        self._since_s: dict[int, float] = {}

    def forget(self) -> None:
        """Begin afresh: until now the processes were not said to work."""
        self._taken_s.clear()
        self._since_s.clear()

    def idle(self, taken_s: Mapping[int, float]) -> bool:
        """Whether a process has taken no time for `IDLE_S`, given the processor times by id."""
        now_s = self._clock_s()
        for each in self._taken_s.keys() - taken_s.keys():
            del self._taken_s[each], self._since_s[each]
        for each, seconds in taken_s.items():
            if self._taken_s.get(each) != seconds:
                self._taken_s[each], self._since_s[each] = seconds, now_s
        return any(now_s - since_s >= IDLE_S for since_s in self._since_s.values())
