"""The messages of a rank's partitions, from its event log to its pulse assembler."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from reduction.control.run_state import LogPlace, RunState
from reduction.event_log.protocol import MESSAGES_AT_ONCE, Backlog, LogReader, problem_of
from reduction.ranks.collectives import Collectives
from reduction.ranks.intake.intake_budget import UNLIMITED_BYTES
from reduction.stream.dialect import Dialect
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import CompletePulse

LOOK_INTERVAL_S = 0.002
"""How often an event log without new messages is looked at."""

FEW_MESSAGES = 8
"""So many are read at least, however large they are."""


def places_of_all(together: Collectives, places: Mapping[int, LogPlace]) -> tuple[LogPlace, ...]:
    """The places of the partitions of all ranks, by number; empty if one is not known.

    ``places`` has those of this rank, with the offset -1 where it is not known.
    """
    rows = [(partition, *place) for partition, place in places.items()]
    gathered = together.gather(np.array(rows, np.int64).reshape(-1, 3))
    if (gathered[:, 1] < 0).any():
        return ()
    ordered = sorted(gathered.tolist())
    return tuple(LogPlace(offset, bool(after_mark)) for _, offset, after_mark in ordered)


class StreamReceiver:
    """Takes messages from readers, one for each partition by its number, to ``intake``.

    The stream has so many ``partitions``, those of all ranks together.
    """

    def __init__(
        self, readers: Mapping[int, LogReader], intake: PulseAssembler, partitions: int
    ) -> None:
        self.intake, self.partitions = intake, partitions
        self._readers = readers
        self._sought: dict[int, int] = {}
        """Where partitions were to be read from, until their first message has come."""
        self._unidentified: dict[int, RunState] = {}
        """Partitions that were sought while it was not known which log this is, and what for."""
        self._at_end: set[int] = set()
        """Partitions that were read to their ends since the last tick."""
        self.at_end = False
        """Whether all of them were, before the last tick."""
        self.enough_bytes = UNLIMITED_BYTES
        """When events that wait have so many bytes, only what holds up their pulses is read."""
        self._mean_bytes = 0.0
        """The size of a message, a mean over the last ones."""

    def take(self, wait_s: float) -> None:
        """Take what has come, of each partition in its turn; wait for it ``wait_s`` at most."""
        deadline_s = time.monotonic() + wait_s
        while not self._take() and (left := deadline_s - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_INTERVAL_S))

    def _take(self) -> bool:
        """Take what has come; whether anything has."""
        found = False
        for partition, reader in self._readers.items():
            if self.intake.full(partition) or self._has_enough_of(partition):
                continue
            most = self._most_messages
            messages = reader.read(most)
            if partition in self._unidentified and self._is_other_log(partition):
                continue
            at_end = len(messages) < most and reader.behind.messages == 0
            if at_end and reader.began >= 0:
                self._at_end.add(partition)
            self.intake.note_end(partition, ended=at_end and not messages)
            began = reader.began
            for message in messages:
                if partition in self._sought:
                    self._check_place(partition, message.offset)
                earlier = message.offset < began
                self.intake.take(partition, message.data, message.offset, earlier=earlier)
                self._mean_bytes += (len(message.data) - self._mean_bytes) / MESSAGES_AT_ONCE
                found = True
        return found

    @property
    def _most_messages(self) -> int:
        """How many messages are read from a partition in its turn: until there are enough."""
        if self.enough_bytes == UNLIMITED_BYTES:
            return MESSAGES_AT_ONCE
        left = (self.enough_bytes - self.pending_bytes) / max(self._mean_bytes, 1)
        return int(min(max(left, FEW_MESSAGES), MESSAGES_AT_ONCE))

    def _has_enough_of(self, partition: int) -> bool:
        """Whether enough events wait, and the pulses among them do not wait for a partition."""
        enough = self.pending_bytes >= self.enough_bytes
        return enough and self.intake.partitions[partition].has_complete

    @property
    def has_enough(self) -> bool:
        """Whether there are enough events for the next tick."""
        return all(self._has_enough_of(each) for each in self.intake.awaited)

    def pulses_of_all(self, together: Collectives, time_ns: int) -> list[CompletePulse]:
        """The pulses up to a time that are not cut yet, the same on all ranks.

        A pulse is one of them if any partition has its mark, or, without marks, a message of it.
        """
        here = np.array(self.intake.uncut_until(time_ns), np.int64).reshape(-1, 2)
        gathered = together.gather(here)
        _, first = np.unique(gathered[:, 0], return_index=True)  # of several ranks, the first
        return [CompletePulse._make(each) for each in gathered[first].tolist()]

    def note_ends(self) -> None:
        """Note which partitions are read to their ends now, and which were since the last call."""
        self.at_end = self._at_end >= self._readers.keys()
        self._at_end.clear()
        for partition, reader in self._readers.items():
            if reader.behind.messages:
                self.intake.note_end(partition, ended=False)

    def _is_other_log(self, partition: int) -> bool:
        """Whether a log turns out to be another one than sought; then its place is another, too."""
        log, state = self._readers[partition].identity, self._unidentified[partition]
        if not log:
            return False
        del self._unidentified[partition]
        if log != state.log:
            self._seek(partition, state)
        return log != state.log

    def _check_place(self, partition: int, offset: int) -> None:
        """Note that something is missing if the first message is behind the place looked for.

        Without marks, the pulses that ended in what is missing do not count.
        """
        sought = self._sought[partition]
        if offset >= sought:  # else it is the last value of a log, which comes before the place
            del self._sought[partition]
            if offset > sought:
                gone_ns = self._readers[partition].dropped.until_ns or None
                self.intake.begin(partition, after_mark=False, passed_ns=gone_ns)

    def read_again(self, state: RunState) -> None:
        """Go to where an accumulation begins in the event log.

        In another event log than it began in, that is its first pulse.
        """
        if self.intake.dialect is Dialect.AUTO:
            self.intake.decide_dialect(state.dialect)
        self._unidentified.clear()
        for partition in self._readers:
            self._seek(partition, state)

    def _seek(self, partition: int, state: RunState) -> None:
        """Go to where an accumulation begins in a partition.

        As long as it is not known which log this is, it is taken for the one of the accumulation.
        """
        reader, place = self._readers[partition], state.places[partition]
        known = reader.identity in ("", state.log)
        if known:
            reader.seek_offset(place.offset)
            self._sought[partition] = place.offset
        else:
            reader.seek(max(state.start_ns, 0))
            self._sought.pop(partition, None)
        if known and not reader.identity and state.log:
            self._unidentified[partition] = state
        after_mark = known and place.after_mark
        passed_ns = state.passed_ns if known else None
        self.intake.begin(partition, after_mark=after_mark, passed_ns=passed_ns)

    def skip_to_end(self) -> None:
        """Go behind all that the event logs hold now."""
        self._sought.clear()
        self._unidentified.clear()
        for partition, reader in self._readers.items():
            reader.seek_to_end()
            self.intake.begin(partition, after_mark=False)

    def places_after_marks(self) -> dict[int, LogPlace]:
        """By partition, the place after its last mark, or where reading began before any mark."""
        return {partition: self._place(partition) for partition in self._readers}

    def _place(self, partition: int) -> LogPlace:
        state = self.intake.partitions[partition]
        if state.mark_offset is None:
            return LogPlace(self._readers[partition].began, state.followed)
        return LogPlace(state.mark_offset + 1, state.followed)

    def places_at(self, time_ns: int) -> dict[int, LogPlace]:
        """By partition, the place from which all messages of pulses from a time on come.

        The offset is -1 where that is not known. Partitions without events have the place where
        reading began.
        """
        return {partition: self._place_at(partition, time_ns) for partition in self._readers}

    def _place_at(self, partition: int, time_ns: int) -> LogPlace:
        state = self.intake.partitions[partition]
        if partition not in self.intake.awaited or state.newest_ns < time_ns:
            return self._place(partition)
        found = state.places.at(time_ns)
        return LogPlace(-1, False) if found is None else LogPlace(*found)

    def go_back(self, state: RunState) -> None:
        """Read partitions with events again, from the places that an accumulation begins at."""
        for partition in self._readers.keys() & self.intake.awaited:
            place = state.places[partition]
            self._readers[partition].seek_offset(place.offset)
            self._sought[partition] = place.offset
            self.intake.begin(partition, after_mark=place.after_mark, passed_ns=state.passed_ns)

    def places_begun(self) -> dict[int, LogPlace]:
        """By partition, where reading began; the offset is -1 where that is not known yet."""
        return {number: LogPlace(each.began, False) for number, each in self._readers.items()}

    @property
    def log(self) -> str:
        """The identity of the event log; empty if there is none."""
        return next((reader.identity for reader in self._readers.values()), "")

    @property
    def behind(self) -> Backlog:
        """What the event logs hold that is not taken yet."""
        every = [reader.behind for reader in self._readers.values()]
        messages = sum(each.messages for each in every)
        return Backlog(messages, sum(each.size_bytes for each in every))

    @property
    def pending_bytes(self) -> int:
        """Memory of events whose pulses are not complete yet."""
        return sum(each.pending_bytes for each in self.intake.partitions.values())

    @property
    def dropped(self) -> int:
        """How many messages had left the event logs before they were read."""
        return sum(reader.dropped.messages for reader in self._readers.values())

    @property
    def message(self) -> str:
        """What is wrong with the event logs, in words; empty if nothing is."""
        return problem_of(self._readers.values())
