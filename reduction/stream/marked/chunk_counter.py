"""Decides which chunks of a partition are new, repeated, late or lost.

The mark at the end of each pulse has the number of chunks sent: only this number decides how many
are lost. The ids of chunks tell which chunks are lost, if ids count up by one as they should. Ids
that do not count up, such as times or zeros, are ignored.
"""

from __future__ import annotations

import bisect
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from reduction.messages.contents import Chunk
from reduction.stream.arrivals import MOST_LOST, MOST_LOST_RUNS, REMEMBERED, Arrival, fingerprint


@dataclass(frozen=True)
class LostChunks:
    """The ids from ``first`` to ``last``, both included, of chunks of a pulse that did not come."""

    first: int
    last: int
    pulse: int


class Comparison(NamedTuple):
    """What a mark has shown: how many chunks of its pulse are lost, at most `MOST_LOST`.

    ``retracted`` is what the mark before had shown, if its count was wrong.
    """

    lost: int
    pulse: int
    retracted: Comparison | None = None


class ChunkCounter:
    """Compares the chunks that come with the counts in the marks.

    Memory and the time for a message are bounded, whatever ids and counts are.
    """

    def __init__(self) -> None:
        self.sent: int | None = None
        """Chunks sent by the last mark; None before the first one."""
        self.received = 0
        """Chunks so far, without those that were repeated or lost."""
        self._compared = 0
        """How many of these came before the last mark."""
        self._otherwise: int | None = None
        """Chunks sent by the last mark, if its own count should be wrong."""
        self._last = Comparison(0, 0)
        self.completed: int | None = None
        """The pulse that the last chunk completed, if it was the last one that was lost of it."""
        self._first_id: int | None = None
        self._ids: deque[int] = deque(maxlen=MOST_LOST)
        """Ids of these chunks since the last mark, as they came."""
        self._highest = -1
        self._known = OrderedDict[int, int]()  # a dict takes the longer, the more went before
        self._lost: list[LostChunks] = []
        self._left: Counter[int] = Counter()

    def note(self, chunk: Chunk, *, passed: bool) -> Arrival:
        """Note a chunk; ``passed`` tells that its pulse has ended."""
        number, print_ = chunk.message_id, fingerprint(chunk)
        self.completed = None
        if self._known.get(number) == print_:
            return Arrival.REPEATED
        arrival = self._note_passed(number) if passed else self._note_new(number)
        if arrival is not Arrival.PASSED:
            self._known.pop(number, None)
            self._known[number] = print_
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return arrival

    def _note_new(self, number: int) -> Arrival:
        """Note a chunk of a pulse that has not ended."""
        self._first_id = number if self._first_id is None else self._first_id
        lowest = self._first_id if self.sent is None else self.sent
        out_of_order = lowest <= number < self._highest
        if lowest <= number < lowest + MOST_LOST:
            self._highest = max(self._highest, number)
        self._ids.append(number)
        self.received += 1
        return Arrival.OUT_OF_ORDER if out_of_order else Arrival.NEW

    def _note_passed(self, number: int) -> Arrival:
        """Note a chunk of a pulse that has ended."""
        place = bisect.bisect_right(self._lost, number, key=lambda each: each.first) - 1
        if place < 0 or number > self._lost[place].last:
            self._ids.append(number)
            self.received += 1
            return Arrival.PASSED
        gap = self._lost[place]
        parts = replace(gap, last=number - 1), replace(gap, first=number + 1)
        self._lost[place : place + 1] = [part for part in parts if part.first <= part.last]
        self._left[gap.pulse] -= 1
        if not self._left[gap.pulse]:
            del self._left[gap.pulse]
            self.completed = gap.pulse
        return Arrival.LATE

    def heard_from_start(self, chunks_sent: int, received: int) -> bool:
        """Whether the first mark shows that the partition was heard from its first chunk on.

        It does if no chunk is lacking, or if the first one had the id 0 and most have come: zeros
        that are no counter do not make it so.
        """
        return received == chunks_sent or (
            self._first_id == 0 and received < chunks_sent <= 2 * received
        )

    def mark(self, pulse: int, chunks_sent: int, received: int) -> Comparison:
        """Compare with the mark at the end of a pulse, by which so many chunks were sent.

        So many new chunks had been ``received`` when it came.
        """
        of_pulse = received - self._compared
        before, retracted = self._sent_before(chunks_sent, of_pulse)
        expected = self.sent
        if before is None and self.heard_from_start(chunks_sent, received):
            before = 0
        lost = 0 if before is None else max(0, chunks_sent - before - of_pulse)
        ids = [self._ids.popleft() for _ in range(min(of_pulse, len(self._ids)))]
        if before is not None and 0 < lost <= MOST_LOST:
            self._note_lost(LostChunks(before, chunks_sent - 1, pulse), ids, lost)
        self._otherwise = None if expected is None else max(expected, before or 0) + of_pulse
        self.sent, self._compared = chunks_sent, received
        self._highest = -1
        lost = min(lost, MOST_LOST)
        self._last = Comparison(lost, pulse)
        return self._last if retracted is None else Comparison(lost, pulse, retracted)

    def _sent_before(self, chunks_sent: int, received: int) -> tuple[int | None, Comparison | None]:
        """The chunks sent before this pulse, and what the last mark said if it was wrong."""
        if self.sent is None:
            return None, None
        as_told = chunks_sent - self.sent - received
        otherwise = -1 if self._otherwise is None else chunks_sent - self._otherwise - received
        if as_told < 0 <= otherwise or 0 <= otherwise < as_told:
            return self._otherwise, self._last
        if chunks_sent < self.sent:  # the source has started again
            self._lost.clear()
            self._left.clear()
            return 0, None
        return self.sent, None

    def _note_lost(self, sent: LostChunks, ids: list[int], lost: int) -> None:
        """Keep which of the ids of a pulse are lost, if ``ids`` that came show that ids count."""
        inside = sorted(each for each in ids if sent.first <= each <= sent.last)
        ends = [sent.first - 1, *inside, sent.last + 1]
        gaps = [LostChunks(a + 1, b - 1, sent.pulse) for a, b in pairwise(ends) if b - a > 1]
        if sum(gap.last - gap.first + 1 for gap in gaps) == lost:
            self._lost += gaps
            self._left[sent.pulse] += lost
            self._forget_first(len(self._lost) - MOST_LOST_RUNS)

    def restart(self) -> None:
        """Forget all chunks, but not how many were sent."""
        self._lost.clear()
        self._left.clear()
        self._known.clear()

    def forget(self, pulse: int) -> None:
        """Forget what is lost of the pulses below a number."""
        self._lost = [gap for gap in self._lost if gap.pulse >= pulse]
        self._left = Counter({each: n for each, n in self._left.items() if each >= pulse})

    def _forget_first(self, gaps: int) -> None:
        for gap in self._lost[: max(gaps, 0)]:
            self._left.pop(gap.pulse, None)
        del self._lost[: max(gaps, 0)]
