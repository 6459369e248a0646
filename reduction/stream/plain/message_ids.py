"""Which chunks are new or lost, by the message ids of each source of a partition.

Sources of a facility number their messages each by itself: most count up by one, from 0 again when
they are restarted. Some put the time of the pulse, or zeros, in place of a number. Ids that do not
count up tell nothing about lost messages, and nothing is concluded from them.
"""

from __future__ import annotations

import bisect
from collections import deque

from reduction.messages.contents import Chunk
from reduction.stream.arrivals import MOST_LOST, MOST_LOST_RUNS, REMEMBERED, Arrival, fingerprint
from reduction.stream.plain.pulse_times import REPLAY_NS
from reduction.stream.pulses import NO_PULSE

MOST_SOURCES = 1000
"""Most sources of a partition whose ids are followed; those of further ones tell nothing."""

STEPS = 16
"""Ids count up if at least half of this number of latest steps did."""

TELLING_EVENTS = 16
"""Chunks of a pulse with the same events, at least as many as this, are one chunk."""


class SourceIds:
    """The ids of one source: how many of its chunks are lost, if its ids count up."""

    def __init__(self, newest_ns: int) -> None:
        self.messages = 0
        self.newest_ns = newest_ns
        """The latest pulse time of its chunks that is believed, ns since the Unix epoch."""
        self.plays_again = False
        """Whether its last chunk was one of earlier pulses that have come before."""
        self._next: int | None = None
        self._steps: deque[bool] = deque(maxlen=STEPS)
        self._gaps: list[range] = []
        """The ids that were left out, in ascending order."""
        self._lost = 0

    @property
    def count_up(self) -> bool:
        """Whether the ids count up, as far as can be told."""
        return bool(self._steps) and 2 * sum(self._steps) >= len(self._steps)

    @property
    def lost(self) -> int:
        """How many chunks are lost; 0 if the ids do not tell."""
        return self._lost if self.count_up else 0

    @property
    def unnumbered(self) -> int:
        """How many chunks have come with ids that tell nothing."""
        return 0 if self.count_up or not self._steps else self.messages

    @property
    def decided(self) -> bool:
        """Whether enough chunks have come to tell whether ids count up."""
        return len(self._steps) == STEPS

    def note(self, number: int) -> Arrival:
        """Note the id of a chunk that is not repeated."""
        self.messages += 1
        if self._next is None or number == self._next:
            if self._next is not None:
                self._steps.append(True)
            self._next = number + 1
            return Arrival.NEW
        if self._fill(number):
            self._steps.append(True)
            return Arrival.OUT_OF_ORDER
        self._steps.append(False)
        missing = number - self._next
        if 0 < missing <= MOST_LOST:
            self._lost += missing
            self._gaps.append(range(self._next, number))
            del self._gaps[:-MOST_LOST_RUNS]
        else:  # the source has started again, or its ids are no counter
            self._gaps.clear()
        self._next = number + 1
        return Arrival.NEW

    def _fill(self, number: int) -> bool:
        """Take an id out of those that were left out; whether it was one."""
        place = bisect.bisect_right(self._gaps, number, key=lambda gap: gap.start) - 1
        if place < 0 or number not in self._gaps[place]:
            return False
        gap = self._gaps[place]
        parts = range(gap.start, number), range(number + 1, gap.stop)
        self._gaps[place : place + 1] = [part for part in parts if part]
        self._lost -= 1
        return True


class MessageIds:
    """The ids of all sources of a partition. Time and memory for a message are bounded.

    ``lost`` chunks have not come, as far as ids tell; for ``unnumbered`` chunks they do not. Of a
    partition that is ``shared`` with other ranks, which have some of the chunks, ids tell nothing.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self.lost = self.unnumbered = 0
        self._shared = shared
        self._newest_ns = NO_PULSE
        self._sources: dict[str, SourceIds] = {}
        self._known: dict[int, int] = {}
        """The ids of the latest chunks, by fingerprint."""

    def note(self, chunk: Chunk) -> Arrival:
        """Note a chunk.

        It is `Arrival.PASSED` if the pulse times of its source have gone back too far.
        """
        source = self._sources.get(chunk.source)
        if source is None:
            if len(self._sources) >= MOST_SOURCES:
                self.unnumbered += 1
                return Arrival.NEW
            source = self._sources[chunk.source] = SourceIds(self._newest_ns)
        if chunk.pulse_time_ns < source.newest_ns - REPLAY_NS:
            source.plays_again = True
            return Arrival.PASSED
        print_ = fingerprint(chunk)
        if self._is_repeated(chunk, source, print_):
            return Arrival.REPEATED
        self._remember(print_, chunk.message_id)
        if self._shared:
            self.unnumbered += 1
            return Arrival.NEW
        lost, unnumbered = source.lost, source.unnumbered
        arrival = source.note(chunk.message_id)
        self.lost += source.lost - lost
        self.unnumbered += source.unnumbered - unnumbered
        return arrival

    def believed(self, chunk: Chunk) -> None:
        """Note that the pulse time of a chunk is believed."""
        self._newest_ns = max(self._newest_ns, chunk.pulse_time_ns)
        source = self._sources.get(chunk.source)
        if source is not None:
            source.newest_ns = max(source.newest_ns, chunk.pulse_time_ns)

    def _is_repeated(self, chunk: Chunk, source: SourceIds, print_: int) -> bool:
        """Whether a chunk with this fingerprint has come before."""
        number = self._known.get(print_)
        if number is None:
            source.plays_again = False
            return False
        if number == chunk.message_id and source.count_up:
            return True
        behind = chunk.pulse_time_ns < source.newest_ns or source.plays_again
        source.plays_again = behind and chunk.tof_ns.size >= TELLING_EVENTS
        return source.plays_again

    def _remember(self, print_: int, number: int) -> None:
        self._known.pop(print_, None)
        self._known[print_] = number
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]

    def tell_nothing(self, source: str) -> bool:
        """Whether it is decided that the ids of a source do not count up."""
        found = self._sources.get(source)
        return found is not None and found.decided and not found.count_up

    def restart(self) -> None:
        """Forget all chunks and their times, but not how many are lost."""
        self._known.clear()
        self._newest_ns = NO_PULSE
        for each in self._sources.values():
            each.newest_ns = NO_PULSE
