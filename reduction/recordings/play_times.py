"""When the messages of a recording are due, and the times that they are given."""

from __future__ import annotations

import math
from collections import OrderedDict

LONGEST_PAUSE_NS = 10_000_000_000
"""A longer time without pulses is played as this one."""

KEPT_TIMES = 4096
"""For so many pulse times it is kept what they become, so that partitions agree on them."""


class PlayTimes:
    """The times of one playing of a recording, which begins at ``start_ns`` of the clock.

    ``speed`` is how much faster than recorded it goes. If it is infinite, times due tell the order
    alone. If ``now``
    is set, messages are given the times at which they are due. Otherwise they keep their recorded
    times plus ``shift_ns``. All times are ns since 1970.
    """

    def __init__(self, start_ns: int, speed: float, *, now: bool, shift_ns: int = 0) -> None:
        self.start_ns, self._now, self._shift_ns = start_ns, now, shift_ns
        self._speed = 1.0 if math.isinf(speed) else speed
        self._kept = OrderedDict[int, int]()  # a dict takes the longer, the more went before
        """When recorded pulse times are due."""
        self._anchor_ns: int | None = None
        self._anchor_due_ns = start_ns
        self._first_ns = self._last_ns = self._period_ns = 0

    def due_ns(self, pulse_ns: int) -> int:
        """When the messages of a pulse are due, given its recorded time."""
        if pulse_ns not in self._kept:
            self._follow(pulse_ns)
            self._kept[pulse_ns] = self._line_ns(pulse_ns)
            if len(self._kept) > KEPT_TIMES:
                self._kept.popitem(last=False)
        return self._kept[pulse_ns]

    def given_ns(self, time_ns: int) -> int:
        """The time that a message with a recorded time is given.

        One that is later than the pulses so far is given as that of the next pulse, so that it is
        not ahead of the clock.
        """
        if not self._now:
            return time_ns + self._shift_ns
        if time_ns not in self._kept:
            return self._line_ns(min(time_ns, self._last_ns + self._period_ns))
        return self._kept[time_ns]

    def again(self) -> PlayTimes:
        """The times of the next playing, which follows this one without a gap."""
        length_ns = self._last_ns - self._first_ns + self._period_ns
        start_ns = self._line_ns(self._last_ns + self._period_ns)
        shift_ns = self._shift_ns + length_ns
        return PlayTimes(start_ns, self._speed, now=self._now, shift_ns=shift_ns)

    @property
    def recorded_ns(self) -> int:
        """The recorded time between the first and the last pulse so far."""
        return self._last_ns - self._first_ns

    def _line_ns(self, time_ns: int) -> int:
        """When a recorded time is due, as it follows from the last anchor."""
        if self._anchor_ns is None:
            return self.start_ns
        return self._anchor_due_ns + int((time_ns - self._anchor_ns) / self._speed)

    def _follow(self, pulse_ns: int) -> None:
        """Note a pulse, and cut a pause before it that is too long."""
        if self._anchor_ns is None:
            self._anchor_ns = self._first_ns = self._last_ns = pulse_ns
            return
        step_ns = pulse_ns - self._last_ns
        if step_ns > LONGEST_PAUSE_NS:
            due_ns = self._line_ns(self._last_ns + LONGEST_PAUSE_NS)
            self._anchor_ns, self._anchor_due_ns = pulse_ns, due_ns
        elif step_ns < -LONGEST_PAUSE_NS:
            due_ns = self._line_ns(self._last_ns) + 1
            self._anchor_ns, self._anchor_due_ns = pulse_ns, due_ns
        elif step_ns <= 0:
            return
        else:
            self._period_ns = step_ns
        self._last_ns = pulse_ns
