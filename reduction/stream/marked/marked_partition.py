"""The state of one partition: chunks that are new, late or lost, and complete pulses.

`reduction.messages.contents` describes the order of messages in a partition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from reduction.messages.contents import Chunk
from reduction.stream import pulse_ranges
from reduction.stream.arrivals import Arrival
from reduction.stream.faults import BACK, CLOCK, MARKS, TIMES, Faults
from reduction.stream.marked.chunk_counter import ChunkCounter, Comparison
from reduction.stream.marked.mark_order import Decision, MarkOrder, PulseMark
from reduction.stream.notices import Notices, offset_words
from reduction.stream.pending_chunks import (
    AHEAD_NS,
    MOST_HELD_BYTES,
    MOST_PENDING_BYTES,
    chunks_bytes,
)
from reduction.stream.pulse_places import PulsePlaces
from reduction.stream.pulses import NO_PULSE, CompletePulse, may_be_pulse

MOST_UNMARKED_BYTES = 1 << 28
"""The same before the first mark has come."""

SOON_NS = 10_000_000_000
"""A chunk that is no further ahead of the last complete pulse is of the newest pulse."""

UNMARKED_NS = 5_000_000_000
"""A notice is given if chunks come for this time without a mark."""


class MarkedPartition:
    """The progress of one partition, and its missing pulses.

    - ``faults``: what was wrong with its messages
    - ``reached``: the last pulse that is complete
    - ``newest_ns``: the latest pulse time of anything that has arrived
    - ``complete_from_ns``: from this time on all of each pulse has arrived; None if none has yet
    - ``uncut``: complete pulses that are not cut yet, in their order
    - ``incomplete``: numbers of the pulses of which something is missing
    - ``pending``: chunks whose pulses are not cut yet, or that came late
    - ``mark_offset``: the offset of the last mark of any kind; None before the first one
    - ``places``: where the latest pulses begin in the event log

    The mark at the end of each pulse tells how many chunks there were; `ChunkCounter` compares.
    `MarkOrder` decides which marks are believed. ``after_mark`` tells that the first message
    follows a mark.
    """

    def __init__(
        self, clock_ns: Callable[[], int], notices: Notices, *, after_mark: bool = False
    ) -> None:
        self.faults = Faults()
        self.mark_offset: int | None = None
        self.places = PulsePlaces()
        self.reached = CompletePulse(NO_PULSE, NO_PULSE)
        self.newest_ns = NO_PULSE
        self.complete_from_ns: int | None = None
        self.uncut: deque[CompletePulse] = deque()
        self.incomplete: list[pulse_ranges.PulseRange] = []
        self.pending: list[Chunk] = []
        self._clock_ns, self._notices = clock_ns, notices
        self._held: list[Chunk] = []
        self.pending_bytes = self._dropped = 0
        self.most_pending_bytes = MOST_PENDING_BYTES
        self._counter = ChunkCounter()
        self._order = MarkOrder(clock_ns)
        self.followed = after_mark
        """Whether all chunks since the last mark of any kind are kept, and there was one."""
        self._unmarked_since_ns: int | None = None
        """When the first chunk since the last mark came, by the clock."""

    def chunks(self, chunks: list[Chunk], _offset: int = 0) -> None:
        """Take the chunks of one message; marks tell where pulses begin, so its offset does not."""
        last = chunks[-1]
        if self._unmarked_since_ns is None:
            self._unmarked_since_ns = self._clock_ns()
        if not all(may_be_pulse(each.pulse_time_ns) for each in chunks):
            self.refuse(last.pulse_time_ns - self.reached.time_ns)
        elif self._takes(last):
            self.faults.ignored += last.without_pixels > 0
            self._keep_message(chunks)

    def _keep_message(self, chunks: list[Chunk]) -> None:
        """Keep the chunks of a message for their pulses, if there is room."""
        newest_ns = max([each.pulse_time_ns for each in chunks])
        size, started = chunks_bytes(chunks), self.reached.time_ns != NO_PULSE
        most_bytes = self.most_pending_bytes if started else MOST_UNMARKED_BYTES
        ahead = newest_ns > self.reached.time_ns + AHEAD_NS
        if ahead and newest_ns > self._clock_ns() + AHEAD_NS:
            self.refuse(newest_ns - (self.reached.time_ns if started else self._clock_ns()))
            if chunks_bytes(self._held) + size <= MOST_HELD_BYTES:
                self._held += chunks
        elif self.pending_bytes + size > most_bytes:
            self._drop_unmarked()
        else:
            if not started or newest_ns <= self.reached.time_ns + SOON_NS:
                self.newest_ns = max(self.newest_ns, newest_ns)
            self.pending_bytes += size
            self.pending += chunks

    def _takes(self, chunk: Chunk) -> bool:
        """Note a chunk by its id; whether its events are new."""
        match self._counter.note(chunk, passed=chunk.pulse_time_ns <= self.reached.time_ns):
            case Arrival.REPEATED:
                self.followed = False
                self.faults.repeated += 1
                return False
            case Arrival.PASSED:
                self.followed = False
                self.refuse(chunk.pulse_time_ns - self.reached.time_ns)
                return False
            case Arrival.OUT_OF_ORDER:
                self.faults.out_of_order += 1
            case Arrival.LATE:
                self.faults.out_of_order += 1
                self.faults.missing -= 1
        if self._counter.completed is not None:
            pulse_ranges.discard(self.incomplete, self._counter.completed)
        return True

    def refuse(self, offset_ns: int) -> None:
        """Count a message whose time cannot be, so far ahead of the pulses."""
        self.faults.bad_time += 1
        self._tell_offset(offset_ns)

    def _tell_offset(self, offset_ns: int) -> None:
        self._notices.give(
            TIMES, f"a message is {offset_words(offset_ns)} the pulses: its time is not believed"
        )

    def _drop_unmarked(self) -> None:
        self.faults.bad_time += 1
        self._dropped += 1
        self.followed = False
        self._notices.give(
            MARKS,
            f"events come and their pulses are not completed by marks: {self._dropped}"
            " chunks are dropped",
        )

    def mark(self, number: int, time_ns: int, chunks_sent: int, offset: int) -> None:
        """Note the end of a pulse, by which ``chunks_sent`` chunks have been sent in all."""
        begins = -1 if self.mark_offset is None else self.mark_offset + 1
        self.mark_offset = offset
        if not may_be_pulse(time_ns):
            self.refuse(time_ns - self.reached.time_ns)
            return
        received, followed = self._counter.received, self.followed
        mark = PulseMark(time_ns, number, chunks_sent, received, followed, begins)
        decision = self._order.take(mark)
        self.faults.repeated += decision.repeated
        self._follow(decision)
        self.followed, self._unmarked_since_ns = True, None

    @property
    def unmarked(self) -> list[Chunk]:
        """The chunks so far, if no mark has come."""
        return [*self.pending, *self._held]

    @property
    def full(self) -> bool:
        """Whether so much has come without a mark that it should be found out why."""
        return self.mark_offset is None and self.pending_bytes >= MOST_UNMARKED_BYTES // 2

    @property
    def crowded(self) -> bool:
        """Whether no more should be read for now: too much waits for other partitions."""
        return bool(self.uncut) and self.pending_bytes >= self.most_pending_bytes // 2

    @property
    def has_complete(self) -> bool:
        """Whether pulses are complete here that are not cut yet."""
        return bool(self.uncut)

    @property
    def in_doubt(self) -> bool:
        """Whether there are marks that will be believed unless others contradict them soon."""
        return self._order.in_doubt

    def wait(self) -> None:
        """Go by the clock: believe marks in doubt after a while, and tell if there are none."""
        self._follow(self._order.waited())
        since_ns = self._unmarked_since_ns
        if since_ns is not None and self._clock_ns() - since_ns > UNMARKED_NS:
            self._notices.give(
                MARKS, "events come, but no marks that end their pulses, so none are counted"
            )

    def restart(self) -> None:
        """Begin afresh with the next mark, whatever its time is."""
        reached_ns = self.reached.time_ns
        self.places = PulsePlaces()
        self._keep([each for each in self.pending if each.pulse_time_ns > reached_ns])
        self._order.restart()
        self.reached = CompletePulse(NO_PULSE, NO_PULSE)
        self.newest_ns, self.complete_from_ns = NO_PULSE, None
        self.uncut.clear()
        self.incomplete.clear()
        self._counter.restart()
        self._held.clear()
        self._notices.withdraw(BACK)

    def _keep(self, pending: list[Chunk]) -> None:
        self.pending = pending
        self.pending_bytes = chunks_bytes(pending)

    def _follow(self, decision: Decision) -> None:
        """Complete the pulses whose marks are believed."""
        self.faults.bad_time += decision.doubted
        for mark in decision.believed:
            self._complete(mark)
        if decision.offset_ns:
            self._tell_offset(decision.offset_ns)
        if decision.went_back_ns:
            offset = offset_words(-decision.went_back_ns)
            self._notices.give(
                BACK,
                f"pulses come again: they are {offset} those before and do not count;"
                " Reset starts afresh with them",
            )
        elif decision.believed:
            self._notices.withdraw(BACK)

    def _complete(self, mark: PulseMark) -> None:
        """Complete a pulse."""
        if self.complete_from_ns is None:
            complete = mark.followed or self._counter.heard_from_start(
                mark.chunks_sent, mark.received
            )
            self.complete_from_ns = mark.time_ns if complete else mark.time_ns + 1
        self._note_incomplete(
            mark.number, self._counter.mark(mark.number, mark.chunks_sent, mark.received)
        )
        self.reached = CompletePulse(mark.time_ns, mark.number)
        if mark.begins >= 0:
            self.places.note(mark.time_ns, mark.begins, after_mark=mark.followed)
        self.uncut.append(self.reached)
        self.newest_ns = max(self.newest_ns, mark.time_ns)
        self._release(mark.time_ns)

    def _release(self, time_ns: int) -> None:
        """Believe the times of chunks that were too far ahead, up to that of a pulse."""
        ahead_ns = time_ns - self._clock_ns()
        if ahead_ns > AHEAD_NS:
            offset = offset_words(ahead_ns)
            self._notices.give(CLOCK, f"pulses are {offset} the clock of this host")
        if self._held:
            shown = [each for each in self._held if each.pulse_time_ns <= time_ns]
            self.faults.bad_time -= len(shown)
            self._held = [each for each in self._held if each.pulse_time_ns > time_ns]
            self._keep([*self.pending, *shown])

    def _note_incomplete(self, number: int, shown: Comparison) -> None:
        """Note, at the end of a pulse, that it or pulses before it are not complete."""
        self.faults.missing += shown.lost
        if shown.retracted is not None:
            self.faults.missing -= shown.retracted.lost
            pulse_ranges.discard(self.incomplete, shown.retracted.pulse)
        last = number if shown.lost else number - 1
        gap = self.reached.number != NO_PULSE and number > self.reached.number
        first = self.reached.number + 1 if gap else number
        if first > last:
            return
        if self.incomplete and first < self.incomplete[-1].first:  # numbers have gone back
            self.incomplete[:] = pulse_ranges.union([*self.incomplete, (first, last)])
        else:
            pulse_ranges.add(self.incomplete, first, last)

    def cut(self, time_ns: int) -> list[Chunk]:
        """Pulses up to ``time_ns`` are cut: their chunks, which are no longer pending."""
        while self.uncut and self.uncut[0].time_ns <= time_ns:
            self.uncut.popleft()
        ready = [chunk for chunk in self.pending if chunk.pulse_time_ns <= time_ns]
        if ready:
            self._keep([chunk for chunk in self.pending if chunk.pulse_time_ns > time_ns])
        return ready

    def forget(self, number: int) -> None:
        """Forget what is missing of the pulses below ``number``."""
        pulse_ranges.discard_below(self.incomplete, number)
        self._counter.forget(number)
