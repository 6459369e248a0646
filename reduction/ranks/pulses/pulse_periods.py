"""The measured time that each pulse contributes."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Self

from reduction.stream.plain.plain_partition import FROM_START_NS

USUAL_OF = 16
"""The usual time between pulses is the median of this number of recent times."""

GAP_PERIODS = 10
"""A time between pulses of more than this multiple of the usual time is a gap: source off."""

CLOSE_NS = 100_000
"""Times nearer to each other are of one pulse, from clocks that differ: no source has 10 kHz."""

CLOSE_OF, MANY_CLOSE = 64, 8
"""That is told if it is so for this many of the last pulses."""


class PulsePeriods:
    """The times between the pulses of a stream, of all pulses whether or not they are accumulated.

    The measured time of a pulse is the time since the pulse before it. If this time is not known,
    or is a gap, it is the usual time between pulses. So the measured time of a pulse depends
    only on the source: not on pauses, and not on which pulses are accumulated. Times that are close
    to each other are those of one pulse, and do not tell what is usual.

    ``before_ns`` are the last pulses before, as `times_ns` gives them.
    """

    def __init__(self, before_ns: Iterable[int] = ()) -> None:
        self._last_ns = 0
        self._recent: deque[int] = deque(maxlen=USUAL_OF)
        self._close: deque[int] = deque(maxlen=CLOSE_OF)
        """How near the last pulses are to the ones before them; 0 if they are not close."""
        for time_ns in before_ns:
            self.passed(time_ns)

    @property
    def times_ns(self) -> tuple[int, ...]:
        """Times of pulses from which the same periods follow: the last one, and those before it."""
        if not self._last_ns:
            return ()
        back = accumulate((-each for each in reversed(self._recent)), initial=self._last_ns)
        return tuple(back)[::-1]

    def copy(self) -> Self:
        """A copy with the same recent pulses."""
        other = copy.copy(self)
        other._recent, other._close = self._recent.copy(), self._close.copy()
        return other

    def pulses_before(self, next_ns: Sequence[int], start_ns: int) -> int:
        """About how many pulses came from a time on and before those at ``next_ns``; at least 1.

        It is 1 if ``start_ns`` is `FROM_START_NS`, for then it is not known when pulses began.
        """
        later = self.copy()
        for time_ns in next_ns:
            later.passed(time_ns)
        known = start_ns > FROM_START_NS
        return max((next_ns[0] - start_ns) // max(later.measured_ns(0), 1), 1) if known else 1

    def passed(self, time_ns: int) -> int:
        """Note the pulse at a time; the time since the one before it, in ns, 0 if not known."""
        period_ns = max(time_ns - self._last_ns, 0) if self._last_ns else 0
        self._last_ns = time_ns
        is_close = 0 < period_ns < CLOSE_NS
        self._close.append(period_ns if is_close else 0)
        if period_ns and not is_close:
            self._recent.append(period_ns)
        return period_ns

    def insert(self, time_ns: int) -> None:
        """Note a pulse that was first seen after later ones, if it is one of the recent ones."""
        times_ns = self.times_ns
        if self.settled and time_ns < times_ns[0]:
            return
        self._last_ns = 0
        self._recent.clear()
        for each in sorted({*times_ns, time_ns}):
            self.passed(each)

    @property
    def close_words(self) -> str:
        """That many pulses are close to those before them, in words; empty if they are not."""
        if sum(map(bool, self._close)) < MANY_CLOSE:
            return ""
        apart_us = max(self._close) / 1000
        return f"sources give one pulse times up to {apart_us:g} µs apart: each counts as a pulse"

    @property
    def settled(self) -> bool:
        """Whether there were enough pulses to know the usual time between them."""
        return len(self._recent) == USUAL_OF

    def measured_ns(self, period_ns: int) -> int:
        """The measured time of a pulse, given the time since the pulse before it, both in ns."""
        usual_ns = sorted(self._recent)[(len(self._recent) - 1) // 2] if self._recent else 0
        return period_ns if 0 < period_ns <= GAP_PERIODS * usual_ns else usual_ns
