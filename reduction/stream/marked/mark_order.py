"""Decides which marks of a partition to believe: those that follow from the other marks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reduction.stream.times_in_doubt import (
    ALONE_AHEAD_NS,
    CONFIRMING,
    FIRST_AHEAD_NS,
    FIRST_PERIOD_NS,
    WAIT_NS,
)

NEAR_CLOCK_NS = 1_000_000_000
"""The time of a mark is possible if it differs from the clock by no more than this."""


LEAST_PERIOD_NS = 1_000_000
"""Shortest time between pulses that is believed before two pulses show the usual time."""


REMEMBERED_MARKS = 1000
"""This number of marks is remembered, to recognise a mark that comes a second time."""


@dataclass(frozen=True)
class PulseMark:
    """The end of a pulse: its time, ns since the Unix epoch, number, and the chunks sent by it.

    ``received`` chunks had come before it. ``followed`` is set if all chunks since the mark before
    were kept; the message at ``begins`` is the first one behind that mark, -1 if there was none.
    Marks are equal if time, number and chunks sent are equal.
    """

    time_ns: int
    number: int
    chunks_sent: int
    received: int = field(default=0, compare=False)
    followed: bool = field(default=False, compare=False)
    begins: int = field(default=-1, compare=False)


class Decision(NamedTuple):
    """What a mark has decided.

    - ``believed``: marks that are believed from now on, in their order
    - ``doubted``: how many more, or fewer, are doubted or rejected
    - ``repeated``: whether the mark has come before
    - ``offset_ns``: by how much the last rejected mark is ahead of its neighbours; 0 if none is
    - ``went_back_ns``: by how much the times of all marks have gone back; 0 if they have not
    """

    believed: Sequence[PulseMark] = ()
    doubted: int = 0
    repeated: bool = False
    offset_ns: int = 0
    went_back_ns: int = 0


class MarkOrder:
    """The last believed mark, and those in doubt.

    A mark is believed at once if its time and its number follow from the last believed one. One
    that does not is in doubt: the next one that follows from the last believed mark shows that it
    was wrong. If instead `CONFIRMING` marks follow from each other, they are believed, as after a
    pause of the source. Marks that go back in time are never believed before a `restart`.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._last: PulseMark | None = None
        self._period_ns: float | None = None
        self._doubted: list[PulseMark] = []
        self._doubted_since_ns = 0
        self._recent: deque[PulseMark] = deque(maxlen=REMEMBERED_MARKS)
        self._known: set[PulseMark] = set()

    def restart(self) -> None:
        """Forget all marks: the next one may have any time."""
        self._last = None
        self._doubted.clear()
        self._recent.clear()
        self._known.clear()

    def take(self, mark: PulseMark) -> Decision:
        """Decide on a mark, and on those before it that are in doubt."""
        if mark == self._last:
            return Decision(repeated=True)
        if self._follows(mark):
            return self._contradicted_by(mark)
        repeated = mark in self._known
        decision = self._doubt(mark)
        if len(self._doubted) < CONFIRMING:
            doubted = decision.doubted - repeated
            return decision._replace(doubted=doubted, repeated=repeated)
        last = self._last
        if last is None or self._doubted[0].time_ns > last.time_ns:
            return self._all_doubted(decision.doubted)
        self._doubted = self._doubted[-CONFIRMING:]
        return Decision(
            doubted=decision.doubted - repeated,
            repeated=repeated,
            went_back_ns=last.time_ns - mark.time_ns,
        )

    def waited(self) -> Decision:
        """Believe marks that nothing has contradicted for long enough."""
        if not self.in_doubt or self._clock_ns() < self._doubted_since_ns + WAIT_NS:
            return Decision()
        return self._all_doubted(0)

    @property
    def in_doubt(self) -> bool:
        """Whether there are marks that will be believed unless others contradict them soon."""
        if not self._doubted:
            return False
        newest, last = self._doubted[-1], self._last
        forward = last is None or self._doubted[0].time_ns > last.time_ns
        return forward and newest.time_ns <= self._clock_ns() + ALONE_AHEAD_NS

    def _follows(self, mark: PulseMark) -> bool:
        """Whether a mark follows from the last believed one."""
        last = self._last
        if last is None:
            return not self._doubted and mark.time_ns - self._clock_ns() <= FIRST_AHEAD_NS
        time_ns, number = mark.time_ns - last.time_ns, mark.number - last.number
        if time_ns <= 0 or number < 1:
            return False
        longest_ns = self._period_ns or FIRST_PERIOD_NS
        shortest_ns = self._period_ns or LEAST_PERIOD_NS
        if number > 1.5 * time_ns / shortest_ns + 1:
            return False
        in_time = time_ns < (number + 1) * longest_ns
        return in_time or abs(mark.time_ns - self._clock_ns()) <= NEAR_CLOCK_NS

    def _contradicted_by(self, mark: PulseMark) -> Decision:
        """Believe a mark that follows; those in doubt are wrong unless they lie before it."""
        if not self._doubted:
            self._believe(mark)
            return Decision((mark,))
        last, doubted = self._last, self._doubted
        between = [
            each
            for each in doubted
            if last is not None
            and last.time_ns < each.time_ns < mark.time_ns
            and last.number < each.number < mark.number
        ]
        wrong = [each for each in doubted if each not in between]
        self._doubted = []
        for each in (*between, mark):
            self._believe(each)
        offset_ns = wrong[-1].time_ns - mark.time_ns if wrong else 0
        return Decision((*between, mark), doubted=-len(between), offset_ns=offset_ns)

    def _doubt(self, mark: PulseMark) -> Decision:
        """Put a mark in doubt, with those that it follows from, or in place of them."""
        offset_ns = 0
        if self._doubted:
            before = self._doubted[-1]
            if mark.time_ns <= before.time_ns or mark.number <= before.number:
                offset_ns = before.time_ns - mark.time_ns
                self._doubted = []
        self._doubted.append(mark)
        self._doubted_since_ns = self._clock_ns()
        return Decision(doubted=1, offset_ns=offset_ns)

    def _all_doubted(self, just_doubted: int) -> Decision:
        believed, self._doubted = tuple(self._doubted), []
        for each in believed:
            self._believe(each)
        return Decision(believed, doubted=just_doubted - len(believed))

    def _believe(self, mark: PulseMark) -> None:
        last = self._last
        if last is not None and mark.number > last.number:
            self._period_ns = (mark.time_ns - last.time_ns) / (mark.number - last.number)
        if len(self._recent) == REMEMBERED_MARKS:
            self._known.discard(self._recent[0])
        self._recent.append(mark)
        self._known.add(mark)
        self._last = mark
