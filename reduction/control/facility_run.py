"""Which run of the facility is measured, and which runs are known from before."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import NamedTuple

from reduction.stream.pulses import PulseTimeNs

MOST_KNOWN = 100
"""So many of the last runs are known: messages about them change nothing any more."""


class KnownRun(NamedTuple):
    """A run that has started: a digest of its key, and its start, ns since the Unix epoch."""

    digest: str
    start_ns: PulseTimeNs


def digest(key: str) -> str:
    """A short text that tells a run from others as its key does."""
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class FacilityRun:
    """The newest run of the facility. It goes with orders, results and the run state.

    - ``key``: what tells it from other runs; empty: no run is known
    - ``name``, ``title``: either may be empty
    - ``start_ns``: its start, ns since the Unix epoch; 0: not known
    - ``running``: whether it goes on
    - ``late_ns``: how long before the first pulse that counts for it the run had started, if that
      pulse could not be the first one after its start; else 0
    - ``known``: this run and those before it, the newest one last
    """

    key: str = ""
    name: str = ""
    title: str = ""
    start_ns: PulseTimeNs = 0
    running: bool = False
    late_ns: PulseTimeNs = 0
    known: tuple[KnownRun, ...] = ()

    def knows(self, key: str, start_ns: int) -> bool:
        """Whether the start of a run is known, or is of before all runs that are known."""
        if any(each.digest == digest(key) for each in self.known):
            return True
        return len(self.known) == MOST_KNOWN and 0 < start_ns < self.known[0].start_ns

    def started(self, key: str, name: str, title: str, start_ns: int) -> FacilityRun:
        """The run that starts after this one."""
        known = (*self.known, KnownRun(digest(key), start_ns))[-MOST_KNOWN:]
        return FacilityRun(key, name, title, start_ns, running=True, known=known)

    def stopped(self) -> FacilityRun:
        """The same run once it has stopped."""
        return replace(self, running=False)
