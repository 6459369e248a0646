"""The state of one partition of a stream without marks: which pulses have been seen, and chunks.

Nothing tells when a pulse ends. A pulse is complete here once a later one was seen. What comes of
it afterwards is late, and counts all the same. So which events count depends on the messages alone;
when they come only decides which result is the first to have them.
"""

from __future__ import annotations

from collections.abc import Callable

from reduction.messages.contents import Chunk
from reduction.stream import pulse_ranges
from reduction.stream.arrivals import Arrival
from reduction.stream.faults import BACK, CLOCK, TIMES, Faults
from reduction.stream.log_values.log_times import FIRST_LOG_NS
from reduction.stream.notices import Notices, offset_words
from reduction.stream.pending_chunks import (
    AHEAD_NS,
    MOST_HELD_BYTES,
    MOST_PENDING_BYTES,
    chunks_bytes,
)
from reduction.stream.plain.message_ids import MessageIds
from reduction.stream.plain.pulse_times import REPLAY_NS, PulseTimes
from reduction.stream.pulse_places import PulsePlaces
from reduction.stream.pulses import NEVER_NS, NO_PULSE, CompletePulse, may_be_pulse

MOST_LOG_TIMES = 10_000
"""Most times of values of logs that are known before they are cut."""

FROM_START_NS = 1
"""A time before that of any pulse: all pulses have arrived that a partition has had."""


class PlainPartition:
    """The progress of one partition without marks, as `MarkedPartition` is of one with marks.

    Pulses have no numbers: `NO_PULSE` stands in their place. Pulses
    up to ``passed_ns`` do not count, and all later ones come completely. It is None if the first
    pulses may have begun before, and `NO_PULSE` if all pulses count.

    - ``faults``: what was wrong with its messages, and how many were late
    - ``complete_from_ns``: from this time on all of each pulse has arrived; None if none has yet
    - ``incomplete``: always empty, for no message tells which pulse a lost chunk belongs to
    - ``pending``: chunks whose pulses are not cut yet, or that came late
    - ``places``: where the latest pulses begin in the event log
    """

    def __init__(
        self,
        clock_ns: Callable[[], int],
        notices: Notices,
        faults: Faults | None = None,
        *,
        passed_ns: int | None = None,
        shared: bool = False,
    ) -> None:
        self.faults = faults or Faults()
        self.complete_from_ns: int | None = None
        if passed_ns is not None:
            self.complete_from_ns = FROM_START_NS if passed_ns == NO_PULSE else passed_ns + 1
        self._passed_ns = NO_PULSE if passed_ns is None else passed_ns
        self.incomplete: list[pulse_ranges.PulseRange] = []
        self.pending: list[Chunk] = []
        self.places = PulsePlaces()
        self._clock_ns, self._notices = clock_ns, notices
        self._ids = MessageIds(shared=shared)
        self._times = PulseTimes(clock_ns)
        self._held: list[Chunk] = []
        """Chunks whose times are in doubt."""
        self.pending_bytes = self._held_bytes = 0
        self.most_pending_bytes = MOST_PENDING_BYTES
        self._uncut: dict[int, int] = {}
        """The offset of the first message of each pulse that is not cut yet, by pulse time."""
        self._held_offsets: dict[int, int] = {}
        self._logs: dict[int, int] = {}
        """The offset of the first value of a log at a time that is not cut yet, by that time."""
        self._offset: int | None = None
        self._cut_ns = NO_PULSE
        self._joined = passed_ns is not None
        """Whether it is known from which pulse on all has arrived."""
        self._seen = False
        """Whether a pulse has been seen."""
        self._restarted_ns: int | None = None
        """The last pulse that was cut before a restart; None once a pulse has come since."""

    @property
    def newest_ns(self) -> int:
        """The latest pulse time that is believed."""
        return self._times.newest_ns

    @property
    def reached(self) -> CompletePulse:
        """The time up to which all pulses are complete: shortly before the latest one."""
        return CompletePulse(max(self.newest_ns - 1, NO_PULSE), NO_PULSE)

    @property
    def uncut(self) -> list[CompletePulse]:
        """The pulses that were seen and are not cut yet, late ones included."""
        return [CompletePulse(time_ns, NO_PULSE) for time_ns in sorted(self._uncut)]

    @property
    def has_complete(self) -> bool:
        """Whether pulses are complete here that are not cut yet."""
        return min(self._uncut, default=NEVER_NS) < self.newest_ns

    @property
    def mark_offset(self) -> int | None:
        """The offset of the last message before those of pulses, and logs, that are not cut yet.

        None before the first message.
        """
        if self._offset is None:
            return None
        firsts = (*self._uncut.values(), *self._held_offsets.values(), *self._logs.values())
        return min(firsts, default=self._offset + 1) - 1

    @property
    def followed(self) -> bool:
        """Whether nothing is lacking of the pulses that are not cut yet."""
        return self._joined

    @property
    def in_doubt(self) -> bool:
        """Whether there are times that will be believed unless others contradict them soon."""
        return self._times.in_doubt

    @property
    def crowded(self) -> bool:
        """Whether no more should be read for now: too much waits for other partitions."""
        return self.pending_bytes >= self.most_pending_bytes // 2

    def chunks(self, chunks: list[Chunk], offset: int) -> None:
        """Take the chunks of one message, which has an offset in the event log."""
        self._offset = offset
        last, newest_ns = chunks[-1], self.newest_ns
        if not all(may_be_pulse(each.pulse_time_ns) for each in chunks):
            self.refuse(last.pulse_time_ns - self.newest_ns)
            return
        if not self._takes(last):
            return
        self.faults.ignored += last.without_pixels > 0
        for each in chunks:
            self._take_chunk(each)
        if self._held and (self.newest_ns != newest_ns or self._times.refuted):
            self._decide()

    def log(self, time_ns: int, offset: int) -> None:
        """Note the value of a log from a time on, which has an offset in the event log.

        It must be read again with the pulses from that time on, if these are.
        """
        before_ns, newest_ns = (
            max(each, self._passed_ns) for each in (self._cut_ns, self.newest_ns)
        )
        near = before_ns < time_ns <= newest_ns + REPLAY_NS
        if near and len(self._logs) < MOST_LOG_TIMES:
            self._logs.setdefault(time_ns, offset)

    def pulse(self, time_ns: int, offset: int) -> None:
        """Note a pulse that a log tells of, whether or not it has events.

        Before it is known from which pulse on all has arrived, and while its time is in doubt, it
        is ignored.
        """
        if time_ns <= self._passed_ns or not may_be_pulse(time_ns):
            return
        if not self._times.take(time_ns) or not self._joined:
            return
        self._offset = offset
        self._uncut.setdefault(time_ns, offset)
        self.places.note(time_ns, offset, after_mark=False)

    def _takes(self, chunk: Chunk) -> bool:
        """Note a chunk by its id; whether its events are new."""
        arrival = self._ids.note(chunk)
        self.faults.missing, self.faults.unnumbered = self._ids.lost, self._ids.unnumbered
        if self._ids.tell_nothing(chunk.source):
            self._notices.give_once(
                f"ids {chunk.source}",
                f"message ids of {chunk.source} do not count up:"
                " how many of its messages are lost is not known",
            )
        match arrival:
            case Arrival.REPEATED:
                self.faults.repeated += 1
                return False
            case Arrival.PASSED:
                self.faults.bad_time += 1
                offset = offset_words(chunk.pulse_time_ns - self.newest_ns)
                self._notices.give(
                    BACK,
                    f"pulses come again: they are {offset} those before and do not count;"
                    " Reset starts afresh with them",
                )
                return False
            case Arrival.OUT_OF_ORDER:
                self.faults.out_of_order += 1
        return True

    def _take_chunk(self, chunk: Chunk) -> None:
        """Keep a chunk for its pulse, or hold it while its time is in doubt."""
        if chunk.pulse_time_ns <= self._passed_ns:
            return
        size = chunks_bytes([chunk])
        if self._times.take(chunk.pulse_time_ns):
            self._keep(chunk, size)
        elif self._held_bytes + size <= MOST_HELD_BYTES:
            self._held.append(chunk)
            self._held_bytes += size
            self._held_offsets.setdefault(chunk.pulse_time_ns, self._offset or 0)
        else:
            self.refuse(chunk.pulse_time_ns - self.newest_ns)

    def _keep(self, chunk: Chunk, size: int) -> None:
        """Keep a chunk whose time is believed."""
        time_ns = chunk.pulse_time_ns
        if self.pending_bytes + size > self.most_pending_bytes:
            self.faults.bad_time += 1
            self._notices.give("full", "events wait for other partitions: some are dropped")
            return
        self._join(chunk)
        self._ids.believed(chunk)
        if time_ns <= self._cut_ns:
            self.faults.late += 1
        if time_ns > max(self.newest_ns, self._clock_ns()) + AHEAD_NS:
            offset = offset_words(time_ns - self._clock_ns())
            self._notices.give(CLOCK, f"pulses are {offset} the clock of this host")
        elif time_ns < FIRST_LOG_NS:
            self._notices.give(CLOCK, "pulses are from before 1990: are their times in ns?")
        self.pending_bytes += size
        self.pending.append(chunk)
        begins = self._held_offsets.get(time_ns, self._offset or 0)
        self._uncut.setdefault(time_ns, begins)
        self.places.note(time_ns, begins, after_mark=False)

    def _join(self, chunk: Chunk) -> None:
        """Find out from which pulse on all has arrived, as far as a chunk tells."""
        if self._restarted_ns is not None:
            played_again = chunk.pulse_time_ns <= self._restarted_ns
            self.complete_from_ns = FROM_START_NS if played_again else self._restarted_ns + 1
            self._restarted_ns = None
        elif self._joined or self._seen:
            return
        elif chunk.message_id == 0:  # its source has just started
            self.complete_from_ns, self._joined = FROM_START_NS, True
        self._seen = True

    def _decide(self) -> None:
        """Take the chunks in doubt whose times are believed now, refuse those that are wrong."""
        held = sorted(self._held, key=lambda each: each.pulse_time_ns)
        self._held, self._held_bytes = [], 0
        for chunk in held:
            if self._times.believes(chunk.pulse_time_ns):
                self._take_chunk(chunk)
            elif self._times.refuted:
                self.refuse(chunk.pulse_time_ns - self.newest_ns)
            else:
                self._held.append(chunk)
        self._held_bytes = chunks_bytes(self._held)
        self._forget_offsets()
        if not self._held:
            self._times.settle()

    def _forget_offsets(self) -> None:
        """Keep offsets of pulses that are in doubt, and of no other."""
        held_ns = {each.pulse_time_ns for each in self._held}
        self._held_offsets = {ns: at for ns, at in self._held_offsets.items() if ns in held_ns}

    def refuse(self, offset_ns: int) -> None:
        """Count a message whose time cannot be, so far ahead of the pulses."""
        self.faults.bad_time += 1
        self._notices.give(
            TIMES, f"a message is {offset_words(offset_ns)} the pulses: its time is not believed"
        )

    def mark(self, number: int, time_ns: int, chunks_sent: int, offset: int) -> None:
        """Ignore a mark: pulses of this dialect need none."""

    def wait(self) -> None:
        """Go by the clock, at each tick: believe times in doubt after a while.

        At the first tick with a pulse, something of all pulses so far may have come before.
        """
        if self._times.waited():
            self._decide()
        if not self._joined and self.newest_ns != NO_PULSE:
            self.complete_from_ns, self._joined = self.newest_ns + 1, True

    @property
    def _last_passed_ns(self) -> int:
        """The last pulse that was cut, also if only older ones have been cut since a restart."""
        begun_ns = self.complete_from_ns or NO_PULSE
        if self._restarted_ns is not None:
            return max(self._cut_ns, self._restarted_ns)
        return max(self._cut_ns, begun_ns - 1) if begun_ns > FROM_START_NS else self._cut_ns

    def restart(self) -> None:
        """Begin afresh with the next pulse, whatever its time is."""
        passed_ns = self._last_passed_ns
        self.places = PulsePlaces()
        later = [each for each in (*self.pending, *self._held) if each.pulse_time_ns > passed_ns]
        self.pending, self._held = [], []
        self.pending_bytes = self._held_bytes = 0
        self._held_offsets |= self._uncut
        self._uncut.clear()
        self._times.restart(passed_ns)
        self._ids.restart()
        self._cut_ns = NO_PULSE
        self._passed_ns = NO_PULSE
        if passed_ns != NO_PULSE:
            self.complete_from_ns, self._joined = None, True
            self._restarted_ns = passed_ns
        self._notices.withdraw(BACK)
        for chunk in later:
            self._take_chunk(chunk)
        self._forget_offsets()

    def cut(self, time_ns: int) -> list[Chunk]:
        """Pulses up to ``time_ns`` are cut: their chunks, which are no longer pending."""
        self._cut_ns = max(self._cut_ns, time_ns)
        self._uncut = {ns: offset for ns, offset in self._uncut.items() if ns > time_ns}
        self._logs = {ns: offset for ns, offset in self._logs.items() if ns > time_ns}
        ready = [chunk for chunk in self.pending if chunk.pulse_time_ns <= time_ns]
        if ready:
            self.pending = [chunk for chunk in self.pending if chunk.pulse_time_ns > time_ns]
            self.pending_bytes = chunks_bytes(self.pending)
        return ready

    def forget(self, number: int) -> None:
        """Nothing is kept of pulses by their numbers."""
