"""The latest pulses that were taken from the stream, so that a boundary may lie before them."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

from reduction.ranks.pulses.pulse_periods import USUAL_OF
from reduction.stream.pulse_places import MOST_PLACES
from reduction.stream.pulses import CompletePulse


class TakenPulse(NamedTuple):
    """A pulse that was taken: its time in ns since 1970, and its number.

    This rank had ``received`` so many events before it.
    """

    time_ns: int
    number: int
    received: int


class RecentPulses:
    """The latest pulses that were taken, at most `MOST_PLACES`, in the order of their times."""

    def __init__(self) -> None:
        self._pulses: list[TakenPulse] = []

    def clear(self) -> None:
        """Forget all pulses."""
        self._pulses.clear()

    def note(self, pulses: Sequence[CompletePulse], received: int) -> None:
        """Note the next pulses, before which this rank had received so many events."""
        self._pulses += [TakenPulse(time_ns, number, received) for time_ns, number in pulses]
        del self._pulses[:-MOST_PLACES]

    def insert(self, time_ns: int) -> None:
        """Note a pulse that was first seen late: the numbers of those after it go up by one."""
        place = self._place(time_ns)
        later = [each._replace(number=each.number + 1) for each in self._pulses[place:]]
        if place and later:
            self._pulses[place:] = [later[0]._replace(time_ns=time_ns, number=later[0].number - 1)]
            self._pulses += later

    def _place(self, time_ns: int) -> int:
        return bisect.bisect_left(self._pulses, time_ns, key=lambda each: each.time_ns)

    def reach(self, time_ns: int) -> bool:
        """Whether all pulses from a time on are known, and at least one before it."""
        return self._place(time_ns) > 0

    def since(self, time_ns: int) -> list[TakenPulse]:
        """The pulses from a time on."""
        return self._pulses[self._place(time_ns) :]

    def before_ns(self, time_ns: int, earlier_ns: Sequence[int]) -> tuple[int, ...]:
        """Times of the last pulses before a time, from which measured times follow.

        ``earlier_ns`` are pulses before all that are known here.
        """
        times_ns = [each.time_ns for each in self._pulses[: self._place(time_ns)]]
        return (*earlier_ns, *times_ns)[-(USUAL_OF + 1) :]

    def number_at(self, time_ns: int) -> int | None:
        """The number of the pulse at a time; None if it is not known."""
        found = self._pulses[self._place(time_ns) : self._place(time_ns + 1)]
        return found[0].number if found else None
